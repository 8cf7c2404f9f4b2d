package proxy

import (
	"time"

	"eppmux/frame"
	"eppmux/upstream"
)

// What operators do and see of a running Server, from any goroutine between Serve and Close.

// ask runs f on the loop and waits for it, for scrapeTimeout at most. After upstream.ErrBusy f may still
// run.
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
	Doing     string // the command in flight or waiting; empty: none
	Recording bool   // a note of it is being kept in the audit log, and it is sent then
	Sent      bool   // it has been sent to the registry
	// since it was handed in or, where there is none, since the last one was sent or the client
	// came
	For  time.Duration
	Held int // octets that are held for it
}

// ClientsMax is how many clients Clients lists at most.
const ClientsMax = 1000

// Clients lists clients, at most n and ClientsMax, those with a command first, and says how many
// there are.
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

func (c *client) info() ClientInfo {
	i := ClientInfo{ID: c.id, Held: int(c.memory), For: c.srv.account.Now() - c.served}
	i.Listener, i.Client = c.origin()
	if c.check != nil {
		i.Doing = frame.CommandLogin.String()
	}
	if x := c.x; x != nil {
		i.Doing, i.For = x.Command.String(), x.Waited(c.srv.account.Now())
		i.Recording, i.Sent = x.Recording(), x.Sent()
	}
	return i
}

// Kick ends the connection of a client; false if there is none of that id. A command of its that
// waits is not sent, one that is in flight is answered to nobody.
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
