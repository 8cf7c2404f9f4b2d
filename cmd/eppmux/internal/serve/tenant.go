package serve

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"time"

	"eppmux/cluster"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/peer"
	"eppmux/upstream"
	"eppmux/upstream/lane"
)

// tenant is an account of this host in the cluster. It implements cluster.Tenant: what the cluster
// decides, the account does. Any goroutine may use it.
type tenant struct {
	// Immutable.
	part    *clusterPart
	key     string
	account *upstream.Account
	log     *slog.Logger
	local   *tenure         // of a fixed owner: its ledger is a file; nil: the cluster keeps it
	memory  upstream.Memory // of local, for the first Own

	mu    sync.Mutex
	name  string        // of the registry; guarded by mu
	owner cluster.Owner // Host empty: nobody is known; guarded by mu
	owned bool          // by this host; guarded by mu
	peer  string        // that tls is for; guarded by mu
	tls   *tls.Config   // to open lanes; guarded by mu
}

// newTenant returns the tenant for the account of m, which serves r.
func (p *clusterPart) newTenant(m *member, r *config.Registry) *tenant {
	t := &tenant{part: p, key: clusterKey(r), account: m.account, log: m.log.With("registry", r.Name)}
	t.configure(r)
	return t
}

// clusterKey is the key of the account of r.
func clusterKey(r *config.Registry) string {
	a := accountOf(r)
	return cluster.AccountKey(a.address, a.clientID)
}

// claim takes the account where this host is its fixed owner: lock and ledger are as without a cluster.
func (t *tenant) claim(ctx context.Context, m *member) (err error) {
	if c := t.part.cfg; c.Static == nil || c.Follows() {
		return nil
	}
	t.local, t.memory, err = m.take(ctx, &m.cfg)
	m.tenure = t.local
	return err
}

// configure takes what the tenant needs of r.
func (t *tenant) configure(r *config.Registry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.name = r.Name
}

// registry returns the name of the registry.
func (t *tenant) registry() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.name
}

// take notes who owns the account.
func (t *tenant) take(o cluster.Owner, owned bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owner, t.owned = o, owned
}

// tenancy is what a lane for the account is told.
func (t *tenant) tenancy() peer.Tenancy {
	t.mu.Lock()
	defer t.mu.Unlock()
	return peer.Tenancy{Account: t.account, Owner: t.owner.Host, Peer: t.owner.Peer, Term: t.owner.Term, Owned: t.owned}
}

// Own implements cluster.Tenant.
func (t *tenant) Own(tn cluster.Tenure) {
	cfg := t.part.cfg
	t.take(cluster.Owner{Host: cfg.Host, Peer: cfg.Peer.Advertise, Term: tn.Term}, true)
	o := upstream.Ownership{Term: tn.Term}
	switch {
	case tn.Fence != nil:
		o.Fence, o.Skew = tn.Fence, tn.Skew
		o.Ledger, o.Memory = &clusterKeeper{tn.Keep}, t.remembered(tn)
	case t.local != nil && t.local.ledger != nil:
		o.Ledger, o.Memory = t.local.ledger, t.memory
	}
	t.account.Own(o)
}

// remembered is what the owner before has kept.
func (t *tenant) remembered(tn cluster.Tenure) upstream.Memory {
	switch {
	case tn.Lost:
		t.log.Error("the ledger is gone from the store; limits count as full")
		return upstream.Memory{State: upstream.MemoryLost}
	case tn.Ledger == nil:
		return upstream.Memory{}
	}
	if err := upstream.CheckLedger(tn.Ledger); err != nil {
		t.log.Error("the ledger of the owner before cannot be read; limits count as full", "err", err.Error())
		return upstream.Memory{State: upstream.MemoryLost}
	}
	return upstream.Memory{State: upstream.MemoryKept, Content: tn.Ledger}
}

// Follow implements cluster.Tenant.
func (t *tenant) Follow(o cluster.Owner) {
	t.take(o, false)
	t.account.Follow(t.lanes(o))
}

// lanes is how the account reaches its owner.
func (t *tenant) lanes(o cluster.Owner) upstream.Lanes {
	t.mu.Lock()
	defer t.mu.Unlock()
	return upstream.Lanes{Owner: o.Host, Peer: o.Peer, Term: o.Term, TLS: t.clientTLS(o.Peer),
		Hello: lane.Hello{Version: lane.Version, Program: t.part.version, Cluster: t.part.cfg.Name,
			Account: t.key, Name: t.name, Term: o.Term, Host: t.part.cfg.Host},
		Max: t.part.cfg.Lanes}
}

// Orphan implements cluster.Tenant.
func (t *tenant) Orphan() {
	t.take(cluster.Owner{}, false)
	t.account.Orphan()
}

// Yield implements cluster.Tenant.
func (t *tenant) Yield(within time.Duration, done func()) { t.account.Yield(within, done) }

// Lose implements cluster.Tenant.
func (t *tenant) Lose() {
	t.take(cluster.Owner{}, false)
	t.account.Lose()
}

// Down implements cluster.Tenant.
func (t *tenant) Down() time.Duration { return t.account.Down() }

// clusterKeeper is an upstream.Keeper: each ownership has another one.
type clusterKeeper struct {
	keep func(content []byte, ticket uint64, done func(ticket uint64, ok bool))
}

// Keep implements upstream.Keeper.
func (k *clusterKeeper) Keep(content []byte, ticket uint64, done func(ticket uint64, ok bool)) {
	k.keep(content, ticket, done)
}

// clientTLS is how this host opens lanes to a peer, whose certificate must have its name. It is the same
// as long as the peer is, so that lanes stay. It is called with mu held.
func (t *tenant) clientTLS(peer string) *tls.Config {
	if t.tls == nil || t.peer != peer {
		t.peer, t.tls = peer, t.part.client.Clone()
		t.tls.ServerName, _, _ = net.SplitHostPort(peer)
	}
	return t.tls
}
