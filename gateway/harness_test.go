package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/tls"

	"eppmux/frame"
	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/loop/gnetloop"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// testWriter gives a log to the test.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// fakeCarrier answers orders as a test wants, and keeps them.
type fakeCarrier struct {
	mu     sync.Mutex
	orders []carry.Order
	do     func(ctx context.Context, o carry.Order) (carry.Answer, error) // nil: 1000
}

func (f *fakeCarrier) Do(ctx context.Context, o carry.Order) (carry.Answer, error) {
	f.mu.Lock()
	f.orders = append(f.orders, o)
	f.mu.Unlock()
	if f.do != nil {
		return f.do(ctx, o)
	}
	return carried(1000, nil), nil
}

// seen are the orders so far.
func (f *fakeCarrier) seen() []carry.Order {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]carry.Order(nil), f.orders...)
}

// carried is a registry's answer.
func carried(code int, data any) carry.Answer {
	return carry.Answer{Outcome: carry.Answered, MuxTRID: "MUX-1", Payload: []byte("<epp/>"), Response: &mapping.Response{
		Results: []mapping.Result{{Code: code, Message: "as it is"}}, Data: data, ClTRID: "CL-1", SvTRID: "SV-1"}}
}

// rig is a gateway with a fake carrier, over real sockets.
type rig struct {
	t       testing.TB
	srv     *Server
	carrier *fakeCarrier
	url     string
	client  *http.Client
}

// testConfig has one registry, it, and no users.
func testConfig() Config {
	return Config{
		Listeners: []Listener{{Address: "tcp://127.0.0.1:0"}},
		Registries: []Registry{{Registry: carry.Registry{Name: "it", Address: "epp.example:700", Zones: []string{"it"},
			CheckMax: 5}}},
		Version: "1.2.3",
	}
}

// open starts a gateway; change may alter what it is made from.
func open(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	cfg := testConfig()
	if change != nil {
		change(&cfg)
	}
	f := &fakeCarrier{}
	g := &rig{t: t, carrier: f}
	g.start(cfg, f)
	return g
}

// start starts a gateway from cfg; f nil: it carries what it gets.
func (g *rig) start(cfg Config, f *fakeCarrier) {
	g.t.Helper()
	if cfg.Logger == nil && testing.Verbose() {
		cfg.Logger = slog.New(slog.NewTextHandler(testWriter{g.t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := New(cfg)
	if err != nil {
		g.t.Fatal(err)
	}
	if f != nil {
		s.carrier = f
	}
	if err := s.Listen(); err != nil {
		g.t.Fatal(err)
	}
	s.Serve()
	g.srv = s
	_, rest, _ := strings.Cut(s.Addresses()[0], "://")
	g.url = "http://" + rest
	g.client = &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	g.t.Cleanup(func() {
		g.client.CloseIdleConnections()
		if err := s.Close(); err != nil {
			g.t.Errorf("close: %v", err)
		}
	})
}

// response is an answer, read whole.
type response struct {
	*http.Response
	body string
}

// ask sends a request. header has pairs of a name and a value.
func (g *rig) ask(method, path, body string, header ...string) *response {
	g.t.Helper()
	r, err := http.NewRequest(method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		} else {
			r.Header.Add(header[i], header[i+1])
		}
	}
	return g.send(r)
}

func (g *rig) send(r *http.Request) *response {
	g.t.Helper()
	res, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		g.t.Fatal(err)
	}
	return &response{res, string(b)}
}

// post sends a body in JSON.
func (g *rig) post(path, body string, header ...string) *response {
	g.t.Helper()
	return g.ask("POST", path, body, append([]string{"Content-Type", "application/json"}, header...)...)
}

// problem is the Problem in an answer; it fails where there is none.
func (r *response) problem(t testing.TB) *Problem {
	t.Helper()
	var p Problem
	if ct := r.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Fatalf("got %s %s: %s\nwant a problem", r.Status, ct, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	if p.Status != r.StatusCode || p.Title == "" || p.Outcome == "" || r.Header.Get("X-Request-Id") == "" {
		t.Fatalf("got %s: %s\nwant a whole problem", r.Status, r.body)
	}
	return &p
}

// want fails unless the answer is a problem of that status and name; location is that of its first fault, or empty.
func (r *response) want(t testing.TB, status int, name, location string) *Problem {
	t.Helper()
	p := r.problem(t)
	if r.StatusCode != status || p.Type != "urn:eppmux:problem:"+name {
		t.Fatalf("got %s: %s\nwant %d %s", r.Status, r.body, status, name)
	}
	got := ""
	if len(p.Errors) > 0 {
		got = p.Errors[0].Location
	}
	if got != location {
		t.Fatalf("got %s\nwant the location %q", r.body, location)
	}
	return p
}

// registryRig is a gateway in front of a sandbox, over real sockets and TLS.
type registryRig struct {
	*rig
	registry *sandbox.Registry
	account  *upstream.Account
}

// openRegistry starts all; change may alter what it is made from.
func openRegistry(t testing.TB, change func(*sandbox.Config, *upstream.Config, *Config)) *registryRig {
	t.Helper()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	uc := upstream.Config{Name: "it", Address: ln.Addr().String(), TLS: certs.Client,
		Login: frame.Login{ClientID: "demo", Password: "demo-secret", Language: "en"},
		Pool: pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 3}, QueueTimeout: 8 * time.Second,
			CommandTimeout: 20 * time.Second, KeepaliveCommand: frame.CommandHello}}
	sc, cfg := sandbox.Config{}, testConfig()
	cfg.Registries[0].Address = uc.Address
	if change != nil {
		change(&sc, &uc, &cfg)
	}
	l, err := gnetloop.New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	uc.Logger = slog.New(slog.DiscardHandler)
	f := &registryRig{rig: &rig{t: t}, registry: sandbox.New(sc), account: upstream.NewAccount(uc, l)}
	cfg.Registries[0].Account = f.account
	served := make(chan error, 1) // the one result of Serve
	go func() { served <- f.registry.Serve(tls.NewListener(ln, certs.ServerMutual)) }()
	t.Cleanup(func() {
		f.account.Close()
		if err := l.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := f.registry.Close(); err != nil {
			t.Errorf("close sandbox: %v", err)
		}
		<-served
		if b := f.registry.Counters().Breaches; b.Total() > 0 {
			t.Errorf("the registry counts breaches: %+v", b)
		}
	})
	f.account.Start()
	f.start(cfg, nil)
	return f
}

// compact is JSON without white space.
func compact(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(body)); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return b.String()
}
