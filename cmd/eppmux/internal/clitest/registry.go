package clitest

import (
	"crypto/tls"
	"net"
	"testing"

	"eppmux/frame"
	"eppmux/sandbox"
)

// Registry is a sandbox on a port of its own that demands a client certificate.
type Registry struct {
	*sandbox.Registry
	Address string
}

// StartRegistry starts a registry, which ends with the test.
func StartRegistry(t *testing.T, made *sandbox.TLS, cfg sandbox.Config) *Registry {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Registry{sandbox.New(cfg), ln.Addr().String()}
	served := make(chan error, 1) // the one result of Serve
	go func() { served <- r.Serve(tls.NewListener(ln, made.ServerMutual)) }()
	t.Cleanup(func() {
		r.Close()
		if err := <-served; err != nil {
			t.Errorf("serve: got %v", err)
		}
	})
	return r
}

// Occupy takes a session until the test ends.
func (r *Registry) Occupy(t *testing.T, made *sandbox.TLS, account, password string) {
	t.Helper()
	pair, err := tls.X509KeyPair(made.ClientCertPEM, made.ClientKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	config := made.Client.Clone()
	config.Certificates = []tls.Certificate{pair}
	conn, err := tls.Dial("tcp", r.Address, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := ReadUnit(conn); err != nil {
		t.Fatal(err)
	}
	l := frame.Login{ClientID: account, Password: password, ObjectURIs: []string{"urn:ietf:params:xml:ns:domain-1.0"}}
	if _, err := conn.Write(frame.AppendLogin(nil, &l)); err != nil {
		t.Fatal(err)
	}
	answer, err := ReadUnit(conn)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, _ := frame.ParseResult(answer); code != 1000 {
		t.Fatalf("got %s", answer)
	}
}

// Ended waits until the registry has seen the end of every session, and wants them logged out
// without a breach.
func (r *Registry) Ended(t *testing.T, logins int) {
	t.Helper()
	r.Close()
	c := r.Counters()
	if c.Logins != uint64(logins) || c.Logouts != c.Logins || c.Breaches.Total() != 0 {
		t.Errorf("got %d logins, %d logouts, breaches %+v, want %d logged out", c.Logins, c.Logouts, c.Breaches, logins)
	}
}

// Faults returns the faults that a text names, which must be right.
func Faults(t *testing.T, text string) []sandbox.Fault {
	t.Helper()
	faults, err := sandbox.ParseFaults(text)
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

// NewTLS makes an authority, and certificates of it for a registry and a client.
func NewTLS(t *testing.T) *sandbox.TLS {
	t.Helper()
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	return made
}
