package carry

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// registry is a fake in place of accounts: a test decides what becomes of each command.
type registry struct {
	mu   sync.Mutex
	sent []string // payloads, in order; guarded by mu
	says func(ctx context.Context, call upstream.Call) (upstream.Result, error)
}

func (r *registry) send(ctx context.Context, _ *User, _ *Registry, call upstream.Call) (upstream.Result, error) {
	r.mu.Lock()
	r.sent = append(r.sent, string(call.Payload))
	says := r.says
	r.mu.Unlock()
	return says(ctx, call)
}

// carried returns what was sent since it was asked last.
func (r *registry) carried() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.sent
	r.sent = nil
	return all
}

// answers has all commands answered.
func answers(code int, payload string) func(context.Context, upstream.Call) (upstream.Result, error) {
	return func(context.Context, upstream.Call) (upstream.Result, error) {
		return upstream.Result{End: pool.EndAnswered, Code: code, Payload: []byte(payload), MuxTRID: "M-1"}, nil
	}
}

// ends has all commands end without an answer.
func ends(end pool.End, cause pool.Cause) func(context.Context, upstream.Call) (upstream.Result, error) {
	return func(context.Context, upstream.Call) (upstream.Result, error) {
		r := upstream.Result{End: end, Cause: cause}
		if end == pool.EndUnknown {
			r.MuxTRID = "M-1"
		}
		return r, nil
	}
}

// memory is a Table that forgets with the process. It waits for nothing: a claim in flight is
// ErrKeyInFlight at once.
type memory struct {
	mu      sync.Mutex
	entries map[string]*Entry
	digests map[string][32]byte
	ended   []Answer // of End, in order
	fails   error    // of Begin
}

func newMemory() *memory {
	return &memory{entries: map[string]*Entry{}, digests: map[string][32]byte{}}
}

func (m *memory) Begin(_ context.Context, user, _ string, key *Key, transform []byte) (Entry, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := user + "/" + key.Name
	e, ok := m.entries[id]
	switch {
	case m.fails != nil:
		return Entry{}, false, m.fails
	case !ok:
		m.entries[id], m.digests[id] = &Entry{Command: transform, Sent: time.Now()}, key.Digest
		return Entry{}, true, nil
	case m.digests[id] != key.Digest:
		return Entry{}, false, ErrKeyReused
	case e.Outcome == "":
		return Entry{}, false, ErrKeyInFlight
	}
	return *e, false, nil
}

func (m *memory) End(user, _ string, key *Key, a Answer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := user + "/" + key.Name
	m.ended = append(m.ended, a)
	if a.Outcome == NotSent {
		delete(m.entries, id)
		return nil
	}
	e := m.entries[id]
	e.Outcome, e.Payload, e.MuxTRID, e.Settled = a.Outcome, a.Payload, a.MuxTRID, a.Settled
	e.Until = time.Now()
	return nil
}

const (
	checkXML = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check>` +
		`<domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>kiosk.example</domain:name>` +
		`</domain:check></check><clTRID>own-17</clTRID></command></epp>`
	deleteXML = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><delete>` +
		`<domain:delete xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>kiosk.example</domain:name>` +
		`</domain:delete></delete></command></epp>`
	doneXML = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>Done</msg></result>` +
		`<trID><clTRID>own-17</clTRID><svTRID>S-1</svTRID></trID></response></epp>`
)

// rig is a Carrier over a fake registry and a fake table.
type rig struct {
	t *testing.T
	*Carrier
	registry registry
	memory   *memory
	user     *User
	at       *Registry
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, memory: newMemory(), user: &User{Name: "shop"}, at: &Registry{Name: "it", ClID: "demo"}}
	r.registry.says = answers(1000, doneXML)
	r.Carrier = New(r.memory)
	r.Carrier.send = r.registry.send
	return r
}

// raw is an order of XML.
func (r *rig) raw(payload string, key *Key) Order {
	return Order{User: r.user, Registry: r.at, Payload: []byte(payload), RequestID: "req-17", Key: key}
}

// do carries an order that is not refused.
func (r *rig) do(o Order) Answer {
	r.t.Helper()
	a, err := r.Do(r.t.Context(), o)
	if err != nil {
		r.t.Fatalf("do: %v", err)
	}
	return a
}

// wantSent fails unless so many commands were sent since it was asked last.
func (r *rig) wantSent(n int) []string {
	r.t.Helper()
	got := r.registry.carried()
	if len(got) != n {
		r.t.Fatalf("%d commands were sent, want %d: %s", len(got), n, strings.Join(got, "\n"))
	}
	return got
}

func kinds(of ...string) *pool.CommandSet {
	s := pool.Commands(func(c frame.Command, op frame.Op) bool {
		for _, k := range of {
			if kc, ko := kindOf(k); kc == c && (ko == frame.OpNone || ko == op) {
				return true
			}
		}
		return false
	})
	return &s
}
