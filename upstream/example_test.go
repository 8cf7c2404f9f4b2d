package upstream_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"eppmux/frame"
	"eppmux/loop/gnetloop"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// A program that is no EPP client asks the registry something. The account logs in by itself, keeps
// its session, and stays within the limits.
func ExampleCaller() {
	certs, err := sandbox.NewTLS() // a registry in memory stands in for a real one
	if err != nil {
		fmt.Println(err)
		return
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", certs.ServerMutual)
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := sandbox.New(sandbox.Config{})
	defer registry.Close()
	go registry.Serve(ln)

	account, stop, err := open(ln.Addr(), certs.Client)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	caller := account.NewCaller(upstream.CallerConfig{Client: "example"})
	result, err := caller.Do(ctx, upstream.Call{Payload: []byte(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check>` +
		`<domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>free.example</domain:name></domain:check>` +
		`</check><clTRID>ABC-1</clTRID></command></epp>`)})
	fmt.Println(err, result.End, result.Code)
	fmt.Println(result.MuxTRID[14:]) // ours ends in the command's own
	fmt.Println(account.Drain(5 * time.Second))
	// Output:
	// <nil> answered 1000
	// -ABC-1
	// <nil>
}

// open builds an account as a program does it: the loop first, then what lives on it.
func open(registry net.Addr, client *tls.Config) (account *upstream.Account, stop func(), err error) {
	l, err := gnetloop.New(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	account = upstream.NewAccount(upstream.Config{
		Name:    "example",
		Address: registry.String(),
		TLS:     client,
		Login:   frame.Login{ClientID: "demo", Password: "demo-secret"},
		Pool: pool.Config{
			Grant:          pool.Grant{MinSessions: 1, MaxSessions: 2},
			QueueTimeout:   8 * time.Second,
			CommandTimeout: time.Minute,
		},
	}, l)
	account.Start()
	return account, func() {
		account.Close()
		_ = l.Stop()
	}, nil
}
