package proxy

import (
	"time"

	"eppmux/frame"
	"eppmux/upstream"
)

// The methods here show operators a running Server, and let them change it. Any goroutine may call
// them between Serve and Close.

// ask runs f on the loop and waits for it, for scrapeTimeout at most. After upstream.ErrBusy f may
// still run.
func (s *Server) ask(f func()) error {
	done := make(chan struct{})
	s.loop.Post(func() {
		f()
		close(done)
	})
	late := time.NewTimer(scrapeTimeout)
	defer late.Stop()
	select {
	case <-done:
		return nil
	case <-late.C:
		return upstream.ErrBusy
	}
}

// ClientInfo is a client as one moment shows it.
type ClientInfo struct {
	ID        uint64 // from 1, never used again by this Server
	Listener  string
	Client    string // address, or the user of a unix socket
	Identity  string // the client id of its login, and its user or network
	Doing     string // the command in flight or waiting; empty: none
	Recording bool   // the audit log is making its record of that command, which is sent then
	Sent      bool   // that command has been sent to the registry
	// For is how long that command has been under way. Without one it is the time since the last
	// command was sent, or since the client came.
	For    time.Duration
	Memory int // octets held for the client
	// Ends is how many sessions have ended in a row behind commands of this connection. HeldBack: its
	// command waits since sessions ended behind commands like it.
	Ends     int
	HeldBack bool
	// Polls: it has the registry's message queue. Queues: its poll request waits for it.
	Polls, Queues bool
}

// ClientsMax is how many clients Clients lists at most.
const ClientsMax = 1000

// Clients lists clients, at most n and at most ClientsMax, those with a command first. total is how
// many there are.
func (s *Server) Clients(n int) (list []ClientInfo, total int, err error) {
	type answer struct {
		list  []ClientInfo
		total int
	}
	got := make(chan answer, 1) // one answer; not closed
	err = s.ask(func() { got <- answer{s.clientInfos(min(n, ClientsMax)), s.nclients} })
	if err != nil {
		return nil, 0, err
	}
	a := <-got
	return a.list, a.total, nil
}

// clientInfos lists n clients at most, those with a command first.
func (s *Server) clientInfos(n int) []ClientInfo {
	var list []ClientInfo
	for _, busy := range []bool{true, false} {
		for c := s.clients; c != nil && len(list) < n; c = c.next {
			if c.busy() == busy {
				list = append(list, c.info())
			}
		}
	}
	return list
}

// info is the client as this moment shows it.
func (c *client) info() ClientInfo {
	from := c.whereFrom()
	i := ClientInfo{ID: c.id, Listener: from.listener, Client: from.peer, Identity: c.Identity(), Memory: int(c.memory),
		For: c.srv.account.Now() - c.served, Ends: c.srv.account.Ended(c.id)}
	i.Polls, i.Queues = c.srv.polls.owner == c, c.srv.polls.waiting(c)
	if i.Queues {
		i.Doing = frame.CommandPoll.String()
	}
	if c.check != nil {
		i.Doing = frame.CommandLogin.String()
	}
	if x := c.x; x != nil {
		i.Doing, i.For = x.Command.String(), x.Waited(c.srv.account.Now())
		i.Recording, i.Sent = x.Recording(), x.Sent()
		i.HeldBack = x.HeldBack()
	}
	return i
}

// Kick ends the connection of a client, and reports whether there is one of that id. If the
// client's command still waits, it is not sent; the answer to a command in flight goes to nobody.
func (s *Server) Kick(id uint64) (bool, error) {
	found := make(chan bool, 1) // one answer; not closed
	err := s.ask(func() {
		for c := s.clients; c != nil; c = c.next {
			if c.id == id {
				c.close(closedKicked)
				found <- true
				return
			}
		}
		found <- false
	})
	if err != nil {
		return false, err
	}
	return <-found, nil
}
