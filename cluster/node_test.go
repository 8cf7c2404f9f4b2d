package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/cluster"
	"eppmux/cluster/clustertest"
)

// bubbleClocks are those of a synctest bubble.
type bubbleClocks struct{ begun time.Time }

func (c bubbleClocks) Boot() time.Duration { return time.Hour + time.Since(c.begun) }
func (c bubbleClocks) Wall() time.Duration { return time.Duration(time.Now().UnixNano()) }

// tenant writes down what it is told.
type tenant struct {
	mu     sync.Mutex
	told   []string
	tenure cluster.Tenure
	yield  time.Duration // how long it takes to give up
	down   time.Duration
	away   bool      // the registry is: it is down since owned
	owned  time.Time // when it began to own
}

// set changes t, which Nodes may be asking.
func (t *tenant) set(f func(t *tenant)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t)
}

func (t *tenant) note(form string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = append(t.told, fmt.Sprintf(form, args...))
}

func (t *tenant) Own(n cluster.Tenure) {
	t.mu.Lock()
	t.tenure, t.owned = n, time.Now()
	t.mu.Unlock()
	t.note("own %d %s", n.Term, n.Ledger)
}
func (t *tenant) Follow(o cluster.Owner) { t.note("follow %s %s", o.Host, o.Peer) }
func (t *tenant) Orphan()                { t.note("orphan") }
func (t *tenant) Lose()                  { t.note("lose") }
func (t *tenant) Yield(_ time.Duration, done func()) {
	t.note("yield")
	go func() {
		time.Sleep(t.yield)
		done()
	}()
}

func (t *tenant) Down() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.away {
		return time.Since(t.owned)
	}
	return t.down
}

func (t *tenant) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.told) == 0 {
		return ""
	}
	return t.told[len(t.told)-1]
}

// rig is some nodes at one store, each with a tenant for one account.
type rig struct {
	t       *testing.T
	store   *clustertest.Store
	nodes   map[string]*cluster.Node
	tenants map[string]*tenant
	log     syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var key = cluster.AccountKey("epp.example:700", "client")

func newRig(t *testing.T, hosts ...string) *rig {
	r := &rig{t: t, store: clustertest.NewStore(1), nodes: make(map[string]*cluster.Node),
		tenants: make(map[string]*tenant)}
	for _, host := range hosts {
		r.start(host, hosts)
	}
	return r
}

func (r *rig) start(host string, prefer []string) {
	n := cluster.NewNode(cluster.Config{Cluster: "test", Host: host, Peer: host + ".example:7070", Version: "1",
		Engine: r.store.Engine(host), Clocks: bubbleClocks{time.Now()},
		Logger: slog.New(slog.NewTextHandler(&r.log, nil))})
	r.nodes[host], r.tenants[host] = n, &tenant{}
	n.Join(cluster.Account{Key: key, Name: "example", Prefer: prefer}, r.tenants[host])
	n.Start()
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *rig) close() {
	for _, n := range r.nodes {
		if err := n.Close(r.t.Context()); err != nil {
			r.t.Error(err)
		}
	}
	r.store.Wait()
}

func (r *rig) want(host, last string) {
	r.t.Helper()
	if got := r.tenants[host].last(); !strings.HasPrefix(got, last) {
		r.t.Fatalf("%s: told %q, want %q; all %q\n%s", host, got, last, r.tenants[host].told, r.log.String())
	}
}

func TestNodeFirstOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b", "c")
		defer r.close()
		r.pass(16 * time.Second)
		r.want("a", "own 1")
		r.want("b", "follow a a.example:7070")
		r.want("c", "follow a a.example:7070")
		s := r.nodes["a"].Snapshot()
		if a := s.Accounts[0]; a.Role != cluster.RoleOwner || a.Best != "a" || a.Left <= 0 ||
			a.Changes[cluster.ReasonFirst] != 1 {
			t.Errorf("account: got %+v", a)
		}
		if len(s.Members) != 3 || !s.Engine.Up || s.Engine.Failures != 0 || s.MaxSkew != 5*time.Second {
			t.Errorf("snapshot: got %+v", s)
		}
		for _, m := range s.Members { // one clock for all: what the engine's time leaves open is no difference
			if m.Skew != 0 {
				t.Errorf("member: got %+v", m)
			}
		}
	})
}

