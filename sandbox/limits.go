package sandbox

import (
	"crypto/subtle"
	"slices"
	"sync"
	"time"
)

// gate holds the accounts. It decides which logins and which commands they may have. Its mutex is a
// leaf.
type gate struct {
	cfg         *Config // immutable
	maxSessions int     // negative: no limit. Immutable after newGate.

	mu       sync.Mutex
	accounts map[string]*account
}

// account is guarded by its gate's mu.
type account struct {
	password string
	sessions int
	ghosts   []time.Time // the instants at which ghosts stop counting, soonest first
	budget   budget
	standing standing
}

func newGate(cfg *Config) *gate {
	g := &gate{cfg: cfg, maxSessions: cfg.MaxSessions, accounts: map[string]*account{}}
	for id, pw := range cfg.Accounts {
		g.accounts[id] = &account{password: pw}
	}
	return g
}

// verdict is the gate's answer to a login.
type verdict uint8

const (
	admitted verdict = iota
	wrongPassword
	tooManySessions
	haunted // too many sessions only because ghosts count
)

// known reports whether password is that of the account id.
func (g *gate) known(id, password string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.match(id, password) != nil
}

// match returns the account if the password is right, else nil. The caller holds mu.
func (g *gate) match(id, password string) *account {
	a := g.accounts[id]
	if a == nil || subtle.ConstantTimeCompare([]byte(a.password), []byte(password)) != 1 {
		return nil
	}
	return a
}

// enter takes a session slot of the account. If that succeeds, a newPassword that is not empty
// takes effect. n is the number of the account's sessions afterwards.
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
	if g.maxSessions >= 0 && a.sessions+a.haunting(time.Now()) >= g.maxSessions {
		return haunted, a.sessions
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

// haunt gives the slot back as leave does, and counts a ghost in its place until an instant.
func (g *gate) haunt(id string, until time.Time) {
	g.leave(id)
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.accounts[id]
	a.ghosts = append(a.ghosts, until)
	slices.SortFunc(a.ghosts, time.Time.Compare)
}

// haunting forgets the ghosts whose time is over and returns the number of the others.
func (a *account) haunting(now time.Time) int {
	for len(a.ghosts) > 0 && !a.ghosts[0].After(now) {
		a.ghosts = a.ghosts[1:]
	}
	return len(a.ghosts)
}

// admit reports whether RateLimit and ObjectLimit let the account have one more command, for so many
// objects, at now, and counts it if so. Unknown accounts have no limit.
func (g *gate) admit(id string, objects int, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.accounts[id]
	return a == nil || a.budget.admit(g.cfg, objects, now)
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

// ghosts returns the number of ghosts of every account that has one.
func (g *gate) ghosts() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[string]int{}
	for id, a := range g.accounts {
		if n := a.haunting(time.Now()); n > 0 {
			out[id] = n
		}
	}
	return out
}

// limited counts a message against MaxCommands, RateLimit and ObjectLimit.
func (s *session) limited(ex *exchange) (answer, bool) {
	cfg := &s.r.cfg
	if !ex.opensOrCloses() {
		s.served++
		if n := cfg.MaxCommands; n > 0 && s.served > n {
			s.r.tally.add(func(c *Counters) { c.Breaches.TooMany++ })
			if cfg.Rules.Hangup {
				return hangup(), true
			}
			return answer{code: codeLimitExceeded, reason: "too many commands in this session", ends: true}, true
		}
	} else if !cfg.Rules.CountAll {
		return answer{}, false
	}
	now := cfg.Now()
	if s.withinRate(s.onBehalf(ex), ex.objects(), now) {
		return answer{}, false
	}
	s.r.tally.add(func(c *Counters) { c.Breaches.TooFast++ })
	if d := cfg.Rules.Lockout; d > 0 {
		s.r.gate.lock(s.onBehalf(ex), now.Add(d))
		return hangup(), true
	}
	if cfg.Rules.Hangup {
		return hangup(), true
	}
	return refuse(codeLimitExceeded, "command rate exceeded; not carried out"), true
}

// withinRate asks the budget of the session or of the account, by Rules.RatePerSession.
func (s *session) withinRate(client string, objects int, now time.Time) bool {
	if s.r.cfg.Rules.RatePerSession {
		return s.budget.admit(&s.r.cfg, objects, now)
	}
	return s.r.gate.admit(client, objects, now)
}

// opensOrCloses reports whether a message is about the session itself: hello, login or logout.
func (ex *exchange) opensOrCloses() bool { return ex.is("hello") || ex.is("login") || ex.is("logout") }

// onBehalf returns the account that a message counts for: the session's own, or the one that a
// login names. It may be empty or unknown.
func (s *session) onBehalf(ex *exchange) string {
	if id := s.who(); id != "" || !ex.is("login") {
		return id
	}
	return ex.req.what.child("clID").token()
}
