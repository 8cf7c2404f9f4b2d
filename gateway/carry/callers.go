package carry

import (
	"context"
	"net"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"eppmux/upstream"
)

// callersKept is the number of flows that are remembered. One that is forgotten begins anew with the next
// command of its user, so with more users at a time than that a user may get a turn more.
const callersKept = 1 << 12

// flow is whose commands take turns as one client's: those of one user from one host, at one account. What
// a user sends over several connections is one flow.
type flow struct {
	account                *upstream.Account
	user, listener, client string
	weight                 uint8
}

// callers has the upstream.Caller of each flow.
type callers struct {
	mu   sync.Mutex
	kept *simplelru.LRU[flow, *upstream.Caller] // guarded by mu
}

func newCallers() *callers {
	kept, err := simplelru.NewLRU[flow, *upstream.Caller](callersKept, nil)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return &callers{kept: kept}
}

// of returns the Caller of a user at an account.
func (c *callers) of(u *User, a *upstream.Account) *upstream.Caller {
	f := flow{account: a, user: u.Name, listener: u.Listener, client: u.Client, weight: max(1, u.Weight)}
	if host, _, err := net.SplitHostPort(u.Client); err == nil {
		f.client = host
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if caller, ok := c.kept.Get(f); ok {
		return caller
	}
	caller := a.NewCaller(upstream.CallerConfig{Listener: f.listener, Client: f.client, Identity: f.user, Weight: f.weight})
	c.kept.Add(f, caller)
	return caller
}

// send carries one command.
func (c *callers) send(ctx context.Context, u *User, r *Registry, call upstream.Call) (upstream.Result, error) {
	return c.of(u, r.Account).Do(ctx, call)
}
