package sandbox

import (
	"slices"
	"strings"
	"testing"
)

// loginRequest reads a login command with extensions.
func loginRequest(t *testing.T, login, ext string) *request {
	t.Helper()
	if ext != "" {
		ext = "<extension>" + ext + "</extension>"
	}
	req, f := readRequest([]byte(epp("<command>" + login + ext + "</command>")))
	if f != nil {
		t.Fatalf("%s: %v", login, *f)
	}
	return &req
}

func secXML(inner string) string {
	return `<s:loginSec xmlns:s="` + nsLoginSec + `">` + inner + `</s:loginSec>`
}

// TestCredentials: RFC 8807 section 3: the extension's passwords count where login says so, each
// for itself.
func TestCredentials(t *testing.T) {
	for _, tt := range []struct {
		pw, newPW, ext string
		wantPW, wantNW string
		code           int
	}{
		{"one-secret", "", "", "one-secret", "", 0},
		{"one-secret", "two-secret", "", "one-secret", "two-secret", 0},
		{"one-secret", "", secXML("<s:pw>long-secret</s:pw>"), "one-secret", "", 0},
		{inLoginSec, "", secXML("<s:pw>long-secret</s:pw>"), "long-secret", "", 0},
		{inLoginSec, "two-secret", secXML("<s:pw>long-secret</s:pw>"), "long-secret", "two-secret", 0},
		{inLoginSec, inLoginSec, secXML("<s:pw>long-secret</s:pw><s:newPW>new-secret</s:newPW>"), "long-secret", "new-secret", 0},
		{"one-secret", inLoginSec, secXML("<s:newPW>new-secret</s:newPW>"), "one-secret", "new-secret", 0},
		{inLoginSec, "", "", "", "", 2003},
		{inLoginSec, "", secXML("<s:newPW>new-secret</s:newPW>"), "", "", 2003},
		{"one-secret", inLoginSec, secXML("<s:pw>long-secret</s:pw>"), "", "", 2003},
		{inLoginSec, "", secXML("<s:pw>short</s:pw>"), "", "", 2005},
		{inLoginSec, "", secXML("<s:pw>long-secret</s:pw><s:userAgent/>"), "", "", 2001},
		{"one-secret", "", secXML("<s:password>long-secret</s:password>"), "", "", 2001},
		{"one-secret", "", `<s:loginSecData xmlns:s="` + nsLoginSec + `"/>`, "", "", 2103},
		{"one-secret", "", `<x:loginSec xmlns:x="urn:x"/>`, "", "", 2103},
	} {
		req := loginRequest(t, loginXML("demo", tt.pw, tt.newPW, "1.0", "en", allObjects), tt.ext)
		id, pw, newPW, f := credentials(req)
		if tt.code != 0 {
			if f == nil || f.code != tt.code || pw != "" {
				t.Errorf("%+v: got %q, %v", tt, pw, f)
			}
			continue
		}
		if f != nil || id != "demo" || pw != tt.wantPW || newPW != tt.wantNW {
			t.Errorf("%+v: got %q, %q, %q, %v", tt, id, pw, newPW, f)
		}
	}
}

