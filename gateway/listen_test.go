package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/gateway/carry"
	"eppmux/sandbox"
)

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// from2 is a connection from a place.
type from2 struct {
	net.Conn
	from string
}

func (f from2) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.from))
}

// unixClient asks over a unix socket.
func unixClient(t testing.TB, path string) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	var cfg Config
	g := open(t, func(c *Config) {
		c.Listeners = append(c.Listeners, Listener{Address: "unix://" + path, Mode: 0o600})
		cfg = *c
	})
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("got %v %v", fi, err)
	}
	tcp := g.client
	g.client = unixClient(t, path)
	g.url = "http://any-name-at-all"
	g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`)
	u := g.carrier.seen()[0].User
	if !strings.HasPrefix(u.Name, "uid ") || u.Client != u.Name || u.Listener != "unix://"+path {
		t.Errorf("got %+v", u)
	}
	g.ask("GET", "/v1/registries", "", "Sec-Fetch-Site", "same-origin").want(t, 403, "host", "") // a page, through a proxy
	cfg.Listeners[1].Mode = 0o666
	if err := g.srv.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o666 {
		t.Errorf("got %v", fi.Mode())
	}
	if err := os.Remove(path); err != nil || g.srv.Intact() {
		t.Fatalf("%v, intact", err)
	}
	if err := g.srv.Reload(cfg); err != nil || !g.srv.Intact() {
		t.Fatalf("%v", err)
	}
	g.client = unixClient(t, path)
	if res := g.ask("GET", "/v1/registries", ""); res.StatusCode != 200 {
		t.Errorf("got %s", res.Status)
	}
	g.client = tcp
	if err := g.srv.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}

// TestTLS: HTTP/2 and HTTP/1.1, the names of the certificate as hosts, and a listener that gets TLS by a reload.
func TestTLS(t *testing.T) {
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	g := open(t, func(c *Config) {
		c.Listeners[0] = Listener{Address: "tls://127.0.0.1:0", TLS: certs.Server}
		cfg = *c
	})
	roots := certs.Client.RootCAs
	ask := func(protos ...string) *http.Response {
		t.Helper()
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: certs.Client.ServerName, NextProtos: protos},
			ForceAttemptHTTP2: len(protos) == 0}
		defer tr.CloseIdleConnections()
		res, err := (&http.Client{Transport: tr}).Get(strings.Replace(g.url, "http:", "https:", 1) + "/v1/registries")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res
	}
	if res := ask(); res.ProtoMajor != 2 || res.StatusCode != 200 {
		t.Errorf("got %s %s", res.Proto, res.Status)
	}
	if res := ask("http/1.1"); res.ProtoMajor != 1 || res.StatusCode != 200 {
		t.Errorf("got %s %s", res.Proto, res.Status)
	}
	leaf, err := x509.ParseCertificate(certs.Server.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range leaf.DNSNames {
		if !g.srv.now.Load().ours(name) {
			t.Errorf("%s is no host of ours", name)
		}
	}
	if err := g.srv.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Listeners = []Listener{{Address: "tls://127.0.0.1:0"}}
	if err := g.srv.Reload(cfg); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("got %v", err)
	}
	ask()
}

// TestReloadLosesNothing: while listeners come and go, every request has its answer.
func TestReloadLosesNothing(t *testing.T) {
	var cfg Config
	g := open(t, func(c *Config) { cfg = *c })
	keep := cfg.Listeners[0]
	stop, asked := make(chan struct{}), atomic.Int64{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			tr := &http.Transport{DisableKeepAlives: true}
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := (&http.Client{Transport: tr}).Post(g.url+"/api/epp/domain-check", "application/json",
					strings.NewReader(`{"host":"it","domain":"a.it"}`))
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
				if asked.Add(1); res.StatusCode != 200 {
					t.Errorf("got %s", res.Status)
				}
			}
		})
	}
	for i := range 20 {
		cfg.Listeners = []Listener{keep}
		if i%2 == 0 {
			cfg.Listeners = append(cfg.Listeners, Listener{Address: "tcp://127.0.0.1:0"})
		}
		if err := g.srv.Reload(cfg); err != nil {
			t.Error(err)
			break
		}
		if n := len(g.srv.Addresses()); n != len(cfg.Listeners) {
			t.Errorf("%d listeners", n)
		}
	}
	close(stop)
	wg.Wait()
	if asked.Load() == 0 || int(asked.Load()) != len(g.carrier.seen()) {
		t.Errorf("%d asked, %d orders", asked.Load(), len(g.carrier.seen()))
	}
}

// TestRetireTakesInWhoHasConnected: a listener that goes does not reset those in the kernel's queue.
func TestRetireTakesInWhoHasConnected(t *testing.T) {
	var cfg Config
	g := open(t, func(c *Config) {
		c.Listeners = append(c.Listeners, Listener{Address: "tcp://127.0.0.1:0"})
		cfg = *c
	})
	_, going, _ := strings.Cut(g.srv.Addresses()[1], "://")
	var conns []net.Conn
	for range 50 {
		nc, err := net.Dial("tcp", going)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns = append(conns, nc)
	}
	cfg.Listeners = cfg.Listeners[:1]
	if err := g.srv.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", going); err == nil {
		t.Error("it listens still")
	}
	for _, nc := range conns {
		_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(nc, "GET /v1/registries HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if b, err := io.ReadAll(nc); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200") {
			t.Fatalf("got %v %q", err, b)
		}
	}
}

// TestDrain: requests under way end, a new one on an open connection is told that it was not sent.
func TestDrain(t *testing.T) {
	g := open(t, nil)
	begun, goOn := make(chan struct{}), make(chan struct{})
	g.carrier.do = func(context.Context, carry.Order) (carry.Answer, error) {
		close(begun)
		<-goOn
		return carried(1000, nil), nil
	}
	got := make(chan *response, 1)
	go func() { got <- g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`) }()
	<-begun
	open, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	drained := make(chan error, 1)
	go func() { drained <- g.srv.Drain(20 * time.Second) }()
	for !g.srv.draining.Load() {
		runtime.Gosched()
	}
	_, _ = io.WriteString(open, "GET /v1/registries HTTP/1.1\r\nHost: localhost\r\n\r\n")
	b, err := io.ReadAll(open)
	if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 503") || !strings.Contains(string(b), `"outcome":"not_sent"`) {
		t.Errorf("got %v %s", err, b)
	}
	select {
	case err := <-drained:
		t.Fatalf("drained while a request is under way: %v", err)
	default:
	}
	close(goOn)
	if res := <-got; res.StatusCode != 200 {
		t.Errorf("got %s", res.Status)
	}
	if err := <-drained; err != nil {
		t.Errorf("got %v", err)
	}
}

