package upstream

import (
	"errors"
	"time"

	"eppmux/upstream/pool"
)

// What operators do and see of a running Account, from any goroutine but the loop, between Start and
// the loop's end.

// ErrBusy says that the event loop did not answer within a second; what was asked for may still be
// done.
var ErrBusy = errors.New("the event loop does not answer")

// ask runs f on the loop and waits for it. After ErrBusy f may still run.
func (a *Account) ask(f func()) error {
	done := make(chan struct{})
	a.loop.Post(func() {
		f()
		close(done)
	})
	late := time.NewTimer(askTimeout)
	defer late.Stop()
	select {
	case <-done:
		return nil
	case <-late.C:
		return ErrBusy
	}
}

// Pause stops the work until Resume, see pool.Pool.Pause.
func (a *Account) Pause() error { return a.operate((*pool.Pool).Pause, "paused") }

// Resume ends a Pause.
func (a *Account) Resume() error { return a.operate((*pool.Pool).Resume, "resumed") }

// Reconnect replaces the sessions, see pool.Pool.Reconnect.
func (a *Account) Reconnect() error { return a.operate((*pool.Pool).Reconnect, "reconnecting") }

func (a *Account) operate(f func(*pool.Pool, time.Duration), what string) error {
	return a.ask(func() {
		a.log.Info("by the operator: " + what)
		a.turn(func() { f(a.pool, a.now()) })
	})
}

// Grant changes the numbers of sessions and the limits, and nothing else, see pool.Pool.Grant. A
// later Reload takes those of its config again.
func (a *Account) Grant(g pool.Grant) error {
	return a.ask(func() {
		a.cfg.Pool.Grant = g
		a.turn(func() { a.pool.Grant(g, a.now()) })
	})
}

// SessionInfo is a session as one moment shows it.
type SessionInfo struct {
	ID       uint64
	State    pool.SessionState
	Since    time.Duration // in this state
	Age      time.Duration // since the login; 0 before
	Commands int           // sent since the login, ours included
	// Doing is the command that is in flight, "login" while dialing, and empty for an idle session.
	// Own says that it is ours, as a keepalive is.
	Doing string
	Own   bool
	// Listener and Client are whose command it is, where that is known.
	Listener, Client string
}

// Sessions lists the sessions in the order of their ids.
func (a *Account) Sessions() ([]SessionInfo, error) {
	got := make(chan []SessionInfo, 1) // one list; not closed
	if err := a.ask(func() { got <- a.sessions() }); err != nil {
		return nil, err
	}
	return <-got, nil
}

func (a *Account) sessions() []SessionInfo {
	now := a.clock()
	var all []SessionInfo
	a.pool.Sessions(func(s *pool.Session) {
		i := SessionInfo{ID: s.ID, State: s.State(), Since: now - s.Since(), Commands: s.Commands()}
		if s.State() != pool.SessionDialing {
			i.Age = now - s.Opened()
		}
		i.doing(s)
		all = append(all, i)
	})
	return all
}

func (i *SessionInfo) doing(s *pool.Session) {
	x := of(s.Exchange())
	switch {
	case s.State() == pool.SessionDialing:
		i.Doing, i.Own = "login", true
	case x != nil:
		i.Doing = x.Command.String()
		if o, ok := x.client.(Originator); ok {
			i.Listener, i.Client = o.Origin()
		}
	case s.InFlight() != pool.NothingInFlight:
		i.Doing, i.Own = s.InFlight().String(), true
	}
}

// Look is a copy of the account's numbers; nil when the loop does not answer in time.
func (a *Account) Look() *Snapshot {
	got := make(chan *Snapshot, 1) // one copy; not closed
	err := a.ask(func() {
		s := new(Snapshot)
		a.Snapshot(s)
		got <- s
	})
	if err != nil {
		return nil
	}
	return <-got
}
