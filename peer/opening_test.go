package peer

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"eppmux/upstream"
	"eppmux/upstream/lane"
)

func (f *fixture) dial() (net.Conn, error) {
	nc, err := net.DialTimeout("tcp", f.server.Addr().String(), 5*time.Second)
	if err == nil {
		f.t.Cleanup(func() { nc.Close() })
	}
	return nc, err
}

// TestRefusals: who is refused, with which words, and how often that is said.
func TestRefusals(t *testing.T) {
	f := start(t, func(c *Config, _ *upstream.Config) { c.Lanes = 2 })
	for _, tt := range []struct {
		want   lane.Refusal
		change func(h *lane.Hello)
		there  func(t *Tenancy)
	}{
		{lane.RefusedCluster, func(h *lane.Hello) { h.Cluster = "test" }, nil},
		{lane.RefusedAccount, func(h *lane.Hello) { h.Account = "fedcba9876543210" }, nil},
		{lane.RefusedVersion, func(h *lane.Hello) { h.Version = 0 }, nil},
		{lane.RefusedTerm, func(h *lane.Hello) { h.Term-- }, nil},
		{lane.RefusedTerm, func(h *lane.Hello) { h.Term++ }, nil},
		{lane.RefusedOwner, func(*lane.Hello) {}, func(t *Tenancy) { t.Owner, t.Peer, t.Owned = "c", "c.example:7070", false }},
		{lane.RefusedAccount, func(*lane.Hello) {}, func(t *Tenancy) { t.Account = nil }},
	} {
		before := f.tenancy
		f.mu.Lock()
		if tt.there != nil {
			tt.there(&f.tenancy)
		}
		there := f.tenancy
		f.mu.Unlock()
		for range 3 {
			h := f.hello()
			tt.change(&h)
			g := f.introduce(h)
			w := g.w
			if w.Refused != tt.want || w.Cluster != "prod" || w.Host != "a" {
				t.Errorf("%+v: got %+v, want %q", h, w, tt.want)
			}
			if (tt.want == lane.RefusedOwner || tt.want == lane.RefusedTerm) && (w.Term != testTerm || w.Owner != there.Owner || w.Peer != there.Peer) {
				t.Errorf("%q: got %+v, want the owner %+v", tt.want, w, there)
			}
			g.wantClosed()
		}
		f.mu.Lock()
		f.tenancy = before
		f.mu.Unlock()
	}
	for range 2 {
		f.open()
	}
	for range 3 {
		if g := f.introduce(f.hello()); g.w.Refused != lane.RefusedBusy {
			t.Errorf("got %+v", g.w)
		}
	}
	h := f.hello()
	h.Host, h.Version = "c", lane.Version+1 // of a later version, and it decides whether it can
	if g := f.introduce(h); g.w.Refused != "" || g.w.Version != lane.Version {
		t.Errorf("another host: got %+v", g.w)
	}
	got := f.server.Snapshot().Refused
	for why, n := range map[lane.Refusal]uint64{lane.RefusedCluster: 3, lane.RefusedAccount: 6, lane.RefusedVersion: 3, lane.RefusedTerm: 6,
		lane.RefusedOwner: 3, lane.RefusedBusy: 3} {
		if got[why] != n {
			t.Errorf("%s: counted %d, want %d", why, got[why], n)
		}
		if said := strings.Count(f.log.String(), `msg="a lane was not taken" host=b reason=`+string(why)); said != 1 && why != lane.RefusedBusy {
			t.Errorf("%s: said %d times, want once\n%s", why, said, f.log)
		}
	}
}

// TestStrangers: who has no certificate of the cluster's authority, or speaks something else, gets
// nothing, and is said once.
func TestStrangers(t *testing.T) {
	f := start(t, nil)
	other := newAuthority(t)
	good := f.open()
	for name, change := range map[string]func(c *tls.Config){
		"no certificate":    func(c *tls.Config) { c.Certificates = nil },
		"another authority": func(c *tls.Config) { c.Certificates = []tls.Certificate{other.host(t, bothUsages...)} },
		"for servers alone": func(c *tls.Config) { c.Certificates = []tls.Certificate{f.ca.host(t, x509.ExtKeyUsageServerAuth)} },
		"another protocol":  func(c *tls.Config) { c.NextProtos = []string{"h2"} },
		"no protocol":       func(c *tls.Config) { c.NextProtos = nil },
		"an older version":  func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
	} {
		c := f.clientTLS()
		change(c)
		nc, err := f.dial()
		if err != nil {
			t.Fatal(err)
		}
		conn := tls.Client(nc, c)
		if conn.Handshake() == nil { // with TLS 1.3 the follower has done its part before it is judged
			_, _ = conn.Write(lane.AppendOpening(nil, f.hello()))
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			if n, err := conn.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s: got %d octets", name, n)
			}
		}
		conn.Close()
	}
	f.wait("the counts", func() bool {
		s := f.server.Snapshot()
		return s.Failed[failedHandshake] == 5 && s.Failed[failedProtocol] == 1
	})
	if s := f.lanes(); s.Accepted != 1 {
		t.Errorf("got %+v", s)
	}
	if n := strings.Count(f.log.String(), "reason=handshake"); n != 1 {
		t.Errorf("said %d times\n%s", n, f.log)
	}
	good.write(command(check(muxID(1))))
	good.wantAnswer(muxID(1))
}

