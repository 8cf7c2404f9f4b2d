package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// target is what sessions are opened with: where the registry is, what carries messages to it, and
// what we log in with. Immutable; a reload makes another one.
type target struct {
	// carry makes the carrier of a session and begins to open it: this is where an account chooses
	// its carrier. It is called on the loop, in a turn, and must not block. A goroutine that it
	// starts counts in Account.dials and ends with Account.ctx.
	carry func(*session) carrier

	dial   func(context.Context) (net.Conn, error) // of the config; nil: dialer
	dialer *dialer                                 // nil where the config has a Dial
	tls    *tls.Config
	login  frame.Login
	lanes  *Lanes // nil: the other side is the registry

	connectTimeout, greetingTimeout, loginTimeout time.Duration

	maxResponse int // octets of a payload
}

func newTarget(cfg *Config) target {
	t := target{carry: cfg.carry, dial: cfg.Dial, tls: cfg.TLS, login: cfg.Login, connectTimeout: cfg.ConnectTimeout,
		greetingTimeout: cfg.GreetingTimeout, loginTimeout: cfg.LoginTimeout, maxResponse: cfg.MaxResponse}
	if t.carry == nil {
		t.carry = openTCP
	}
	if t.dial == nil {
		if t.dialer = cfg.dialer; t.dialer == nil {
			t.dialer = newDialer(cfg.Address, cfg.SourceAddress)
		}
	}
	t.oneRecord()
	return t
}

// oneRecord has a message go out in one TLS record where it fits: some registries take one read of theirs
// for one frame.
func (t *target) oneRecord() {
	if t.tls != nil {
		t.tls = t.tls.Clone()
		t.tls.DynamicRecordSizingDisabled = true
	}
}

// connect connects to the registry, or to the owner's host. at is the address, where the name may have several.
func (t *target) connect(ctx context.Context) (nc net.Conn, at string, err error) {
	if t.dialer != nil {
		return t.dialer.dial(ctx)
	}
	nc, err = t.dial(ctx)
	return nc, "", err
}

// judge notes how an attempt to open a session has ended at an address. It returns err, with the address
// where the name has others. An answer to the login says nothing of the address, unless it is a failure.
func (t *target) judge(at string, err error) error {
	if t.dialer == nil || at == "" {
		return err
	}
	if err == nil {
		t.dialer.worked(at)
		return nil
	}
	e := (*openError)(nil)
	if !errors.As(err, &e) {
		return err
	}
	switch e.cause {
	case pool.CauseConnect, pool.CauseTLS, pool.CauseGreeting, pool.CauseRegistryClosed, pool.CauseFrame,
		pool.CauseUnasked:
		t.dialer.bad(at)
	}
	if !t.dialer.several() {
		return err
	}
	return &openError{e.step, e.cause, fmt.Errorf("%w (at %s)", e.err, at)}
}
