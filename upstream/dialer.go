package upstream

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// nextAddress is how long the next address waits while an attempt to connect to one has no answer:
	// a registry that is alive answers sooner, be it around the world, so that it does not count two.
	nextAddress = time.Second
	// addressesMax is how many addresses of a name are tried at most.
	addressesMax = 16
)

// dialer connects to a registry by TCP. It looks its name up anew for each attempt and tries all
// addresses, the one that gave the last session first. One at which an attempt has failed, be it in
// TLS or for want of a greeting, goes behind the others. While the name cannot be looked up, it has the
// addresses that it had last.
type dialer struct {
	// Immutable.
	address string // host:port
	source  net.IP // to connect from; nil: any
	lookUp  func(ctx context.Context, host string) ([]string, error)
	connect func(ctx context.Context, address string) (net.Conn, error)

	mu     sync.Mutex
	known  []string          // addresses of the last look-up, with the port; guarded by mu
	good   string            // that gave the last session; empty: none did yet; guarded by mu
	failed map[string]uint64 // by address, in the order of their last failures; guarded by mu
	count  uint64            // of failures; guarded by mu
}

func newDialer(address, source string) *dialer {
	d := &dialer{address: address, source: net.ParseIP(source), lookUp: net.DefaultResolver.LookupHost,
		failed: make(map[string]uint64)}
	var nd net.Dialer
	nd.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}
	if d.source != nil {
		nd.LocalAddr = &net.TCPAddr{IP: d.source}
	}
	d.connect = func(ctx context.Context, to string) (net.Conn, error) { return nd.DialContext(ctx, "tcp", to) }
	return d
}

// dial connects to one of the addresses, and returns which it was.
func (d *dialer) dial(ctx context.Context) (nc net.Conn, at string, err error) {
	all, err := d.addresses(ctx)
	if err != nil {
		return nil, "", err
	}
	return d.race(ctx, all)
}

// addresses returns where to connect to, in the order in which to try it.
func (d *dialer) addresses(ctx context.Context) ([]string, error) {
	host, port, err := net.SplitHostPort(d.address)
	if err != nil || host == "" || net.ParseIP(host) != nil {
		return []string{d.address}, nil
	}
	within, cancel := d.lookUpTime(ctx)
	defer cancel()
	found, err := d.lookUp(within, host)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.learn(found, port)
	}
	if len(d.known) == 0 {
		return nil, cmp.Or(err,
			error(&net.DNSError{Err: "no address that we can connect to", Name: host, IsNotFound: true}))
	}
	return d.ordered(), nil
}

// lookUpTime bounds a look-up. Where there are addresses to fall back on, it gets three quarters of the
// time, so that some is left for them: more than the 5 s after which a resolver asks its second server.
func (d *dialer) lookUpTime(ctx context.Context) (context.Context, context.CancelFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok && len(d.known) > 0 {
		return context.WithTimeout(ctx, time.Until(deadline)*3/4)
	}
	return context.WithCancel(ctx)
}

// learn takes the result of a look-up, and leaves out what cannot be reached from our own address. With
// mu.
func (d *dialer) learn(found []string, port string) {
	d.known = nil
	for _, ip := range found[:min(len(found), addressesMax)] {
		if d.source == nil || (d.source.To4() != nil) == (net.ParseIP(ip).To4() != nil) {
			d.known = append(d.known, net.JoinHostPort(ip, port))
		}
	}
	for a := range d.failed {
		if !slices.Contains(d.known, a) {
			delete(d.failed, a)
		}
	}
}

// ordered returns the known addresses: first those that have not failed since they worked, the one of
// the last session before the others, then the one whose failure is the longest ago. With mu.
func (d *dialer) ordered() []string {
	all := slices.Clone(d.known)
	slices.SortStableFunc(all, func(a, b string) int {
		switch {
		case d.failed[a] != d.failed[b]:
			return cmp.Compare(d.failed[a], d.failed[b])
		case a == d.good:
			return -1
		case b == d.good:
			return 1
		}
		return 0
	})
	return all
}

// attempt is how an attempt to connect to an address has ended.
type attempt struct {
	address string
	conn    net.Conn
	err     error
}

// race connects to the addresses in their order. The next one begins when an attempt has failed, or has
// had no answer for nextAddress. The first that answers is the result, the others are given up.
func (d *dialer) race(ctx context.Context, all []string) (nc net.Conn, at string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan attempt, len(all)) // one from each attempt
	begun, ended := 0, 0
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			if begun < len(all) {
				go d.attempt(ctx, all[begun], ends)
				begun++
				next.Reset(nextAddress)
			}
		case e := <-ends:
			ended++
			if e.err == nil {
				go closeLate(ends, begun-ended)
				return e.conn, e.address, nil
			}
			d.bad(e.address)
			if err = also(err, e.err); ended == len(all) {
				return nil, "", err
			}
			next.Reset(0)
		}
	}
}

// attempt connects to one address. It runs on a goroutine of its own, which ends with ctx.
func (d *dialer) attempt(ctx context.Context, address string, ends chan<- attempt) {
	nc, err := d.connect(ctx, address)
	ends <- attempt{address, nc, err}
}

// closeLate closes what n attempts that were given up have got all the same. It runs on a goroutine of its
// own, which ends when they have ended.
func closeLate(ends <-chan attempt, n int) {
	for range n {
		if e := <-ends; e.err == nil {
			e.conn.Close()
		}
	}
}

// also is err, which may be nil, and another one.
func also(err, another error) error {
	if err == nil {
		return another
	}
	return fmt.Errorf("%w; %w", err, another)
}

// worked notes that the address has given a session.
func (d *dialer) worked(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.good = address
	delete(d.failed, address)
}

// bad notes that an attempt at the address has failed.
func (d *dialer) bad(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	d.failed[address] = d.count
}

// several reports whether the name has more than one address, so that an error must say which it was.
func (d *dialer) several() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.known) > 1
}

// inherit takes over from an earlier dialer of the same name what it knows of the addresses.
func (d *dialer) inherit(from *dialer) {
	if from.address != d.address {
		return
	}
	from.mu.Lock()
	defer from.mu.Unlock()
	d.known, d.good, d.count = slices.Clone(from.known), from.good, from.count
	for a, n := range from.failed {
		d.failed[a] = n
	}
}
