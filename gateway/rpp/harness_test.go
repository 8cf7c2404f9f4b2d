package rpp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/gateway/batch"
	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/loop/gnetloop"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// rig is a handler in front of a sandbox, over real sockets and TLS, or of a fake.
type rig struct {
	t        testing.TB
	handler  http.Handler
	config   Config
	sandbox  *sandbox.Registry
	certs    *sandbox.TLS
	registry *carry.Registry
	carrier  *carry.Carrier
	user     *carry.User
	frames   *frames
}

// frames are the payloads of commands that reached a registry.
type frames struct {
	mu  sync.Mutex
	all []string
}

func (f *frames) add(p string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, p)
}

// take returns the payloads since the last call.
func (f *frames) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.all
	f.all = nil
	return all
}

// start runs a sandbox, an account and a handler over them.
func start(t testing.TB, change func(*sandbox.Config, *Config)) *rig {
	t.Helper()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sc, rc := sandbox.Config{}, Config{BaseURL: func(*http.Request) string { return "https://gw.example" }}
	seen := &frames{}
	sc.Observe = func(f sandbox.Frame) {
		if p := string(f.Payload); !strings.Contains(p, "<login>") && !strings.Contains(p, "<hello") && !strings.Contains(p, "<logout") {
			seen.add(p)
		}
	}
	if change != nil {
		change(&sc, &rc)
	}
	r := &rig{t: t, config: rc, sandbox: sandbox.New(sc), certs: certs, user: &carry.User{Name: "shop"}, frames: seen}
	served := make(chan error, 1) // the one result of Serve
	go func() { served <- r.sandbox.Serve(tls.NewListener(ln, certs.ServerMutual)) }()
	t.Cleanup(func() {
		if err := r.sandbox.Close(); err != nil {
			t.Errorf("close sandbox: %v", err)
		}
		<-served
		if b := r.sandbox.Counters().Breaches; b.Total() > 0 {
			t.Errorf("the registry counts breaches: %+v", b)
		}
	})
	r.registry = &carry.Registry{Name: "test", Address: ln.Addr().String(), Zones: []string{"com", "net", "org", "example", "test"}, CheckMax: 10}
	r.registry.Account = r.account("demo", "demo-secret")
	r.rebuild(nil)
	return r
}

// rebuild makes the handler and what is below it anew, as a new process does. table nil: one in memory.
func (r *rig) rebuild(table carry.Table) {
	if table == nil {
		table = newMemory()
	}
	rc := r.config
	r.carrier = carry.New(table)
	rc.Table = table
	rc.Registries = func() []*carry.Registry { return []*carry.Registry{r.registry} }
	r.handler = newHandler(rc, r.carrier, checks{r.carrier, r.registry})
}

// as is another client of the same registry.
func (r *rig) as(clientID, password string) *rig {
	o := *r
	registry := *r.registry
	registry.Account = r.account(clientID, password)
	o.registry = &registry
	o.rebuild(nil)
	return &o
}

// account starts an account of a client at the sandbox.
func (r *rig) account(clientID, password string) *upstream.Account {
	t := r.t
	l, err := gnetloop.New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a := upstream.NewAccount(upstream.Config{
		Name: "test", Logger: slog.New(slog.DiscardHandler), Address: r.registry.Address, TLS: r.certs.Client,
		Login: frame.Login{ClientID: clientID, Password: password, Language: "en"},
		Pool: pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 3}, QueueTimeout: 8 * time.Second,
			CommandTimeout: 20 * time.Second, KeepaliveCommand: frame.CommandHello},
	}, l)
	a.Start()
	t.Cleanup(func() {
		a.Close()
		if err := l.Stop(); err != nil {
			t.Errorf("stop the loop: %v", err)
		}
	})
	return a
}

// answer is what a client got.
type answer struct {
	*http.Response
	body string
	json map[string]any // nil: none
}

// request is what a client sends. Header lines are "Name: value"; RPP-Cltrid and Content-Type are there
// unless they are given; "Name:" leaves one out.
type request struct {
	method, path, body string
	header             []string
}

var lastID struct {
	sync.Mutex
	n int
}

func nextID() string {
	lastID.Lock()
	defer lastID.Unlock()
	lastID.n++
	return fmt.Sprintf("kiosk-%06d", lastID.n)
}

func (r *rig) send(q request) answer {
	r.t.Helper()
	var body *bytes.Reader
	h := httptest.NewRequest(q.method, "/", http.NoBody)
	if q.body != "" {
		body = bytes.NewReader([]byte(q.body))
		h = httptest.NewRequest(q.method, "/", body)
		h.Header.Set("Content-Type", mediaRPP)
	}
	u, err := h.URL.Parse(q.path)
	if err != nil {
		r.t.Fatal(err)
	}
	h.URL = u
	h.Header.Set("RPP-Cltrid", nextID())
	for _, line := range q.header {
		name, value, _ := strings.Cut(line, ":")
		h.Header.Del(name)
		if value = strings.TrimSpace(value); value != "" {
			h.Header.Add(name, value)
		}
	}
	return r.serve(h)
}

func (r *rig) serve(h *http.Request) answer {
	r.t.Helper()
	ctx := h.Context()
	if r.user != nil {
		ctx = carry.WithUser(ctx, r.user)
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, h.WithContext(ctx))
	a := answer{Response: w.Result(), body: w.Body.String()}
	if a.body != "" {
		if err := json.Unmarshal([]byte(a.body), &a.json); err != nil {
			r.t.Fatalf("%s %s: the body is no JSON object: %v: %s", h.Method, h.URL, err, a.body)
		}
	}
	if len(a.Header.Get("RPP-Code")) != 5 || a.Header.Get("RPP-Svtrid") == "" {
		r.t.Errorf("%s %s: the headers of an answer are missing: %v", h.Method, h.URL, a.Header)
	}
	return a
}

