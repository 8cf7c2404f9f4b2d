package proxy

import (
	"errors"
	"io"
	"slices"
	"time"

	"eppmux/frame"
)

var errNotClients = errors.New("only a registry sends such a message")

// local answers login and logout: the sessions with the registry are ours, and a client's is with
// us. RFC 5734 section 3 forbids to spread one session over several connections, so a client's
// login must never reach the registry.
func (c *client) local(m *frame.Message, n int) {
	if m.Command == frame.CommandLogin {
		c.login(m, n)
		return
	}
	s := c.srv
	s.out = s.appendReply(s.out[:0], replyLoggedOut, ownClTRID(m))
	c.stream.discard(n)
	c.write(s.out)
	c.linger(closedLogout)
}

const (
	// maxRefusals refused logins in a row end the connection: each is read by a slow parser. So do
	// a stranger's commands.
	maxRefusals = 3
	// maxLogin is the longest login that is read, in octets: a millisecond of the loop. Those with
	// the most services have less than 4000.
	maxLogin = 8 << 10
)

// refusal is why a login was refused, in the words of logs and metrics.
type refusal uint8

const (
	refusedCredentials refusal = iota // there is no such client id, or it has another password
	refusedBusy                       // too many wait to be verified
	refusedOther                      // version, services, a new password, a second login, its syntax
	numRefusals
)

func (r refusal) String() string { return [numRefusals]string{"credentials", "busy", "other"}[r] }

// login answers a login, at once or when it has been verified.
func (c *client) login(m *frame.Message, n int) {
	r, l := c.judge(m)
	clTRID := clone(ownClTRID(m))
	c.stream.discard(n)
	if r == replyLoggedIn && c.srv.users != nil {
		var pending bool
		if r, pending = c.authenticate(&l, clTRID); pending {
			return
		}
	}
	c.loginEnds(r, clTRID, c.srv.users[l.ClientID])
}

// loginEnds answers a login and counts refusals. u is whose it was, nil for a stranger.
func (c *client) loginEnds(r reply, clTRID []byte, u *credential) {
	s, why := c.srv, refusedOther
	switch r {
	case replyLoggedIn:
		c.loggedIn, c.trusted, c.refusals, c.busies = true, true, 0, 0
		c.reply(r, clTRID)
		return
	case replyCredentials:
		why = refusedCredentials
	case replyLoginsBusy:
		why = refusedBusy
	}
	s.counts.LoginsRefused[why]++
	if why != refusedOther {
		c.complainOfLogin(why, u)
	}
	if c.excused(why) || !c.strike() {
		c.reply(r, clTRID)
		return
	}
	c.leave(replyLoginsRefused, clTRID, closedRefused)
}

// judge looks at all of a login but its credentials. Without users any will do: who reaches the
// listener is the registrar, and the password is not kept.
func (c *client) judge(m *frame.Message) (reply, frame.Login) {
	switch {
	case c.loggedIn:
		return replyLoggedInTwice, frame.Login{}
	case len(m.Payload) > maxLogin:
		return replyLongLogin, frame.Login{}
	}
	l, err := frame.ParseLogin(m.Payload)
	switch {
	case err != nil:
		return replyFault(err), l
	case l.Version != "" && l.Version != "1.0":
		return replyVersion, l
	case l.HasNewPassword:
		return replyNewPassword, l
	}
	if r, ok := c.services(l); !ok {
		return r, l
	}
	return replyLoggedIn, l
}

// services holds what a login lists against what the registry's greeting offers. A difference is
// counted, and refused only where the operator wants that: stock logins of many tools list services
// that their registry never had.
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

// learn takes a greeting of the registry, which from now on is ours too, and serves the clients
// that wait for it.
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

// greetingUnit is the greeting as a data unit with the time of now in svDate. RFC 5730 section 2.4:
// svDate is the server's current date and time in UTC. Borrowed until the next call.
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
