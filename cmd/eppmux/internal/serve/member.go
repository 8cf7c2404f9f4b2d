package serve

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/loop/gnetloop"
	"eppmux/proxy"
	"eppmux/upstream"
)

// member is one registry while it is served. Owned by the goroutine of serve, and once it is
// retired, by its retirement.
type member struct {
	cfg     config.Registry // that was applied last
	loop    *gnetloop.Loop
	account *upstream.Account // on loop
	server  *proxy.Server     // of account
	sandbox *builtIn          // nil for a real registry
	sockets *inherited
	record  *recorder
	trids   *upstream.TRIDs // nil for the built-in registry: it is one of this process
	locks   *locks
	ledgers *ledgers
	tenure  *tenure // of the account; nil where an engine decides who has it
	cluster *clusterPart
	tenant  *tenant // of the account in the cluster; nil: it is this host's alone
	log     *slog.Logger

	refusing bool // refuse was called

	former  []*tenure      // of accounts that a reload has left, see leave
	leaving sync.WaitGroup // goroutines of leave
	ending  chan struct{}  // closed by close

	// How to speak TLS with the registry and with clients. A reload that changes nothing of them
	// keeps the pointers: account and server take another pointer for other certificates.
	up, down *tls.Config
}

// startMember makes what serves r, a registry of cfg, and starts it. close must be called.
func (s *service) startMember(ctx context.Context, cfg *config.Config, r *config.Registry) (*member, error) {
	m, err := s.openMember(cfg, r)
	if err != nil {
		return nil, err
	}
	if err := m.claim(ctx); err != nil {
		return nil, errors.Join(err, m.close())
	}
	m.begin()
	return m, nil
}

// openMember makes what serves r, and opens its listeners. Nothing is sent to the registry before
// begin, and clients that connect wait until then. close must be called.
func (s *service) openMember(cfg *config.Config, r *config.Registry) (*member, error) {
	shared := s.shares(cfg, r)
	if err := s.alone(r, shared); err != nil {
		return nil, err
	}
	m := &member{cfg: *r, sockets: s.sockets, record: s.record, locks: s.locks, ledgers: s.ledgers, log: s.log,
		ending: make(chan struct{})}
	if r.Sandbox() {
		var err error
		if m.sandbox, err = startBuiltIn(r, s.log); err != nil {
			return nil, err
		}
	} else if shared {
		m.cluster, m.trids = s.cluster, s.cluster.trids
	} else {
		m.trids = s.transactionIDs()
	}
	m.up, m.down = m.tlsFor(r)
	if err := m.build(r, s.log.With("registry", r.Name)); err != nil {
		if m.sandbox != nil {
			err = errors.Join(err, m.sandbox.stop())
		}
		return nil, err
	}
	if shared {
		m.tenant = s.cluster.newTenant(m, r)
	}
	return m, nil
}

// shares reports whether the cluster shares the account of r, a registry of cfg.
func (s *service) shares(cfg *config.Config, r *config.Registry) bool {
	return s.cluster != nil && r.Shared(cfg)
}

// alone is an error where another member has the account of r, and one of the two shares it: an account has
// one owner. A file says so already, but for one that would change the cluster, which a reload does not.
func (s *service) alone(r *config.Registry, shared bool) error {
	for _, o := range s.members {
		if (shared || o.tenant != nil) && sameAccount(&o.cfg, r) {
			return fmt.Errorf("%s has the account already: in a cluster an account is one registry", o.cfg.Name)
		}
	}
	return nil
}

// transactionIDs returns the source for all accounts at real registries of which no engine decides who has
// them. A demo needs none, and no folder for it.
func (s *service) transactionIDs() *upstream.TRIDs {
	if s.trids == nil {
		s.trids = takeIdentity(s.locks.folder, time.Now(), s.log)
	}
	return s.trids.trids
}

// claim takes the account, see locks.take, unless the cluster decides who has it. begin may be called
// after it.
func (m *member) claim(ctx context.Context) (err error) {
	if m.tenant != nil {
		return m.tenant.claim(ctx, m)
	}
	var memory upstream.Memory
	if m.tenure, memory, err = m.take(ctx, &m.cfg); err == nil && m.tenure.ledger != nil {
		m.account.Remember(m.tenure.ledger, memory, m.ledgers.key, m.ledgers.policy)
	}
	return err
}

