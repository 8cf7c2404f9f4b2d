package main

import (
	"errors"
	"log/slog"
	"net"

	"crypto/tls"

	"eppmux/sandbox"
	"eppmux/upstream"
)

// useSandbox starts the built-in registry for r, on a loopback port that the system chooses and over TLS with
// certificates made for the occasion, and points u at it: the same way as to any registry.
func useSandbox(r *Registry, u *upstream.Config, log *slog.Logger) (stop func() error, err error) {
	certs, err := sandbox.NewTLS()
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if u.Login.ClientID == "" {
		u.Login.ClientID = "demo"
	}
	if u.Login.Password == "" {
		u.Login.Password = "demo-secret"
	}
	reg := sandbox.New(sandbox.Config{
		Accounts:    map[string]string{u.Login.ClientID: u.Login.Password, "other": "other-secret"},
		MaxSessions: r.Sessions.Max,
		Logger:      log.With("sandbox", r.Name),
	})
	served := make(chan error, 1) // the one result of Serve
	go func() { served <- reg.Serve(tls.NewListener(ln, certs.Server)) }()
	u.Address, u.TLS = ln.Addr().String(), certs.Client
	return func() error { return errors.Join(reg.Close(), <-served) }, nil
}
