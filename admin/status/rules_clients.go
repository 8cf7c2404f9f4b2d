package status

import (
	"fmt"
	"strings"

	"eppmux/upstream/pool"
)

// Rules about clients: what they did wrong, and how many there are.

// faults are the words for what a client was at fault with, by the reason of the log.
var faults = map[string]string{
	"faulty_frame": "a frame that is no EPP",
	"frame":        "a frame of a length that none has, or above clients.max_frame, or before login above 8192 octets",
	"faults":       "three frames in a row that are no EPP",
	"ahead":        "more sent ahead than clients.max_ahead, or before login than a login",
	"slow_frame":   "a frame not whole within clients.frame_timeout",
	"not_reading":  "answers not read",
	"tls":          "octets that are no TLS",
	"too_many":     "clients.max reached",
	"memory":       "most of what was held for all clients, while that was too much",
	"refused":      "three logins, or commands before login, in a row refused here",
	"handshake":    "a TLS handshake that failed",
	"no_login":     "no login within 30 s",
	"wants_tls":    "it speaks TLS, which this listener does not",
	"no_tls":       "it speaks plain EPP, and this listener TLS",
	"http":         "it speaks HTTP, not EPP",
	"no_length":    "XML without its length in front",

	"proxy_protocol": "the PROXY protocol of a balancer, which is not spoken here",

	"unknown_command": "a command that neither EPP nor the registry's greeting knows",
}

// who names the client that was at fault last, as the end of a sentence.
func who(b *Blame) string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf("; the last: %s, by client %s on %s", faults[b.Reason], b.Client, b.Listener)
}

// faulty finds frames of clients that were refused here.
func faulty(r *Registry) *Finding {
	n := r.Recent.ClientFaults
	if n == 0 {
		return nil
	}
	text := "clients sent " + count(n, "faulty frame") + " in the last ten minutes; none reached the registry"
	return &Finding{Look, "client_faults", whoseClients, text + who(r.Blame), "mend that client's program"}
}

// atFault finds connections that were closed for a fault of the client.
func atFault(r *Registry) *Finding {
	n := r.Recent.ClientsClosed
	if n == 0 {
		return nil
	}
	text := count(n, "client") + " closed for faults of their own in the last ten minutes"
	return &Finding{Look, "clients_closed", whoseClients, text + who(r.Blame),
		"mend that client's program; the log names all"}
}

// howEnded is how a session ended behind a client's command, by the cause of the log.
var howEnded = map[string]string{
	pool.CauseRegistryClosed.String(): "the registry closed the connection",
	pool.CauseCodeCloses.String():     "the registry ended it by an answer x5xx",
	pool.CauseCommandTimeout.String(): "no answer came in time",
	pool.CauseFrame.String():          "what came in answer is no EPP",
	pool.CauseMismatch.String():       "the answer was not to that command",
	pool.CauseUnasked.String():        "more came than the answer",
}

// endsSessions finds that one session after the other ended behind a client's commands.
func endsSessions(r *Registry) *Finding {
	var worst *Culprit
	others := -1
	for i := range r.Culprits {
		c := &r.Culprits[i]
		if !c.HeldBack {
			continue
		}
		others++
		if worst == nil || c.Ends > worst.Ends {
			worst = c
		}
	}
	if worst == nil {
		return nil
	}
	text := count(uint64(worst.Ends), "session")
	if worst.Ends > 1 {
		text += " in a row"
	}
	text += fmt.Sprintf(" ended on commands like \"%s\"%s, the last %s ago: %s; such commands are ",
		worst.Command, worst.who(), Span(worst.AgoSeconds), howEnded[worst.Reason])
	if worst.WaitSeconds > 0 {
		text += "held back for " + Span(worst.WaitSeconds)
	} else {
		text += "sent one at a time"
	}
	if others > 0 {
		text += fmt.Sprintf("; %s %s the same", count(uint64(others), "other client"), verb(others, "does", "do"))
	}
	f := &Finding{Look, "ends_sessions", whoseClients, text,
		"mend that client's program, or ask the registry why it ends sessions at such commands"}
	switch worst.Reason {
	case pool.CauseRegistryClosed.String():
	case pool.CauseCodeCloses.String():
		f.Do += "; or compare rate_limits with what it allows"
	default: // it owes an answer, whatever the command
		f.Whose, f.Do = whoseRegistry,
			"tell the registry; until it answers such commands as it should, have that client send none"
	}
	return f
}

// who names the client, by what is known of it.
func (c *Culprit) who() string {
	name := c.Client
	switch {
	case strings.Contains(c.Identity, name):
		name = c.Identity
	case !strings.HasPrefix(name, c.Identity):
		name += " (" + c.Identity + ")"
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" of client %s on %s", name, c.Listener)
}

// hoarded finds that the memory for all clients together is nearly used up, or was.
func hoarded(r *Registry) *Finding {
	c, w := &r.Clients, &r.Recent
	near := c.MaxMemory > 0 && c.Memory*10 >= c.MaxMemory*9
	if !near && w.Hoarders == 0 && w.NotSentCause != pool.CauseNoRoom.String() {
		return nil
	}
	const mib = 1 << 20
	text := fmt.Sprintf("too much is held for all clients together: %s MiB of %s; ",
		Number(float64(c.Memory)/mib), Number(float64(c.MaxMemory)/mib))
	text += fmt.Sprintf("beyond that those that hold most give way, and %s %s closed",
		count(w.Hoarders, "client"), verb(w.Hoarders, "was", "were"))
	return &Finding{Look, "clients_held", whoseClients, text,
		"find who sends much and reads little: eppmux ctl clients"}
}

// almostFull finds that nine in ten of the clients that may connect are connected.
func almostFull(r *Registry) *Finding {
	c := &r.Clients
	if c.Max <= 0 || c.Connected*10 < c.Max*9 {
		return nil
	}
	return &Finding{Look, "clients", whoseClients, fmt.Sprintf("%d of %d clients connected", c.Connected, c.Max),
		"find who leaves connections open, or raise clients.max"}
}
