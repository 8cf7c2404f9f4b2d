package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
	"eppmux/gateway"
)

// fakeGateways stand in for the HTTP server, and note what is done to them. Guarded by mu.
type fakeGateways struct {
	mu     sync.Mutex
	calls  []string
	last   gateway.Config // of the last New or Reload
	fail   string         // the next call of that name fails
	stands chan struct{}  // a Drain waits for it; nil: none does
}

// fakeGateway is one of them.
type fakeGateway struct{ all *fakeGateways }

var errFake = errors.New("not today")

func (f *fakeGateways) call(name string, cfg *gateway.Config) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, name)
	if f.fail == name {
		f.fail = ""
		return errFake
	}
	if cfg != nil {
		f.last = *cfg
	}
	return nil
}

func (f *fakeGateways) new(cfg gateway.Config) (httpServer, error) {
	return &fakeGateway{f}, f.call("new", &cfg)
}

func (g *fakeGateway) Listen() error                   { return g.all.call("listen", nil) }
func (g *fakeGateway) Serve()                          { _ = g.all.call("serve", nil) }
func (g *fakeGateway) Reload(cfg gateway.Config) error { return g.all.call("reload", &cfg) }
func (g *fakeGateway) Close() error                    { return g.all.call("close", nil) }
func (g *fakeGateway) Drain(within time.Duration) error {
	if g.all.stands != nil {
		<-g.all.stands
	}
	return g.all.call(fmt.Sprintf("drain %v", within), nil)
}

// took returns what was done since, and forgets it.
func (f *fakeGateways) took() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := strings.Join(f.calls, ", ")
	f.calls = nil
	return text
}

// names are those of the registries that the gateway has now.
func (f *fakeGateways) names() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, r := range f.last.Registries {
		names = append(names, r.Name)
	}
	return strings.Join(names, ",")
}

// gatewayStand is a service with gateways that are none, over a file that the test writes.
type gatewayStand struct {
	*reloadStand
	fakes *fakeGateways
}

func startGatewayStand(t *testing.T, top string, registries ...string) *gatewayStand {
	t.Helper()
	t.Setenv("STATE_DIRECTORY", "")
	st := &gatewayStand{&reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}, new(fakeGateways)}
	st.prepare = func(s *service) { s.newGateway = st.fakes.new }
	st.begin(top, registries...)
	return st
}

// TestGatewayStarts: listeners are open before an account is used, requests are taken once
// the accounts have been started.
func TestGatewayStarts(t *testing.T) {
	st := startGatewayStand(t, "gateway: {listen: ['unix:///g']}", "a", "b")
	if got := st.fakes.took(); got != "new, listen, serve" {
		t.Errorf("got %s", got)
	}
	if got := st.fakes.names(); got != "a,b" {
		t.Errorf("got registries %s", got)
	}
	if got := st.fakes.last.KeyFile; got != "" {
		t.Errorf("got key file %q without a folder that lasts", got)
	}
}

