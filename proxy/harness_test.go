package proxy

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"eppmux/frame"
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

func testLogger(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(testWriter{t}, nil))
}

// config is what a program is built from.
type config struct {
	Config
	Name     string
	Upstream upstream.Config
}

// program is a Server with what is below it, built as a program does it.
type program struct {
	*Server
	loop    *gnetloop.Loop
	drained chan struct{} // closed by Drain when the account has drained
}

func build(t testing.TB, c config) *program {
	t.Helper()
	log := c.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	log = log.With("registry", c.Name)
	l, err := gnetloop.New(log)
	if err != nil {
		t.Fatal(err)
	}
	c.Upstream.Name, c.Upstream.Logger, c.Logger = c.Name, log, log
	return &program{New(c.Config, upstream.NewAccount(c.Upstream, l)), l, make(chan struct{})}
}

// Start lets everything work. After an error nothing is left.
func (p *program) Start() error {
	if err := p.Listen(); err != nil {
		p.account.Close()
		return errors.Join(err, p.loop.Stop())
	}
	p.account.Start()
	p.Serve()
	return nil
}

// Drain ends the work of everything.
func (p *program) Drain(within time.Duration) error {
	p.Refuse()
	err := p.account.Drain(within)
	close(p.drained)
	p.Farewell(within)
	return err
}

// Reload gives everything another config.
func (p *program) Reload(c config) error {
	if err := p.Server.Reload(c.Config); err != nil {
		return err
	}
	p.account.Reload(c.Upstream)
	return nil
}

// Close ends everything at once.
func (p *program) Close() error {
	p.Server.Close()
	p.account.Close()
	return p.loop.Stop()
}

// fixture is a server in front of a sandbox, over real sockets and TLS.
type fixture struct {
	t        testing.TB
	registry *sandbox.Registry
	certs    *sandbox.TLS
	server   *program
}

// testConfig is for a registry at address, with three sessions at most.
func testConfig(t testing.TB, address string, certs *sandbox.TLS) config {
	return config{
		Name:   "test",
		Config: Config{Listeners: []Listener{{Address: "tcp://127.0.0.1:0"}}, Logger: testLogger(t)},
		Upstream: upstream.Config{
			Address: address,
			TLS:     tlsOf(certs),
			Login:   frame.Login{ClientID: "demo", Password: "demo-secret", Language: "en"},
			Pool: pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 3}, QueueTimeout: 8 * time.Second,
				CommandTimeout: 20 * time.Second, KeepaliveCommand: frame.CommandHello},
		},
	}
}

// tlsOf is the client's side of certs; nil for a registry without TLS.
func tlsOf(certs *sandbox.TLS) *tls.Config {
	if certs == nil {
		return nil
	}
	return certs.Client
}

// start runs a sandbox and a server; change may alter what they are made from.
func start(t testing.TB, change func(*sandbox.Config, *config)) *fixture {
	t.Helper()
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sc, pc := sandbox.Config{}, testConfig(t, ln.Addr().String(), certs)
	if change != nil {
		change(&sc, &pc)
	}
	f := &fixture{t: t, registry: sandbox.New(sc), certs: certs, server: build(t, pc)}
	served := make(chan error, 1) // the one result of Serve
	go func() { served <- f.registry.Serve(tls.NewListener(ln, certs.ServerMutual)) }()
	if err := f.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := f.registry.Close(); err != nil {
			t.Errorf("close sandbox: %v", err)
		}
		<-served
		if b := f.registry.Counters().Breaches; b.Total() > 0 {
			t.Errorf("the registry counts breaches: %+v", b)
		}
	})
	return f
}

// dialPlain connects to the first listener.
func (f *fixture) dialPlain() net.Conn {
	f.t.Helper()
	nc, err := net.Dial("tcp", f.server.listeners[0].ln.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { nc.Close() })
	return nc
}

// dial connects as a client and reads the greeting.
func (f *fixture) dial() *peer {
	f.t.Helper()
	p := &peer{t: f.t, nc: f.dialPlain()}
	if g := p.read(); !strings.Contains(g, "<greeting>") {
		f.t.Fatalf("got %q, want a greeting", g)
	}
	return p
}

// peer is a client's side of a connection.
type peer struct {
	t  testing.TB
	nc net.Conn
}

func unit(payload string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4))
	return append(b, payload...)
}

func (p *peer) write(payload string) {
	p.t.Helper()
	if _, err := p.nc.Write(unit(payload)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) tryRead() (string, error) {
	_ = p.nc.SetReadDeadline(time.Now().Add(30 * time.Second))
	var head [4]byte
	if _, err := io.ReadFull(p.nc, head[:]); err != nil {
		return "", err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	_, err := io.ReadFull(p.nc, b)
	return string(b), err
}

func (p *peer) read() string {
	p.t.Helper()
	s, err := p.tryRead()
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	return s
}

// ask sends a payload and returns the answer.
func (p *peer) ask(payload string) string {
	p.t.Helper()
	p.write(payload)
	return p.read()
}

// want fails unless the answer has the result code and the clTRID; an empty clTRID means none at
// all.
func (p *peer) want(answer string, code int, clTRID string) {
	p.t.Helper()
	if !strings.Contains(answer, fmt.Sprintf(`code="%d"`, code)) {
		p.t.Fatalf("got %s\nwant code %d", answer, code)
	}
	if clTRID == "" && strings.Contains(answer, "clTRID") || clTRID != "" && !strings.Contains(answer, "<clTRID>"+clTRID+"</clTRID>") {
		p.t.Fatalf("got %s\nwant clTRID %q", answer, clTRID)
	}
}

// wantClosed fails unless the connection ends without another frame.
func (p *peer) wantClosed() {
	p.t.Helper()
	if s, err := p.tryRead(); err == nil {
		p.t.Fatalf("got %s\nwant the end of the connection", s)
	}
}

const eppOpen = `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0">`

func command(inner, clTRID string) string {
	if clTRID != "" {
		clTRID = "<clTRID>" + clTRID + "</clTRID>"
	}
	return eppOpen + "<command>" + inner + clTRID + "</command></epp>"
}

func check(name, clTRID string) string {
	return command(`<check><domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>`+name+
		`</domain:name></domain:check></check>`, clTRID)
}

func login(clTRID string) string {
	return command(`<login><clID>any</clID><pw>any-thing</pw><options><version>1.0</version><lang>en</lang></options>`+
		`<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login>`, clTRID)
}
