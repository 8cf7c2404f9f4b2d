package cluster

import "time"

// caller calls one Tenant, one call after the other.
type caller struct {
	tenant Tenant
	spec   Account
	gone   chan struct{} // closed when the account was parted from and no call is left

	// Guarded by Node.mu.
	queue    []func() // calls to come
	busy     bool     // a goroutine makes them
	owns     bool     // between Own and Lose, or the end of Yield
	parting  bool
	next     Tenant // joined again meanwhile; nil: it was not
	nextSpec Account
	keeps    map[keepKey]func(ticket uint64, ok bool)
	keptAt   time.Time // see AccountState.LedgerAt
}

// keepKey is a Keep that was not answered.
type keepKey struct{ term, ticket uint64 }

// call queues a call. It is called with mu held.
func (n *Node) call(c *caller, f func()) {
	c.queue = append(c.queue, f)
	if !c.busy {
		c.busy = true
		n.ended.Go(func() { n.calls(c) })
	}
}

// calls runs on a goroutine of its own until no call of a Tenant is left. Close waits for it.
func (n *Node) calls(c *caller) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(c.queue) > 0 {
		f := c.queue[0]
		c.queue = c.queue[1:]
		n.mu.Unlock()
		f()
		n.mu.Lock()
	}
	c.busy = false
}

// part ends a caller whose account takes no part any more, and joins the account again where that was
// asked for meanwhile. It is called with mu held.
func (n *Node) part(c *caller) {
	key := c.spec.Key
	delete(n.tenants, key)
	n.order = without(n.order, key)
	n.call(c, func() { close(c.gone) })
	if c.next == nil || n.closed {
		return
	}
	next := &caller{spec: c.nextSpec, tenant: c.next, gone: make(chan struct{})}
	n.tenants[key] = next
	n.order = append(n.order, key)
	if n.m != nil {
		n.m.join(next.spec, Now(n.cfg.Clocks))
	} else {
		n.settle(next)
	}
}

// settle tells a Tenant of the fixed owner. It is called with mu held.
func (n *Node) settle(c *caller) {
	o, t := n.cfg.Static, c.tenant
	if o.Host == n.cfg.Host {
		if !c.owns {
			c.owns = true
			n.call(c, func() { t.Own(Tenure{}) })
		}
		return
	}
	n.call(c, func() { t.Follow(o) })
}

// unsettle ends a Tenant of a fixed owner. It is called with mu held.
func (n *Node) unsettle(c *caller) {
	if !c.owns {
		n.part(c)
		n.wakeUp()
		return
	}
	t := c.tenant
	n.call(c, func() { t.Yield(n.cfg.Yield, func() { n.unsettled(c) }) })
}

func (n *Node) unsettled(c *caller) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.owns && !n.closed {
		c.owns = false
		n.part(c)
		n.wakeUp()
	}
}
