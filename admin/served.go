package admin

import (
	"time"

	"eppmux/admin/status"
	"eppmux/proxy"
)

// Served makes s a subject that a status.Monitor can look at. It returns equal values for the same
// server.
func Served(s *proxy.Server) status.Looker { return served{s} }

// served implements status.Looker. Immutable.
type served struct{ server *proxy.Server }

// Look implements status.Looker. It asks the event loop twice, for a second each at most.
func (l served) Look() *status.Snapshot {
	sn := l.server.Snapshot()
	if sn == nil {
		return nil
	}
	at := time.Now().UTC()
	sessions, err := l.server.Account().Sessions()
	if err != nil {
		return nil
	}
	return &status.Snapshot{At: at, Account: sn.Account, Sessions: sessions, Clients: clientsOf(sn)}
}

func clientsOf(sn *proxy.Snapshot) status.ClientsSnapshot {
	c := status.ClientsSnapshot{
		Connected:    sn.Clients,
		Memory:       sn.Memory,
		MaxMemory:    sn.MaxMemory,
		Faults:       sn.Faults,
		Closed:       sn.Blamed(),
		Hoarders:     sn.Hoarders(),
		AcceptErrors: sn.AcceptErrors,
		AcceptError:  sn.AcceptError,

		Greets:        sn.Greets,
		GreetingFault: sn.GreetingFault,
	}
	if b := sn.Blame; !b.At.IsZero() {
		c.Blame = &status.Blame{At: b.At, Listener: b.Listener, Client: b.Client, Reason: b.Reason}
	}
	return c
}