// TestGatewayConfig: every key of the section, and of a registry what is the gateway's.
func TestGatewayConfig(t *testing.T) {
	token := config.TokenHash("epx_1")
	hash := "pbkdf2-sha256$10000$c2l4dGVlbiBvY3RldHMhIQ$ovesOjWVCjVTV8t9RIiieWzod3TcuE4rfuZ+Y1p9OEw"
	top := "state: {dir: .}\n" + `gateway:
  listen: ["tcp://127.0.0.1:7080", {address: "unix:///g", mode: "0600", group: root}, "tls://0.0.0.0:7443"]
  allow_remote: [192.0.2.0/24]
  tls: {cert_file: a.pem, key_file: a.key}
  hosts: [Shop.example]
  origins: ["https://shop.example"]
  users:
    - {name: u, password_hash: ` + hash + `, weight: 3, registries: [a], allow: [check, "poll:req"]}
    - {name: v, token_hash: ` + token + `}
  max_body: 5000
  timeout: 5s
  keys: {keep: 1h}
  rpp: {enabled: true, codes: core-00, sets_status: true}
`
	t.Setenv("STATE_DIRECTORY", "")
	st := &gatewayStand{&reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}, new(fakeGateways)}
	clitest.WritePair(t, st.dir, "a")
	st.prepare = func(s *service) { s.newGateway = st.fakes.new }
	st.begin(top, st.registry("a", "zones: [it, co.uk], check_max: 7, nameservers: attributes, reconcile: true"),
		st.registry("b", "gateway: false"), st.registry("c"))
	c := st.fakes.last
	if c.KeyFile != filepath.Join(st.dir, "gateway.keys") || c.KeyKeep != time.Hour || c.MaxBody != 5000 || c.Timeout != 5*time.Second ||
		!slices.Equal(c.Hosts, []string{"shop.example"}) || !slices.Equal(c.Origins, []string{"https://shop.example"}) ||
		c.RPP != (gateway.RPP{On: true, Codes: "core-00", SetsStatus: true}) || c.Version != "devel" || c.Logger == nil {
		t.Errorf("got %+v", c)
	}
	networks := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if l := c.Listeners; len(l) != 3 || l[0].Address != "tcp://127.0.0.1:7080" || l[0].TLS != nil || l[1].Mode != 0o600 || l[1].Group != "root" ||
		l[1].Networks != nil || l[2].TLS == nil || !slices.Equal(l[2].Networks, networks) {
		t.Errorf("got listeners %+v", l)
	}
	u, v := c.Users[0], c.Users[1]
	if u.Name != "u" || u.Weight != 3 || !u.Password.Matches("secret") && u.Password.Encode() != hash || !slices.Equal(u.Registries, []string{"a"}) ||
		u.Token != ([32]byte{}) || !u.Commands.Has(frame.CommandCheck, frame.OpNone) || u.Commands.Has(frame.CommandPoll, frame.OpAck) {
		t.Errorf("got user %+v", u)
	}
	if want, _ := config.ParseTokenHash(token); v.Token != want || v.Commands != nil || v.Registries != nil {
		t.Errorf("got user %+v", v)
	}
	if got := st.fakes.names(); got != "a,c" {
		t.Errorf("got registries %s, want those that are offered", got)
	}
	a := c.Registries[0]
	if a.Address != "sandbox" || !slices.Equal(a.Zones, []string{"it", "co.uk"}) || a.CheckMax != 7 || !a.HostAttr || !a.Reconcile ||
		a.ClID != "demo" || a.Account != st.s.members[0].account || a.Logins != nil {
		t.Errorf("got registry %+v", a)
	}
	if d := c.Registries[1]; d.CheckMax != 10 || d.HostAttr || d.Reconcile {
		t.Errorf("got registry %+v, want the defaults", d)
	}
}

// TestGatewayReload: registries come and go, the section changes, comes and goes.
func TestGatewayReload(t *testing.T) {
	st := startGatewayStand(t, "gateway: {listen: ['unix:///g']}", "a", "b")
	f := st.fakes
	f.took()
	step := func(top, log, calls, names string, registries ...string) {
		t.Helper()
		st.write(top, registries...)
		st.want(st.reload(), log)
		if got := f.took(); got != calls {
			t.Errorf("%s: got %s, want %s", top, got, calls)
		}
		if got := f.names(); got != names {
			t.Errorf("%s: got registries %s, want %s", top, got, names)
		}
	}
	same := "gateway: {listen: ['unix:///g']}"
	step(same, "msg=reloaded unchanged=a,b\n", "reload", "a,b", "a", "b")
	step(same, "msg=reloaded added=c removed=a unchanged=b\n", "reload", "c,b", "c", "b")
	step(same, "msg=reloaded changed=b unchanged=c\n", "reload", "c", "c", st.registry("b", "gateway: false"))
	user := "gateway: {listen: ['unix:///g'], users: [{name: u, token_hash: " + config.TokenHash("x") + "}]}"
	step(user, "settings=gateway\n", "reload", "c", "c", st.registry("b", "gateway: false"))
	if len(f.last.Users) != 1 {
		t.Errorf("got users %+v", f.last.Users)
	}
	// What fails leaves the section as it was, but not the registries.
	f.fail = "reload"
	step(same, "failed=gateway\n", "reload, reload", "c,b", "c", "b")
	st.want(st.since(), `msg="gateway stays as it was" err="not today"`)
	if len(f.last.Users) != 1 {
		t.Errorf("got users %+v, want those of before", f.last.Users)
	}
	step(same, "settings=gateway\n", "reload", "c,b", "c", "b")
	// It goes, in the background, and comes again behind its end.
	f.stands = make(chan struct{})
	st.write("", "c", "b")
	st.want(st.reload(), "settings=gateway\n")
	if got := f.took(); got != "" || st.s.gateway != nil {
		t.Errorf("got %s before the drain has ended", got)
	}
	close(f.stands)
	step(same, "settings=gateway\n", "drain 30s, close, new, listen, serve", "c,b", "c", "b")
	st.want(st.log.Text(), `msg="gateway has ended"`)
	// One that cannot be started is tried again.
	f.stands = make(chan struct{})
	step("", "settings=gateway\n", "", "c,b", "c", "b")
	close(f.stands)
	<-st.s.leftGateway.gone
	f.took()
	f.fail = "listen"
	step(same, "failed=gateway\n", "new, listen, close", "c,b", "c", "b")
	st.want(st.since(), `msg="gateway could not be started" err="gateway: not today"`)
	step(same, "settings=gateway\n", "new, listen, serve", "c,b", "c", "b")
}