// begin opens sessions and takes clients.
func (m *member) begin() {
	m.account.Start()
	if m.tenant != nil {
		m.cluster.join(m)
	}
	m.server.Serve()
}

// build makes loop, account and server, and opens the listeners. After an error nothing of them is
// left.
func (m *member) build(r *config.Registry, log *slog.Logger) (err error) {
	if m.loop, err = gnetloop.New(log); err != nil {
		return err
	}
	uc := m.upstreamConfig(r, m.up)
	uc.Name, uc.Logger, uc.Shared = r.Name, log, m.cluster != nil
	m.account = upstream.NewAccount(uc, m.loop)
	pc := m.proxyConfig(r, m.down)
	pc.Logger = log
	m.server = proxy.New(pc, m.account)
	if err := m.server.Listen(); err != nil {
		m.account.Close()
		return errors.Join(err, m.loop.Stop())
	}
	return nil
}

// tlsFor returns up and down for r. It returns the pointers of now where r changes nothing.
func (m *member) tlsFor(r *config.Registry) (up, down *tls.Config) {
	if up = m.up; !r.Sandbox() && (up == nil || !sameUpstreamTLS(&m.cfg, r)) {
		r.TLS.Certificate.LogTo(m.log)
		up = r.TLSConfig()
	}
	if down = m.down; down == nil || !m.cfg.Clients.TLS.Certificate.SameAs(r.Clients.TLS.Certificate) {
		r.Clients.TLS.Certificate.LogTo(m.log)
		down = r.Clients.TLSConfig()
	}
	return up, down
}

// proxyConfig returns r for the proxy, with the sockets that the service manager has opened.
func (m *member) proxyConfig(r *config.Registry, down *tls.Config) proxy.Config {
	c := proxyConfig(r, down)
	for i, l := range r.Listen {
		c.Listeners[i].Socket = m.sockets.file(l.Network, l.Address)
	}
	return c
}

// upstreamConfig returns r for the account, with the audit log and the built-in registry.
func (m *member) upstreamConfig(r *config.Registry, up *tls.Config) upstream.Config {
	c := upstreamConfig(r, up)
	c.TRIDs = m.trids
	if m.ledgers != nil && m.sandbox == nil {
		c.Pool.Ledger = m.ledgers.policy // where an engine keeps it, the account knows better
	}
	m.record.apply(&c)
	if m.sandbox != nil {
		m.sandbox.point(r, &c)
	}
	return c
}

// reload applies r. Both the member and r are built-in registries, or neither is. After an error
// nothing has changed. Another account is locked before anything else; that of before stays locked
// as long as there are sessions of it.
func (m *member) reload(ctx context.Context, r *config.Registry, record *recorder) error {
	next, moves := m.tenure, m.cluster == nil && accountOf(&m.cfg) != accountOf(r)
	var memory upstream.Memory
	if moves {
		var err error
		if next, memory, err = m.take(ctx, r); err != nil {
			return err
		}
	}
	before := m.record
	m.record = record
	up, down := m.tlsFor(r)
	if err := m.server.Reload(m.proxyConfig(r, down)); err != nil {
		m.record = before
		if moves {
			next.release()
		}
		return err
	}
	uc := m.upstreamConfig(r, up)
	if next != nil && next.ledger != nil {
		uc.Ledger, uc.Memory, uc.LedgerKey = next.ledger, memory, m.ledgers.key
	}
	if m.tenant != nil {
		uc.LedgerKey = m.cluster.ledgerKey()
	}
	last := m.account.Reload(uc)
	if moves {
		m.leave(last)
		m.tenure = next
	}
	if m.sandbox != nil {
		if text := m.sandbox.outgrown(r); text != "" {
			m.log.Warn(text+"; restart to change that", "registry", r.Name)
		}
	}
	m.adopt(*r, up, down)
	if m.tenant != nil {
		m.tenant.configure(r)
		m.cluster.join(m)
	}
	return nil
}

// leave gives the account back once its sessions are closed: those up to the ID last. Its ledger is
// written for the last time at once, so that a reload which comes back soon finds it.
func (m *member) leave(last uint64) {
	old := m.tenure
	old.ledger.close()
	m.former = append(m.former, old)
	old.lock.ends(m.cfg.Timeouts.Command + stopSlack)
	m.leaving.Go(func() { m.awaitLast(old, last) })
}

// leaveLook is the time between two looks at the sessions of an account that is being left.
const leaveLook = 200 * time.Millisecond

