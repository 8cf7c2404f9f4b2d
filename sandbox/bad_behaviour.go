package sandbox

import "time"

// standing is the record of an account's behaviour. Guarded by its gate's mu.
type standing struct {
	lockedUntil time.Time              // end of Rules.Lockout
	points      int                    // of Rules.BlockAt
	day         time.Time              // midnight UTC that began the day counted by used
	used        int                    // protected transactions on that day
	month       time.Time              // first instant of the month counted by sent, UTC
	sent        int                    // commands in that month
	checks      map[string]*slidingLog // recent checks by name, for Tarpit.Rechecks
}

// with runs f on the standing of an account, under the lock. For an unknown account it does
// nothing.
func (g *gate) with(id string, f func(*standing)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.accounts[id]; a != nil {
		f(&a.standing)
	}
}

func (g *gate) lock(id string, until time.Time) {
	g.with(id, func(st *standing) { st.lockedUntil = until })
}

// punished keeps out accounts under Rules.Lockout or Rules.BlockAt. Registries do not publish what
// they answer to such a login. The sandbox answers 2501, the code after which a client is least
// likely to try again.
func (s *session) punished(ex *exchange) (answer, bool) {
	rules := &s.r.cfg.Rules
	if rules.Lockout <= 0 && rules.BlockAt <= 0 {
		return answer{}, false
	}
	var until time.Time
	blocked := false
	s.r.gate.with(s.onBehalf(ex), func(st *standing) {
		until, blocked = st.lockedUntil, rules.BlockAt > 0 && st.points >= rules.BlockAt
	})
	locked := until.After(s.r.cfg.Now())
	switch {
	case locked && ex.is("login"):
		return answer{code: codeAuthenticationEnding, reason: "locked until " + dateTime(until), ends: true}, true
	case locked:
		return hangup(), true
	case blocked && ex.is("login"):
		return answer{code: codeAuthenticationEnding, reason: "account is BLOCKED", ends: true}, true
	case blocked && !ex.opensOrCloses():
		return refuse(codeAuthorization, "account is BLOCKED"), true
	}
	return answer{}, false
}

// protected reports whether a command counts for Rules.Quota.
func (req *request) protected() bool {
	if req.object == nil || req.object.space != nsDomain {
		return false
	}
	switch req.verb {
	case "create", "delete", "renew":
		return true
	}
	return req.verb == "transfer" && req.op == "request"
}

// changes reports whether a command is a transform of RFC 5730 section 2.9.3.
func (req *request) changes() bool {
	switch req.verb {
	case "create", "delete", "renew", "update":
		return true
	}
	return req.verb == "transfer" && req.op != "query"
}

// overQuota refuses protected transactions by Rules.Quota.
func (s *session) overQuota(ex *exchange) (answer, bool) {
	quota := s.r.cfg.Rules.Quota
	if quota <= 0 || !ex.req.protected() {
		return answer{}, false
	}
	used, today := 0, midnight(s.r.cfg.Now())
	s.r.gate.with(s.who(), func(st *standing) { used = st.usedOn(today) })
	return refuse(codeDataPolicy, "no protected transactions until "+dateTime(today.AddDate(0, 0, 1))), used >= quota
}

func midnight(now time.Time) time.Time { return now.UTC().Truncate(24 * time.Hour) }

// usedOn returns the protected transactions of a day. It forgets those of another day.
func (st *standing) usedOn(today time.Time) int {
	if !st.day.Equal(today) {
		st.day, st.used = today, 0
	}
	return st.used
}

// score counts an answered command for Rules.Quota and Rules.BlockAt.
func (s *session) score(ex *exchange) {
	rules := &s.r.cfg.Rules
	if ex.bad != nil || rules.Quota <= 0 && rules.BlockAt <= 0 {
		return
	}
	s.r.gate.with(s.who(), func(st *standing) {
		switch {
		case ex.executed && ex.req.protected():
			st.usedOn(midnight(s.r.cfg.Now()))
			st.used++
		case ex.answer.code == codeExists && ex.req.verb == "create":
			st.points += 10
		case ex.answer.code >= codeUnknownCommand && ex.req.changes():
			st.points++
		}
	})
}

// closeOnErrors counts errors by code and closes the session by Rules.ErrorsClose.
func (s *session) closeOnErrors(ex *exchange) {
	n, a := s.r.cfg.Rules.ErrorsClose, &ex.answer
	if n <= 0 || a.code < codeUnknownCommand || ending(a.code) {
		return
	}
	if s.errors == nil {
		s.errors = map[int]int{}
	}
	s.errors[a.code]++
	if s.errors[a.code] >= n {
		a.code, a.ends = endingOf(a.code), true
	}
}

// closeOnCount closes the session behind the answer to its last command by Rules.LastCommand.
func (s *session) closeOnCount(ex *exchange) {
	if n := s.r.cfg.Rules.LastCommand; n > 0 && s.served >= n {
		ex.answer.ends = true
	}
}

// endingOf returns the code with 5 as its second digit, which ends the session: 2303 gives 2503.
func endingOf(code int) int { return code/1000*1000 + 500 + code%100 }

// bill counts commands by calendar month for Rules.FreeCommands. The first one above the number
// queues a message.
func (s *session) bill(ex *exchange) {
	free := s.r.cfg.Rules.FreeCommands
	if free <= 0 || ex.opensOrCloses() {
		return
	}
	now := s.r.cfg.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	surplus := false
	s.r.gate.with(s.who(), func(st *standing) {
		if !st.month.Equal(month) {
			st.month, st.sent = month, 0
		}
		st.sent++
		surplus = st.sent == free+1
	})
	if surplus {
		s.r.store.tell(s.who(), "Free requests of this month are used up; further ones are billed.", now)
	}
}

// tell queues a message without object data. Unlike notify it takes the lock.
func (st *store) tell(client, text string, now time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.notify(client, text, "", now)
}
