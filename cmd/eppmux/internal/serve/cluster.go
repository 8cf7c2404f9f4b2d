package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"eppmux/cluster"
	"eppmux/cluster/etcd"
	"eppmux/cluster/redis"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/peer"
	"eppmux/upstream"
)

// clusterPart is this host's part in a cluster. Nil: the config has none.
type clusterPart struct {
	// Immutable after openCluster.
	cfg     *config.Cluster
	version string // of the program
	node    *cluster.Node
	peers   *peer.Server // nil: this host never owns an account
	client  *tls.Config  // to open lanes
	trids   *upstream.TRIDs
	log     *slog.Logger
	ctx     context.Context // ends with close
	stop    context.CancelFunc
	ended   sync.WaitGroup // goroutines of begin

	secret atomic.Pointer[[]byte] // see ledgerKey; nil: it is not known yet

	mu      sync.Mutex
	tenants map[string]*tenant // by key; guarded by mu
}

// openCluster makes this host's part and opens its listener. Nothing is said to others before begin.
// close must be called.
func openCluster(cfg *config.Config, version string, log *slog.Logger) (*clusterPart, error) {
	c := cfg.Cluster
	if c == nil {
		return nil, nil
	}
	p := &clusterPart{cfg: c, version: version, log: log, tenants: make(map[string]*tenant),
		// Until the store has given this host an identity: nothing is sent before that.
		trids: upstream.NewTRIDs(uint16(rand.N(upstream.TRIDIdentities)), 0)}
	p.ctx, p.stop = context.WithCancel(context.Background())
	engine, err := openEngine(c, log)
	if err != nil {
		return nil, err
	}
	n := cluster.Config{Cluster: c.Name, Host: c.Host, Peer: c.Peer.Advertise, Version: version, TTL: c.TTL,
		MaxSkew: c.MaxClockSkew, YieldAfter: c.YieldAfter, Yield: cfg.DrainTimeout, Engine: engine, Logger: log}
	if c.Static != nil {
		n.Static = cluster.Owner{Host: c.Static.Owner, Peer: c.Static.Peer}
	}
	p.node = cluster.NewNode(n)
	server, client := c.PeerTLS()
	p.client = client
	if !c.Follows() {
		p.peers = peer.New(peer.Config{Address: c.Peer.Listen, TLS: func() *tls.Config { return server },
			Cluster: c.Name, Host: c.Host, Program: version, Lookup: p.lookup, Lanes: c.Lanes,
			MaxFrame: longestFrame(cfg), Logger: log})
		if err := p.peers.Listen(); err != nil {
			return nil, errors.Join(err, p.close())
		}
	}
	return p, nil
}

// longestFrame is the longest payload that a client of any registry may send, in octets.
func longestFrame(cfg *config.Config) int {
	longest := 0
	for i := range cfg.Registries {
		longest = max(longest, cfg.Registries[i].Clients.MaxFrame)
	}
	return longest
}

// openEngine returns the store of the cluster; nil: it has a fixed owner. A store that is not there yet
// is no error.
func openEngine(c *config.Cluster, log *slog.Logger) (cluster.Engine, error) {
	switch {
	case c.Etcd != nil:
		return etcd.New(etcd.Config{Cluster: c.Name, Endpoints: c.Etcd.Endpoints, TLS: c.Etcd.TLSConfig(),
			User: c.Etcd.User, Password: c.Etcd.Password.Reveal(), Logger: log})
	case c.Redis != nil:
		r := redis.Config{Cluster: c.Name, TLS: c.Redis.TLSConfig(), User: c.Redis.User,
			Password: c.Redis.Password.Reveal(), Logger: log}
		if s := c.Redis.Sentinel; s != nil {
			r.Addresses, r.Sentinel = s.Addresses, redis.Sentinel{Master: s.Master, TLS: r.TLS}
		} else {
			r.Addresses = []string{c.Redis.Address}
		}
		return redis.New(r)
	}
	return nil, nil
}

// begin takes part.
func (p *clusterPart) begin() {
	if p == nil {
		return
	}
	if p.peers != nil {
		p.peers.Serve()
	}
	p.node.Start()
	if p.cfg.Static == nil {
		p.ended.Go(p.takeSecret)
		p.ended.Go(p.identify)
	}
}

const (
	// secretName names the key of the hashes of refused credentials.
	secretName = "ledger-key"
	// storeRetry is the time between two attempts to get from the store what is needed once.
	storeRetry = time.Second
)

