package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
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
	cfg      *config.Cluster
	version  string // of the program
	node     *cluster.Node
	peers    *peer.Server // nil: this host never owns an account
	client   *tls.Config  // to open lanes
	trids    *upstream.TRIDs
	maxFrame int // see longestFrame
	log      *slog.Logger
	ctx      context.Context // ends with close
	stop     context.CancelFunc
	ended    sync.WaitGroup // goroutines of begin

	mu      sync.Mutex
	tenants map[string]*tenant // by key; guarded by mu
	secret  []byte             // see ledgerKey; guarded by mu
}

// openStore is what opens the store of a cluster; nil: it has a fixed owner. A store that is not there yet is no
// error. The Node closes it.
type openStore func(c *config.Cluster, log *slog.Logger) (cluster.Engine, error)

// openCluster makes this host's part and opens its listener. Nothing is said to others before begin.
// close must be called. After an error nothing of it is left.
func (s *service) openCluster(cfg *config.Config) (*clusterPart, error) {
	c := cfg.Cluster
	if c == nil {
		return nil, nil
	}
	engine, err := s.openStore(c, s.log)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	p := &clusterPart{cfg: c, version: s.live.version, log: s.log, tenants: make(map[string]*tenant),
		maxFrame: longestFrame(cfg)}
	p.ctx, p.stop = context.WithCancel(context.Background())
	n := cluster.Config{Cluster: c.Name, Host: c.Host, Peer: c.Peer.Advertise, Version: p.version, TTL: c.TTL,
		MaxSkew: c.MaxClockSkew, YieldAfter: c.YieldAfter, Yield: cfg.DrainTimeout, Engine: engine, Logger: s.log}
	if c.Static == nil {
		// Until the store has given this host an identity.
		p.trids = tridsByChance()
	} else {
		n.Static = cluster.Owner{Host: c.Static.Owner, Peer: c.Static.Peer}
		p.trids = s.transactionIDs()
		if s.ledgers != nil {
			p.secret = s.ledgers.key
		}
	}
	p.node = cluster.NewNode(n)
	c.Peer.Certificate.LogTo(s.log)
	server, client := c.PeerTLS()
	p.client = client
	if !c.Follows() {
		p.peers = peer.New(peer.Config{Address: c.Peer.Listen, TLS: func() *tls.Config { return server },
			Cluster: c.Name, Host: c.Host, Program: p.version, Lookup: p.lookup, Lanes: c.Lanes,
			MaxFrame: p.maxFrame, Logger: s.log})
		if err := p.peers.Listen(); err != nil {
			p.close()
			return nil, fmt.Errorf("cluster.peer: %w", err)
		}
	}
	return p, nil
}

// laneFrame is what lanes take at least, in octets: the default of clients.max_frame. Registries may be added.
const laneFrame = 256 << 10

// longestFrame is the longest data unit that a client of a registry which the cluster shares may send, in
// octets, and laneFrame at least.
func longestFrame(cfg *config.Config) int {
	longest := laneFrame
	for i := range cfg.Registries {
		if r := &cfg.Registries[i]; r.Shared(cfg) {
			longest = max(longest, r.Clients.MaxFrame)
		}
	}
	return longest
}

