package talk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
	"eppmux/sandbox"
)

// listen serves each connection with serve, until the test ends, and returns the address.
func listen(t *testing.T, with *tls.Config, serve func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	if with != nil {
		ln = tls.NewListener(ln, with)
	}
	ended := make(chan struct{}) // closed when no connection is left
	go func() {
		defer close(ended)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-ended
	})
	return address
}

// says is a server that greets with these octets, and then reads until the client goes.
func says(octets []byte) func(net.Conn) {
	return func(conn net.Conn) {
		conn.Write(octets)
		io.Copy(io.Discard, conn)
	}
}

// at is an endpoint with bounds that no test reaches unless it is about them.
func at(address string) Endpoint {
	return Endpoint{Network: "tcp", Address: address, Connect: time.Minute, Greeting: time.Minute}
}

// TestOpenPlain: the greeting is kept, and the connection comes from the address of the config.
func TestOpenPlain(t *testing.T) {
	from := make(chan string, 1) // the client's address; never closed
	address := listen(t, nil, func(conn net.Conn) {
		from <- conn.RemoteAddr().String()
		says(clitest.Unit(clitest.GreetingXML))(conn)
	})
	e := at(address)
	e.source = netip.MustParseAddr("127.0.0.3")
	d, err := e.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := <-from; !strings.HasPrefix(got, "127.0.0.3:") {
		t.Errorf("got a connection from %s, want 127.0.0.3", got)
	}
	for range 2 {
		if g, err := d.Greeting(); err != nil || string(g.Octets) != clitest.GreetingXML || g.Kind != frame.KindGreeting {
			t.Errorf("got %s, %v", g.Octets, err)
		}
	}
}

// TestOpenFails goes through what a server can do in place of a greeting.
func TestOpenFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		octets []byte
		want   string
	}{
		{"a response", clitest.Unit(clitest.OKXML), "greeting: got a response in its place: the registry answers 1000 "},
		{"a command", clitest.Unit(clitest.CheckXML), "greeting: got a command"},
		{"not EPP", clitest.Unit("<html/>"), "greeting: "},
		{"not XML", clitest.Unit("220 mail.example ESMTP\r\n"), "greeting: "},
		{"no frame", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), "greeting: "},
		{"too short", []byte{0, 0, 0, 3}, "greeting: "},
		{"too long", frame.AppendHeader(nil, maxAnswer+1), "greeting: "},
	} {
		e := at(listen(t, nil, says(tt.octets)))
		d, err := e.Open(t.Context())
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || WasSent(err) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	for name, octets := range map[string][]byte{"at once": nil, "in the header": {0, 0}, "in the payload": clitest.Unit(clitest.GreetingXML)[:40]} {
		e := at(listen(t, nil, func(conn net.Conn) { conn.Write(octets) }))
		if _, err := e.Open(t.Context()); err == nil || err.Error() != "greeting: the connection was closed" {
			t.Errorf("closed %s: got %v", name, err)
		}
	}
}

