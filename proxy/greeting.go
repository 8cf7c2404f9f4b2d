package proxy

import (
	"fmt"
	"slices"
	"time"

	"eppmux/frame"
)

// maxGreeting is the longest greeting that is passed on, in octets: every client gets it.
const maxGreeting = 256 << 10

// learn takes a greeting of the registry, which from now on is ours too, and serves the clients
// that wait for it. It keeps payload.
func (s *Server) learn(payload []byte) {
	if len(payload) > maxGreeting {
		s.unfit(fmt.Sprintf("it has %d octets, more than %d", len(payload), maxGreeting))
		return
	}
	m, err := s.scanner.Scan(payload)
	if err != nil {
		s.unfit(err.Error())
		return
	}
	if m.Kind != frame.KindGreeting {
		s.unfit("it is no greeting")
		return
	}
	s.greetingFault = ""
	if g, err := frame.ParseGreeting(payload); err == nil {
		s.offered = g
		s.root.Store(&g.Root)
	}
	first := s.greeting == nil
	s.greeting, s.greetingDate, s.greetingBuilt = payload, m.SvDate, time.Time{}
	if !first {
		return
	}
	s.each(func(c *client) {
		if c.state == clientGreeting {
			s.timers.remove(c)
			c.greet()
		}
	})
}

// plausible reports whether the registry may know a command of its own whose verb, or whose object,
// is in that namespace: the greeting offers it, or the config lists it for our login.
func (s *Server) plausible(ns []byte) bool {
	return among(ns, s.offered.ObjectURIs) || among(ns, s.offered.ExtensionURIs) || s.account.LogsInWith(ns)
}

// among reports whether ns is one of uris.
func among(ns []byte, uris []string) bool {
	return slices.ContainsFunc(uris, func(uri string) bool { return uri == string(ns) })
}

// unfit notes that the registry's greeting cannot be passed on. Clients get the one before it; where
// there was none, they are closed after GreetingTimeout.
func (s *Server) unfit(why string) {
	s.greetingFault = why
	s.log.Warn("registry's greeting is not passed on to clients", "err", why, "greeted", s.greeting != nil)
}

// greetingUnit is the greeting as a data unit with the current time in svDate. RFC 5730 section
// 2.4: svDate is the server's current date and time in UTC. Borrowed until the next call.
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
