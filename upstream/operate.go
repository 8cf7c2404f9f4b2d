package upstream

import "time"

// Hold stops the work until Release, see Pool.Hold.
func (a *Account) Hold() { a.operate((*Pool).Hold, "paused") }

// Release ends a Hold.
func (a *Account) Release() { a.operate((*Pool).Release, "resumed") }

// Reconnect replaces the sessions, see Pool.Reconnect.
func (a *Account) Reconnect() { a.operate((*Pool).Reconnect, "reconnecting") }

func (a *Account) operate(f func(*Pool, time.Duration), what string) {
	a.log.Info("by the operator: " + what)
	a.enter()
	f(a.pool, a.now)
	a.leave()
}

// SessionInfo is a Session as one moment shows it.
type SessionInfo struct {
	ID       uint64
	State    SessionState
	Since    time.Duration // in this state
	Age      time.Duration // since the login; 0 before
	Commands int           // sent since the login, ours included
	// Doing is the command that is in flight, "login" while dialing, and empty for an idle session;
	// Own says that it is ours, as a keepalive is.
	Doing string
	Own   bool
	// Listener and Client are whose command it is, where that is known.
	Listener, Client string
}

// Sessions lists the sessions, on the loop, in the order of their ids.
func (a *Account) Sessions() []SessionInfo {
	now := a.clock()
	var all []SessionInfo
	for _, s := range a.pool.sessions {
		i := SessionInfo{ID: s.ID, State: s.state, Since: now - s.since, Commands: s.commands}
		if s.state != SessionDialing {
			i.Age = now - s.opened
		}
		i.doing(s)
		all = append(all, i)
	}
	return all
}

func (i *SessionInfo) doing(s *Session) {
	t, _ := s.Transport.(*transport)
	switch {
	case s.state == SessionDialing:
		i.Doing, i.Own = "login", true
	case s.x != nil:
		i.Doing = s.x.Command.String()
		if o, ok := s.x.client.(Originator); ok {
			i.Listener, i.Client = o.Origin()
		}
	case t != nil && t.doing != doingNothing:
		i.Doing, i.Own = t.doing.String(), true
	}
}
