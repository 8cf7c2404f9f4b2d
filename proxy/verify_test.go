package proxy

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/sandbox"
	"eppmux/upstream"
)

// testIterations are few: with the race detector each is slow.
const testIterations = 100

// hashes are of names and passwords, as cheap as they come.
func hashes(t testing.TB, pairs ...string) map[string]PasswordHash {
	t.Helper()
	all := map[string]PasswordHash{}
	for p := range slices.Chunk(pairs, 2) {
		h, err := HashPassword(p[1], testIterations)
		if err != nil {
			t.Fatal(err)
		}
		all[p[0]] = h
	}
	return all
}

// loginAs is a login; more stands behind it.
func loginAs(name, password, more, clTRID string) string {
	return command(`<login><clID>`+name+`</clID><pw>`+password+`</pw><options><version>1.0</version><lang>en</lang></options>`+
		`<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login>`+more, clTRID)
}

// verifying is a server with two who may log in.
func verifying(t testing.TB, change func(*config)) (*fixture, *echoRegistry) {
	t.Helper()
	return startEcho(t, func(c *config) {
		c.Users = hashes(t, "web", "web-secret", "batch", "batch & secret")
		if change != nil {
			change(c)
		}
	})
}

// TestVerify is the dialogue with who must log in.
func TestVerify(t *testing.T) {
	f, r := verifying(t, nil)
	p := f.dial()
	p.want(p.ask(check("a.example", "V-1")), 2002, "V-1")
	p.want(p.ask(eppOpen+`<extension><x:x xmlns:x="urn:x"/></extension></epp>`), 2002, "")
	if g := p.ask(eppOpen + "<hello/></epp>"); !strings.Contains(g, "<greeting>") {
		t.Errorf("got %s, want a greeting", g)
	}
	p.want(p.ask(loginAs("web", "batch & secret", "", "V-2")), 2001, "") // not XML
	p = f.dial()
	p.want(p.ask(loginAs("web", "batch &amp; secret", "", "V-3")), 2200, "V-3")
	p.want(p.ask(loginAs("nobody", "web-secret", "", "")), 2200, "")
	p.want(p.ask(loginAs(" web ", "\n web-secret", "", "V-4")), 1000, "V-4")
	p.want(p.ask(loginAs("web", "web-secret", "", "V-5")), 2002, "V-5")
	p.want(p.ask(check("a.example", "V-6")), 1000, "V-6")
	if got := r.take(); len(got) != 1 {
		t.Errorf("got %q, want one command at the registry", got)
	}
	p.want(p.ask(command("<logout/>", "V-7")), 1500, "V-7")
	p.wantClosed()
	p = f.dial()
	p.want(p.ask(command("<logout/>", "V-8")), 1500, "V-8")
	p.wantClosed()
}

// TestVerifyRefusals: three in a row end the connection, whatever they were, and each is counted by
// its reason.
func TestVerifyRefusals(t *testing.T) {
	f, _ := verifying(t, nil)
	p := f.dial()
	p.want(p.ask(loginAs("web", "wrong", "", "V-1")), 2200, "V-1")
	p.want(p.ask(command(`<login><clID>web</clID><pw>web-secret</pw><newPW>c</newPW></login>`, "V-2")), 2102, "V-2")
	p.want(p.ask(loginAs("web", "wrong", "", "V-3")), 2501, "V-3")
	p.wantClosed()
	sn := f.server.Snapshot()
	if want := [numRefusals]uint64{refusedCredentials: 2, refusedOther: 1}; sn.LoginsRefused != want || sn.Closes[closedRefused] != 1 {
		t.Errorf("got %v and %d closes, want %v and 1", sn.LoginsRefused, sn.Closes[closedRefused], want)
	}
	p = f.dial()
	p.want(p.ask(check("a.example", "V-4")), 2002, "V-4")
	if n := f.server.Snapshot().NotLoggedIn; n != 1 {
		t.Errorf("got %d commands before login, want 1", n)
	}
}

