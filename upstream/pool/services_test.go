package pool

import (
	"testing"
	"time"

	"eppmux/frame"
)

// TestOffers: what greetings bring into force, and when. One line a greeting, or a look at the clock
// where there is none.
func TestOffers(t *testing.T) {
	type step struct {
		at   time.Duration
		set  string
		want Offer
		then string // in force behind it
	}
	for name, steps := range map[string][]step{
		"the first":             {{0, "a", OfferSame, "a"}, {time.Minute, "a", OfferSame, "a"}},
		"another":               {{0, "a", OfferSame, "a"}, {time.Minute, "b", OfferNew, "b"}, {time.Hour, "b", OfferSame, "b"}},
		"a third, too soon":     {{0, "a", OfferSame, "a"}, {1, "b", OfferNew, "b"}, {2, "c", OfferNew, "b"}, {3, "c", OfferKnown, "b"}, {10*time.Minute + 1, "", 0, "c"}},
		"a third, gone again":   {{0, "a", OfferSame, "a"}, {1, "b", OfferNew, "b"}, {2, "c", OfferNew, "b"}, {3, "b", OfferSame, "b"}, {time.Hour, "", 0, "b"}},
		"taken back":            {{0, "a", OfferSame, "a"}, {1, "b", OfferNew, "b"}, {time.Hour, "a", OfferKnown, "b"}, {time.Hour + 5*time.Minute, "a", OfferKnown, "b"}, {time.Hour + 10*time.Minute, "", 0, "a"}},
		"two front ends":        {{0, "a", OfferSame, "a"}, {1, "b", OfferNew, "b"}, {4 * time.Minute, "a", OfferKnown, "b"}, {8 * time.Minute, "b", OfferSame, "b"}, {15 * time.Minute, "a", OfferKnown, "b"}, {20 * time.Minute, "", 0, "b"}, {24 * time.Minute, "b", OfferSame, "b"}, {time.Hour, "", 0, "b"}},
		"one is heard for long": {{0, "a", OfferSame, "a"}, {1, "b", OfferNew, "b"}, {2, "a", OfferKnown, "b"}, {11 * time.Minute, "", 0, "a"}, {12 * time.Minute, "b", OfferKnown, "a"}, {31 * time.Minute, "", 0, "a"}, {32 * time.Minute, "", 0, "b"}},
	} {
		var o offers
		for _, s := range steps {
			if s.set != "" {
				if got := o.hear(s.set, s.at); got != s.want {
					t.Errorf("%s, at %v: got %v, want %v", name, s.at, got, s.want)
				}
			}
			if o.dueAt() <= s.at {
				o.change(s.at)
			}
			if o.inForce != s.then {
				t.Errorf("%s, at %v: %q is in force, want %q", name, s.at, o.inForce, s.then)
			}
		}
	}
}

// TestOffersWithoutEnd: greetings that are never the same, or alternate for as long as it takes, change
// little: eight times in the first day, and once a day then.
func TestOffersWithoutEnd(t *testing.T) {
	for name, set := range map[string]func(i int, o *offers) string{
		"never the same": func(i int, _ *offers) string { return string(rune('a' + i)) },
		"alternating": func(i int, o *offers) string { // the worst that can be
			return map[string]string{"": "a", "a": "b", "b": "a"}[o.inForce]
		},
	} {
		var o offers
		changes, before := 0, ""
		for i := range 10 * 24 * 60 {
			now := time.Duration(i) * time.Minute
			if o.hear(set(i, &o), now); o.dueAt() <= now {
				o.change(now)
			}
			if o.inForce != before {
				changes, before = changes+1, o.inForce
			}
		}
		if changes > 18 || len(o.known) > offersKept {
			t.Errorf("%s: %d changes in ten days, %d sets are remembered", name, changes, len(o.known))
		}
	}
}

// greets is a greeting on s.
func (d *desk) greets(s *Session, set string) Offer {
	o := d.Greeted(s, set, d.now)
	d.step()
	return o
}

