package upstream

import (
	"hash/maphash"
	"math"
	"strings"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// kinds numbers kinds of commands for blame. Owned by the loop.
type kinds struct {
	numbers map[string]pool.Kind
	names   []string // by number, from 1
	seed    maphash.Seed
	name    []byte // being made
}

// longestKind is the longest name of a kind, in octets. Clients choose it: longer ones have no number.
const longestKind = 128

func newKinds() kinds {
	return kinds{numbers: make(map[string]pool.Kind), names: []string{"other"}, seed: maphash.MakeSeed()}
}

// of returns the kind of the command m: its verb, its op, and the namespace of its object. The
// number is 0 where there are too many kinds already.
func (k *kinds) of(m *frame.Message) pool.Kind {
	switch m.Command {
	case frame.CommandOther, frame.CommandExtension:
		k.name = append(k.name[:0], m.Payload[m.Verb.Start:m.Verb.End]...)
	default:
		k.name = append(k.name[:0], m.Command.String()...)
	}
	if m.Op != frame.OpNone {
		k.name = append(append(k.name, ' '), m.Op.String()...)
	}
	if len(m.Object) > 0 {
		k.name = append(append(k.name, ' '), m.Object...)
	}
	if n, ok := k.numbers[string(k.name)]; ok {
		return n
	}
	if len(k.names) > math.MaxUint8 || len(k.name) > longestKind {
		return 0
	}
	n := pool.Kind(len(k.names))
	name := string(k.name)
	k.numbers[name] = n
	k.names = append(k.names, strings.Replace(name, " urn:ietf:params:xml:ns:", " ", 1))
	return n
}

// content returns a hash of the command m without its clTRID.
func (k *kinds) content(m *frame.Message) uint64 {
	if !m.ClTRID.Present() {
		return maphash.Bytes(k.seed, m.Payload)
	}
	at := m.ClTRID.Element
	return maphash.Bytes(k.seed, m.Payload[:at.Start])*31 + maphash.Bytes(k.seed, m.Payload[at.End:])
}

// author returns who sends the command m.
func (a *Account) author(from *Sender, m *frame.Message) pool.Author {
	kind := a.kinds.of(m)
	return pool.Author{Client: from.ID, Identity: from.Identity, Kind: kind, Content: a.kinds.content(m),
		Known: from.Known.Has(kind), Answers: from.Answers, Shell: from.Client}
}

// Culprit is a client behind whose commands sessions have ended.
type Culprit struct {
	ID               uint64        // of its connection; 0: none
	Listener, Client string        // see Originator; empty where it has gone
	Identity         string        // what it shares with other connections
	Command          string        // kind of the last one
	Cause            pool.Cause    // for which the last session ended
	Ends             int           // in a row
	Ago              time.Duration // since the last one
	Wait             time.Duration // until something like it is sent; 0: it need not wait
}

// culprit makes a Culprit of what the pool says.
func (a *Account) culprit(b *pool.Blame) Culprit {
	c := Culprit{ID: b.Author.Client, Identity: b.Author.Identity, Command: a.kinds.names[b.Author.Kind], Cause: b.Cause,
		Ends: b.Ends, Ago: a.clock() - b.At, Wait: b.Wait}
	if o, ok := b.Author.Shell.(Originator); ok {
		c.Listener, c.Client = o.Origin()
	}
	return c
}
