package peer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/loop/gnetloop"
	"eppmux/upstream"
	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// authority signs certificates of hosts.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hosts"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// host returns a certificate of a host.
func (a *authority) host(t testing.TB, usages ...x509.ExtKeyUsage) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a"}, ExtKeyUsage: usages,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

var bothUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}

// registry answers commands that do not hold in it. Its answers allocate nothing.
type registry struct {
	ln    net.Listener
	pause atomic.Bool  // answers wait
	more  atomic.Int64 // octets of a message in each answer

	mu       sync.Mutex
	commands []string   // payloads, without hello, login and logout; guarded by mu
	waiting  []func()   // answers; guarded by mu
	sessions []net.Conn // guarded by mu
	quiet    bool       // commands are not kept
}

const eppOpen = `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0">`

const greeting = eppOpen + `<greeting><svID>lean</svID><svDate>2020-01-01T00:00:00.0Z</svDate><svcMenu><version>1.0</version>` +
	`<lang>en</lang><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcMenu></greeting></epp>`

func newRegistry(t testing.TB) *registry {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &registry{ln: ln}
	t.Cleanup(func() {
		ln.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, nc := range r.sessions {
			nc.Close()
		}
	})
	go r.serve()
	return r
}

// serve ends when the listener is closed.
func (r *registry) serve() {
	for {
		nc, err := r.ln.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.sessions = append(r.sessions, nc)
		r.mu.Unlock()
		go r.session(nc)
	}
}

var idOpen, idClose = []byte("<clTRID>"), []byte("</clTRID>")

// session ends when its connection does.
func (r *registry) session(nc net.Conn) {
	defer nc.Close()
	_, _ = nc.Write(unit(greeting))
	buf, out := make([]byte, 1<<20), make([]byte, 0, 1<<12)
	for {
		if _, err := io.ReadFull(nc, buf[:4]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint32(buf)) - 4
		if _, err := io.ReadFull(nc, buf[:n]); err != nil {
			return
		}
		p := buf[:n]
		own := bytes.Contains(p, []byte("<login")) || bytes.Contains(p, []byte("<logout"))
		if bytes.Contains(p, []byte("<hello")) {
			_, _ = nc.Write(unit(greeting))
			continue
		}
		out = append(append(out[:0], 0, 0, 0, 0), eppOpen+`<response><result code="1000"><msg>ok`...)
		for range r.more.Load() {
			out = append(out, '.')
		}
		out = append(out, `</msg></result><trID><clTRID>`...)
		out = append(out, p[bytes.LastIndex(p, idOpen)+len(idOpen):bytes.LastIndex(p, idClose)]...)
		out = append(out, `</clTRID><svTRID>lean-1</svTRID></trID></response></epp>`...)
		binary.BigEndian.PutUint32(out, uint32(len(out)))
		if !own && !r.quiet {
			r.mu.Lock()
			r.commands = append(r.commands, string(p))
			if r.pause.Load() {
				answer := bytes.Clone(out)
				r.waiting = append(r.waiting, func() { _, _ = nc.Write(answer) })
				r.mu.Unlock()
				continue
			}
			r.mu.Unlock()
		}
		if _, err := nc.Write(out); err != nil {
			return
		}
	}
}

// got returns the commands that have come.
func (r *registry) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.commands...)
}

// goOn answers what waits, and what comes.
func (r *registry) goOn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pause.Store(false)
	for _, answer := range r.waiting {
		answer()
	}
	r.waiting = nil
}

// owned is an account whose role a test decides.
type owned struct {
	*upstream.Account
	term   uint64
	is     bool
	onRole []func()
}

func (o *owned) OwnerTerm() (uint64, bool) { return o.term, o.is }
func (o *owned) OnRole(f func())           { o.onRole = append(o.onRole, f) }

// logged is a log that can be read meanwhile.
type logged struct {
	mu sync.Mutex
	b  strings.Builder // guarded by mu
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fixture is a Server with an account in front of a registry.
type fixture struct {
	t        testing.TB
	registry *registry
	loop     *gnetloop.Loop
	account  *upstream.Account
	role     *owned
	server   *Server
	ca       *authority
	follower tls.Certificate
	log      *logged

	mu      sync.Mutex
	tenancy Tenancy // guarded by mu
	skews   []time.Duration
}

const testTerm = 7

// start runs a fixture; change may alter what it is made from.
func start(t testing.TB, change func(*Config, *upstream.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, registry: newRegistry(t), ca: newAuthority(t), log: new(logged)}
	log := slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if f.loop, err = gnetloop.New(slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	f.follower = f.ca.host(t, bothUsages...)
	mine := &tls.Config{Certificates: []tls.Certificate{f.ca.host(t, bothUsages...)}, ClientCAs: f.ca.pool()}
	uc := upstream.Config{Name: "test", Login: frame.Login{ClientID: "demo", Password: "demo-secret", Language: "en"},
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", f.registry.ln.Addr().String())
		},
		Pool: pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 1}, QueueTimeout: 8 * time.Second,
			CommandTimeout: 20 * time.Second, KeepaliveCommand: frame.CommandHello}}
	pc := Config{Address: "127.0.0.1:0", Cluster: "prod", Host: "a", Program: "test", Logger: log,
		TLS: func() *tls.Config { return mine }, Lookup: f.lookUp,
		OnSkew: func(_ string, skew time.Duration) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.skews = append(f.skews, skew)
		}}
	if change != nil {
		change(&pc, &uc)
	}
	f.account = upstream.NewAccount(uc, f.loop)
	f.role = &owned{Account: f.account, term: testTerm, is: true}
	f.tenancy = Tenancy{Account: f.account, Owner: "a", Peer: "a.example:7070", Term: testTerm, Owned: true}
	f.server = New(pc)
	f.server.see = func(*upstream.Account) account { return f.role }
	if err := f.server.Listen(); err != nil {
		t.Fatal(err)
	}
	f.account.Start()
	f.server.Serve()
	t.Cleanup(func() {
		f.server.Close()
		f.account.Close()
		if err := f.loop.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	f.wait("the greeting", func() bool { return f.ask(func() bool { return f.account.Greeting() != nil }) })
	return f
}

func (f *fixture) lookUp(key string) (Tenancy, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tenancy, key == testKey
}

const testKey = "0123456789abcdef"

// ask runs g on the loop.
func (f *fixture) ask(g func() bool) bool {
	answer := make(chan bool, 1)
	f.loop.Post(func() { answer <- g() })
	return <-answer
}

// wait waits until g is true.
func (f *fixture) wait(what string, g func() bool) {
	f.t.Helper()
	for end := time.Now().Add(30 * time.Second); !g(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("waited for %s in vain\n%s", what, f.log)
		}
	}
}

