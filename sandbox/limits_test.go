package sandbox

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlidingLog is a script of instants, in seconds, and whether each is admitted.
func TestSlidingLog(t *testing.T) {
	type at struct {
		s  int
		ok bool
	}
	for _, tt := range []struct {
		name   string
		n      int
		per    time.Duration
		script []at
	}{
		{"one", 1, 10 * time.Second, []at{{0, true}, {0, false}, {9, false}, {10, true}, {19, false}, {20, true}, {100, true}}},
		{"three at once", 3, 10 * time.Second, []at{{0, true}, {0, true}, {0, true}, {0, false}, {9, false}, {10, true}, {10, true}, {10, true}, {10, false}}},
		{"three spread", 3, 10 * time.Second, []at{{0, true}, {4, true}, {8, true}, {9, false}, {10, true}, {13, false}, {14, true}, {17, false}, {18, true}}},
		// What is refused does not count: the refused ones of 1 to 9 s push nothing back.
		{"refused ones", 2, 10 * time.Second, []at{{0, true}, {0, true}, {1, false}, {5, false}, {9, false}, {10, true}, {10, true}, {11, false}}},
	} {
		var l slidingLog
		began := newClock().Now()
		for i, step := range tt.script {
			if got := l.admit(tt.n, tt.per, began.Add(time.Duration(step.s)*time.Second)); got != step.ok {
				t.Errorf("%s, step %d at %d s: got %v", tt.name, i, step.s, got)
			}
		}
		if len(l.at) > tt.n {
			t.Errorf("%s: %d instants kept", tt.name, len(l.at))
		}
	}
}

// TestSlidingLogWindow: in no half-open window of the period are more than n admitted, and none is
// refused that would have fitted.
func TestSlidingLogWindow(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= 6; n++ {
		const per = 100
		var l slidingLog
		var admitted []int
		began, now := newClock().Now(), 0
		for range 3000 {
			now += rnd.IntN(2 * per / n)
			within := 0
			for _, a := range admitted {
				if now-a < per {
					within++
				}
			}
			ok := l.admit(n, per*time.Millisecond, began.Add(time.Duration(now)*time.Millisecond))
			if ok != (within < n) {
				t.Fatalf("n %d at %d: got %v with %d within the period", n, now, ok, within)
			}
			if ok {
				admitted = append(admitted, now)
			}
		}
	}
}

// TestGateEnter: which logins get a slot, and what the others leave behind.
func TestGateEnter(t *testing.T) {
	g := newGate(&Config{MaxSessions: 2, Accounts: map[string]string{"demo": "one-secret", "other": "two-secret"}})
	enter := func(id, pw, newPW string, v verdict, n int) {
		t.Helper()
		if gotV, gotN := g.enter(id, pw, newPW); gotV != v || gotN != n {
			t.Errorf("%s with %s: got %v, %d sessions, want %v, %d", id, pw, gotV, gotN, v, n)
		}
	}
	enter("nobody", "one-secret", "", wrongPassword, 0)
	enter("demo", "two-secret", "", wrongPassword, 0)
	enter("demo", "", "", wrongPassword, 0)
	enter("demo", "two-secret", "new-secret", wrongPassword, 0)
	enter("demo", "one-secret", "", admitted, 1)
	enter("demo", "one-secret", "new-secret", admitted, 2)
	enter("demo", "one-secret", "", wrongPassword, 0)
	enter("demo", "new-secret", "more-secret", tooManySessions, 2)
	if !g.known("demo", "new-secret") || g.known("demo", "more-secret") {
		t.Error("a login without a slot changed the password")
	}
	enter("other", "two-secret", "", admitted, 1)
	if got := g.leave("demo"); got != 1 {
		t.Errorf("%d left", got)
	}
	enter("demo", "new-secret", "", admitted, 2)
	if got := g.sessions(); len(got) != 2 || got["demo"] != 2 || got["other"] != 1 {
		t.Errorf("sessions %v", got)
	}
}

// TestGateGhosts: ghosts take slots until their time is over, soonest first.
func TestGateGhosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(&Config{MaxSessions: 3, Accounts: map[string]string{"demo": "one-secret"}})
		want := func(v verdict, n int) {
			t.Helper()
			if gotV, gotN := g.enter("demo", "one-secret", ""); gotV != v || gotN != n {
				t.Errorf("got %v, %d sessions, want %v, %d", gotV, gotN, v, n)
			}
		}
		want(admitted, 1)
		want(admitted, 2)
		g.haunt("demo", time.Now().Add(time.Minute))
		time.Sleep(time.Second)
		g.haunt("demo", time.Now().Add(time.Minute))
		if s, gh := g.sessions()["demo"], g.ghosts()["demo"]; s != 0 || gh != 2 {
			t.Errorf("%d sessions, %d ghosts", s, gh)
		}
		want(admitted, 1)
		want(haunted, 1)
		time.Sleep(59*time.Second - 1)
		want(haunted, 1)
		time.Sleep(time.Nanosecond) // the first is gone
		want(admitted, 2)
		want(haunted, 2)
		time.Sleep(time.Second)
		want(admitted, 3)
		want(tooManySessions, 3)
		if gh := g.ghosts(); len(gh) != 0 {
			t.Errorf("ghosts %v", gh)
		}
	})
}

