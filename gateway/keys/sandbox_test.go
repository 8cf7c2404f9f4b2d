package keys

import (
	"context"
	"crypto/tls"
	"log/slog"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/loop/gnetloop"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// TestSandbox carries transforms to a registry that carries them out and closes without an answer. The key
// is settled by a look, and nothing is sent twice.
func TestSandbox(t *testing.T) {
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", certs.ServerMutual)
	if err != nil {
		t.Fatal(err)
	}
	registry := sandbox.New(sandbox.Config{Record: true})
	defer registry.Close()
	go registry.Serve(ln)
	l, err := gnetloop.New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	account := upstream.NewAccount(upstream.Config{Name: "it", Address: ln.Addr().String(), TLS: certs.Client,
		Login: frame.Login{ClientID: "demo", Password: "demo-secret"},
		Pool: pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 2}, QueueTimeout: 20 * time.Second,
			CommandTimeout: time.Minute}}, l)
	account.Start()
	b := newBook(t)
	c := carry.New(b.Table)
	defer func() {
		account.Close()
		c.Wait()
		_ = l.Stop()
	}()
	at := &carry.Registry{Name: "it", Account: account, ClID: "demo", Reconcile: true}
	do := func(command mapping.Command, name string) carry.Answer {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a, err := c.Do(ctx, carry.Order{User: &carry.User{Name: "shop"}, Registry: at, Command: command, RequestID: "req-" + name,
			Key: key(name, 1)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return a
	}
	faults, err := sandbox.ParseFaults("close-after:p=1,cmd=create+delete")
	if err != nil {
		t.Fatal(err)
	}
	registry.SetFaults(faults)
	person := &mapping.ContactCreate{Person: mapping.Person{ID: "key-17", Email: "a@b.example", AuthInfo: &mapping.AuthInfo{Password: "sesame-17"},
		PostalInfo: []mapping.PostalInfo{{Type: "int", Name: "A", Street: []string{"S"}, City: "C", PC: "1", Country: "IT"}}}}
	a, again := do(person, "create"), do(person, "create")
	if a.Outcome != carry.Answered || !a.Settled || a.Response.Results[0].Code != 1000 {
		t.Errorf("got %+v, %s", a, a.Payload)
	}
	if !again.Replayed || !again.Settled || string(again.Payload) != string(a.Payload) {
		t.Errorf("got %+v, %s", again, again.Payload)
	}
	if a := do(&mapping.ContactDelete{ID: "key-17"}, "delete"); a.Outcome != carry.Answered || !a.Settled {
		t.Errorf("got %+v", a)
	}
	for _, verb := range []string{"create", "delete"} {
		if n := registry.Executions(verb, "key-17"); n.Received != 1 || n.Executed != 1 {
			t.Errorf("%s was carried out %+v", verb, n)
		}
	}
}