// awaitLast runs on a goroutine of its own until the session last, and those before it, are closed,
// or the member ends. close waits for it.
func (m *member) awaitLast(old *tenure, last uint64) {
	tick := time.NewTicker(leaveLook)
	defer tick.Stop()
	for {
		open, err := m.account.Sessions()
		if err == nil && (len(open) == 0 || open[0].ID > last) {
			old.release()
			return
		}
		select {
		case <-tick.C:
		case <-m.ending:
			return
		}
	}
}

// adopt notes r, which has been applied. A TLS value that is kept goes on with the key pair of
// before, which rereads its files, so that key pair stays as well.
func (m *member) adopt(r config.Registry, up, down *tls.Config) {
	if up != nil && up == m.up {
		r.TLS.Certificate = m.cfg.TLS.Certificate
	}
	if down != nil && down == m.down {
		r.Clients.TLS.Certificate = m.cfg.Clients.TLS.Certificate
	}
	m.cfg, m.up, m.down = r, up, down
}

// drain ends the member's work within the given time: first no new clients, then no sessions, then
// no clients. close must be called after it.
func (m *member) drain(within time.Duration) error {
	m.refuse(within)
	err := m.account.Drain(within)
	m.server.Farewell(within)
	return err
}

// refuse takes no new clients; the account is given back within the given time, of the first call.
func (m *member) refuse(within time.Duration) {
	if m.tenure != nil && !m.refusing {
		m.tenure.lock.ends(within + stopSlack)
	}
	m.refusing = true
	m.server.Refuse()
}

// close ends the member at once.
func (m *member) close() error {
	m.server.Close()
	if m.tenant != nil {
		m.cluster.forget(m)
	}
	m.account.Close()
	close(m.ending)
	m.leaving.Wait()
	err := m.loop.Stop()
	for _, t := range append(m.former, m.tenure) {
		t.release()
	}
	if m.sandbox != nil {
		err = errors.Join(err, m.sandbox.stop())
	}
	return err
}

// retirement is a member that has been taken out and ends its work. Immutable.
type retirement struct {
	cfg  config.Registry
	gone chan struct{} // closed when nothing of the member is left
}

// retire ends the member's work within the given time, on a goroutine of its own.
func (m *member) retire(within time.Duration) *retirement {
	r := &retirement{cfg: m.cfg, gone: make(chan struct{})}
	go r.run(m, within)
	return r
}

// run drains and closes the member. service.vacate waits for its end if another member needs the
// account or an address, and so does service.close.
func (r *retirement) run(m *member, within time.Duration) {
	defer close(r.gone)
	begun := time.Now()
	if m.tenant != nil {
		m.refuse(within)
		m.cluster.give(m.tenant, within/2)
	}
	err := m.drain(max(0, within-time.Since(begun)))
	if m.tenant != nil {
		m.cluster.part(clusterShutdown, m.tenant)
	}
	if err = errors.Join(err, m.close()); err != nil {
		m.log.Warn("registry has ended with an error", "registry", m.cfg.Name, "err", err.Error())
		return
	}
	m.log.Info("registry has ended", "registry", m.cfg.Name)
}

// sameRegistry reports whether a and b are equal, with the contents of passwords and certificates.
func sameRegistry(a, b *config.Registry) bool {
	if !sameRoots(a.TLS.Roots, b.TLS.Roots) || !a.TLS.Certificate.SameAs(b.TLS.Certificate) ||
		!a.Clients.TLS.Certificate.SameAs(b.Clients.TLS.Certificate) {
		return false
	}
	return reflect.DeepEqual(withoutLoaded(*a), withoutLoaded(*b))
}

// sameUpstreamTLS reports whether a and b speak TLS with the registry in the same way.
func sameUpstreamTLS(a, b *config.Registry) bool {
	x, y := withoutLoaded(*a), withoutLoaded(*b)
	return a.Address == b.Address && sameRoots(a.TLS.Roots, b.TLS.Roots) &&
		a.TLS.Certificate.SameAs(b.TLS.Certificate) && x.TLS == y.TLS
}

// withoutLoaded returns r without the fields that cannot be compared by value.
func withoutLoaded(r config.Registry) config.Registry {
	r.TLS.Roots, r.TLS.Certificate, r.Clients.TLS.Certificate = nil, nil, nil
	return r
}

// sameRoots reports whether a and b have the same certificates; nil is that of the system.
func sameRoots(a, b *x509.CertPool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(b)
}
