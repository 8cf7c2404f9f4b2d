package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Config is what a Node is made of.
type Config struct {
	Cluster string // its name
	Host    string // of this member; no other member has it
	Peer    string // host:port, where this host takes lanes
	Version string // of the program

	TTL        time.Duration // of a lease; 0: 15 s
	MaxSkew    time.Duration // by how much wall clocks may differ; 0: 5 s
	YieldAfter time.Duration // an owner without a session for that long hands over; 0: 60 s
	// Yield is how long a Tenant may take to give an account up; 0: 30 s.
	Yield time.Duration

	Engine Engine // the Node closes it
	// Static is who owns all accounts where there is no Engine. Its Term stays 0.
	Static Owner

	Clocks Clocks       // nil: SystemClocks
	Logger *slog.Logger // nil: nothing is logged
	// Rand makes the name of this process and new secrets; nil: crypto/rand.Read.
	Rand func([]byte)
}

func (c *Config) defaults() {
	orElse(&c.TTL, 15*time.Second)
	orElse(&c.MaxSkew, 5*time.Second)
	orElse(&c.YieldAfter, time.Minute)
	orElse(&c.Yield, 30*time.Second)
	if c.Clocks == nil {
		c.Clocks = SystemClocks
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = func(b []byte) { _, _ = rand.Read(b) } // it never fails
	}
}

// orElse sets v where it is zero.
func orElse(v *time.Duration, d time.Duration) {
	if *v == 0 {
		*v = d
	}
}

// Errors of Handover.
var (
	ErrNoAccount = errors.New("the account takes no part in the cluster")
	ErrNotOwner  = errors.New("this host does not own the account")
	ErrNoMember  = errors.New("no such member is there and fit")
	ErrNoEngine  = errors.New("the cluster has a fixed owner")
	ErrLost      = errors.New("the account was lost on the way")
	ErrClosed    = errors.New("the node is closed")
)

// Node takes part in a cluster for one host: it is a member, and a candidate for each account that was
// joined. Its methods may be called from any goroutine.
type Node struct {
	// Immutable.
	cfg      Config
	instance string
	ctx      context.Context // ends with Close
	stop     context.CancelFunc
	ended    sync.WaitGroup // goroutines of the Node
	poke     chan struct{}  // to the goroutine of run: Wake may have changed; holds one
	hint     chan struct{}  // to the goroutine of run: the engine's records may have changed; holds one

	// Guarded by mu.
	mu       sync.Mutex
	m        *machine           // nil: there is no engine
	tenants  map[string]*caller // by account
	order    []string           // accounts, as they were joined
	logs     caller             // of lines for the log
	engine   EngineState
	changed  chan struct{} // closed, and made anew, after each event of m
	sleepTo  time.Duration // until when run sleeps, by the boot clock
	started  bool
	resigned bool // Resign was called; it may not have done all
	closed   bool
}

// NewNode returns one that does nothing before Start.
func NewNode(cfg Config) *Node {
	cfg.defaults()
	n := &Node{cfg: cfg, poke: make(chan struct{}, 1), hint: make(chan struct{}, 1), changed: make(chan struct{}),
		tenants: make(map[string]*caller)}
	n.ctx, n.stop = context.WithCancel(context.Background())
	n.instance = n.random()
	n.engine = EngineState{Name: "static", Up: true, Since: time.Unix(0, int64(cfg.Clocks.Wall()))}
	if cfg.Engine != nil {
		n.engine.Name, n.engine.Up = cfg.Engine.Name(), false
		n.m = newMachine(machineConfig{Host: cfg.Host, Instance: n.instance, Peer: cfg.Peer, Version: cfg.Version,
			TTL: cfg.TTL, MaxSkew: cfg.MaxSkew, YieldAfter: cfg.YieldAfter, Yield: cfg.Yield, Clocks: cfg.Clocks})
	}
	return n
}

// random returns 16 digits that no other process has.
func (n *Node) random() string {
	var b [8]byte
	n.cfg.Rand(b[:])
	return hex.EncodeToString(b[:])
}

// Start begins to take part. Accounts may be joined before and after.
func (n *Node) Start() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.started || n.closed {
		return
	}
	n.started = true
	if n.m == nil {
		for _, key := range n.order {
			n.settle(n.tenants[key])
		}
		return
	}
	n.m.start(Now(n.cfg.Clocks))
	n.flush()
	n.ended.Go(n.run)
	n.ended.Go(n.watch)
}

