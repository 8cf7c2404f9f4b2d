package serve

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"

	"eppmux/cluster"
	"eppmux/cluster/enginetest"
	"eppmux/cmd/eppmux/internal/clitest"
)

// TestStoreAway: a host starts while its store is away. It says so, has commands wait, and
// recovers.
func TestStoreAway(t *testing.T) {
	w := newTown(t, "one")
	h := w.newHost("a")
	w.store.Cut("a")
	h.begin(h.section(byStore), h.real("one"), "spare")
	h.logged("the engine of the cluster does not answer")
	if st := h.account("one"); st.Role != cluster.RoleNone || st.Owner.Host != "" {
		t.Errorf("got %+v while the store is away", st)
	}
	if got := verdicts(h); !strings.Contains(got, "nobody owns the account") {
		t.Errorf("got verdicts %q", got)
	}
	h.connect("spare") // an account of this host alone is served
	w.store.Mend("a")
	w.owned("one", h)
	h.works("one")
	h.ready("one")
	h.logged("the engine of the cluster answers")

	// It ends while the store is away again: without an error, and soon.
	w.store.Cut("a")
	h.stop()
	h.want(h.log.Text(), "the cluster could not be told of this host's end")
	w.kept("one")
}

// verdicts are the texts of the findings of all registries.
func verdicts(h *townHost) string {
	var all []string
	for _, r := range h.s.monitor.Status().Registries {
		for _, f := range r.Findings {
			all = append(all, f.Text)
		}
	}
	return strings.Join(all, "; ")
}

// TestClusterCannotStart: what cannot be had at the start is named, and nothing is left.
func TestClusterCannotStart(t *testing.T) {
	w := newTown(t, "one")
	h := w.newHost("a")
	ln, err := net.Listen("tcp", h.peer)
	if err != nil {
		t.Fatal(err)
	}
	cfg := h.prepare(h.section(byStore), h.real("one"))
	if err := h.s.serve(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "cluster.peer: listen for lanes at "+h.peer) ||
		!strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	ln.Close()
	h.gone("one")

	// A registry's listener fails behind the listener for lanes.
	cfg = h.prepare(h.section(byStore), h.real("one"))
	if err := os.MkdirAll(h.socket("one")+"/x", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := h.s.serve(t.Context(), cfg); err == nil {
		t.Error("got no error of a socket that is a folder")
	}
	if err := os.RemoveAll(h.socket("one")); err != nil {
		t.Fatal(err)
	}
	h.gone("one")

	// The store's config cannot be used.
	cfg = h.prepare(h.section(byStore), h.real("one"))
	cfg.Cluster.Redis.Address = ""
	h.s.openStore = openEngine
	if err := h.s.serve(t.Context(), cfg); err == nil || !strings.HasPrefix(err.Error(), "cluster: ") {
		t.Errorf("got %v", err)
	}
	h.gone("one")
	if r := w.store.Requests(); len(r) != 0 {
		t.Errorf("got requests %v", r)
	}
	if c := w.registries["one"].Counters(); c.Connections != 0 {
		t.Errorf("got %d connections", c.Connections)
	}
}

// TestStoreRefuses: a Redis that may remove records is not used, and the log says what to do.
func TestStoreRefuses(t *testing.T) {
	s := enginetest.StartRedis(t, enginetest.ServerConfig{Args: []string{"--maxmemory-policy", "allkeys-lru"}})
	w := newTown(t, "one")
	h := w.newHost("a")
	h.open = openEngine
	h.begin(h.section("ttl: 5s\n  redis: {address: \""+s.Host()+":"+s.Port()+"\"}"), h.real("one"))
	h.logged("maxmemory-policy")
	if _, err := s.Redis("CONFIG", "SET", "maxmemory-policy", "noeviction"); err != nil {
		t.Fatal(err)
	}
	w.owned("one", h)
	h.works("one")
	h.stop()
	w.kept("one")
}

// TestStatic: without a store the owner has lock and ledger as on one host, and the follower has neither.
func TestStatic(t *testing.T) {
	w := newTown(t, "one")
	a, b := w.newHost("a"), w.newHost("b")
	limited := "rate_limits: [{limit: 1000, per: 1h}]"
	state := func(h *townHost) string {
		dir := h.dir + "/state"
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return "state: {dir: state}\n" + h.section("static: {owner: a, peer: \""+a.peer+"\"}")
	}
	top := state(b)
	b.begin(strings.Replace(top, "listen: \""+b.peer+"\", ", "", 1), b.real("one", limited))
	if st := b.account("one"); st.Role != cluster.RoleFollower || st.Owner.Host != "a" {
		t.Errorf("got %+v of a follower", st)
	}
	waits := make(chan net.Conn, 1) // a client that came before the owner
	go func() { waits <- b.dial("one") }()
	for range 2 {
		a.begin(state(a), a.real("one", limited))
		w.owned("one", a, b)
		a.works("one")
		b.works("one")
		a.ready("one")
		b.ready("one")
		if _, err := a.verb("handover", "one", ""); err == nil || !strings.Contains(err.Error(), "without an engine") {
			t.Errorf("handover: got %v", err)
		}
		if other := a.files(t, "account-", ".lock"); len(other) != 1 {
			t.Errorf("got locks %q at the owner", other)
		}
		if !bytes.Equal(a.s.cluster.ledgerKey(), a.s.ledgers.key) || len(a.s.ledgers.key) != keyLen {
			t.Error("the owner does not use the key of its folder")
		}
		a.stop()
		a.gone("one")
	}
	(<-waits).Close()
	if got := a.files(t, "account-", ".ledger"); len(got) != 1 || !bytes.Contains(clitest.ReadFile(t, got[0]), []byte(`"client_id":"demo"`)) {
		t.Errorf("got ledgers %q at the owner", got)
	}
	if strings.Contains(a.log.Text(), "limits count as full") {
		t.Errorf("got log\n%s", a.log.Text())
	}
	if got := b.files(t, "account-", ""); len(got) != 0 {
		t.Errorf("got %q at the follower", got)
	}
	b.stop()
	w.kept("one")
}
