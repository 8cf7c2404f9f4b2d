package sandbox

import (
	"crypto/subtle"
	"sync"
	"time"
)

// gate decides who may log in and who may go on. Its mutex is a leaf.
type gate struct {
	maxSessions int // negative: no limit. Immutable after newGate.
	rate        int // 0: no limit. Immutable after newGate.
	per         time.Duration

	mu       sync.Mutex
	accounts map[string]*account
}

// account is guarded by its gate's mu.
type account struct {
	password string
	sessions int
	log      []time.Time // ring of the last rate commands admitted
	next     int         // its oldest entry, the one to be replaced
}

func newGate(cfg *Config) *gate {
	g := &gate{maxSessions: cfg.MaxSessions, rate: cfg.RateLimit, per: cfg.RatePer, accounts: map[string]*account{}}
	for id, pw := range cfg.Accounts {
		g.accounts[id] = &account{password: pw}
	}
	return g
}

// verdict is what the gate says to a login.
type verdict uint8

const (
	admitted verdict = iota
	wrongPassword
	tooManySessions
)

// known says whether id and password belong together.
func (g *gate) known(id, password string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.match(id, password) != nil
}

func (g *gate) match(id, password string) *account {
	a := g.accounts[id]
	if a == nil || subtle.ConstantTimeCompare([]byte(a.password), []byte(password)) != 1 {
		return nil
	}
	return a
}

// enter takes a session slot; newPassword, unless empty, takes effect with it. n is the number of sessions then.
func (g *gate) enter(id, password, newPassword string) (v verdict, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.match(id, password)
	if a == nil {
		return wrongPassword, 0
	}
	if g.maxSessions >= 0 && a.sessions >= g.maxSessions {
		return tooManySessions, a.sessions
	}
	a.sessions++
	if newPassword != "" {
		a.password = newPassword
	}
	return admitted, a.sessions
}

// leave gives the slot back and returns the number of sessions left.
func (g *gate) leave(id string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.accounts[id]
	a.sessions--
	if a.sessions < 0 {
		panic("BUG: more sessions left than entered")
	}
	return a.sessions
}

// admit says whether the account may have one more command carried out at now. It is a sliding log: the command
// passes if the one rate commands before it was admitted at least per ago.
func (g *gate) admit(id string, now time.Time) bool {
	if g.rate <= 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.accounts[id]
	if len(a.log) < g.rate {
		a.log = append(a.log, now)
		return true
	}
	if now.Sub(a.log[a.next]) < g.per {
		return false
	}
	a.log[a.next] = now
	a.next = (a.next + 1) % g.rate
	return true
}

// sessions returns the number of sessions of every account that has one.
func (g *gate) sessions() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[string]int{}
	for id, a := range g.accounts {
		if a.sessions > 0 {
			out[id] = a.sessions
		}
	}
	return out
}
