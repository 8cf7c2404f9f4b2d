// Package share parts what all clients of the gateway have in common: connections, requests, octets, names. As
// long as there is enough of it, nobody counts what is whose. One who takes a lot may have a fixed multiple of what
// is left free, so that there is always something for the others: with a multiple of 3, one alone gets three
// quarters of all, two get three sevenths each. This is the rule of dynamic thresholds for shared buffers
// (Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
package share

import (
	"errors"
	"sync"
)

// ErrFull says that somebody may have no more for now.
var ErrFull = errors.New("too much is under way")

// Fits reports whether one who has own may have n more, where taken is what all have and most is what there is. The
// first n of one who has none are there for as long as anything is.
func Fits(own, taken, n, most, multiple int) bool {
	free := most - taken - n
	return free >= 0 && (own == 0 && n == 1 || own+n <= multiple*free)
}

// Pool is what there is of one thing. From any goroutine.
type Pool struct {
	multiple int // immutable

	mu    sync.Mutex
	most  int            // guarded by mu
	taken int            // guarded by mu
	of    map[string]int // what each has; nobody has 0. Guarded by mu.
}

// NewPool returns a Pool of most, of which one may have a multiple of what is free.
func NewPool(most, multiple int) *Pool {
	return &Pool{most: most, multiple: multiple, of: make(map[string]int)}
}

// Resize changes how much there is. What was taken stays taken.
func (p *Pool) Resize(most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = most
}

// Take takes n, from 0, for who, and reports whether who may have them. After false nothing was taken.
func (p *Pool) Take(who string, n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n == 0 {
		return true
	}
	if !Fits(p.of[who], p.taken, n, p.most, p.multiple) {
		return false
	}
	p.taken += n
	p.of[who] += n
	return true
}

// Give gives back n that were taken for who.
func (p *Pool) Give(who string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n == 0 {
		return
	}
	left := p.of[who] - n
	switch p.taken -= n; {
	case left < 0:
		panic("BUG: more is given back than was taken")
	case left == 0:
		delete(p.of, who)
	default:
		p.of[who] = left
	}
}

// Taken is what all have.
func (p *Pool) Taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}