// lanes are those of the account as it is now.
func (f *fixture) lanes() AccountSnapshot {
	s := f.server.Snapshot()
	if len(s.Accounts) == 0 {
		return AccountSnapshot{}
	}
	return s.Accounts[0]
}

// become changes the role of the account.
func (f *fixture) become(term uint64, is bool) {
	f.ask(func() bool {
		f.role.term, f.role.is = term, is
		for _, g := range f.role.onRole {
			g()
		}
		return true
	})
}

func (f *fixture) hello() lane.Hello {
	return lane.Hello{Version: lane.Version, Cluster: "prod", Account: testKey, Name: "test", Term: testTerm, Host: "b",
		Wall: time.Duration(time.Now().UnixNano())}
}

// clientTLS is a follower's.
func (f *fixture) clientTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{f.follower}, RootCAs: f.ca.pool(), ServerName: "127.0.0.1",
		MinVersion: tls.VersionTLS13, NextProtos: []string{lane.Protocol}, DynamicRecordSizingDisabled: true}
}

// guest is a follower's end of a lane.
type guest struct {
	t    testing.TB
	conn *tls.Conn
	w    lane.Welcome
	buf  []byte
}

// connect shakes hands.
func (f *fixture) connect() *guest {
	f.t.Helper()
	conn, err := tls.Dial("tcp", f.server.Addr().String(), f.clientTLS())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	return &guest{t: f.t, conn: conn, buf: make([]byte, 1<<16)}
}

// introduce says Hello and reads the Welcome.
func (f *fixture) introduce(h lane.Hello) *guest {
	f.t.Helper()
	g := f.connect()
	if _, err := g.conn.Write(lane.AppendOpening(nil, h)); err != nil {
		f.t.Fatal(err)
	}
	if err := lane.ParseOpening(g.read(), &g.w); err != nil {
		f.t.Fatal(err)
	}
	return g
}

// open opens a lane and reads the greeting.
func (f *fixture) open() *guest {
	f.t.Helper()
	g := f.introduce(f.hello())
	if g.w.Refused != "" {
		f.t.Fatalf("refused: %+v", g.w)
	}
	if got := string(g.read()); got != greeting {
		f.t.Fatalf("got %q, want the greeting", got)
	}
	return g
}

func (g *guest) tryRead() ([]byte, error) {
	_ = g.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.ReadFull(g.conn, g.buf[:4]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(g.buf)) - 4
	if n > len(g.buf) {
		g.buf = make([]byte, n)
	}
	_, err := io.ReadFull(g.conn, g.buf[:n])
	return g.buf[:n], err
}

func (g *guest) read() []byte {
	g.t.Helper()
	p, err := g.tryRead()
	if err != nil {
		g.t.Fatalf("read: %v", err)
	}
	return p
}

func (g *guest) write(b []byte) {
	g.t.Helper()
	if _, err := g.conn.Write(b); err != nil {
		g.t.Fatal(err)
	}
}

// wantAnswer fails unless the next unit is the answer to the command with that id.
func (g *guest) wantAnswer(id string) {
	g.t.Helper()
	if got := string(g.read()); !strings.Contains(got, "<clTRID>"+id+"</clTRID>") {
		g.t.Fatalf("got %q, want the answer to %s", got, id)
	}
}

// wantEnd fails unless the next unit is an End.
func (g *guest) wantEnd(want lane.End) {
	g.t.Helper()
	if got, err := lane.ParseEnd(g.read()); err != nil || got != want {
		g.t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
}

// wantClosed fails unless the lane ends without another unit.
func (g *guest) wantClosed() {
	g.t.Helper()
	if p, err := g.tryRead(); err == nil {
		g.t.Fatalf("got %q, want the end", p)
	}
}

func unit(payload string) []byte { return append(frame.AppendHeader(nil, len(payload)), payload...) }

var anAuthor = lane.Author{ID: 3, Weight: 1, Identity: "shop at loopback"}

// muxID is an id as followers make them.
func muxID(n int) string { return fmt.Sprintf("M%013d", n) }

func check(id string) string {
	return eppOpen + `<command><check><domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>a.example</domain:name></domain:check></check>` +
		`<clTRID>` + id + `</clTRID></command></epp>`
}

func create(id string) string {
	return strings.ReplaceAll(strings.ReplaceAll(check(id), "<check", "<create"), "</check", "</create")
}

// command is a whole command on a lane.
func command(payload string) []byte {
	return append(lane.AppendAuthor(nil, &anAuthor), unit(payload)...)
}