// takeSecret gets the key for hashes of refused credentials, which all hosts share. It runs on a
// goroutine of its own until it has it, or close, which waits for it.
func (p *clusterPart) takeSecret() {
	p.untilDone(func(ctx context.Context) error {
		key, err := p.node.Secret(ctx, secretName, keyLen)
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.secret.Store(&key)
		tenants := slices.Collect(maps.Values(p.tenants))
		p.mu.Unlock()
		for _, t := range tenants {
			t.account.SetLedgerKey(key)
		}
		return nil
	})
}

// untilDone calls f until it returns no error, or close.
func (p *clusterPart) untilDone(f func(ctx context.Context) error) {
	for {
		ctx, cancel := context.WithTimeout(p.ctx, p.cfg.TTL)
		err := f(ctx)
		cancel()
		if err == nil {
			return
		}
		select {
		case <-time.After(storeRetry):
		case <-p.ctx.Done():
			return
		}
	}
}

// identify gives the transaction ids of this host an identity that no other host has, for as long as the
// store says so. It runs on a goroutine of its own until close, which waits for it.
func (p *clusterPart) identify() {
	for p.ctx.Err() == nil {
		p.untilDone(p.takeIdentity)
	}
}

// takeIdentity takes an identity and keeps it until close, or until another process has it, since the
// store has forgotten who had it.
func (p *clusterPart) takeIdentity(ctx context.Context) error {
	id, err := p.node.TakeIdentity(ctx)
	if err != nil {
		return err
	}
	p.trids.Move(id.Number(), id.Begin(), id.Begin())
	taken := make(chan struct{})
	id.Use(p.trids.Last, p.trids.Ahead, func() { close(taken) })
	select {
	case <-taken:
		return nil
	case <-p.ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterShutdown)
	defer cancel()
	return id.Release(ctx)
}

// ledgerKey returns the key for hashes of refused credentials; nil: it is not known yet, and a refusal is
// then not shared.
func (p *clusterPart) ledgerKey() []byte {
	if key := p.secret.Load(); key != nil {
		return *key
	}
	return nil
}

// join has the account of m take part.
func (p *clusterPart) join(m *member) {
	t := m.tenant
	p.mu.Lock()
	p.tenants[t.key] = t
	key := p.ledgerKey()
	p.mu.Unlock()
	if key != nil {
		t.account.SetLedgerKey(key)
	}
	p.node.Join(cluster.Account{Key: t.key, Name: m.cfg.Name, Prefer: m.cfg.Cluster.Prefer}, t)
}

// part has an account take part no more, and waits for its end for a while at most.
func (p *clusterPart) part(t *tenant, within time.Duration) {
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-p.node.Part(t.key):
	case <-late.C:
		p.log.Warn("an account could not be given up in time", "account", t.key)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tenants[t.key] == t {
		delete(p.tenants, t.key)
	}
}

// lookup tells the listener for peers who owns an account.
func (p *clusterPart) lookup(key string) (peer.Tenancy, bool) {
	p.mu.Lock()
	t := p.tenants[key]
	p.mu.Unlock()
	if t == nil {
		return peer.Tenancy{}, false
	}
	return t.tenancy(), true
}

// leave gives up all accounts that another host can own, within a part of the time of a drain.
func (p *clusterPart) leave(within time.Duration) {
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, within)
	defer cancel()
	if err := p.node.Leave(ctx); err != nil && p.ctx.Err() == nil {
		p.log.Warn("not every account could be handed over", "err", err.Error())
	}
}

// clusterShutdown bounds the last words to the store.
const clusterShutdown = 2 * time.Second

// forget ends all lanes to the account of m, whose loop is about to end.
func (p *clusterPart) forget(m *member) {
	p.mu.Lock()
	if p.tenants[m.tenant.key] == m.tenant {
		delete(p.tenants, m.tenant.key)
	}
	p.mu.Unlock()
	if p.peers != nil {
		p.peers.Forget(m.account)
	}
}

// shut ends all lanes of others. The loops of the accounts still run.
func (p *clusterPart) shut() {
	if p != nil && p.peers != nil {
		p.peers.Close()
	}
}

// close says the last words to the store. The accounts have no sessions any more.
func (p *clusterPart) close() error {
	if p == nil {
		return nil
	}
	p.shut()
	p.stop()
	p.ended.Wait() // the identity is given back
	ctx, cancel := context.WithTimeout(context.Background(), clusterShutdown)
	defer cancel()
	err := p.node.Close(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		p.log.Warn("the engine was not told that this host has ended: what it owned, others take over after a ttl")
		return nil
	}
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return nil
}
