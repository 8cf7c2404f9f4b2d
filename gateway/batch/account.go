package batch

import (
	"context"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/upstream"
)

// account is what a desk needs of an upstream.Account.
type account interface {
	// caller returns a new flow, see upstream.Account.NewCaller.
	caller(upstream.CallerConfig) caller
	// greetings calls f with each greeting of the registry from now on, and with the last one. f must be
	// quick, and may keep the payload.
	greetings(f func(payload []byte))
	// objects reports whether a limit counts the names of a check, and how many names one may have by it.
	objects() (most int, counted bool)
}

// caller is what a desk needs of an upstream.Caller.
type caller interface {
	Do(ctx context.Context, call upstream.Call) (upstream.Result, error)
}

// codec writes checks and reads their answers.
type codec struct {
	marshal   func(c *mapping.CheckCommand, clTRID string) ([]byte, error)
	unmarshal func(payload []byte) (*mapping.Response, error)
}

// marshal writes a check.
func marshal(c *mapping.CheckCommand, clTRID string) ([]byte, error) {
	return mapping.Marshal(c, clTRID)
}

// upstreamAccount is the account of production.
type upstreamAccount struct{ a *upstream.Account }

func openAccount(r *carry.Registry) account { return upstreamAccount{r.Account} }

func (u upstreamAccount) caller(cfg upstream.CallerConfig) caller { return u.a.NewCaller(cfg) }

func (u upstreamAccount) greetings(f func([]byte)) {
	u.a.Loop().Post(func() { u.a.OnGreeting(f) })
}

func (u upstreamAccount) objects() (int, bool) { return u.a.CountsObjects() }