// openEngine is the openStore of the program.
func openEngine(c *config.Cluster, log *slog.Logger) (cluster.Engine, error) {
	switch {
	case c.Etcd != nil:
		c.Etcd.Certificate.LogTo(log)
		return etcd.New(etcd.Config{Cluster: c.Name, Endpoints: c.Etcd.Endpoints, TLS: c.Etcd.TLSConfig(),
			User: c.Etcd.User, Password: c.Etcd.Password.Reveal(), Logger: log})
	case c.Redis != nil:
		c.Redis.Certificate.LogTo(log)
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

// begin takes part. The accounts of the start have joined: the others learn of them all at once.
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
	// clusterShutdown bounds each of the last words to the store.
	clusterShutdown = 2 * time.Second
	// secretName names the key of the hashes of refused credentials.
	secretName = "ledger-key"
	// storeRetry is the time between two attempts to get from the store what is needed once, and storeSay
	// that between two lines about attempts that fail.
	storeRetry = time.Second
	storeSay   = time.Minute
)

// takeSecret gets the key for hashes of refused credentials, which all hosts share. It runs on a
// goroutine of its own until it has it, or close, which waits for it.
func (p *clusterPart) takeSecret() {
	const fails = "the store gives no key: refused credentials are not remembered for other hosts"
	p.untilDone(fails, func(ctx context.Context) error {
		key, err := p.node.Secret(ctx, secretName, keyLen)
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.secret = key
		p.mu.Unlock()
		for _, t := range p.all() {
			t.account.SetLedgerKey(key)
		}
		return nil
	})
}

// untilDone calls f until it returns no error, or close. It says so where f fails, now and then.
func (p *clusterPart) untilDone(fails string, f func(ctx context.Context) error) {
	var said time.Time
	for {
		ctx, cancel := context.WithTimeout(p.ctx, p.cfg.TTL)
		err := f(ctx)
		cancel()
		if err == nil || p.ctx.Err() != nil {
			return
		}
		if said.IsZero() || time.Since(said) >= storeSay {
			said = time.Now()
			p.log.Warn(fails, "err", err.Error())
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
		p.untilDone(byChance, p.takeIdentity)
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
	taken := make(chan struct{}) // closed by the Identity
	id.Use(p.trids.Last, p.trids.Ahead, func() { close(taken) })
	select {
	case <-taken:
		return nil
	case <-p.ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterShutdown)
	defer cancel()
	if err := id.Release(ctx); err != nil {
		p.log.Warn("the identity of transaction ids could not be given back; it is free in ten minutes",
			"err", err.Error())
	}
	return nil
}

// ledgerKey returns the key for hashes of refused credentials; nil: it is not known yet, and a refusal is
// then not shared.
func (p *clusterPart) ledgerKey() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.secret
}

// all returns the tenants.
func (p *clusterPart) all() []*tenant {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.tenants))
}

// join has the account of m take part. Called again it takes what m's registry says of it now.
func (p *clusterPart) join(m *member) {
	t := m.tenant
	p.mu.Lock()
	p.tenants[t.key] = t
	key := p.secret
	p.mu.Unlock()
	if key != nil {
		t.account.SetLedgerKey(key)
	}
	p.node.Join(cluster.Account{Key: t.key, Name: m.cfg.Name, Prefer: m.cfg.Cluster.Prefer}, t)
}

// give hands an account that this host owns to another one, within a time, and does not take it again: what
// waits here goes there, by lanes. Where no other host can own it nothing changes. part is to follow.
func (p *clusterPart) give(t *tenant, within time.Duration) {
	ctx, cancel := context.WithTimeout(p.ctx, within)
	defer cancel()
	if err := p.node.LeaveOne(ctx, t.key); err != nil && p.ctx.Err() == nil {
		p.log.Warn("an account could not be handed over in time", "registry", t.registry(), "err", err.Error())
	}
}

// part has accounts take part no more, and waits for that for a while at most. What this host owns of them is
// anybody's then. Their loops must still run.
func (p *clusterPart) part(within time.Duration, all ...*tenant) {
	late := time.NewTimer(within)
	defer late.Stop()
	gone := make([]<-chan struct{}, len(all))
	for i, t := range all {
		gone[i] = p.node.Part(t.key)
	}
	for i, t := range all {
		select {
		case <-gone[i]:
		case <-late.C:
			p.log.Warn("an account could not be given up in time; others take it over after a ttl",
				"registry", t.registry())
			return
		}
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

// resign ends all lanes of others, gives up what this host still owns, and says so to the store. The loops
// of the accounts still run, and what is left of sessions logs out.
func (p *clusterPart) resign() {
	if p == nil {
		return
	}
	if p.peers != nil {
		p.peers.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterShutdown)
	defer cancel()
	if err := p.node.Resign(ctx); err != nil {
		p.log.Warn("the cluster could not be told of this host's end; it finds out after a ttl", "err", err.Error())
	}
}

// close gives the identity back, and ends. The accounts make no transaction id any more.
func (p *clusterPart) close() {
	if p == nil {
		return
	}
	if p.peers != nil {
		p.peers.Close()
	}
	p.stop()
	p.ended.Wait() // the identity is given back
	ctx, cancel := context.WithTimeout(context.Background(), clusterShutdown)
	defer cancel()
	if err := p.node.Close(ctx); err != nil {
		p.log.Warn("the cluster could not be told of this host's end; it finds out after a ttl", "err", err.Error())
	}
}
