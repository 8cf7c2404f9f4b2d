package sandbox

import "time"

// becameZombie reports whether Rules.ZombieCommands or Rules.ZombieAfter has ended the login.
func (s *session) becameZombie() bool {
	rules := &s.r.cfg.Rules
	return rules.ZombieCommands > 0 && s.served >= rules.ZombieCommands ||
		rules.ZombieAfter > 0 && time.Since(s.loginAt) >= rules.ZombieAfter
}

// expire ends the login and leaves the connection open, for Rules.IdleRefuses and LostSession.
func (s *session) expire() {
	s.leave()
	s.expired = true
}

// leave ends the login as a logout does: the slot is free, and the next command must be a login.
func (s *session) leave() {
	s.release(slotFree)
	s.mu.Lock()
	s.account = ""
	s.mu.Unlock()
}

// sessionTimeout is the answer to commands after expire.
func sessionTimeout() answer { return answer{code: codeAuthorization, msg: "Session timeout"} }

// loginLost refuses the commands of a zombie: the registry has forgotten the login, by a fault or
// by Rules, though the session still counts.
func (s *session) loginLost(ex *exchange) (answer, bool) {
	if ex.is("hello") || s.who() == "" {
		return answer{}, false
	}
	says := answer{code: codeUse, msg: "Registrar is not logged in"}
	if rules := &s.r.cfg.Rules; rules.ZombieCode > 0 {
		says = answer{code: rules.ZombieCode, msg: rules.ZombieWords}
	}
	return says, s.zombie || s.becameZombie()
}