// TestOpenIsBounded: neither a server that says nothing nor an interruption keeps it waiting.
func TestOpenIsBounded(t *testing.T) {
	silent := listen(t, nil, says(nil))
	e := at(silent)
	e.Greeting = 20 * time.Millisecond
	if _, err := e.Open(t.Context()); err == nil || err.Error() != "greeting: nothing within 20ms" {
		t.Errorf("got %v", err)
	}
	e = at(silent)
	e.TLS, e.Connect = &tls.Config{ServerName: "localhost"}, 20*time.Millisecond
	if _, err := e.Open(t.Context()); err == nil || err.Error() != "tls: nothing within 20ms" {
		t.Errorf("got %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e = at(silent)
	if _, err := e.Open(ctx); !errors.Is(err, cli.ErrInterrupted) || err.Error() != "connect: interrupted" {
		t.Errorf("got %v", err)
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	e = at(gone.Addr().String())
	if _, err := e.Open(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "connect: ") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

// TestGreetingInterrupted ends the wait for a greeting at once.
func TestGreetingInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := piped(t)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		err := d.greet(ctx, time.Minute)
		if took := time.Since(begin); !errors.Is(err, cli.ErrInterrupted) || err.Error() != "greeting: interrupted" || took != 3*time.Second {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

// TestOpenTLS: a certificate that does not fit ends it, be it the server's or ours. With TLS 1.3
// the server judges ours after the handshake.
func TestOpenTLS(t *testing.T) {
	made := clitest.NewTLS(t)
	pair, err := tls.X509KeyPair(made.ClientCertPEM, made.ClientKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	other := clitest.NewTLS(t)
	stranger, err := tls.X509KeyPair(other.ClientCertPEM, other.ClientKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	shows := func(own tls.Certificate) func(*tls.Config) {
		return func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*tls.Config)
		most   uint16 // version of the server
		want   string
	}{
		{"our certificate", shows(pair), 0, ""},
		{"our certificate, TLS 1.2", shows(pair), tls.VersionTLS12, ""},
		{"none", func(*tls.Config) {}, 0, "tls: the server wants a certificate of ours, see tls.cert_file: remote error: "},
		{"none, TLS 1.2", func(*tls.Config) {}, tls.VersionTLS12, "tls: the server wants a certificate of ours, see tls.cert_file: remote error: "},
		{"another authority's", shows(stranger), 0, "tls: the server does not accept our certificate: it does not know the authority"},
		{"another authority's, TLS 1.2", shows(stranger), tls.VersionTLS12, "tls: the server does not accept our certificate: it does not know the authority"},
		{"another name", func(c *tls.Config) { shows(pair)(c); c.ServerName = "epp.example" }, 0, "tls: "},
		{"another root", func(c *tls.Config) { shows(pair)(c); c.RootCAs = other.Client.RootCAs }, 0, "tls: "},
	} {
		server := made.ServerMutual.Clone()
		server.MaxVersion = tt.most
		e := at(listen(t, server, says(clitest.Unit(clitest.GreetingXML))))
		e.TLS = made.Client.Clone()
		e.TLS.ServerName, e.TLS.Certificates = "localhost", nil
		tt.change(e.TLS)
		d, err := e.Open(t.Context())
		if err == nil {
			d.Close()
		}
		if (err == nil) != (tt.want == "") || err != nil && (!strings.HasPrefix(err.Error(), tt.want) || WasSent(err)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if e.TLS.DynamicRecordSizingDisabled {
			t.Errorf("%s: the config of the caller was changed", tt.name)
		}
	}
}

// TestEndpointOf: all that a config says of the way to a registry is in its endpoint.
func TestEndpointOf(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "own")
	clitest.WriteFile(t, dir, "pw", "secret\n", 0o600)
	cfg, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", clitest.RegistryYAML(
		"login: {client_id: a, password_file: pw}", "tls: {ca_file: own.pem, cert_file: own.pem, key_file: own.key, server_name: other.example}",
		"source_address: 127.0.0.9", "timeouts: {connect: 3s, greeting: 4s}"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	e := EndpointOf(&cfg.Registries[0])
	if e.Network != "tcp" || e.Address != "epp.registry.example:700" || e.source != netip.MustParseAddr("127.0.0.9") || e.Connect != 3*time.Second || e.Greeting != 4*time.Second {
		t.Errorf("got %+v", e)
	}
	if e.TLS == nil || e.TLS.ServerName != "other.example" || e.TLS.RootCAs == nil {
		t.Errorf("got %+v", e.TLS)
	}
}

// TestLoginAtARegistry is a whole session, over TLS, with a registry that judges it.
func TestLoginAtARegistry(t *testing.T) {
	made := clitest.NewTLS(t)
	r := clitest.StartRegistry(t, made, sandbox.Config{MaxSessions: 1})
	dir := t.TempDir()
	for name, data := range map[string][]byte{"ca.pem": made.CAPEM, "c.pem": made.ClientCertPEM, "c.key": made.ClientKeyPEM, "pw": []byte("demo-secret\n")} {
		clitest.WriteFile(t, dir, name, string(data), 0o600)
	}
	registry := func(more string) *config.Registry {
		cfg, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("registries: [{name: a, address: %q, listen: [\"unix:///a\"], "+
			"login: {client_id: demo, password_file: pw%s}, tls: {ca_file: ca.pem, cert_file: c.pem, key_file: c.key}}]\n", r.Address, more), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		return &cfg.Registries[0]
	}
	open := func(reg *config.Registry) (*Conversation, frame.Login) {
		t.Helper()
		e := EndpointOf(reg)
		d, err := e.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		d.Purpose = "test"
		l, err := d.LoginFor(reg)
		if err != nil {
			t.Fatal(err)
		}
		return d, l
	}
	d, l := open(registry(""))
	if l.ClientID != "demo" || l.Password != "demo-secret" || l.Language != "en" || len(l.ObjectURIs) < 3 || len(l.ExtensionURIs) == 0 || !strings.HasPrefix(l.ClTRID, "eppmux-test-") {
		t.Errorf("got %#v, %q", l, l.ObjectURIs)
	}
	if res := d.Login(t.Context(), &l, time.Minute); res.Verdict != LoginAccepted || res.Err != nil {
		t.Fatalf("got %+v", res)
	}
	full, wanted := open(registry(", object_uris: [urn:ietf:params:xml:ns:domain-1.0]"))
	if len(wanted.ObjectURIs) != 1 {
		t.Errorf("got %q, want the objects of the config", wanted.ObjectURIs)
	}
	res := full.Login(t.Context(), &wanted, time.Minute)
	if no := (*Refusal)(nil); res.Verdict != LoginFull || !errors.As(res.Err, &no) || no.Code != 2502 {
		t.Errorf("got %+v, want no session free", res)
	}
	a, err := d.Exchange(t.Context(), NewMessage([]byte(clitest.CheckXML)).Named(d.NewClTRID()), time.Minute)
	if err != nil || a.Code != 1000 || a.RTT <= 0 {
		t.Errorf("got %+v, %v", a, err)
	}
	if err := d.Logout(); err != nil {
		t.Errorf("got %v", err)
	}
	if _, err := d.Exchange(t.Context(), NewMessage([]byte(clitest.CheckXML)), time.Minute); err != errLeft {
		t.Errorf("got %v after the logout", err)
	}
	r.Close()
	c := r.Counters()
	if c.Logins != 1 || c.Logouts != 1 || c.Breaches.TooManySessions != 1 || c.Breaches.Total() != 1 {
		t.Errorf("got %+v, want one session that was logged out, and one refused login", c)
	}
}