// TestChooseServices: RFC 5730 section 2.9.1.1: a login may choose from what the greeting announced
// and from nothing else.
func TestChooseServices(t *testing.T) {
	ext := func(uris ...string) string {
		return "<svcExtension><extURI>" + strings.Join(uris, "</extURI><extURI>") + "</extURI></svcExtension>"
	}
	for _, tt := range []struct {
		version, lang, svcs string
		objects, extensions []string
		code                int
	}{
		{"1.0", "en", allObjects, []string{nsDomain, nsHost, nsContact}, nil, 0},
		{"1.0", "EN", "<objURI> " + nsHost + " </objURI>", []string{nsHost}, nil, 0},
		{"1.0", "en", allObjects + ext(nsRGP), []string{nsDomain, nsHost, nsContact}, []string{nsRGP}, 0},
		{"1.0", "en", "<objURI>" + nsHost + "</objURI><objURI>" + nsDomain + "</objURI>" + ext(nsLoginSec, nsSecDNS),
			[]string{nsHost, nsDomain}, []string{nsLoginSec, nsSecDNS}, 0},
		{"1.1", "en", allObjects, nil, nil, 2100},
		{"1.1", "fr", "<objURI>urn:x</objURI>", nil, nil, 2100},
		{"1.0", "en-US", allObjects, nil, nil, 2102},
		{"1.0", "en", allObjects + "<objURI>" + nsSecDNS + "</objURI>", nil, nil, 2307},
		{"1.0", "en", allObjects + ext(nsRGP, nsDomain), nil, nil, 2103},
	} {
		req := loginRequest(t, loginXML("demo", "demo-secret", "", tt.version, tt.lang, tt.svcs), "")
		got, f := chooseServices(req.what, extensionURIs)
		if tt.code != 0 {
			if f == nil || f.code != tt.code {
				t.Errorf("%+v: got %+v, %v", tt, got, f)
			}
			continue
		}
		if f != nil || !slices.Equal(got.objects, tt.objects) || !slices.Equal(got.extensions, tt.extensions) {
			t.Errorf("%+v: got %+v, %v", tt, got, f)
		}
	}
}

// TestLoginRefusedChangesNothing: a login that is refused for any reason leaves the password as it
// was, takes no slot and counts as refused.
func TestLoginRefusedChangesNothing(t *testing.T) {
	for _, tt := range []struct {
		name, pw, version, lang, svcs string
		code                          int
	}{
		{"password", "wrong-secret", "1.0", "en", allObjects, 2200},
		{"version", "demo-secret", "1.1", "en", allObjects, 2100},
		{"language", "demo-secret", "1.0", "fr", allObjects, 2102},
		{"object", "demo-secret", "1.0", "en", "<objURI>urn:x</objURI>", 2307},
		{"extension", "demo-secret", "1.0", "en", allObjects + "<svcExtension><extURI>urn:x</extURI></svcExtension>", 2103},
		{"slot", "demo-secret", "1.0", "en", allObjects, 2502},
		{"shape", "demo-secret", "x", "en", allObjects, 2005},
	} {
		r := start(t, Config{MaxSessions: 1})
		var first *client
		if tt.code == 2502 {
			first = enter(t, r, "demo")
		}
		c := connect(t, r)
		c.greet()
		c.command(loginXML("demo", tt.pw, "new-secret", tt.version, tt.lang, tt.svcs)).want(tt.code)
		n := r.Counters()
		if n.LoginsRefused != 1 || n.Codes[tt.code] != 1 || n.Executed["login"]+1 != n.Commands["login"] {
			t.Errorf("%s: counted %+v", tt.name, n)
		}
		if first != nil {
			first.command("<logout/>").want(1500)
			c = connect(t, r)
			c.greet()
		} else if n.Sessions["demo"] != 0 || n.Logins != 0 {
			t.Errorf("%s: sessions %v, %d logins", tt.name, n.Sessions, n.Logins)
		}
		c.do("check", "D:<name>a.com</name>").want(2002)
		c.login("demo", "new-secret").want(2200)
		c.login("demo", "demo-secret").want(1000)
		c.checks()
	}
}

// TestLoginAttempts: failures count for the connection, also around a login that succeeds, and only
// wrong credentials are failures.
func TestLoginAttempts(t *testing.T) {
	r := start(t, Config{Rules: Rules{LoginErrors: 3}, Quirks: Quirks{StayAfterLogout: true}})
	c := connect(t, r)
	c.greet()
	c.login("demo", "wrong-secret").want(2200)
	for range 4 {
		c.command(loginXML("demo", "demo-secret", "", "1.0", "fr", allObjects)).want(2102)
		c.command("<login/>").want(2003)
	}
	c.login("nobody", "demo-secret").want(2200)
	c.login("demo", "demo-secret").want(1000)
	c.login("demo", "wrong-secret").want(2002) // logged in: not even looked at
	c.command("<logout/>").want(1500)
	c.login("demo", "wrong-secret").want(2501).has("too many attempts")
	c.ended()
	d := connect(t, r)
	d.greet()
	d.login("demo", "wrong-secret").want(2200) // another connection
	if n := r.Counters(); n.Logins != 1 || n.LoginsRefused != 13 || n.Logouts != 1 || n.Codes[2501] != 1 {
		t.Errorf("counted %+v", n)
	}
	breaches(t, r, Breaches{})
}

