package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/gateway/carry"
	"eppmux/proxy"
	"eppmux/upstream/pool"
)

func hashOf(t testing.TB, password string) proxy.PasswordHash {
	t.Helper()
	h, err := proxy.HashPassword(password, proxy.HashIterationsMin)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// withUsers has ann with a password, bob with a token and one registry, and cat with both.
func withUsers(t testing.TB) func(*Config) {
	checks := pool.Commands(func(c frame.Command, _ frame.Op) bool { return c == frame.CommandCheck })
	return func(c *Config) {
		c.Users = []User{
			{Name: "ann", Password: hashOf(t, "pw:ann"), Weight: 3, Commands: &checks},
			{Name: "bob", Token: sha256.Sum256([]byte("token-bob")), Registries: []string{"se"}},
			{Name: "cat", Password: hashOf(t, "pw-cat"), Token: sha256.Sum256([]byte("token-cat"))},
		}
	}
}

func basic(name, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(name, password)
	return r.Header.Get("Authorization")
}

func TestUsers(t *testing.T) {
	g := open(t, withUsers(t))
	for _, tt := range []struct {
		header []string
		user   string
	}{
		{nil, ""},
		{[]string{"Authorization", basic("ann", "pw:ann")}, "ann"},
		{[]string{"Authorization", basic("ann", "pw:ann")}, "ann"}, // by its proof
		{[]string{"Authorization", basic("ann", "pw:ann ")}, ""},
		{[]string{"Authorization", basic("ann", "")}, ""},
		{[]string{"Authorization", basic("Ann", "pw:ann")}, ""},
		{[]string{"Authorization", basic("", "pw:ann")}, ""},
		{[]string{"Authorization", basic("nobody", "pw:ann")}, ""},
		{[]string{"Authorization", basic("bob", "")}, ""},
		{[]string{"Authorization", basic("bob", "token-bob")}, ""},
		{[]string{"Authorization", basic("cat", "pw-cat")}, "cat"},
		{[]string{"Authorization", "Bearer token-cat"}, "cat"},
		{[]string{"Authorization", "bearer token-bob"}, "bob"},
		{[]string{"Authorization", "Bearer token-bo"}, ""},
		{[]string{"Authorization", "Bearer "}, ""},
		{[]string{"Authorization", "Bearer"}, ""},
		{[]string{"Authorization", ""}, ""},
		{[]string{"Authorization", "Basic !!"}, ""},
		{[]string{"Authorization", "Negotiate token-bob"}, ""},
		{[]string{"Authorization", "Bearer token-bob", "Authorization", basic("ann", "pw:ann")}, ""},
	} {
		before := len(g.carrier.seen())
		res := g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`, tt.header...)
		seen := g.carrier.seen()[before:]
		switch {
		case tt.user == "":
			res.want(t, 401, "unauthorized", "")
			if all := res.Header.Values("WWW-Authenticate"); len(all) != 2 || len(seen) != 0 {
				t.Errorf("%q: got %q, orders %v", tt.header, all, seen)
			}
		case tt.user == "bob":
			res.want(t, 404, "no-registry", "") // it is not one of his
		case res.StatusCode != 200 || len(seen) != 1 || seen[0].User.Name != tt.user:
			t.Errorf("%q: got %s: %s, orders %v", tt.header, res.Status, res.body, seen)
		}
	}
	all := g.carrier.seen()
	if u := all[0].User; u.Weight != 3 || u.Commands == nil || u.Commands.Has(frame.CommandCreate, frame.OpNone) ||
		!strings.HasPrefix(u.Listener, "tcp://127.0.0.1:") || !strings.HasPrefix(u.Client, "127.0.0.1:") {
		t.Errorf("got %+v", u)
	}
	res := g.ask("GET", "/v1/registries", "", "Authorization", "Bearer token-bob")
	if res.StatusCode != 200 || strings.Contains(res.body, `"it"`) {
		t.Errorf("got %s: %s", res.Status, res.body)
	}
	for _, path := range []string{"/docs", "/docs/docs.js", "/openapi.json"} { // for everybody
		if res := g.ask("GET", path, ""); res.StatusCode != 200 {
			t.Errorf("%s: got %s", path, res.Status)
		}
	}
	if n := g.srv.Snapshot().AuthFailures; n != 15 {
		t.Errorf("%d failures were counted", n)
	}
}

// TestNobodyNeedsToLogIn: without users, whoever reaches a listener is named by where it comes from.
func TestNobodyNeedsToLogIn(t *testing.T) {
	g := open(t, nil)
	g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`, "Authorization", "Bearer anything")
	if u := g.carrier.seen()[0].User; !strings.HasPrefix(u.Name, "uid ") && u.Name != "loopback" {
		t.Errorf("got %+v", u)
	}
}

// TestSecretsInLogs: what a client sends is in no log, but for its id.
func TestSecretsInLogs(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	g := open(t, func(c *Config) {
		withUsers(t)(c)
		c.Logger = slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	g.post("/api/epp/domain-create?pw=canary-1", `{"host":"it","pw":"canary-2","domain":"canary-3.it","password":"canary-4"}`,
		"Authorization", "Bearer token-cat", "Idempotency-Key", "canary-5", "X-Request-Id", "shop-17")
	g.ask("GET", "/v1/canary-6", "", "Authorization", basic("canary-7", "canary-8"))
	g.post("/api/epp/domain-create", `{"canary-9":1}`, "Authorization", basic("cat", "canary-10"))
	mu.Lock()
	defer mu.Unlock()
	if text := log.String(); strings.Contains(text, "canary") || strings.Contains(text, "token") ||
		!strings.Contains(text, "id=shop-17") || !strings.Contains(text, "user=cat route=domain-create status=200 outcome=answered") {
		t.Errorf("got %s", text)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// TestReloadKeepsProofs: a user whose hash stays need not be verified again; a removed one is refused at once.
func TestReloadOfUsers(t *testing.T) {
	users := withUsers(t)
	var cfg Config
	g := open(t, func(c *Config) { users(c); cfg = *c })
	ask := func(want int) {
		t.Helper()
		if res := g.ask("GET", "/v1/registries", "", "Authorization", basic("ann", "pw:ann")); res.StatusCode != want {
			t.Errorf("got %s, want %d", res.Status, want)
		}
	}
	ask(200)
	proof := g.srv.now.Load().users.byName["ann"].password.proof.Load()
	if err := g.srv.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if again := g.srv.now.Load().users.byName["ann"].password.proof.Load(); proof == nil || again != proof {
		t.Error("the proof is gone")
	}
	cfg.Users = append([]User(nil), cfg.Users...)
	cfg.Users[0].Password = hashOf(t, "other")
	if err := g.srv.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	ask(401)
	cfg.Users = cfg.Users[1:]
	if err := g.srv.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	ask(401)
	cfg.Users = nil
	if err := g.srv.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	ask(200)
}

// TestGuesserDelaysNobody: while one peer guesses, others wait for one verification at most, whatever the line.
func TestGuesserDelaysNobody(t *testing.T) {
	v := newVerifier()
	ann, bob := &credential{name: "ann", hash: hashOf(t, "a")}, &credential{name: "bob", hash: hashOf(t, "b")}
	hand := func(peer string, c *credential, password string) *verification {
		w := &verification{claim: claim{peer, c}, password: password, result: make(chan error, 1)}
		if !v.handIn(w) {
			w.result <- errBusy
		}
		return w
	}
	first := hand("evil", ann, "x")
	v.note(first, false) // it has guessed before
	var guesses []*verification
	for range 2 * verificationsMax {
		guesses = append(guesses, hand("evil", ann, "x"), hand("evil", nil, "x"))
	}
	if n := v.n; n != verificationsMax {
		t.Fatalf("%d wait", n)
	}
	honest := []*verification{hand("shop", ann, "a"), hand("evil", bob, "b"), hand("panel", ann, "a")}
	for i := range honest {
		if w := v.next(); w != honest[i] {
			t.Errorf("turn %d: got %v", i, w.claim)
		}
	}
	refused := 0
	for _, w := range guesses {
		select {
		case err := <-w.result:
			if !errors.Is(err, errBusy) {
				t.Errorf("got %v", err)
			}
			refused++
		default:
		}
	}
	if want := len(guesses) + 1 + len(honest) - verificationsMax; refused != want {
		t.Errorf("%d were refused, want %d", refused, want)
	}
}

// TestVerifyEndsWithItsCaller: one that leaves makes room, and stop leaves nobody waiting.
func TestVerifyEndsWithItsCaller(t *testing.T) {
	v := newVerifier() // not running
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	cred := &credential{name: "ann", hash: hashOf(t, "a")}
	if err := v.verify(ctx, "shop", cred, "a"); !errors.Is(err, context.DeadlineExceeded) || v.n != 0 || len(v.lines) != 0 {
		t.Errorf("got %v, %d wait", err, v.n)
	}
	go v.run()
	if err := v.verify(context.Background(), "shop", cred, "a"); err != nil || cred.proof.Load() == nil {
		t.Errorf("got %v", err)
	}
	if err := v.verify(context.Background(), "shop", cred, "b"); !errors.Is(err, errWrongCredentials) || v.wrong.Load() != 1 {
		t.Errorf("got %v", err)
	}
	v.stop()
	if err := v.verify(context.Background(), "shop", nil, "b"); !errors.Is(err, errBusy) {
		t.Errorf("got %v", err)
	}
}

// TestNetworks: who comes from elsewhere is turned away before a word; this machine is not.
func TestNetworks(t *testing.T) {
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	for from, want := range map[string]bool{"192.0.2.7:1": true, "198.51.100.1:1": false, "127.0.0.1:1": true, "[::1]:1": true,
		"[::ffff:192.0.2.7]:1": true, "[2001:db8::1]:1": false} {
		l := testConfig().Listeners[0]
		l.Networks = append(l.Networks, mustPrefix("192.0.2.0/24"))
		c := &conn{Conn: from2{one, from}, options: &l}
		if got := c.allowed(); got != want {
			t.Errorf("%s: got %v", from, got)
		}
	}
}

var _ carrier = (*carry.Carrier)(nil)
