package sandbox

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// book decides when a fault is played. Its decisions follow from seed, faults and the order of the
// messages alone, so a run can be repeated. Its mutex is a leaf.
type book struct {
	seed uint64 // immutable

	mu     sync.Mutex
	faults []cue
	rng    *rand.Rand
}

// cue is a fault with its counts.
type cue struct {
	Fault
	seen   int // messages, or connections, that the fault was for
	played int
}

func newBook(seed uint64, faults []Fault) *book {
	b := &book{seed: seed}
	b.set(faults)
	return b
}

// set replaces all faults. Counts and chances begin anew.
func (b *book) set(faults []Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rng = rand.New(rand.NewPCG(b.seed, 0))
	b.faults = nil
	for _, f := range faults {
		f.Commands = slices.Clone(f.Commands)
		b.faults = append(b.faults, cue{Fault: f})
	}
}

// strike returns the fault to be played on a message, nil if there is none. A nil req stands for a
// new connection. All faults that fit count the occasion, also behind one that is played.
func (b *book) strike(req *request) *Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	var hit *Fault
	for i := range b.faults {
		c := &b.faults[i]
		if c.fits(req) && c.due(b.rng) && hit == nil {
			c.played++
			hit = &c.Fault
		}
	}
	return hit
}

// fits reports whether the fault is for a message; nil stands for a new connection.
func (c *cue) fits(req *request) bool {
	switch faultKinds[c.Kind].stage {
	case stageAccept:
		return req == nil
	case stageLogin:
		return req != nil && req.kind == kindCommand && req.verb == "login"
	}
	return req != nil && c.isFor(req)
}

// due counts one occasion and reports whether First, Every and P hold on it.
func (c *cue) due(rng *rand.Rand) bool {
	c.seen++
	if c.First > 0 && c.played >= c.First {
		return false
	}
	if c.Every > 0 && c.seen%c.Every != 0 {
		return false
	}
	return c.P == 0 || rng.Float64() < c.P
}

// strike asks the book and counts a fault that is played.
func (r *Registry) strike(req *request) *Fault {
	f := r.faults.strike(req)
	if f != nil {
		r.tally.add(func(c *Counters) { c.Faults[f.Kind.String()]++ })
	}
	return f
}

// SetFaults replaces all faults, from the next message on. The chances begin anew from Config.Seed.
func (r *Registry) SetFaults(faults []Fault) { r.faults.set(faults) }

// Faults returns the faults that are set now.
func (r *Registry) Faults() []Fault {
	r.faults.mu.Lock()
	defer r.faults.mu.Unlock()
	out := make([]Fault, 0, len(r.faults.faults))
	for _, c := range r.faults.faults {
		out = append(out, c.Fault)
	}
	return out
}
