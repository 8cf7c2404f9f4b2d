package carry

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"eppmux/frame"
	"eppmux/gateway/mapping"
)

// May reports whether the user may send commands of a kind, in the words of mapping.Command.Kind, to a
// registry: nil, or an error that is ErrForbidden.
func (u *User) May(registry, kind string) error {
	command, op := kindOf(kind)
	return u.may(registry, command, op)
}

func (u *User) may(registry string, c frame.Command, op frame.Op) error {
	switch {
	case u == nil:
		return fmt.Errorf("%w: nobody is known to send it", ErrForbidden)
	case len(u.Registries) > 0 && !slices.Contains(u.Registries, registry):
		return fmt.Errorf("%w: registry %s", ErrForbidden, registry)
	case u.Commands != nil && !u.Commands.Has(c, op):
		return fmt.Errorf("%w: command %s", ErrForbidden, kindName(c, op))
	}
	return nil
}

// kindOf reads a word of mapping.Command.Kind.
func kindOf(kind string) (frame.Command, frame.Op) {
	name, op, some := strings.Cut(kind, ":")
	if !some {
		return frame.CommandOf([]byte(name)), frame.OpNone
	}
	return frame.CommandOf([]byte(name)), frame.OpOf([]byte(op))
}

func kindName(c frame.Command, op frame.Op) string {
	if op == frame.OpNone {
		return c.String()
	}
	return c.String() + ":" + op.String()
}

// work is an order that is ready to go.
type work struct {
	Order
	payload   []byte
	transform bool
	id        string // whose deed it is, for recent: a key's, or of this one order; empty: nobody asks
}

// prepare says what is to be sent for an order, if its user may send that.
func (c *Carrier) prepare(o Order) (w work, err error) {
	if o.Command == nil {
		return prepareRaw(o)
	}
	command, op := kindOf(o.Command.Kind())
	if err := o.User.may(o.Registry.Name, command, op); err != nil {
		return work{}, err
	}
	payload, err := mapping.Marshal(o.Command, o.RequestID)
	return work{Order: o, payload: payload, transform: o.Command.Transform()}, err
}

// scanners has Scanners that rest: each holds some 20 KiB.
var scanners = sync.Pool{New: func() any { return frame.NewScanner() }}

// prepareRaw reads a command that came as XML. Its own clTRID stays; where it has none the request's id
// goes in.
func prepareRaw(o Order) (work, error) {
	scanner := scanners.Get().(*frame.Scanner)
	defer scanners.Put(scanner)
	m, err := scanner.Scan(o.Payload)
	if err != nil {
		return work{}, &mapping.Fault{Why: "this is no EPP command that is carried: " + err.Error()}
	}
	switch {
	case m.Kind == frame.KindHello, m.Command == frame.CommandLogin, m.Command == frame.CommandLogout:
		return work{}, &mapping.Fault{Why: m.Command.String() + " is not carried: the sessions are shared"}
	case m.Kind != frame.KindCommand && m.Kind != frame.KindExtension:
		return work{}, &mapping.Fault{Why: "a " + m.Kind.String() + " is no command"}
	}
	if err := o.User.may(o.Registry.Name, m.Command, m.Op); err != nil {
		return work{}, err
	}
	w := work{Order: o, payload: o.Payload, transform: !m.Query(nil)}
	if set := o.User.Commands; set != nil && !set.Allows(m.Command, m.Op, !w.transform) {
		return work{}, fmt.Errorf("%w: a query with an extension that may change something", ErrForbidden)
	}
	if &m.Payload[0] != &o.Payload[0] { // a transcript, which is the scanner's
		w.payload = bytes.Clone(m.Payload)
	}
	if !m.ClTRID.Present() && o.RequestID != "" {
		unit, _ := frame.AppendCommand(nil, m, []byte(o.RequestID))
		w.payload = unit[frame.HeaderLen:]
	}
	return w, nil
}
