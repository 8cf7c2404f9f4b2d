package sandbox

import (
	"slices"
	"strings"
	"time"
)

// login serves the command of RFC 5730 section 2.9.1.1.
func (s *session) login(req *request) answer {
	a := s.tryLogin(req)
	if a.code != codeDone {
		return a
	}
	s.r.cfg.Logger.Info("login", "session", s.id, "account", s.who())
	a.queue = s.r.store.head(s.who())
	return a
}

// tryLogin tests a login. If all is well it takes a session slot and opens the session.
func (s *session) tryLogin(req *request) answer {
	if s.who() != "" {
		return refuse(codeUse, "already logged in")
	}
	if req.amiss != nil {
		return req.amiss.answer()
	}
	if f := checkShape(req.what, verbShapes["login"]); f != nil {
		return f.answer()
	}
	id, pw, newPW, f := credentials(req)
	if f != nil {
		return f.answer()
	}
	plain := req.what.child("pw").token() != inLoginSec
	if !s.r.gate.known(id, pw) || plain && s.r.cfg.Quirks.LoginSecOnly {
		return s.wrongCredentials()
	}
	sv, f := chooseServices(req.what, s.r.cfg.Extensions)
	if f != nil {
		return f.answer()
	}
	v, n := s.r.gate.enter(id, pw, newPW)
	switch v {
	case wrongPassword: // another session has changed it since known was asked
		return s.wrongCredentials()
	case tooManySessions, haunted:
		if v == tooManySessions {
			s.r.tally.add(func(c *Counters) { c.Breaches.TooManySessions++ })
		}
		a := refuse(codeLimitExceeded, "too many sessions")
		a.ends = true
		return a
	}
	s.mu.Lock()
	s.account, s.holds = id, true
	s.mu.Unlock()
	s.services = sv
	s.loginAt, s.served, s.sinceLogin, s.errors = time.Now(), 0, 0, nil
	s.expired, s.zombie = false, false
	s.r.tally.add(func(c *Counters) {
		c.Logins++
		c.SessionsPeak[id] = max(c.SessionsPeak[id], n)
	})
	if s.r.tally.clTRID(id, req.clTRID) && s.r.cfg.Quirks.RepeatCloses {
		return hangup()
	}
	return done("")
}

// wrongCredentials counts a failed attempt and ends the connection by Rules.LoginErrors.
func (s *session) wrongCredentials() answer {
	s.loginFails++
	if s.loginFails >= s.r.cfg.Rules.LoginErrors {
		return refuse(codeAuthenticationEnding, "too many attempts")
	}
	return refuse(codeAuthentication, "")
}

// inLoginSec stands in pw or newPW when the extension carries the password. RFC 8807 section 3.1.
const inLoginSec = "[LOGIN-SECURITY]"

// credentials reads id and passwords from login, and from loginSec where login says so.
func credentials(req *request) (id, pw, newPW string, f *fault) {
	id, pw, newPW = req.what.child("clID").token(), req.what.child("pw").token(), req.what.child("newPW").token()
	var sec *node
	for _, e := range req.ext {
		if e.space != nsLoginSec || e.local != "loginSec" {
			return "", "", "", &fault{codeUnimplementedExtension, "extension not served: " + e.space}
		}
		if f := checkShape(e, extensionShapes[shapeName{nsLoginSec, "loginSec"}]); f != nil {
			return "", "", "", f
		}
		sec = e
	}
	for _, p := range []struct {
		value *string
		name  string
	}{{&pw, "pw"}, {&newPW, "newPW"}} {
		if *p.value != inLoginSec {
			continue
		}
		if sec.child(p.name) == nil {
			return "", "", "", &fault{codeMissing, "loginSec " + p.name}
		}
		*p.value = sec.child(p.name).token()
	}
	return id, pw, newPW, nil
}

// chooseServices reads version, language and services of a login. Each must be one that the
// greeting announced, extensions among them.
func chooseServices(login *node, extensions []string) (services, *fault) {
	var sv services
	options := login.child("options")
	if v := options.child("version").token(); v != "1.0" {
		return sv, &fault{codeVersion, "version " + v}
	}
	if l := options.child("lang").token(); !strings.EqualFold(l, "en") {
		return sv, &fault{codeUnimplementedOption, "lang " + l}
	}
	svcs := login.child("svcs")
	for _, n := range svcs.children("objURI") {
		if !slices.Contains(objectURIs, n.token()) {
			return sv, &fault{codeUnimplementedObject, n.token()}
		}
		sv.objects = append(sv.objects, n.token())
	}
	for _, n := range svcs.child("svcExtension").children("extURI") {
		if !slices.Contains(extensions, n.token()) {
			return sv, &fault{codeUnimplementedExtension, n.token()}
		}
		sv.extensions = append(sv.extensions, n.token())
	}
	return sv, nil
}

// logout serves the command of RFC 5730 section 2.9.1.2.
func (s *session) logout(req *request) answer {
	if req.amiss != nil {
		return req.amiss.answer()
	}
	s.r.tally.add(func(c *Counters) { c.Logouts++ })
	if s.r.cfg.Quirks.StayAfterLogout {
		s.leave()
	}
	return answer{code: codeEnding, ends: true}
}
