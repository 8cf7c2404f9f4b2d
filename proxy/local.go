package proxy

import (
	"errors"
	"io"
	"slices"
	"time"

	"eppmux/frame"
)

var errNotClients = errors.New("only a registry sends such a message")

// local answers login and logout: the sessions with the registry are ours, and a client's is with us. RFC 5734 section 3
// forbids to spread one session over several connections, so a client's login must never reach the registry.
func (c *client) local(m *frame.Message, n int) {
	r := replyLoggedOut
	if m.Command == frame.CommandLogin {
		r = c.login(m)
	}
	s := c.srv
	refused := c.refusals >= maxRefusals
	if refused {
		r = replyLoginsRefused
	}
	s.out = s.appendReply(s.out[:0], r, ownClTRID(m))
	c.stream.discard(n)
	c.write(s.out)
	switch {
	case m.Command == frame.CommandLogout:
		c.linger(closedLogout)
	case refused:
		c.linger(closedRefused)
	}
}

const (
	// maxRefusals refused logins in a row end the connection: each is read by a slow parser.
	maxRefusals = 3
	// maxLogin is the longest login that is read, in octets: a millisecond of the loop. Those with the most services have
	// less than 4000.
	maxLogin = 8 << 10
)

// login answers a login and counts refusals.
func (c *client) login(m *frame.Message) reply {
	r := c.judge(m)
	if r.code == replyLoggedIn.code {
		c.loggedIn, c.refusals = true, 0
	} else {
		c.refusals++
	}
	return r
}

// judge accepts any client: who reaches the listener is the registrar. The password is not looked at and not kept.
func (c *client) judge(m *frame.Message) reply {
	switch {
	case c.loggedIn:
		return replyLoggedInTwice
	case len(m.Payload) > maxLogin:
		return replyLongLogin
	}
	l, err := frame.ParseLogin(m.Payload)
	switch {
	case err != nil:
		return replyFault(err)
	case l.Version != "" && l.Version != "1.0":
		return replyVersion
	case l.HasNewPassword:
		return replyNewPassword
	}
	if r, ok := c.services(l); !ok {
		return r
	}
	return replyLoggedIn
}

// services holds what a login lists against what the registry's greeting offers. A difference is counted, and refused
// only where the operator wants that: stock logins of many tools list services that their registry never had.
func (c *client) services(l frame.Login) (reply, bool) {
	s := c.srv
	object, unknownObject := outside(l.ObjectURIs, s.offered.ObjectURIs)
	extension, unknownExtension := outside(l.ExtensionURIs, s.offered.ExtensionURIs)
	if !unknownObject && !unknownExtension {
		return reply{}, true
	}
	s.counts.ServicesDiffer++
	if s.cfg.Services == ServicesAccept {
		if s.counts.ServicesDiffer == 1 {
			s.log.Info("a client's login lists services that the registry does not offer; accepted, told once",
				"object", object, "extension", extension)
		}
		return reply{}, true
	}
	if unknownObject {
		return replyObject, false
	}
	return replyExtension, false
}

// outside returns the first of want that is not in have.
func outside(want, have []string) (string, bool) {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return w, true
		}
	}
	return "", false
}

// maxGreeting is the longest greeting that is passed on, in octets: every client gets it.
const maxGreeting = 256 << 10

// learn takes a greeting of the registry, which from now on is ours too, and serves the clients that wait for it.
func (s *Server) learn(payload []byte) {
	if len(payload) > maxGreeting {
		s.log.Warn("the registry's greeting is not shown to clients: it is too long", "octets", len(payload))
		return
	}
	m, err := s.scanner.Scan(payload)
	if err != nil || m.Kind != frame.KindGreeting {
		return
	}
	if g, err := frame.ParseGreeting(payload); err == nil {
		s.offered = g
	}
	first := s.greeting == nil
	s.greeting, s.greetingDate, s.greetingBuilt = payload, m.SvDate, time.Time{}
	if !first {
		return
	}
	for c, next := s.clients, (*client)(nil); c != nil; c = next {
		next = c.next
		if c.state == clientGreeting {
			s.timers.remove(c)
			c.greet()
			if c.state == clientServed {
				c.Readable()
			}
		}
	}
}

// greetingUnit is the greeting as a data unit with the time of now in svDate. RFC 5730 section 2.4: svDate is the
// server's current date and time in UTC. Borrowed until the next call.
func (s *Server) greetingUnit() []byte {
	now := time.Now().UTC().Truncate(time.Second)
	if now.Equal(s.greetingBuilt) {
		return s.greetingCached
	}
	var edits []frame.Edit
	if s.greetingDate.Len() > 0 {
		edits = []frame.Edit{{Span: s.greetingDate, With: now.AppendFormat(nil, "2006-01-02T15:04:05.0Z")}}
	}
	s.greetingCached = frame.AppendUnit(s.greetingCached[:0], s.greeting, edits)
	s.greetingBuilt = now
	return s.greetingCached
}

// tlsReason sorts the end of a TLS stream.
func tlsReason(err error) closeReason {
	if errors.Is(err, io.EOF) {
		return closedByClient
	}
	return closedTLS
}
