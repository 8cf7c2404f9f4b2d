package upstream

import (
	"errors"
	"time"

	"eppmux/upstream/pool"
)

// The operators' side of a running Account. These methods are called from any goroutine but the
// loop, after Start and before the loop's end.

// ErrBusy is returned when the event loop did not answer within a second. What was asked for may
// still be done.
var ErrBusy = errors.New("the event loop does not answer")

// ask runs f on the loop and waits for its end. After ErrBusy f may still run.
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

// operate does f to the pool, and logs it as what.
func (a *Account) operate(f func(*pool.Pool, time.Duration), what string) error {
	return a.ask(func() {
		a.log.Info("by the operator: " + what)
		a.turn(func() { f(a.pool, a.now()) })
	})
}

// Grant changes the numbers of sessions and the limits, and nothing else, see pool.Pool.Grant. They
// are in force until the next Grant or Reload.
func (a *Account) Grant(g pool.Grant) error {
	return a.ask(func() {
		a.forgetLeft(g.Rules)
		a.cfg.Pool.Grant = g
		a.noteObjects()
		a.turn(func() { a.pool.Grant(g, a.now()) })
	})
}

// SessionInfo is the state of a session at one moment.
type SessionInfo struct {
	ID       uint64
	Lane     bool // it leads to the owner of the account, not to the registry
	State    pool.SessionState
	For      time.Duration // in this state
	Age      time.Duration // since the login, or a lane's opening; 0 before
	Commands int           // sent since the login, ours included
	// Doing is the command in flight, "login" while dialing, or "hello" on a lane, and empty for an idle session. Own
	// means that it is a command of ours, such as a keepalive.
	Doing string
	Own   bool
	// Listener and Client are the Origin of the command's client; empty where it is not known.
	Listener, Client string
}

// Sessions returns the sessions in the order of their IDs.
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
		i := SessionInfo{ID: s.ID, Lane: isLane(s), State: s.State(), For: now - s.Since(), Commands: s.Commands()}
		if s.State() != pool.SessionDialing {
			i.Age = now - s.Opened()
		}
		i.doing(s)
		all = append(all, i)
	})
	return all
}

// doing fills in the command in flight on s.
func (i *SessionInfo) doing(s *pool.Session) {
	x := of(s.Exchange())
	switch {
	case s.State() == pool.SessionDialing && i.Lane:
		i.Doing, i.Own = "hello", true
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

// Look returns the account's numbers; nil when the loop does not answer within a second.
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