// TestGatewayCertificates: a certificate that stays keeps its TLS config, another one makes another.
func TestGatewayCertificates(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	st := &gatewayStand{&reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}, new(fakeGateways)}
	clitest.WritePair(t, st.dir, "a")
	clitest.WritePair(t, st.dir, "b")
	st.prepare = func(s *service) { s.newGateway = st.fakes.new }
	top := func(name, more string) string {
		return fmt.Sprintf("gateway: {listen: ['tls://127.0.0.1:7443'], tls: {cert_file: %s.pem, key_file: %s.key}%s}", name, name, more)
	}
	st.begin(top("a", ""), "r")
	speaks := func() *tls.Config { return st.fakes.last.Listeners[0].TLS }
	first := speaks()
	st.write(top("a", ", max_body: 5000"), "r")
	st.reload()
	if speaks() != first || st.fakes.last.MaxBody != 5000 {
		t.Error("got another TLS config for the same certificate")
	}
	if own := st.s.certificates(); len(own) != 1 || own[0].ShownTo() != "gateway" || len(st.s.live.now.Load().own) != 1 {
		t.Errorf("got certificates %+v, want that of the gateway watched", own)
	}
	st.write(top("b", ""), "r")
	st.want(st.reload(), "settings=gateway\n")
	if speaks() == first {
		t.Error("got the TLS config of before for another certificate")
	}
	got, err := speaks().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil || got.Leaf.Subject.CommonName != "b" {
		t.Errorf("got %v, %v, want the certificate b", got, err)
	}
}

// TestGatewayFailsToStart: nothing is left of a start that fails for the gateway.
func TestGatewayFailsToStart(t *testing.T) {
	for _, call := range []string{"new", "listen"} {
		f := &fakeGateways{fail: call}
		st := &reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}
		st.make("gateway: {listen: ['unix:///g']}", "a")
		st.s.newGateway = f.new
		cfg, err := config.Load(st.s.file)
		if err != nil {
			t.Fatal(err)
		}
		st.s.locks = newLocks(st.s.file, cfg, nil, st.s.log)
		if err := st.s.start(t.Context(), cfg); !errors.Is(err, errFake) {
			t.Errorf("%s: got %v", call, err)
		}
		if err := st.s.close(); err != nil {
			t.Errorf("%s: close: got %v", call, err)
		}
		if got := f.took(); strings.Contains(got, "serve") || strings.Contains(got, "close") != (call == "listen") {
			t.Errorf("%s: got %s", call, got)
		}
	}
}

// TestGatewayDrains: requests under way have half of the time, before sessions log out.
func TestGatewayDrains(t *testing.T) {
	st := startGatewayStand(t, "drain_timeout: 8s\ngateway: {listen: ['unix:///g']}", "a")
	f := st.fakes
	f.took()
	f.stands = make(chan struct{})
	drained := make(chan error, 1) // the one result of drain
	go func() { drained <- st.s.drain() }()
	// The session is there as long as requests are under way.
	if open, err := st.s.members[0].account.Sessions(); err != nil || len(open) == 0 {
		t.Errorf("got %v, %v, want a session", open, err)
	}
	close(f.stands)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if got := f.took(); !strings.HasPrefix(got, "drain 4s") {
		t.Errorf("got %s, want a drain within half of the time", got)
	}
}

// TestDrainVerbTellsTheGateway: a registry that an operator takes out is not offered any more.
func TestDrainVerbTellsTheGateway(t *testing.T) {
	st := startGatewayStand(t, "gateway: {listen: ['unix:///g']}", "a", "b")
	st.fakes.took()
	done := make(chan struct{}) // closed when the task has run
	go func() {
		defer close(done)
		(<-st.s.tasks)(t.Context())
	}()
	if _, err := drainVerb(st.s, t.Context(), Request{Registry: "b"}); err != nil {
		t.Fatal(err)
	}
	<-done
	if got := st.fakes.took(); got != "reload" || st.fakes.names() != "a" {
		t.Errorf("got %s, registries %s, want a", got, st.fakes.names())
	}
}

// TestLeftGatewayIsAwaited: the end of a start that waits for a gateway that is ending.
func TestLeftGatewayIsAwaited(t *testing.T) {
	st := startGatewayStand(t, "gateway: {listen: ['unix:///g']}", "a")
	st.fakes.stands = make(chan struct{})
	st.write("", "a")
	st.reload()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := st.s.startGateway(ctx, &config.Config{Gateway: new(config.Gateway)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
	close(st.fakes.stands)
}