// do sends a request below the prefix.
func (r *rig) do(method, path, body string, header ...string) answer {
	r.t.Helper()
	return r.send(request{method, prefix + path, body, header})
}

// want checks the status and the code of an answer.
func (r *rig) want(a answer, status int, code string) answer {
	r.t.Helper()
	if a.StatusCode != status || a.Header.Get("RPP-Code") != code {
		r.t.Errorf("got %d with %s, want %d with %s: %s", a.StatusCode, a.Header.Get("RPP-Code"), status, code, a.body)
	}
	if got := a.Header.Get("Content-Type"); a.body != "" && (status >= 400) != (got == mediaProblem) {
		r.t.Errorf("got Content-Type %q with %d", got, status)
	}
	return a
}

func pw(password string) string {
	return "RPP-Authorization: authinfo value=" + base64.StdEncoding.EncodeToString([]byte(password))
}

// same checks that got has the JSON of want.
func same(t testing.TB, what, got, want string) {
	t.Helper()
	a, b := normal(t, got), normal(t, want)
	if a != b {
		t.Errorf("%s: got\n%s\nwant\n%s", what, a, b)
	}
}

func normal(t testing.TB, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	out, _ := json.MarshalIndent(v, "", " ")
	return string(out)
}

// memory is a carry.Table in memory.
type memory struct {
	mu    sync.Mutex
	known map[string]*remembered
}

type remembered struct {
	digest [32]byte
	ready  chan struct{}
	end    carry.Answer
}

func newMemory() *memory { return &memory{known: make(map[string]*remembered)} }

func (m *memory) Begin(ctx context.Context, user, _ string, key *carry.Key, _ []byte) (carry.Entry, bool, error) {
	for {
		m.mu.Lock()
		k := m.known[user+"\n"+key.Name]
		if k == nil {
			m.known[user+"\n"+key.Name] = &remembered{digest: key.Digest, ready: make(chan struct{})}
			m.mu.Unlock()
			return carry.Entry{}, true, nil
		}
		m.mu.Unlock()
		if k.digest != key.Digest {
			return carry.Entry{}, false, carry.ErrKeyReused
		}
		select {
		case <-k.ready:
		case <-ctx.Done():
			return carry.Entry{}, false, carry.ErrKeyInFlight
		}
		if k.end.Outcome == carry.NotSent {
			continue
		}
		e := carry.Entry{Outcome: k.end.Outcome, Payload: k.end.Payload, MuxTRID: k.end.MuxTRID}
		if r := k.end.Response; r != nil {
			e.Code = r.Results[0].Code
		}
		return e, false, nil
	}
}

func (m *memory) End(user, _ string, key *carry.Key, a carry.Answer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.known[user+"\n"+key.Name]
	if k.end = a; a.Outcome == carry.NotSent {
		delete(m.known, user+"\n"+key.Name)
	}
	close(k.ready)
	return nil
}

// fake is a carrier and a checker that answer what a test says.
type fake struct {
	orders []carry.Order
	says   func(carry.Order) (carry.Answer, error)
	check  func(batch.Request) *batch.Answer
}

func (f *fake) Do(_ context.Context, o carry.Order) (carry.Answer, error) {
	f.orders = append(f.orders, o)
	return f.says(o)
}

func (f *fake) Check(_ context.Context, r batch.Request, answer func(batch.Answer)) {
	if a := f.check(r); a != nil {
		answer(*a)
	}
}

// answered is an answer of a registry.
func answered(code int, data any) func(carry.Order) (carry.Answer, error) {
	return func(carry.Order) (carry.Answer, error) {
		return carry.Answer{Outcome: carry.Answered, MuxTRID: "M-1", Response: &mapping.Response{
			Results: []mapping.Result{{Code: code, Message: "of the fake"}}, SvTRID: "SV-1", Data: data}}, nil
	}
}

// faked is a handler over a fake.
func faked(t testing.TB, cfg Config, registries ...*carry.Registry) (*rig, *fake) {
	t.Helper()
	f := &fake{says: answered(1000, nil)}
	if registries == nil {
		registries = []*carry.Registry{{Name: "test", Zones: []string{"example"}}}
	}
	cfg.Registries = func() []*carry.Registry { return registries }
	cfg.BaseURL = func(*http.Request) string { return "https://gw.example" }
	return &rig{t: t, user: &carry.User{Name: "shop"}, handler: newHandler(cfg, f, f)}, f
}

// checks is a checker over a carrier.
type checks struct {
	carrier  *carry.Carrier
	registry *carry.Registry
}

func (c checks) Check(ctx context.Context, r batch.Request, answer func(batch.Answer)) {
	a, err := c.carrier.Do(ctx, carry.Order{User: r.User, Registry: c.registry, RequestID: r.RequestID, Command: &mapping.CheckCommand{Names: r.Names}})
	out := batch.Answer{Name: r.Names[0], Registry: c.registry.Name}
	switch {
	case err != nil:
		out.Problem = &batch.Problem{Kind: "forbidden", Detail: err.Error()}
	case a.Outcome != carry.Answered:
		out.Problem = &batch.Problem{Kind: string(a.Outcome)}
	default:
		out.Code = a.Response.Results[0].Code
		if all, ok := a.Response.Data.([]mapping.Check); ok {
			out.Check = &all[0]
		} else {
			out.Problem = &batch.Problem{Kind: "refused", Detail: a.Response.Results[0].Message}
		}
	}
	answer(out)
}
