package upstream

import (
	"strings"
	"testing"
	"time"
)

// loginSaid answers a login with 1000 and events of RFC 8807.
func (r *registrySide) loginSaid(events string) {
	r.p.t.Helper()
	r.send(epp(`<response><result code="1000"><msg>Ready</msg></result><extension><s:loginSecData xmlns:s="urn:ietf:params:xml:ns:epp:loginSec-1.0">` +
		events + `</s:loginSecData></extension><trID><clTRID>` + r.id + `</clTRID><svTRID>S-1</svTRID></trID></response>`))
}

// TestLoginEvents: what the registry says of the password is kept and logged once, however often we
// log in, without the password and not at any length.
func TestLoginEvents(t *testing.T) {
	const ends = `<s:event type="password" level="warning" exDate="2027-03-04T05:06:07Z">your password pass-1234 ends soon `
	inPlay(t, func(c *Config) { c.Login.Password = "pass-1234"; c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(p *play) {
		for range 2 {
			r := p.accept()
			r.greet()
			r.want("login")
			r.loginSaid(ends + strings.Repeat("x", 500) + `</s:event>`)
		}
		log := p.logged()
		if n := strings.Count(log, "registry warns of the login"); n != 1 || !strings.Contains(log, "your password [redacted] ends") || strings.Contains(log, "pass-1234") {
			t.Errorf("got %d lines in %s", n, log)
		}
		var sn Snapshot
		p.on(func() { p.account.Snapshot(&sn) })
		if len(sn.LoginEvents) != 1 || !sn.PasswordExpires().Equal(time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)) || len(sn.LoginEvents[0].Text) > maxRefusal+3 {
			t.Errorf("got %+v", sn.LoginEvents)
		}
	})
}