func TestNodeHandover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b", "c")
		defer r.close()
		r.pass(16 * time.Second)
		kept := make(chan bool, 1) // the answer of Keep; one
		r.tenants["a"].tenure.Keep([]byte("7 of 1000"), 1, func(_ uint64, ok bool) { kept <- ok })
		if !<-kept {
			t.Fatal("the ledger was not kept")
		}
		begun := time.Now()
		if err := r.nodes["a"].Handover(t.Context(), key, "c"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("a handover took %v", took)
		}
		synctest.Wait()
		r.want("c", "own 2 7 of 1000")
		r.want("a", "follow c")
		for host, want := range map[string]error{"": cluster.ErrNotOwner, "x": cluster.ErrNotOwner} {
			if err := r.nodes["a"].Handover(t.Context(), key, host); !errors.Is(err, want) || !strings.Contains(err.Error(), "c does") {
				t.Errorf("handover by a follower: %v", err)
			}
		}
		if err := r.nodes["c"].Handover(t.Context(), key, "x"); !errors.Is(err, cluster.ErrNoMember) {
			t.Errorf("handover to nobody: %v", err)
		}
		if err := r.nodes["c"].Handover(t.Context(), "x", ""); !errors.Is(err, cluster.ErrNoAccount) {
			t.Errorf("handover of nothing: %v", err)
		}
	})
}

func TestNodeLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		r.pass(16 * time.Second)
		r.tenants["a"].yield = 2 * time.Second
		begun := time.Now()
		if err := r.nodes["a"].Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < 2*time.Second || took > 3*time.Second {
			t.Errorf("leaving took %v", took)
		}
		synctest.Wait()
		r.want("b", "own 2")
		if err := r.nodes["a"].Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m := r.store.Records(cluster.Members); m["a"] != nil || m["b"] == nil {
			t.Errorf("members: %q", m)
		}
		// The last one has nobody to give it to: it goes on until Close, and the next start needs no watch.
		if err := r.nodes["b"].Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.want("b", "own 2")
		r.close()
		r.start("b", nil)
		r.pass(time.Second)
		r.want("b", "own 3")
		r.close()
	})
}

func TestNodeTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		defer r.close()
		r.pass(16 * time.Second)
		fence := r.tenants["a"].tenure.Fence
		r.store.Cut("a")
		for !fence.Passed() {
			if r.tenants["b"].last()[:3] == "own" {
				t.Fatal("taken before the fence")
			}
			r.pass(100 * time.Millisecond)
		}
		r.pass(5 * time.Second)
		r.want("a", "orphan")
		r.want("b", "own 2")
		r.store.Mend("a")
		r.pass(5 * time.Second)
		r.want("a", "follow b")
		r.pass(2 * time.Minute) // a is the better one
		r.want("a", "own 3")
		if n := strings.Count(r.log.String(), "does not answer"); n != 1 {
			t.Errorf("the engine is away %d times:\n%s", n, r.log.String())
		}
	})
}

func TestNodeForgottenEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		defer r.close()
		r.pass(16 * time.Second)
		kept := make(chan bool, 1) // the answer of Keep; one
		r.tenants["a"].tenure.Keep([]byte("content"), 1, func(_ uint64, ok bool) { kept <- ok })
		<-kept
		r.store.Forget()
		r.pass(time.Minute)
		r.want("a", "own 1")
		r.want("b", "follow a")
		if l := r.store.Records(cluster.Ledgers)[key]; string(l) != "content" {
			t.Errorf("ledger: %q", l)
		}
	})
}

func TestNodePart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		defer r.close()
		r.pass(16 * time.Second)
		gone := r.nodes["a"].Part(key)
		again := &tenant{}
		r.nodes["a"].Join(cluster.Account{Key: key, Name: "example"}, again)
		<-gone
		r.want("a", "orphan") // behind the end, and then nothing
		r.pass(time.Second)
		r.want("b", "own 2")
		r.want("a", "orphan")
		if got := again.last(); !strings.HasPrefix(got, "follow b") {
			t.Errorf("joined again: %q", again.told)
		}
		<-r.nodes["a"].Part(key)
		<-r.nodes["a"].Part("nothing")
	})
}

func TestNodeYieldsWithoutSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		defer r.close()
		r.pass(16 * time.Second)
		r.tenants["a"].set(func(t *tenant) { t.down = 61 * time.Second })
		r.pass(10 * time.Second)
		r.want("b", "own 2")
		r.pass(2 * time.Minute)
		if s := r.nodes["b"].Snapshot().Accounts[0]; len(s.Unfit) != 1 || s.Unfit[0] != "a" {
			t.Errorf("unfit: %q", s.Unfit)
		}
		r.want("b", "own 2")
		// Both are unfit: nobody moves.
		r.tenants["b"].set(func(t *tenant) { t.down = 61 * time.Second })
		r.pass(time.Minute)
		r.want("b", "own 2")
	})
}

func TestNodeDoubleHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.pass(16 * time.Second)
		first, told := r.nodes["a"], r.tenants["a"]
		r.start("a", nil)
		r.pass(40 * time.Second)
		if got := told.last(); got != "own 1 " {
			t.Errorf("the first: %q", got)
		}
		r.want("a", "follow a")
		if n := strings.Count(r.log.String(), "same host name; this one"); n != 1 {
			t.Errorf("said %d times:\n%s", n, r.log.String())
		}
		if err := first.Close(t.Context()); err != nil {
			t.Error(err)
		}
		r.pass(40 * time.Second)
		r.want("a", "own 2")
		r.close()
	})
}

func TestNodeStatic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		owner := cluster.Owner{Host: "a", Peer: "a.example:7070"}
		for _, host := range []string{"a", "b"} {
			n, tt := cluster.NewNode(cluster.Config{Host: host, Static: owner}), &tenant{}
			n.Join(cluster.Account{Key: key, Name: "example"}, tt)
			n.Start()
			synctest.Wait()
			want := map[string]string{"a": "own 0 ", "b": "follow a a.example:7070"}[host]
			if got := tt.last(); got != want {
				t.Errorf("%s: got %q, want %q", host, got, want)
			}
			if err := n.Handover(t.Context(), key, ""); !errors.Is(err, cluster.ErrNoEngine) {
				t.Error(err)
			}
			if s := n.Snapshot(); s.Engine.Name != "static" || s.Accounts[0].Owner != owner {
				t.Errorf("snapshot: %+v", s)
			}
			if err := n.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if got := tt.last(); host == "a" && got != "yield" {
				t.Errorf("%s: got %q at the end", host, got)
			}
		}
	})
}

func TestSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		defer r.close()
		one, err := r.nodes["a"].Secret(t.Context(), "ledger", 32)
		two, err2 := r.nodes["b"].Secret(t.Context(), "ledger", 32)
		if err != nil || err2 != nil || len(one) != 32 || !bytes.Equal(one, two) {
			t.Errorf("got %x, %v and %x, %v", one, err, two, err2)
		}
		if _, err := r.nodes["a"].Secret(t.Context(), "ledger", 16); err == nil {
			t.Error("another size is taken")
		}
	})
}

func TestIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		defer r.close()
		take := func(host string) *cluster.Identity {
			t.Helper()
			id, err := r.nodes[host].TakeIdentity(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		a, a2, b := take("a"), take("a"), take("b")
		if a.Number() == a2.Number() || a.Number() == b.Number() || a2.Number() == b.Number() || a.Begin() != 0 {
			t.Errorf("numbers %d, %d, %d", a.Number(), a2.Number(), b.Number())
		}
		var ahead uint64
		last := uint64(time.Now().UnixMicro())
		taken := 0
		a.Use(func() uint64 { return last }, func(until uint64) { ahead = until }, func() { taken++ })
		r.pass(time.Minute)
		if now := uint64(time.Now().UnixMicro()); ahead < now || ahead > now+70e6 {
			t.Errorf("ahead %d at %d", ahead, now)
		}
		// Forgotten: it is written again. Another's: one more is to be taken.
		r.store.Forget()
		r.pass(20 * time.Second)
		if taken != 0 || len(r.store.Records(cluster.Identities)) != 1 {
			t.Errorf("taken %d times, %d records", taken, len(r.store.Records(cluster.Identities)))
		}
		r.store.Put(cluster.Record{Table: cluster.Identities, Key: fmt.Sprintf("%04d", a.Number()),
			Value: []byte(`{"v":2,"host":"x","instance":"x","most":1,"later":true}`)})
		r.pass(20 * time.Second)
		if taken != 1 {
			t.Errorf("taken %d times", taken)
		}
		if err := b.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again := take("b"); again.Number() == a.Number() {
			t.Error("a number of somebody's is taken")
		}
	})
}

func TestIdentityOutlivesItsProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a")
		defer r.close()
		id, err := r.nodes["a"].TakeIdentity(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last := uint64(time.Now().UnixMicro())
		id.Use(func() uint64 { return last }, func(uint64) {}, func() {})
		if err := id.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		again, err := r.nodes["a"].TakeIdentity(t.Context())
		if err != nil || again.Number() != id.Number() || again.Begin() != last {
			t.Fatalf("got %d behind %d, %v", again.Number(), again.Begin(), err)
		}
		// It is not given back: its number is another's after a while only, and behind all it may have made.
		r.pass(14 * time.Minute)
		third, err := r.nodes["a"].TakeIdentity(t.Context())
		if err != nil || third.Number() != id.Number() || third.Begin() < last+1<<27 {
			t.Fatalf("got %d behind %d, %v", third.Number(), third.Begin(), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r.store.Cut("a")
		if _, err := r.nodes["a"].TakeIdentity(ctx); err == nil {
			t.Error("taken without an engine")
		}
		r.store.Mend("a")
	})
}
