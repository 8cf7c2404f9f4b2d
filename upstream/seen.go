package upstream

import (
	"crypto/tls"
	"slices"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// seen is what an attempt to log in has shown, beside whether it succeeds.
type seen struct {
	language string        // of the login, which the greeting does not offer; empty: it does
	expires  time.Time     // end of the registry's certificate; zero: no TLS
	life     time.Duration // of the certificate, from its first day
	events   []frame.LoginEvent
	answered bool // the login was answered: then events are complete
}

// certificate notes the registry's own certificate.
func (s *seen) certificate(c tls.ConnectionState) {
	if len(c.PeerCertificates) > 0 {
		leaf := c.PeerCertificates[0]
		s.expires, s.life = leaf.NotAfter, leaf.NotAfter.Sub(leaf.NotBefore)
	}
}

// answer notes the login events in the answer to l, without the passwords of l.
func (s *seen) answer(m *frame.Message, l *frame.Login) {
	s.answered, s.events = true, frame.ParseLoginEvents(m.Payload)
	for i := range s.events {
		e := &s.events[i]
		for _, text := range []*string{&e.Type, &e.Name, &e.Level, &e.Value, &e.Text} {
			*text = shorten(l.Hide(*text))
		}
	}
}

// PasswordExpires returns when the password ends, as the registry said at the last login; zero if
// it said nothing.
func (s *Snapshot) PasswordExpires() time.Time {
	for i := range s.LoginEvents {
		if e := &s.LoginEvents[i]; e.Type == "password" && !e.Expires.IsZero() {
			return e.Expires
		}
	}
	return time.Time{}
}

// learn takes over what an attempt to log in has shown. It logs what the attempt before did not show:
// login events, and that the language is not offered.
func (a *Account) learn(s *pool.Session, now seen) {
	if !now.expires.IsZero() {
		a.seen.expires, a.seen.life = now.expires, now.life
	}
	if a.seen.language != now.language && now.language != "" {
		a.log.Warn("registry does not offer login.language; it is sent all the same", "session", s.ID,
			"language", shorten(now.language))
	}
	a.seen.language = now.language
	if !now.answered {
		return
	}
	for _, e := range now.events {
		if slices.Contains(a.seen.events, e) {
			continue
		}
		args := []any{"session", s.ID, "type", e.Type, "level", e.Level}
		if !e.Expires.IsZero() {
			args = append(args, "expires", e.Expires)
		}
		a.log.Warn("registry warns of the login", append(args, "err", e.Text)...)
	}
	a.seen.events = now.events
}
