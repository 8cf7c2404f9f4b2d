package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"eppmux/frame"
)

// target is what sessions are opened with: where the registry is and what we log in with.
// Immutable; a reload makes another one.
type target struct {
	dial   func(context.Context) (net.Conn, error)
	dialer *dialer // that dial is of; nil where the config has its own
	tls    *tls.Config
	login  frame.Login

	connectTimeout, greetingTimeout, loginTimeout time.Duration

	maxResponse int // octets of a payload
}

func newTarget(cfg *Config) target {
	t := target{dial: cfg.Dial, tls: cfg.TLS, login: cfg.Login, connectTimeout: cfg.ConnectTimeout,
		greetingTimeout: cfg.GreetingTimeout, loginTimeout: cfg.LoginTimeout, maxResponse: cfg.MaxResponse}
	if t.dial == nil {
		t.dialer = newDialer(cfg.Address, cfg.SourceAddress)
		t.dial = t.dialer.dial
	}
	if t.tls != nil {
		// A message must go out in one record where it fits: some registries take one read for one
		// frame.
		t.tls = t.tls.Clone()
		t.tls.DynamicRecordSizingDisabled = true
	}
	return t
}

// remember takes over what an earlier dialer knows of the same address.
func (t *target) remember(d *dialer) {
	if d == nil || t.dialer == nil || d.address != t.dialer.address {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t.dialer.last = d.last
}

// dialer connects to an address by TCP. All addresses of a name are tried; while the name cannot be
// looked up, the address that worked last serves.
type dialer struct {
	net.Dialer
	address string

	mu   sync.Mutex
	last string // guarded by mu
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