// TestVerifyIncomplete: a login that lacks what the schema requires is refused where logins are
// verified, with the right password too, and taken where none is needed.
func TestVerifyIncomplete(t *testing.T) {
	verifies, _ := startEcho(t, func(c *config) { c.Users = hashes(t, "web", "web-secret") })
	accepts, _ := startEcho(t, nil)
	const id, pw = `<clID>web</clID>`, `<pw>web-secret</pw>`
	const options, svcs = `<options><version>1.0</version><lang>en</lang></options>`, `<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs>`
	for _, tt := range []struct {
		login string
		code  int
	}{
		{id + pw + options + svcs, 1000},
		{pw + options + svcs, 2003},
		{`<clID/>` + pw + options + svcs, 2003},
		{id + options + svcs, 2003},
		{id + pw + svcs, 2003},
		{id + pw + `<options><version>1.0</version></options>` + svcs, 2003},
		{id + pw + `<options><lang>en</lang></options>` + svcs, 2003},
		{id + pw + options, 2003},
		{id + pw + options + `<svcs/>`, 2003},
		{id + `<pw>wrong</pw>` + options + `<svcs/>`, 2003},
	} {
		p := verifies.dial()
		p.want(p.ask(command("<login>"+tt.login+"</login>", "V-1")), tt.code, "V-1")
		p = accepts.dial()
		p.want(p.ask(command("<login>"+tt.login+"</login>", "V-2")), 1000, "V-2")
	}
	if n := verifies.server.Snapshot().LoginsRefused[refusedOther]; n != 9 {
		t.Errorf("%d logins refused for other reasons, want 9", n)
	}
}

// TestVerifyLoginSecurity: RFC 8807 section 3.2. The password of the extension counts where pw says
// so, and only there.
func TestVerifyLoginSecurity(t *testing.T) {
	const long = "a password of more than sixteen characters"
	f, _ := startEcho(t, func(c *config) { c.Users = hashes(t, "web", long, "odd", "[LOGIN-SECURITY]") })
	security := func(pw string) string {
		return `<extension><loginSec:loginSec xmlns:loginSec="urn:ietf:params:xml:ns:epp:loginSec-1.0">` + pw + `</loginSec:loginSec></extension>`
	}
	for _, tt := range []struct {
		name, pw, more string
		code           int
	}{
		{"web", "[LOGIN-SECURITY]", security(`<loginSec:pw>` + long + `</loginSec:pw>`), 1000},
		{"web", "[LOGIN-SECURITY]", security(`<loginSec:pw>wrong</loginSec:pw>`), 2200},
		{"web", "[LOGIN-SECURITY]", "", 2200},
		{"web", "wrong", security(`<loginSec:pw>` + long + `</loginSec:pw>`), 2200},
		{"web", long, "", 1000},
		{"web", "[LOGIN-SECURITY]", security(`<loginSec:pw>` + long + `</loginSec:pw><loginSec:newPW>another</loginSec:newPW>`), 2102},
	} {
		p := f.dial()
		p.want(p.ask(loginAs(tt.name, tt.pw, tt.more, "V-1")), tt.code, "V-1")
	}
}

