package serve

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/sandbox"
	"eppmux/upstream"
)

// builtIn is the built-in registry of one member. It is reached as any registry is: by TLS, with
// certificates made at its start, on a loopback port that the system chooses. Immutable after
// startBuiltIn.
type builtIn struct {
	registry *sandbox.Registry
	served   chan error // the one result of Serve
	address  string
	tls      *tls.Config
	sessions int // that it grants
	login    loginIdentity
}

// loginIdentity is what the built-in registry knows of an account.
type loginIdentity struct{ clientID, password string }

// demoLogin stands in for a client_id or password that the config leaves out.
var demoLogin = loginIdentity{"demo", "demo-secret"}

// identityOf returns the login that r has at a built-in registry.
func identityOf(r *config.Registry) loginIdentity {
	id := loginIdentity{r.Login.ClientID, r.Login.Password.Reveal()}
	if id.clientID == "" {
		id.clientID = demoLogin.clientID
	}
	if id.password == "" {
		id.password = demoLogin.password
	}
	return id
}

// startBuiltIn starts the built-in registry of r. stop must be called.
func startBuiltIn(r *config.Registry, log *slog.Logger) (*builtIn, error) {
	certs, err := sandbox.NewTLS()
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if r.TLS.CAFile != "" || r.TLS.CertFile != "" || r.TLS.ServerName != "" {
		log.Warn("address is sandbox, the built-in registry, though tls is of a real one: nothing is registered "+
			"anywhere", "registry", r.Name)
	} else {
		log.Info("built-in registry: what is registered in it is gone when it ends", "registry", r.Name)
	}
	login := identityOf(r)
	b := &builtIn{
		registry: sandbox.New(sandbox.Config{
			Accounts:    map[string]string{login.clientID: login.password, "other": "other-secret"},
			MaxSessions: r.Sessions.Max,
			Logger:      log.With("sandbox", r.Name),
		}),
		served: make(chan error, 1), address: ln.Addr().String(), tls: certs.Client,
		sessions: r.Sessions.Max, login: login,
	}
	go b.serve(tls.NewListener(ln, certs.Server))
	return b, nil
}

// serve runs on a goroutine of its own until stop, which waits for it.
func (b *builtIn) serve(ln net.Listener) { b.served <- b.registry.Serve(ln) }

// stop ends the registry and its connections.
func (b *builtIn) stop() error { return errors.Join(b.registry.Close(), <-b.served) }

// point makes u lead to b, with the login that r has now.
func (b *builtIn) point(r *config.Registry, u *upstream.Config) {
	login := identityOf(r)
	u.Address, u.TLS = b.address, b.tls
	u.Login.ClientID, u.Login.Password = login.clientID, login.password
}

// outgrown says which change of r does not reach b, which keeps the values of its start; empty:
// there is none.
func (b *builtIn) outgrown(r *config.Registry) string {
	switch {
	case r.Sessions.Max > b.sessions:
		return "the built-in registry goes on granting as many sessions as sessions.max was at its start"
	case identityOf(r) != b.login:
		return "the built-in registry goes on knowing the login of its start only"
	}
	return ""
}