// TestNoAuthority: without an authority no certificate is good, not those that the system trusts either.
func TestNoAuthority(t *testing.T) {
	c := hardened(&tls.Config{})
	if c.ClientCAs == nil || c.ClientAuth != tls.RequireAndVerifyClientCert || c.MinVersion != tls.VersionTLS13 || !c.SessionTicketsDisabled {
		t.Errorf("got %+v", c)
	}
	by := hardened(&tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return &tls.Config{}, nil }})
	c, err := by.GetConfigForClient(nil)
	if err != nil || c.ClientCAs == nil || c.ClientAuth != tls.RequireAndVerifyClientCert || c.MinVersion != tls.VersionTLS13 {
		t.Errorf("by a callback: got %+v, %v", c, err)
	}
}

// TestNewCertificate: a certificate that was renewed is that of the next lane.
func TestNewCertificate(t *testing.T) {
	f := start(t, nil)
	first := f.open().conn.ConnectionState().PeerCertificates[0]
	next := f.ca.host(t, bothUsages...)
	f.server.cfg.TLS().Certificates[0] = next // by nobody else's hand meanwhile
	second := f.open().conn.ConnectionState().PeerCertificates[0]
	if first.Equal(second) || !bytes.Equal(second.Raw, next.Certificate[0]) {
		t.Error("the certificate is the old one")
	}
}

// TestHelloGarbage: openings that are none.
func TestHelloGarbage(t *testing.T) {
	f := start(t, nil)
	h := f.hello()
	h.Host = ""
	nameless := lane.AppendOpening(nil, h)
	h.Host = "b\n\x1b[1m"
	coloured := lane.AppendOpening(nil, h)
	h.Host = strings.Repeat("b", maxHost+1)
	for name, octets := range map[string][]byte{
		"length": {0, 0, 0, 3}, "long": {0, 0, 0x20, 0}, "no JSON": unit("hello"), "EPP": command(check(muxID(1))),
		"nameless": nameless, "coloured": coloured, "long name": lane.AppendOpening(nil, h),
	} {
		g := f.connect()
		g.write(octets)
		if p, err := g.tryRead(); err == nil {
			t.Errorf("%s: got %q", name, p)
		}
	}
	f.wait("the counts", func() bool { return f.server.Snapshot().Failed[failedHello] == 7 })
}

// TestHelloCut: a Hello that comes in two pieces, and one that comes with a command behind it.
func TestHelloCut(t *testing.T) {
	f := start(t, nil)
	all := lane.AppendOpening(nil, f.hello())
	for _, at := range []int{1, 4, 5, len(all) / 2, len(all) - 1} {
		g := f.connect()
		g.write(all[:at])
		g.write(all[at:])
		if err := lane.ParseOpening(g.read(), &g.w); err != nil || g.w.Refused != "" {
			t.Errorf("cut at %d: got %+v, %v", at, g.w, err)
		}
	}
	g := f.connect()
	g.write(append(all, command(check(muxID(1)))...))
	g.read()
	g.read()
	g.wantAnswer(muxID(1))
}

// TestOpeningsDoNotStarve: connections that never begin, or never say Hello, keep no honest follower out,
// and end by themselves.
func TestOpeningsDoNotStarve(t *testing.T) {
	f := start(t, nil)
	var last net.Conn
	for range openingsMax + 20 {
		nc, err := f.dial()
		if err != nil {
			t.Fatal(err)
		}
		last = nc
	}
	silent := f.connect()
	begin := time.Now()
	g := f.open()
	g.write(command(check(muxID(1))))
	g.wantAnswer(muxID(1))
	if d := time.Since(begin); d > openingTimeout/2 {
		t.Errorf("took %v", d)
	}
	for _, nc := range []net.Conn{last, silent.conn} {
		_ = nc.SetReadDeadline(time.Now().Add(3 * openingTimeout))
		if _, err := io.ReadFull(nc, make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("got %v, want its end", err)
		}
	}
}

// TestSkew: the follower's clock is compared.
func TestSkew(t *testing.T) {
	f := start(t, nil)
	h := f.hello()
	h.Wall += time.Hour
	f.introduce(h)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.skews) != 1 || f.skews[0] > time.Hour || f.skews[0] < time.Hour-time.Minute {
		t.Errorf("got %v, want an hour", f.skews)
	}
}

// TestVigil: the kernel watches over the sockets of lanes, also once they are on the loop.
func TestVigil(t *testing.T) {
	f := start(t, nil)
	f.open()
	fd := acceptedAt(t, f.server.Addr().(*net.TCPAddr).Port)
	for option, want := range map[int]int{unix.TCP_USER_TIMEOUT: 5000, unix.TCP_KEEPIDLE: 2, unix.TCP_KEEPINTVL: 1, unix.TCP_KEEPCNT: 3} {
		if got, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, option); err != nil || got != want {
			t.Errorf("option %d: got %d, %v, want %d", option, got, err, want)
		}
	}
}

// acceptedAt is the descriptor of the one connection that was accepted at a port.
func acceptedAt(t *testing.T, port int) int {
	for fd := 3; fd < 1<<10; fd++ {
		name, err := unix.Getsockname(fd)
		if err != nil {
			continue
		}
		at, ok := name.(*unix.SockaddrInet4)
		if _, err := unix.Getpeername(fd); ok && err == nil && at.Port == port {
			return fd
		}
	}
	t.Fatal("no such socket")
	return -1
}
