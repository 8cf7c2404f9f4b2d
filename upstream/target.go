package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"eppmux/frame"
)

// target is what sessions are opened with: where the registry is, what carries messages to it, and
// what we log in with. Immutable; a reload makes another one.
type target struct {
	// carry makes the carrier of a session and begins to open it: this is where an account chooses
	// its carrier. It is called on the loop, in a turn, and must not block. A goroutine that it
	// starts counts in Account.dials and ends with Account.ctx.
	carry func(*session) carrier

	dial   func(context.Context) (net.Conn, error)
	dialer *dialer // whose method dial is; nil where the config has a Dial
	tls    *tls.Config
	login  frame.Login

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
		t.dialer = newDialer(cfg.Address, cfg.SourceAddress)
		t.dial = t.dialer.dial
	}
	if t.tls != nil {
		// A message must go out in one record where it fits: some registries take one read of
		// theirs for one frame.
		t.tls = t.tls.Clone()
		t.tls.DynamicRecordSizingDisabled = true
	}
	return t
}

// remember takes over the address that worked last from an earlier dialer of the same name.
func (t *target) remember(d *dialer) {
	if d == nil || t.dialer == nil || d.address != t.dialer.address {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t.dialer.last = d.last
}

// dialer connects to a registry by TCP. It tries all addresses of the name, and the address that
// worked last while the name cannot be looked up.
type dialer struct {
	net.Dialer
	address string

	mu   sync.Mutex
	last string // the address that worked last; empty: none yet; guarded by mu
}

func newDialer(address, source string) *dialer {
	d := &dialer{address: address}
	d.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}
	if source != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	return d
}

func (d *dialer) dial(ctx context.Context) (net.Conn, error) {
	nc, err := d.DialContext(ctx, "tcp", d.address)
	d.mu.Lock()
	last := d.last
	if err == nil {
		d.last = nc.RemoteAddr().String()
	}
	d.mu.Unlock()
	if err == nil || last == "" || !lookupFailed(err) || ctx.Err() != nil {
		return nc, err
	}
	return d.DialContext(ctx, "tcp", last)
}