// opensWith opens the session that is to be opened, by a greeting that offers set.
func (d *desk) opensWith(set string) *Session {
	d.t.Helper()
	if len(d.opening) != 1 {
		d.t.Fatalf("%d sessions are to be opened, want one", len(d.opening))
	}
	d.opening[0].LogsInWith(set)
	d.greets(d.opening[0], set)
	return d.open()
}

// TestServicesReplaced: sessions that are logged in with other services are replaced one at a time, and
// those that are opened meanwhile are not. A session works on until another is in its place.
func TestServicesReplaced(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 3, 4 })
	var old []*Session
	for range 3 {
		old = append(old, d.opensWith("a"))
	}
	d.greets(old[1], "b")
	d.pass(time.Second, d.wantsToOpen)
	for i := range 3 {
		var snap Snapshot
		d.Snapshot(&snap, d.now)
		if snap.OtherServices != 3-i {
			t.Errorf("%d sessions have other services, want %d", snap.OtherServices, 3-i)
		}
		if len(d.leaving) > 0 || d.live != 3 {
			t.Fatalf("%d leave, %d are live", len(d.leaving), d.live)
		}
		x := d.ask(true)
		if x.state != exchangeInFlight {
			t.Error("a command waits for the replacement")
		}
		d.answer(x.session, CauseNone)
		d.opensWith("b")
		d.pass(5*time.Second, d.wantsToLeave)
		if s := d.logOut(); s.Cause() != CauseServices || s.services != "a" {
			t.Errorf("session %d with %q left for %v", s.ID, s.services, s.Cause())
		}
		d.pass(5*time.Second, d.wantsToOpen)
	}
	if d.wait(time.Hour); d.wantsToOpen() || d.wantsToLeave() || d.live != 3 {
		t.Error("more are replaced")
	}
}

// TestServicesWithoutRoom: where no more may be open, one goes before another comes.
func TestServicesWithoutRoom(t *testing.T) {
	d := newDesk(t, func(c *Config) {})
	one := d.opensWith("a")
	d.greets(one, "b")
	d.pass(time.Second, d.wantsToLeave)
	d.logOut()
	d.pass(time.Second, d.wantsToOpen)
	d.opensWith("b")
}

// TestServicesBehindGreeting: a session whose greeting was before the change is replaced too, one whose
// login says something else for reasons of its own is not.
func TestServicesBehindGreeting(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MinSessions, c.MaxSessions = 2, 3 })
	one := d.opensWith("a")
	d.now += time.Second
	d.opening[0].LogsInWith("a")
	d.greets(d.opening[0], "a")
	d.greets(one, "b")
	two := d.open()
	if two.outdated != CauseServices || one.outdated != CauseServices {
		t.Errorf("outdated for %v and %v", one.outdated, two.outdated)
	}
	for range 2 {
		d.pass(5*time.Second, d.wantsToOpen)
		d.now += time.Second
		d.opensWith("a") // of another front end
		d.pass(5*time.Second, d.wantsToLeave)
		d.logOut()
	}
	if d.wait(time.Hour); d.wantsToOpen() || d.wantsToLeave() {
		t.Error("more are replaced")
	}
}

// TestServicesNoStorm: front ends that alternate cost one round.
func TestServicesNoStorm(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		c.MinSessions, c.MaxSessions, c.Keepalive, c.KeepaliveCommand = 2, 3, 4*time.Minute, frame.CommandHello
	})
	opened := 0
	for i := 0; d.now < 24*time.Hour; i++ {
		d.pass(time.Hour, func() bool { return d.wantsToOpen() || d.wantsToLeave() || len(d.pinged) > 0 })
		set := []string{"a", "b"}[i%2]
		switch {
		case d.wantsToOpen():
			d.opensWith(set)
			opened++
		case d.wantsToLeave():
			d.logOut()
		case len(d.pinged) > 0:
			s := d.pinged[0]
			d.pinged = d.pinged[1:]
			d.greets(s, set)
			d.answer(s, CauseNone)
		}
	}
	if opened > 5 {
		t.Errorf("%d sessions were opened in a day, want two and a round at the most", opened)
	}
}