// TestLoginRepeatsItsID: the clTRID of a login is remembered once it is known whose it is, so
// failures may repeat theirs, and a command must not repeat that of its login. RFC 5730 section
// 2.5.
func TestLoginRepeatsItsID(t *testing.T) {
	r := start(t, Config{})
	c := connect(t, r)
	c.greet()
	login := func(id, pw string) string {
		return epp("<command>" + loginXML(id, pw, "", "1.0", "en", allObjects) + "<clTRID>LOGIN-1</clTRID></command>")
	}
	c.ask(login("demo", "wrong-secret")).want(2200)
	c.ask(login("demo", "wrong-secret")).want(2200)
	c.ask(login("demo", "demo-secret")).want(1000)
	breaches(t, r, Breaches{})
	c.ask(checkWith("LOGIN-1")).want(1000)
	breaches(t, r, Breaches{ClTRIDRepeated: 1})
	d := connect(t, r)
	d.greet()
	d.ask(login("other", "other-secret")).want(1000) // another account's
	breaches(t, r, Breaches{ClTRIDRepeated: 1})
	e := connect(t, r)
	e.greet()
	e.ask(login("demo", "demo-secret")).want(1000)
	breaches(t, r, Breaches{ClTRIDRepeated: 2})
}

// TestLoginIsNoSession: a login that was carried out though its answer was lost holds a slot until
// the connection ends, and not longer.
func TestLoginIsNoSession(t *testing.T) {
	r := start(t, Config{MaxSessions: 1, Faults: faults(t, "silent:cmd=login,first=1")})
	c := connect(t, r)
	c.greet()
	c.send(epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "</command>"))
	c.ask(checkFrame).want(1000) // it is logged in
	d := connect(t, r)
	d.greet()
	d.login("demo", "demo-secret").want(2502)
	d.ended()
	c.command("<logout/>").want(1500)
	enter(t, r, "demo")
	if n := r.Counters(); n.Logins != 2 || n.SessionsPeak["demo"] != 1 || n.Breaches.TooManySessions != 1 {
		t.Errorf("counted %+v", n)
	}
}

// TestLogoutShape: the schema gives logout any content (anyType), so it ends the session whatever
// it holds. A misplaced element around it is 2001, as for all commands, and the session goes on.
func TestLogoutShape(t *testing.T) {
	for _, logout := range []string{"<logout/>", "<logout> </logout>", `<logout x="y"><z/></logout>`} {
		r := start(t, Config{})
		c := enterWild(t, r, "demo")
		c.command(logout).want(1500)
		c.ended()
		if n := r.Counters(); n.Logouts != 1 || n.Codes[1500] != 1 || n.Executed["logout"] != 1 || n.Sessions["demo"] != 0 {
			t.Errorf("%s: counted %+v", logout, n)
		}
	}
	r := start(t, Config{})
	c := enter(t, r, "demo")
	for _, command := range []string{
		"<clTRID>ABC-1</clTRID><logout/>", "<logout/><extension/>", "text<logout/>", `<logout/><clTRID x="y">ABC-1</clTRID>`,
	} {
		c.ask(epp("<command>" + command + "</command>")).want(2001)
		c.checks()
	}
	if n := r.Counters(); n.Logouts != 0 || n.Sessions["demo"] != 1 || n.Executed["logout"] != 0 {
		t.Errorf("counted %+v", n)
	}
}
