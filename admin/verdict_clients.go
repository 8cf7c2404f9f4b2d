package admin

import (
	"fmt"

	"eppmux/proxy"
	"eppmux/upstream"
)

// faults are the words for what a client was at fault with, by the reason of the log.
var faults = map[string]string{
	proxy.FaultyFrame: "a frame that is no EPP",
	"frame":           "a frame of a length that none has, or above clients.max_frame, or before login above 8192 octets",
	"faults":          "three frames in a row that are no EPP",
	"ahead":           "more sent ahead than clients.max_ahead, or before login than a login",
	"slow_frame":      "a frame not whole within clients.frame_timeout",
	"not_reading":     "answers not read",
	"tls":             "octets that are no TLS",
	"too_many":        "clients.max reached",
	"memory":          "parts of frames while too much was held for all clients",
	"refused":         "three logins, or commands before login, in a row refused here",
	"handshake":       "a TLS handshake that failed",
	"no_login":        "no login within 30 s",
}

// who names the client that was at fault last.
func who(b *Blame) string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf("; the last: %s, by client %s on %s", faults[b.Reason], b.Client, b.Listener)
}

func faulty(r *Registry) (Finding, bool) {
	n := r.Recent.ClientFaults
	return Finding{Look, "client_faults", whoseClients, fmt.Sprintf("clients sent %s in the last ten minutes; none reached the registry%s", count(n, "faulty frame"), who(r.Blame)),
		"mend that client's program"}, n > 0
}

// atFault: whom we had to close the connection on.
func atFault(r *Registry) (Finding, bool) {
	n := r.Recent.ClientsClosed
	return Finding{Look, "clients_closed", whoseClients, fmt.Sprintf("%s closed for faults of their own in the last ten minutes%s", count(n, "client"), who(r.Blame)),
		"mend that client's program; the log names all"}, n > 0
}

// hoarded: too much is held for all clients together.
func hoarded(r *Registry) (Finding, bool) {
	c, w := &r.Clients, &r.Recent
	near := c.MaxHeld > 0 && c.HeldBytes*10 >= c.MaxHeld*9
	return Finding{Look, "clients_held", whoseClients, fmt.Sprintf("too much is held for all clients together: %s MiB of %s; beyond that new commands are not sent, and %s closed",
		number(float64(c.HeldBytes)/(1<<20)), number(float64(c.MaxHeld)/(1<<20)), count(w.Hoarders, "client")+" "+was(w.Hoarders)),
		"find who sends much and reads little: eppmux ctl clients"}, near || w.Hoarders > 0 || w.NotSentCause == upstream.CauseNoRoom.String()
}

func was(n uint64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func almostFull(r *Registry) (Finding, bool) {
	c := &r.Clients
	return Finding{Look, "clients", whoseClients, fmt.Sprintf("%d of %d clients connected", c.Connected, c.Max), "find who leaves connections open, or raise clients.max"},
		c.Max > 0 && c.Connected*10 >= c.Max*9
}
