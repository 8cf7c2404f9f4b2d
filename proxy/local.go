package proxy

import (
	"slices"

	"eppmux/frame"
)

// Login and logout are answered here: the sessions with the registry are ours, and a client's
// session is with us. RFC 5734 section 3 forbids to spread one session over several connections, so
// a client's login must never reach the registry.

const (
	// maxRefusals refused logins in a row end the connection: each is read by a slow parser. A
	// stranger's commands count as refused logins.
	maxRefusals = 3
	// maxLogin is the longest login that is read, in octets: a millisecond of the loop. The logins
	// with the most services have less than 4000.
	maxLogin = 8 << 10
)

// verdict is the result of looking at a login. reply.go has the reply to each.
type verdict uint8

const (
	loginRight       verdict = iota
	loginTwice               // the client is logged in already
	loginLong                // above maxLogin
	loginMalformed           // the reply has the parser's words
	loginIncomplete          // something is missing that the schema requires; where logins are verified
	loginVersion             // not EPP 1.0
	loginNewPassword         // it would change the password
	loginObject              // an object service that the registry does not offer
	loginExtension           // an extension that the registry does not offer
	loginCredentials         // there is no such client id, or it has another password
	loginBusy                // too many wait to be verified
	numVerdicts
)

// refusal is why a login was refused, in the words of logs and metrics.
type refusal uint8

const (
	refusedCredentials refusal = iota // there is no such client id, or it has another password
	refusedBusy                       // too many wait to be verified
	refusedOther                      // version, services, a new password, a second login, its syntax
	numRefusals
)

// String is the refusal's word in logs and metrics.
func (r refusal) String() string { return [numRefusals]string{"credentials", "busy", "other"}[r] }

// refusal sorts a verdict that is not loginRight.
func (v verdict) refusal() refusal {
	switch v {
	case loginCredentials:
		return refusedCredentials
	case loginBusy:
		return refusedBusy
	}
	return refusedOther
}

// logout ends the client's session with us.
func (c *client) logout(m *frame.Message) act {
	return c.reply(replyLoggedOut, ownClTRID(m)).then(closedLogout)
}

// login decides on a login. If its password has to be verified first, nothing is done now, and
// verified decides later.
func (c *client) login(m *frame.Message) act {
	l, v, err := c.judge(m)
	if v == loginRight && c.srv.users != nil {
		var pending bool
		if v, pending = c.authenticate(&l, ownClTRID(m)); pending {
			return act{}
		}
	}
	a := c.loginEnds(v, err, ownClTRID(m), c.srv.users[l.ClientID])
	if v == loginRight {
		c.reidentify(l.ClientID)
	}
	return a
}

// loginEnds answers a login and counts refusals. err is the parser's where the login is malformed.
// u is whose the login was, nil for an unknown client id.
func (c *client) loginEnds(v verdict, err error, clTRID []byte, u *credential) act {
	if v == loginRight {
		c.loggedIn, c.trusted, c.refusals, c.busies = true, true, 0, 0
		return c.reply(loginReply(v, nil), clTRID)
	}
	why := v.refusal()
	c.srv.counts.LoginsRefused[why]++
	if why != refusedOther {
		c.complainOfLogin(why, u)
	}
	if c.excused(why) || !c.strike() {
		return c.reply(loginReply(v, err), clTRID)
	}
	return c.reply(replyLoginsRefused, clTRID).then(closedRefused)
}

// judge looks at all of a login but its credentials. Without users any credentials will do: a
// client that reaches the listener is the registrar's, and the password is not kept. err is why a
// login is malformed.
func (c *client) judge(m *frame.Message) (l frame.Login, v verdict, err error) {
	switch {
	case c.loggedIn:
		return l, loginTwice, nil
	case len(m.Payload) > maxLogin:
		return l, loginLong, nil
	}
	l, err = frame.ParseLogin(m.Payload)
	switch {
	case err != nil:
		return l, loginMalformed, err
	case l.Version != "" && l.Version != "1.0":
		return l, loginVersion, nil
	case l.HasNewPassword:
		return l, loginNewPassword, nil
	case c.srv.users != nil && incomplete(&l):
		return l, loginIncomplete, nil
	}
	return l, c.judgeServices(&l), nil
}

// incomplete reports whether a login lacks what RFC 5730's schema requires of it, or leaves it
// empty.
func incomplete(l *frame.Login) bool {
	return l.ClientID == "" || l.Password == "" || l.Version == "" || l.Language == "" || len(l.ObjectURIs) == 0
}

// judgeServices compares the services that a login lists with those that the registry's greeting
// offers. A difference is counted, and refused only where the operator wants that: stock logins of
// many tools list services that their registry never had.
func (c *client) judgeServices(l *frame.Login) verdict {
	s := c.srv
	object, unknownObject := outside(l.ObjectURIs, s.offered.ObjectURIs)
	extension, unknownExtension := outside(l.ExtensionURIs, s.offered.ExtensionURIs)
	if !unknownObject && !unknownExtension {
		return loginRight
	}
	s.counts.ServicesDiffer++
	if s.cfg.Services == ServicesAccept {
		if s.counts.ServicesDiffer == 1 {
			s.log.Info("a client's login lists services that the registry does not offer; accepted, told once",
				"object", object, "extension", extension)
		}
		return loginRight
	}
	if unknownObject {
		return loginObject
	}
	return loginExtension
}

// outside returns the first of want that is not in have, and reports whether there is one.
func outside(want, have []string) (string, bool) {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return w, true
		}
	}
	return "", false
}
