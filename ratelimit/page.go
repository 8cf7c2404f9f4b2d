package ratelimit

import (
	"errors"
	"fmt"
	"time"
)

// numParts is the most counts of a Page.
const numParts = 64

// Page is a Bucket as it is written down, for another process to take up. Its instants are times
// since 1970 by the wall clock.
type Page struct {
	Limit  Limit
	Counts []Count `json:",omitempty"` // the answers of the last Per, the oldest first; at most 64
	// Open is how many commands are in use beyond that: those in flight, and those that may be sent
	// before more is written down. Whoever takes the page up does not know when they were counted.
	Open int           `json:",omitempty"`
	Due  time.Duration `json:",omitempty"` // how far the spacing was ahead, see Bucket; 0: it was not
}

// Count is a number of answers that count as if all had come at the instant of the last one.
type Count struct {
	At time.Duration
	N  int
}

// Validate returns an error about the first thing that no Bucket would have written, or nil.
func (p *Page) Validate() error {
	if err := p.Limit.Validate(); err != nil {
		return err
	}
	if p.Open < 0 || p.Open > runMax || p.Due < 0 || len(p.Counts) > numParts {
		return fmt.Errorf("page: open %d, due %d, %d counts", p.Open, p.Due, len(p.Counts))
	}
	var last time.Duration
	for _, c := range p.Counts {
		if c.N < 1 || c.N > runMax || c.At < last {
			return errors.New("page: counts are not in order")
		}
		last = c.At
	}
	return nil
}

// Page writes b down, with no command reserved. wall is the wall clock at now.
func (b *Bucket) Page(now, wall time.Duration) Page {
	p := Page{Limit: b.limit, Open: b.Used(now) - b.answered.len()}
	off := wall - now
	// The parts are those of the wall clock: what is written down again and again moves by one part at
	// the most, not by one each time.
	part := (b.limit.Per + numParts - 2) / (numParts - 1)
	for i := range b.answered.n {
		r := b.answered.run(i)
		at := max(0, r.at+off)
		if n := len(p.Counts); n > 0 && (p.Counts[n-1].At/part == at/part || p.Counts[n-1].At >= at) {
			p.Counts[n-1] = Count{max(at, p.Counts[n-1].At), p.Counts[n-1].N + r.n}
			continue
		}
		p.Counts = append(p.Counts, Count{at, r.n})
	}
	if b.due > now {
		p.Due = b.due + off
	}
	return p
}

// TakeUp returns a bucket that counts what a Page of a process before has counted. Its answers
// stand where they stood by the wall clock, later by skew, and none in the future. What was open
// counts as answered now. It panics if the page is not valid.
func TakeUp(p Page, now, wall, skew time.Duration) *Bucket {
	if err := p.Validate(); err != nil {
		panic("BUG: ratelimit: " + err.Error())
	}
	b := NewBucket(p.Limit)
	here := func(at time.Duration) time.Duration { return min(min(at-wall, 0)+skew, 0) + now }
	for _, c := range p.Counts {
		b.push(here(c.At), c.N)
	}
	if p.Open > 0 {
		b.push(now, p.Open)
	}
	burst := b.ahead + b.spacing // no Take leaves due further ahead than that
	due := min(max(0, p.Due-wall), burst) + time.Duration(min(p.Open, b.limit.N))*b.spacing
	if due > 0 {
		b.due = now + min(due, burst)
	}
	b.expire(now)
	return b
}

// Fill makes all slots count as if their answers had come at an instant: for a bucket of which nobody
// knows what it has counted.
func (b *Bucket) Fill(at time.Duration) { b.push(at, b.limit.N) }