// TestDrainGivesUp: what does not end in time is told, and Close ends it.
func TestDrainGivesUp(t *testing.T) {
	g := open(t, nil)
	begun := make(chan struct{})
	g.carrier.do = func(ctx context.Context, _ carry.Order) (carry.Answer, error) {
		close(begun)
		<-ctx.Done()
		return carry.Answer{Outcome: carry.NotSent}, nil
	}
	go func() {
		res, err := g.client.Post(g.url+"/api/epp/domain-check", "application/json", strings.NewReader(`{"host":"it","domain":"a.it"}`))
		if err == nil {
			res.Body.Close()
		}
	}()
	<-begun
	if err := g.srv.Drain(10 * time.Millisecond); err != ErrDrainTimeout {
		t.Errorf("got %v", err)
	}
	if err := g.srv.Close(); err != nil {
		t.Error(err)
	}
	if n := g.srv.Snapshot().UnderWay; n != 0 {
		t.Errorf("%d are under way", n)
	}
}

// TestCloseUnserved: a server that never served, or did not even listen, leaves nothing.
func TestCloseUnserved(t *testing.T) {
	for _, listen := range []bool{false, true} {
		s, err := New(testConfig())
		if err != nil {
			t.Fatal(err)
		}
		if listen {
			if err := s.Listen(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	cfg := testConfig()
	cfg.Listeners = append(cfg.Listeners, Listener{Address: "udp://x"})
	s, _ := New(cfg)
	if err := s.Listen(); err == nil {
		t.Error("listens")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCrowd: beyond the bound, who idles makes room, and a busy one does not.
func TestCrowd(t *testing.T) {
	g := open(t, nil)
	g.srv.crowd.mu.Lock()
	g.srv.crowd.max = 3 // of which one peer gets two
	g.srv.crowd.mu.Unlock()
	address := strings.TrimPrefix(g.url, "http://")
	begun, goOn := make(chan struct{}, 2), make(chan struct{})
	g.carrier.do = func(context.Context, carry.Order) (carry.Answer, error) {
		begun <- struct{}{}
		<-goOn
		return carried(1000, nil), nil
	}
	idle, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if res := g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`); res.StatusCode != 200 {
				t.Errorf("got %s", res.Status)
			}
		})
		<-begun
	}
	_ = idle.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle one: got %v", err)
	}
	refused, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer refused.Close()
	_ = refused.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := refused.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("one too many: got %v", err)
	}
	close(goOn)
	wg.Wait()
}
