package upstream

import (
	"slices"
	"strings"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// Greetings that offer other services than sessions are logged in with. What becomes of it is decided in
// pool/services.go.

// greeted takes a greeting of the registry that has come on the session. It keeps the payload.
func (s *session) greeted(payload []byte) {
	s.a.greeted(payload)
	g, err := frame.ParseGreeting(payload)
	if err != nil {
		return
	}
	l := s.a.target.login
	l.Complete(g)
	if len(l.ObjectURIs) == 0 { // no login can ask for that: RFC 5730 section 2.9.1.1
		return
	}
	s.a.turn(func() { s.offered(setOf(&l)) })
}

// offered tells the pool which services a login would ask for by now, and logs others than those before,
// each set once.
func (s *session) offered(set string) {
	a := s.a
	before := a.pool.Services()
	if a.pool.Greeted(s.s, set, a.now()) != pool.OfferNew {
		return
	}
	a.log.Warn("registry offers other services than before; sessions are replaced, one at a time",
		"session", s.s.ID, "new", lacking(set, before), "gone", lacking(before, set))
}

// setOf names what l asks for: one service a line, in an order that does not depend on l's.
func setOf(l *frame.Login) string {
	all := make([]string, 0, len(l.ObjectURIs)+len(l.ExtensionURIs))
	for _, uri := range l.ObjectURIs {
		all = append(all, "object "+uri)
	}
	for _, uri := range l.ExtensionURIs {
		all = append(all, "extension "+uri)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n") + "\n"
}

// lacking lists the services of set that other has not.
func lacking(set, other string) string {
	var all []string
	for line := range strings.Lines(set) {
		if !strings.Contains("\n"+other, "\n"+line) {
			_, uri, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			all = append(all, uri)
		}
	}
	return listed(all)
}