// Join takes part in the election of an account. Joining it again changes its Prefer; t is then the
// Tenant that it has.
func (n *Node) Join(a Account, t Tenant) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.tenants[a.Key]
	switch {
	case n.closed:
		return
	case c == nil:
		c = &caller{spec: a, tenant: t, gone: make(chan struct{})}
		n.tenants[a.Key] = c
		n.order = append(n.order, a.Key)
	case c.parting:
		c.next, c.nextSpec = t, a
		return
	}
	c.spec = a
	if n.m != nil {
		n.m.join(a, Now(n.cfg.Clocks))
		n.flush()
	} else if n.started {
		n.settle(c)
	}
}

// Part takes no part any more in the election of an account: an owner yields first. gone is closed when
// its Tenant is called no more.
func (n *Node) Part(key string) (gone <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.tenants[key]
	if c == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	c.next = nil
	if !c.parting {
		c.parting = true
		if n.m == nil {
			n.unsettle(c)
		} else {
			n.m.part(key, Now(n.cfg.Clocks))
			n.flush()
		}
	}
	return c.gone
}

// Handover gives an account that this host owns to another one, the best or the named, and returns when
// that owns it. After ctx it goes on by itself.
func (n *Node) Handover(ctx context.Context, key, host string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	if n.m == nil {
		return ErrNoEngine
	}
	a := n.m.accounts[key]
	if err := n.m.handover(key, host, Now(n.cfg.Clocks)); err != nil {
		return err
	}
	term := a.mine.Term
	n.flush()
	return n.await(ctx, func() (bool, error) {
		switch {
		case a.state == stateNone && a.told.Host != "":
			return true, nil
		case a.state == stateOwner && a.mine.Term != term:
			return true, ErrLost
		}
		return false, nil
	})
}

// Leave is the first step of a shutdown: it gives up all accounts that another host can own, and returns
// when they are owned, or ctx ends. The others stay this host's. It takes no account any more.
func (n *Node) Leave(ctx context.Context) error { return n.leave(ctx, "") }

// LeaveOne is Leave for one account, which Part is to follow. Until then this host follows the next owner.
func (n *Node) LeaveOne(ctx context.Context, key string) error { return n.leave(ctx, key) }

func (n *Node) leave(ctx context.Context, key string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil || n.closed || !n.started {
		return nil
	}
	n.m.leave(key, Now(n.cfg.Clocks))
	n.flush()
	return n.await(ctx, func() (bool, error) { return n.m.left(key, Now(n.cfg.Clocks)), nil })
}

// await waits until is reports true. It is called with mu held, which it gives up meanwhile.
func (n *Node) await(ctx context.Context, is func() (bool, error)) error {
	for {
		if ok, err := is(); ok {
			return err
		}
		if n.closed {
			return ErrClosed
		}
		changed := n.changed
		n.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		case <-n.ctx.Done():
		}
		n.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Resign gives up what this host still owns, with or without a successor, and removes the member. The
// Tenants must still be at work: an owner logs out and writes its ledger. What is not done when ctx ends is
// left undone: others take over after a ttl. Close follows.
func (n *Node) Resign(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	return n.resign(ctx)
}

// Close ends the Node. Where Resign did not come before, it does what that does. It closes the Engine.
func (n *Node) Close(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	var err error
	if !n.resigned {
		err = n.resign(ctx)
	}
	n.closed = true
	n.stop()
	close(n.changed)
	n.changed = make(chan struct{})
	n.mu.Unlock()
	n.ended.Wait()
	if n.cfg.Engine != nil {
		err = errors.Join(err, n.cfg.Engine.Close())
	}
	n.mu.Lock()
	return err
}

func (n *Node) resign(ctx context.Context) error {
	n.resigned = true
	switch {
	case !n.started:
		return nil
	case n.m == nil:
		for _, key := range n.order {
			c := n.tenants[key]
			if !c.parting {
				c.parting = true
				n.unsettle(c)
			}
		}
		return n.await(ctx, func() (bool, error) { return len(n.tenants) == 0, nil })
	}
	n.m.close(Now(n.cfg.Clocks))
	n.flush()
	return n.await(ctx, func() (bool, error) { return n.m.closed, nil })
}
