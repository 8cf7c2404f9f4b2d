package upstream

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// kinds numbers kinds of commands for blame. Owned by the loop.
type kinds struct {
	numbers map[string]pool.Kind
	names   []string // by number, from 1; for people
	seed    maphash.Seed
	key     []byte // being made
	// knows reports whether the registry knows a namespace.
	knows func(namespace []byte) bool
}

// longestKind is the longest key of a kind, in octets. Clients choose it: longer ones have no number.
const longestKind = 128

func newKinds(knows func(namespace []byte) bool) kinds {
	return kinds{numbers: make(map[string]pool.Kind), names: []string{"other"}, seed: maphash.MakeSeed(), knows: knows}
}

// of returns the kind of the command m: its verb, its op, and the namespace of its object. The number
// is 0 where the registry does not know that namespace, since a client can make up many, or where
// there are too many kinds already. For verbs that RFC 5730 does not have, there are half as many.
func (k *kinds) of(m *frame.Message) pool.Kind {
	most := math.MaxUint8
	switch m.Command {
	case frame.CommandOther, frame.CommandExtension:
		most /= 2
		k.key = append(k.key[:0], m.Payload[m.Verb.Start:m.Verb.End]...)
	default:
		k.key = append(k.key[:0], m.Command.String()...)
	}
	if m.Op != frame.OpNone {
		k.key = append(append(k.key, ' '), m.Op.String()...)
	}
	if len(m.Object) > 0 {
		k.key = append(append(k.key, ' '), m.Object...)
	}
	if n, ok := k.numbers[string(k.key)]; ok {
		return n
	}
	if len(k.names) > most || len(k.key) > longestKind || len(m.Object) > 0 && !k.knows(m.Object) {
		return 0
	}
	n := pool.Kind(len(k.names))
	k.numbers[string(k.key)] = n
	k.names = append(k.names, k.name(m))
	return n
}

// name returns the name of m's kind. A verb or a namespace that neither RFC 5730 nor the registry
// knows is not in it: clients choose those, and one may be a password by mistake.
func (k *kinds) name(m *frame.Message) string {
	name := m.Command.String()
	if m.Op != frame.OpNone {
		name += " " + m.Op.String()
	}
	switch {
	case len(m.Object) == 0:
	case k.knows(m.Object):
		name += " " + strings.TrimPrefix(string(m.Object), "urn:ietf:params:xml:ns:")
	default:
		name += " other"
	}
	return name
}

// knows reports whether the registry knows a namespace: its greeting offers it, or the config lists
// it for our login.
func (a *Account) knows(namespace []byte) bool {
	is := func(uri string) bool { return uri == string(namespace) }
	g, err := frame.ParseGreeting(a.greeting)
	return a.LogsInWith(namespace) || err == nil &&
		(slices.ContainsFunc(g.ObjectURIs, is) || slices.ContainsFunc(g.ExtensionURIs, is))
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

// Proven is a Client that knows who is behind it.
type Proven interface {
	// Proven names who is behind the client, in a few words. They are for the log and the status:
	// nothing in them is what the client says of itself, which may be a password by mistake.
	Proven() string
}

// Culprit is a client behind whose commands sessions have ended.
type Culprit struct {
	ID               uint64        // of its connection; 0: none
	Listener, Client string        // see Originator; empty where it has gone
	Identity         string        // who is behind it, see Proven; empty where that is not known
	Command          string        // kind of the last one
	Cause            pool.Cause    // for which the last session ended
	Ends             int           // sessions that ended in a row
	HeldBack         bool          // commands like it are, from that end on
	Ago              time.Duration // since the last one
	Wait             time.Duration // until something like it is sent; 0: it need not wait
}

// culprit makes a Culprit of what the pool says.
func (a *Account) culprit(b *pool.Blame) Culprit {
	c := Culprit{ID: b.Author.Client, Command: a.kinds.names[b.Author.Kind], Cause: b.Cause,
		Ends: b.Sessions, HeldBack: b.HoldsBack(), Ago: a.clock() - b.At, Wait: b.Wait}
	if o, ok := b.Author.Shell.(Originator); ok {
		c.Listener, c.Client = o.Origin()
	}
	if p, ok := b.Author.Shell.(Proven); ok {
		c.Identity = p.Proven()
	}
	return c
}

// Ended returns how many sessions have ended in a row behind commands of a connection, see Sender.ID.
func (a *Account) Ended(id uint64) int { return a.pool.EndsBehind(id, a.clock()) }
