package sandbox

import "time"

// The rule of Tarpit.Rechecks, as a registry has published it: the third check of a name within the
// time is delayed.
const (
	recheckLimit  = 2
	recheckWithin = 4 * time.Second
	maxRechecked  = 10000 // names remembered for an account; above it all are forgotten
)

// tarpit adds the delays of Rules.Tarpit and Rules.ErrorDelay.
func (s *session) tarpit(ex *exchange) {
	rules, a := &s.r.cfg.Rules, &ex.answer
	if ex.bad == nil && ex.req.kind == kindCommand && s.who() != "" {
		a.delay += s.tarpitDelay(&ex.req, a.code)
	}
	if a.code >= codeUnknownCommand {
		a.delay += rules.ErrorDelay
	}
}

// tarpitDelay returns the delay of Rules.Tarpit for a command and the code of its answer.
func (s *session) tarpitDelay(req *request, code int) time.Duration {
	pit := &s.r.cfg.Rules.Tarpit
	d := time.Duration(0)
	if req.verb != "login" && req.verb != "logout" {
		s.sinceLogin++
		if s.sinceLogin == 2 {
			d += pit.SecondCommand
		}
	}
	switch {
	case req.verb == "create" && code == codeExists:
		d += pit.Exists
	case req.verb == "check" && pit.Rechecks > 0 && s.rechecked(req):
		d += pit.Rechecks
	case req.verb == "info" && pit.ForeignInfo > 0 && code == codeDone && s.r.store.foreign(req, s.who()):
		d += pit.ForeignInfo
	}
	return d
}

// rechecked counts a check of each name, and reports whether one of them was checked too often.
func (s *session) rechecked(req *request) bool {
	now, again := s.r.cfg.Now(), false
	s.r.gate.with(s.who(), func(st *standing) {
		if st.checks == nil || len(st.checks) > maxRechecked {
			st.checks = map[string]*slidingLog{}
		}
		for name := range req.names() {
			l := st.checks[name]
			if l == nil {
				l = &slidingLog{}
				st.checks[name] = l
			}
			if !l.admit(recheckLimit, recheckWithin, now) {
				again = true
			}
		}
	})
	return again
}

// foreign reports whether an info without authInfo is about another registrar's domain or host. For
// contacts there is no such answer, see contactInfo.
func (st *store) foreign(req *request, client string) bool {
	if req.object == nil || req.object.child("authInfo") != nil {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for name := range req.names() {
		switch req.object.space {
		case nsDomain:
			d := st.domains[name]
			return d != nil && d.sponsor != client
		case nsHost:
			h := st.hosts[name]
			return h != nil && h.sponsor != client
		}
	}
	return false
}