// TestGateUnlimited: a negative number of sessions is no limit, for ghosts as well.
func TestGateUnlimited(t *testing.T) {
	g := newGate(&Config{MaxSessions: -1, Accounts: map[string]string{"demo": "one-secret"}})
	for i := range 50 {
		if v, n := g.enter("demo", "one-secret", ""); v != admitted || n != i+1 {
			t.Fatalf("login %d: got %v, %d sessions", i, v, n)
		}
		if i%2 == 0 {
			g.haunt("demo", time.Now().Add(time.Hour))
			if v, _ := g.enter("demo", "one-secret", ""); v != admitted {
				t.Fatalf("login %d: got %v with ghosts", i, v)
			}
		}
	}
}

// TestGateLeavesTooOften: a slot that is given back twice is an error of ours.
func TestGateLeavesTooOften(t *testing.T) {
	g := newGate(&Config{MaxSessions: 1, Accounts: map[string]string{"demo": "one-secret"}})
	g.enter("demo", "one-secret", "")
	g.leave("demo")
	defer func() {
		if got := recover(); got != "BUG: more sessions left than entered" {
			t.Errorf("got %v", got)
		}
	}()
	g.leave("demo")
}

// TestGateAdmit: the rate is the account's; no rate and no account are no limit.
func TestGateAdmit(t *testing.T) {
	now := newClock().Now()
	g := newGate(&Config{RateLimit: 1, RatePer: time.Second, Accounts: map[string]string{"demo": "", "other": ""}})
	for i, tt := range []struct {
		id string
		ok bool
	}{{"demo", true}, {"demo", false}, {"other", true}, {"other", false}, {"nobody", true}, {"nobody", true}, {"", true}, {"", true}} {
		if got := g.admit(tt.id, 1, now); got != tt.ok {
			t.Errorf("step %d, %q: got %v", i, tt.id, got)
		}
	}
	g = newGate(&Config{Accounts: map[string]string{"demo": ""}})
	for range 100 {
		if !g.admit("demo", 1, now) {
			t.Fatal("refused without a limit")
		}
	}
}

// TestMaxCommandsCountsCommands: hello and the login itself do not count, a refused command does,
// and a new login begins anew. 2502 ends the session (RFC 5730 section 3).
func TestMaxCommandsCountsCommands(t *testing.T) {
	r := start(t, Config{MaxCommands: 3, Quirks: Quirks{StayAfterLogout: true}})
	c := enterWild(t, r, "demo")
	for range 5 {
		c.ask(epp("<hello/>"))
	}
	c.do("info", "D:<name>missing.com</name>").want(2303)
	c.command("<renounce/>").want(2000)
	c.ask(epp(`<extension><x:y xmlns:x="urn:x"/></extension>`)).want(2000)
	c.command("<logout/>").want(1500)
	c.login("demo", "demo-secret").want(1000)
	for range 3 {
		c.checks()
	}
	c.ask("<no").want(2001) // cannot be read, and is no command
	c.do("check", "D:<name>a.com</name>").want(2502).has("too many commands in this session")
	c.ended()
	breaches(t, r, Breaches{TooMany: 1, Unparseable: 1})
	if n := r.Counters(); n.Executed["check"] != 3 || n.Commands["check"] != 4 || n.Codes[2502] != 1 || n.Sessions["demo"] != 0 {
		t.Errorf("counted %+v", n)
	}
}

// TestLimitsTogether: a command above both limits is one above MaxCommands, and takes no place in
// the rate.
func TestLimitsTogether(t *testing.T) {
	k := newClock()
	r := start(t, Config{MaxCommands: 2, RateLimit: 3, RatePer: time.Minute, Now: k.Now})
	c := enter(t, r, "demo")
	c.checks()
	c.checks()
	c.do("check", "D:<name>a.com</name>").want(2502)
	c.ended()
	c = enter(t, r, "demo")
	c.checks()                                       // the third of the minute
	c.do("check", "D:<name>a.com</name>").want(2502) // too fast, stays open
	c.do("check", "D:<name>a.com</name>").want(2502) // the third in this session
	c.ended()
	breaches(t, r, Breaches{TooFast: 1, TooMany: 2})
}

// TestOnBehalf: a login counts for the account that it names, anything else for that of the
// session.
func TestOnBehalf(t *testing.T) {
	login, f := readRequest([]byte(epp("<command>" + loginXML(" other ", "x", "", "1.0", "en", "") + "</command>")))
	if f != nil {
		t.Fatal(*f)
	}
	hello, _ := readRequest([]byte(epp("<hello/>")))
	empty, _ := readRequest([]byte(epp("<command><login/></command>")))
	s := &session{}
	for _, tt := range []struct {
		account string
		req     request
		want    string
	}{
		{"", login, "other"},
		{"demo", login, "demo"},
		{"", hello, ""},
		{"demo", hello, "demo"},
		{"", empty, ""},
	} {
		s.account = tt.account
		if got := s.onBehalf(&exchange{req: tt.req}); got != tt.want {
			t.Errorf("%s of %q counts for %q, want %q", tt.req.verb, tt.account, got, tt.want)
		}
	}
}