// TestVerifySentAhead: what is sent behind a login waits for it, and the answers keep their order,
// however the octets come.
func TestVerifySentAhead(t *testing.T) {
	f, _ := verifying(t, nil)
	for _, tt := range []struct {
		password string
		codes    []int
	}{{"web-secret", []int{1000, 1000, 1000, 1500}}, {"wrong", []int{2200, 2002, 2501}}} {
		var all []byte
		for _, payload := range []string{loginAs("web", tt.password, "", "V-0"), check("a.example", "V-1"), check("b.example", "V-2"), command("<logout/>", "V-3")} {
			all = append(all, unit(payload)...)
		}
		for _, size := range []int{len(all), 700, 41} {
			p := f.dial()
			for piece := range slices.Chunk(all, size) {
				if _, err := p.nc.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			for i, code := range tt.codes {
				p.want(p.read(), code, fmt.Sprintf("V-%d", i))
			}
			p.wantClosed()
		}
	}
}

// TestVerifyReload: who is logged in stays so only as long as the login would be right; nobody is
// disconnected.
func TestVerifyReload(t *testing.T) {
	f, r := startEcho(t, nil)
	cfg := testConfig(t, r.ln.Addr().String(), r.certs)
	all := hashes(t, "web", "web-secret", "batch", "batch-secret")
	reload := func(users map[string]PasswordHash) {
		t.Helper()
		cfg.Users = users
		if err := f.server.Reload(cfg); err != nil {
			t.Fatal(err)
		}
	}
	before, silent := f.dial(), f.dial()
	before.want(before.ask(loginAs("web", "anything", "", "V-1")), 1000, "V-1")
	silent.want(silent.ask(check("a.example", "V-2")), 1000, "V-2")
	reload(all)
	before.want(before.ask(check("a.example", "V-3")), 2002, "V-3")
	silent.want(silent.ask(check("a.example", "V-4")), 2002, "V-4")
	before.want(before.ask(loginAs("web", "web-secret", "", "V-5")), 1000, "V-5")
	silent.want(silent.ask(loginAs("batch", "batch-secret", "", "V-6")), 1000, "V-6")

	reload(map[string]PasswordHash{"web": all["web"], "batch": hashes(t, "batch", "another-secret")["batch"]})
	before.want(before.ask(check("a.example", "V-7")), 1000, "V-7")
	silent.want(silent.ask(check("a.example", "V-8")), 2002, "V-8")
	silent.want(silent.ask(loginAs("batch", "batch-secret", "", "V-9")), 2200, "V-9")
	silent.want(silent.ask(loginAs("batch", "another-secret", "", "V-10")), 1000, "V-10")

	reload(hashes(t, "batch", "batch-secret"))
	before.want(before.ask(check("a.example", "V-11")), 2002, "V-11")
	before.want(before.ask(loginAs("web", "web-secret", "", "V-12")), 2200, "V-12")

	reload(nil)
	before.want(before.ask(check("a.example", "V-13")), 1000, "V-13")
	before.want(before.ask(loginAs("web", "anything", "", "V-14")), 1000, "V-14")
}

// pauseLogins takes the verifier's goroutine away until the function that it returns is called: so
// many logins wait as the test likes.
func (f *fixture) pauseLogins() (resume func()) {
	f.t.Helper()
	v := newVerifier(f.server.loop.Post)
	f.server.verifier.stop()
	if err := f.server.ask(func() { f.server.verifier = v }); err != nil {
		f.t.Fatal(err)
	}
	started := false
	resume = func() {
		if !started {
			started = true
			go v.run()
		}
	}
	f.t.Cleanup(resume) // before the server is closed
	return resume
}

// TestVerifyQueue: beyond the bound logins are refused at once; who has been right before does not
// wait; those that leave cost nothing.
func TestVerifyQueue(t *testing.T) {
	f, _ := verifying(t, nil)
	p := f.dial()
	p.want(p.ask(loginAs("web", "web-secret", "", "V-1")), 1000, "V-1")
	resume := f.pauseLogins()
	var rested atomic.Int32 // once for each wrong password that was looked at
	f.server.verifier.rest = func(time.Duration) { rested.Add(1) }

	var waiting []*peer
	for range verificationsMax {
		q := f.dial()
		q.write(loginAs("web", "wrong", "", "V-2"))
		waiting = append(waiting, q)
	}
	waitFor(t, "the queue", func() bool { return f.server.verifier.len() == verificationsMax })
	if list, _, err := f.server.Clients(1); err != nil || len(list) != 1 || list[0].Doing != "login" {
		t.Errorf("got %+v, %v, want one that logs in", list, err)
	}
	q := f.dial()
	q.want(q.ask(loginAs("web", "wrong", "", "V-3")), 2400, "V-3")
	q.want(q.ask(loginAs("web", "b", "", "V-4")), 2400, "V-4")
	q.want(q.ask(loginAs("web", "web-secret", "", "V-5")), 1000, "V-5")
	q.want(q.ask(check("a.example", "V-6")), 1000, "V-6")
	if got := f.server.Snapshot().LoginsRefused[refusedBusy]; got != 2 {
		t.Errorf("got %d, want 2 refused because too many wait", got)
	}

	for _, w := range waiting[1:] {
		w.nc.Close()
	}
	waitFor(t, "their ends", func() bool { return f.server.Snapshot().Clients == 3 })
	resume()
	waiting[0].want(waiting[0].read(), 2200, "V-2")
	q = f.dial()
	q.want(q.ask(loginAs("web", "wrong", "", "V-7")), 2200, "V-7") // behind all others
	waitFor(t, "the rest", func() bool { return rested.Load() >= 2 })
	if n := rested.Load(); n != 2 {
		t.Errorf("%d wrong passwords were looked at, want those of the two who waited", n)
	}
	if got := f.server.Snapshot().LoginsRefused[refusedCredentials]; got != 2 {
		t.Errorf("got %d logins that were verified and wrong, want those of the two who waited", got)
	}
}

// TestVerifyChanges: what changes while a login waits decides.
func TestVerifyChanges(t *testing.T) {
	for _, tt := range []struct {
		name  string
		users func(*testing.T) map[string]PasswordHash
		code  int
	}{
		{"the password", func(t *testing.T) map[string]PasswordHash { return hashes(t, "web", "another") }, 2200},
		{"the user", func(t *testing.T) map[string]PasswordHash { return hashes(t, "batch", "web-secret") }, 2200},
		{"the policy", func(*testing.T) map[string]PasswordHash { return nil }, 1000},
	} {
		f, r := verifying(t, nil)
		resume := f.pauseLogins()
		p := f.dial()
		p.write(loginAs("web", "web-secret", "", "V-1"))
		waitFor(t, "the queue", func() bool { return f.server.verifier.len() == 1 })
		cfg := testConfig(t, r.ln.Addr().String(), r.certs)
		cfg.Users = tt.users(t)
		if err := f.server.Reload(cfg); err != nil {
			t.Fatal(err)
		}
		resume()
		if got := p.read(); !strings.Contains(got, fmt.Sprintf(`code="%d"`, tt.code)) {
			t.Errorf("%s: got %s, want %d", tt.name, got, tt.code)
		}
	}
}

// TestVerifyDrain: logins that wait do not hold up the end.
func TestVerifyDrain(t *testing.T) {
	f, _ := verifying(t, nil)
	f.pauseLogins()
	p := f.dial()
	p.write(loginAs("web", "web-secret", "", "V-1"))
	waitFor(t, "the queue", func() bool { return f.server.verifier.len() == 1 })
	if err := f.server.Drain(5 * time.Second); err != nil {
		t.Error(err)
	}
	p.wantClosed()
}

// TestVerifyRests: after each wrong password the goroutine rests for as long as it has worked,
// after a right one it goes on.
func TestVerifyRests(t *testing.T) {
	f, _ := verifying(t, nil)
	resume := f.pauseLogins()
	v := f.server.verifier
	rests := make(chan time.Duration, 10) // one for each wrong login
	v.rest = func(d time.Duration) {
		v.pause(d)
		rests <- d
	}
	resume()
	begin := time.Now()
	for i, tt := range []struct {
		name, password string
		code           int
	}{{"nobody", "x", 2200}, {"web", "web-secret", 1000}, {"web", "wrong", 2200}, {"batch", "batch &amp; secret", 1000}, {"batch", "b", 2200}} {
		p := f.dial()
		p.want(p.ask(loginAs(tt.name, tt.password, "", "V-1")), tt.code, "V-1")
		if tt.code == 1000 {
			continue
		}
		if d := <-rests; d < time.Microsecond || d > time.Since(begin) {
			t.Errorf("login %d: rested for %v", i, d)
		}
	}
	if n := len(rests); n != 0 {
		t.Errorf("got %d rests too many", n)
	}
}

// TestVerifyDecoy: a stranger's login takes as long as that of the user with the most iterations,
// and is right with no password.
func TestVerifyDecoy(t *testing.T) {
	users := hashes(t, "web", "web-secret")
	costly, err := HashPassword("x", 2*testIterations)
	if err != nil {
		t.Fatal(err)
	}
	users["batch"] = costly
	s := New(Config{Users: users}, upstream.NewAccount(upstream.Config{}, silent{}))
	if s.decoy.iterations != 2*testIterations || len(s.decoy.salt) != saltLen {
		t.Errorf("got %d iterations, a salt of %d octets", s.decoy.iterations, len(s.decoy.salt))
	}
}

// TestVerifyLog: the log tells of logins that are refused and of commands before login, in a few
// lines, and never what was tried: a client id that is not one of ours may be a password.
func TestVerifyLog(t *testing.T) {
	log := new(logLines)
	f, _ := verifying(t, func(c *config) {
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	p := f.dial()
	p.want(p.ask(check("a.example", "V-1")), 2002, "V-1")
	p.want(p.ask(loginAs("web", "can-ary-1", "", "V-2")), 2200, "V-2")
	p.want(p.ask(loginAs("can-ary-2", "can-ary-3", "", "V-3")), 2501, "V-3")
	for _, words := range [][]string{
		{"command before login refused", "command=check"}, {"client's login refused", "reason=credentials", "clid=web"}, {"client's login refused"},
	} {
		if lines := log.with(append(words, "client="+p.nc.LocalAddr().String(), "listener=tcp://")...); len(lines) == 0 {
			t.Errorf("the log has no %q", words)
		}
	}
	if lines := log.with("can-ary"); len(lines) > 0 {
		t.Errorf("got %q", lines)
	}
}

// TestVerifyVanish: clients that leave at any moment of a login leave nothing behind.
func TestVerifyVanish(t *testing.T) {
	f, _ := verifying(t, nil)
	for i := range 60 {
		p := f.dial()
		p.write(loginAs("web", []string{"web-secret", "wrong"}[i%2], "", "V-1"))
		if i%3 == 0 {
			p.read()
		}
		p.nc.Close()
	}
	waitFor(t, "their ends", func() bool { sn := f.server.Snapshot(); return sn.Clients == 0 && sn.Memory == 0 })
}

// TestPersonalitiesVerified: all that log in see of a listener that verifies what they see of a
// registry itself.
func TestPersonalitiesVerified(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	direct := playPlain(t, directDoor(t, certs))
	f := start(t, func(_ *sandbox.Config, pc *config) {
		pc.Listeners = append(pc.Listeners, Listener{Address: "tls://127.0.0.1:0", TLS: certs.Server})
		pc.Upstream.Pool.QueueTimeout = patience
		pc.Users = hashes(t, "demo", "demo-secret")
	})
	through := playPlain(t, door{f.server.listeners[0].ln.Addr().String(), f.server.listeners[1].ln.Addr().String(), certs.Client})
	for i := range direct {
		for stream, want := range direct[i].journal {
			if got := through[i].journal[stream]; !slices.Equal(got, want) || len(want) == 0 {
				t.Errorf("%s:\ndirectly\n%s\nverified\n%s", direct[i].name, strings.Join(want, "\n"), strings.Join(got, "\n"))
			}
		}
	}
	if sn := f.server.Snapshot(); sn.LoginsRefused[refusedCredentials]+sn.LoginsRefused[refusedBusy] > 0 {
		t.Errorf("got refused logins %v", sn.LoginsRefused)
	}
}
