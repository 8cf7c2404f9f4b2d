package sandbox

import "time"

// turned says whether the session is a zombie by Rules.ZombieCommands or Rules.ZombieAfter.
func (s *session) becameZombie() bool {
	rules := &s.r.cfg.Rules
	return rules.ZombieCommands > 0 && s.served >= rules.ZombieCommands ||
		rules.ZombieAfter > 0 && time.Since(s.loginAt) >= rules.ZombieAfter
}

// expire takes the login from the session and leaves it the connection: Rules.IdleRefuses, and a
// fault.
func (s *session) expire() {
	s.leave()
	s.expired = true
}

// leave is a logout: the slot is free, and whoever speaks next must log in.
func (s *session) leave() {
	s.release(slotFree)
	s.mu.Lock()
	s.account = ""
	s.mu.Unlock()
}

// sessionTimeout is the answer to commands of a session that is over while its connection is not.
func sessionTimeout() answer { return answer{code: codeAuthorization, msg: "Session timeout"} }

// dead is a session that has lost its login: by a fault, or by Rules.ZombieCommands and
// ZombieAfter.
func (s *session) loginLost(ex *exchange) (answer, bool) {
	if ex.is("hello") || s.who() == "" {
		return answer{}, false
	}
	return answer{code: codeUse, msg: "Registrar is not logged in"}, s.zombie || s.becameZombie()
}
