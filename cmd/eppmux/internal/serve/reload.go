package serve

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"eppmux/cmd/eppmux/internal/config"
)

// reload reads the config file again and applies what has changed. A file with a fault changes
// nothing. It logs what it did and what it could not do, and returns that for the answer of a verb.
func (s *service) reload(ctx context.Context) (did []string, err error) {
	s.notify.reloading()
	defer func() { s.notify.ready(s.status()) }()
	s.record.reopen()
	cfg, err := config.Load(s.file)
	if err != nil {
		s.live.reloads.add(reloadRefused)
		s.log.Error("reload refused; everything stays as it is", "err", strings.ReplaceAll(err.Error(), "\n", "; "))
		return nil, err
	}
	done := s.apply(ctx, cfg)
	args := done.args()
	for i := 0; i < len(args); i += 2 {
		did = append(did, fmt.Sprintf("%v: %v", args[i], args[i+1]))
	}
	if len(done.failed) > 0 {
		err = fmt.Errorf("%s stays as it was; the log says why", strings.Join(done.failed, ", "))
	}
	return did, err
}

// changes has what a reload did, by the names of registries.
type changes struct {
	added, removed, changed, unchanged []string
	failed                             []string
	settings                           []string // keys outside registries
}

// apply makes the running program what the file says. A change may be impossible, such as listening
// on a port that another program has. Then it is logged, the registry stays as it was, and the next
// reload tries again.
func (s *service) apply(ctx context.Context, file *config.Config) (done changes) {
	s.warn(file)
	cfg := fitDescriptors(s.keepCluster(file), s.log)
	s.recording(cfg, &done)
	s.drained = nil
	removed, changed, added := s.compare(cfg, &done)
	for _, m := range removed {
		s.retire(m, cfg.DrainTimeout)
	}
	s.publish()
	s.change(ctx, changed, &done)
	s.add(ctx, cfg, added, &done)
	s.arrange(cfg)
	inUse := s.settings(cfg, &done)
	inUse.Gateway = s.applyGateway(ctx, cfg, &done)
	s.cfg = inUse
	s.publish()
	s.watch.restart(s.certificates(), time.Now())
	result := reloadDone
	if len(done.failed) > 0 {
		result = reloadPartly
	}
	s.live.reloads.add(result)
	for _, idle := range s.sockets.idle(s.cfg) {
		s.log.Warn("nothing listens on a socket of the service manager any more, and its clients wait; "+
			"change the socket unit too",
			"listener", idle.String(), "unit", idle.name)
	}
	s.log.Info("reloaded", done.args()...)
	return done
}

// keepCluster returns file with the cluster in use, which changes at a restart only: what accounts it shares
// goes by the cluster that this host is in.
func (s *service) keepCluster(file *config.Config) *config.Config {
	if !config.SameCluster(file, s.cfg) {
		s.log.Warn("cluster changes at a restart only")
	}
	cfg := *file
	cfg.Cluster = s.cfg.Cluster
	if s.cluster != nil && longestFrame(&cfg) > s.cluster.maxFrame {
		s.log.Warn("clients.max_frame has grown: commands of other hosts' clients may be that long at a restart only",
			"octets", s.cluster.maxFrame)
	}
	return &cfg
}

// args returns the parts of the log line that are not empty.
func (c *changes) args() []any {
	var args []any
	for _, part := range []struct {
		key   string
		names []string
	}{
		{"added", c.added}, {"removed", c.removed}, {"changed", c.changed}, {"unchanged", c.unchanged},
		{"failed", c.failed}, {"settings", c.settings},
	} {
		if len(part.names) > 0 {
			args = append(args, part.key, strings.Join(part.names, ","))
		}
	}
	return args
}

// change is a member with the config that it is to have.
type change struct {
	m   *member
	to  *config.Registry
	err error // of the last attempt
}

// compare returns the members to remove or change and the registries to add. It notes in done those
// that need nothing; a member whose unix socket has lost its file needs another. A registry that
// becomes the built-in one, or no longer is, counts as another: the sessions of the one can never
// serve the other.
func (s *service) compare(cfg *config.Config, done *changes) (
	removed []*member, changed []change, added []*config.Registry) {
	gone := slices.Clone(s.members)
	for i := range cfg.Registries {
		r := &cfg.Registries[i]
		at := slices.IndexFunc(gone, func(m *member) bool {
			return m.cfg.Name == r.Name && m.cfg.Sandbox() == r.Sandbox()
		})
		if at < 0 {
			added = append(added, r)
			continue
		}
		m := gone[at]
		if s.contested(cfg, m, r) {
			added = append(added, r)
			continue
		}
		gone = slices.Delete(gone, at, at+1)
		if sameRegistry(&m.cfg, r) && m.record == s.record && m.server.Intact() {
			done.unchanged = append(done.unchanged, r.Name)
		} else {
			changed = append(changed, change{m: m, to: r})
		}
	}
	for _, m := range gone {
		done.removed = append(done.removed, m.cfg.Name)
	}
	return gone, changed, added
}

// contested reports whether the change of m to r moves an account from one registry to another, or
// changes which account the cluster shares.
// Such a member is retired and begun anew: its sessions must be gone before the new owner of the
// account logs in.
func (s *service) contested(cfg *config.Config, m *member, r *config.Registry) bool {
	if shared := s.shares(cfg, r); shared != (m.cluster != nil) || shared && !sameAccount(&m.cfg, r) {
		return true
	}
	if sameAccount(&m.cfg, r) {
		return false
	}
	for _, o := range s.members {
		if o != m && sameAccount(&o.cfg, r) {
			return true
		}
	}
	for i := range cfg.Registries {
		if o := &cfg.Registries[i]; o != r && sameAccount(o, &m.cfg) {
			return true
		}
	}
	return false
}

// sameAccount reports whether a and b log in to the same account of a real registry.
func sameAccount(a, b *config.Registry) bool { return !a.Sandbox() && accountOf(a) == accountOf(b) }

// occupied is an error while a member other than m, or the gateway, accepts on a socket of the service manager
// that r is to have. Such a socket can be adopted twice, and its clients would be spread over both.
func (s *service) occupied(m *member, r *config.Registry) error {
	for _, l := range r.Listen {
		if s.sockets.file(l.Network, l.Address) == nil {
			continue
		}
		for _, o := range s.members {
			if o != m && slices.ContainsFunc(o.cfg.Listen, l.Meets) {
				return fmt.Errorf("%s is still used by %s", l, o.cfg.Name)
			}
		}
		if s.gateway.listensAt(l) {
			return fmt.Errorf("%s is still used by the gateway", l)
		}
	}
	return nil
}

// retire takes a member out, and returns its end.
func (s *service) retire(m *member, within time.Duration) *retirement {
	s.members = slices.DeleteFunc(s.members, func(o *member) bool { return o == m })
	r := m.retire(within)
	s.retired = append(s.retired, r)
	return r
}

// change reloads members. A member may need an address that another one gives up, so members that
// fail are tried again as long as any succeeds.
func (s *service) change(ctx context.Context, todo []change, done *changes) {
	for before := len(todo) + 1; len(todo) > 0 && len(todo) < before; {
		before = len(todo)
		var again []change
		for _, c := range todo {
			if c.err = s.vacate(ctx, c.to); c.err == nil {
				c.err = s.occupied(c.m, c.to)
			}
			if c.err == nil {
				c.err = c.m.reload(ctx, c.to, s.record)
			}
			if c.err != nil {
				again = append(again, c)
				continue
			}
			done.changed = append(done.changed, c.to.Name)
		}
		todo = again
	}
	for _, c := range todo {
		s.log.Error("registry stays as it was", "registry", c.to.Name, "err", c.err.Error())
		done.failed = append(done.failed, c.to.Name)
	}
}

// add starts members.
func (s *service) add(ctx context.Context, cfg *config.Config, added []*config.Registry, done *changes) {
	for _, r := range added {
		err := s.vacate(ctx, r)
		if err == nil {
			err = s.occupied(nil, r)
		}
		var m *member
		if err == nil {
			m, err = s.startMember(ctx, cfg, r)
		}
		if err != nil {
			s.log.Error("registry could not be started", "registry", r.Name, "err", err.Error())
			done.failed = append(done.failed, r.Name)
			continue
		}
		s.members = append(s.members, m)
		done.added = append(done.added, r.Name)
	}
}

// vacate waits until no retired member has the account or an address of r. The sessions of both
// together could be more than the registry grants. It ends early, with an error, when ctx ends.
func (s *service) vacate(ctx context.Context, r *config.Registry) error {
	for _, old := range s.retired {
		if !inTheWay(&old.cfg, r) {
			continue
		}
		select {
		case <-old.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.retired = slices.DeleteFunc(s.retired, func(old *retirement) bool {
		select {
		case <-old.gone:
			return true
		default:
			return false
		}
	})
	return nil
}

// inTheWay reports whether old and r share an account or an address to listen on.
func inTheWay(old, r *config.Registry) bool {
	if sameAccount(old, r) {
		return true
	}
	for _, a := range old.Listen {
		if slices.ContainsFunc(r.Listen, a.Meets) {
			return true
		}
	}
	return false
}

// arrange puts the members into the order of the file, in which scrapes show them.
func (s *service) arrange(cfg *config.Config) {
	place := func(m *member) int {
		return slices.IndexFunc(cfg.Registries, func(r config.Registry) bool { return r.Name == m.cfg.Name })
	}
	slices.SortStableFunc(s.members, func(a, b *member) int { return place(a) - place(b) })
}

// recording applies the section audit. Members adopt the recorder when they are compared: another
// one counts as a change of each.
func (s *service) recording(cfg *config.Config, done *changes) {
	var other bool
	if s.record, other = s.record.reload(cfg.Audit, s.log); other {
		done.settings = append(done.settings, "audit")
	}
}

// settings applies the sections beside registries. It returns the config that is in use then: cfg,
// with the old values where a change failed or needs a restart.
func (s *service) settings(cfg *config.Config, done *changes) *config.Config {
	inUse := *cfg
	inUse.Audit = s.record.cfg
	if cfg.Log.Level != s.cfg.Log.Level {
		s.level.Set(cfg.Log.Level)
		done.settings = append(done.settings, "log.level")
	}
	if cfg.Log.Format != s.cfg.Log.Format {
		s.log.Warn("log.format changes at a restart only")
		inUse.Log.Format = s.cfg.Log.Format
	}
	if cfg.Control != s.cfg.Control {
		s.log.Warn("control.socket changes at a restart only")
		inUse.Control = s.cfg.Control
	}
	s.mendControl(done)
	if cfg.State != s.cfg.State {
		s.log.Warn("state.dir and state.on_error change at a restart only")
		inUse.State = s.cfg.State
	}
	s.locks.mend()
	if cfg.DrainTimeout != s.cfg.DrainTimeout {
		done.settings = append(done.settings, "drain_timeout")
	}
	if cfg.Admin.Listen == s.cfg.Admin.Listen {
		return &inUse
	}
	if err := s.moveAdmin(cfg.Admin.Listen); err != nil {
		s.log.Error("admin listener stays as it was", "err", err.Error())
		inUse.Admin.Listen = s.cfg.Admin.Listen
		done.failed = append(done.failed, "admin.listen")
		return &inUse
	}
	done.settings = append(done.settings, "admin.listen")
	return &inUse
}

// mendControl makes the control socket anew if its file is gone.
func (s *service) mendControl(done *changes) {
	if s.control == nil {
		return
	}
	switch mended, err := s.control.mend(); {
	case err != nil:
		s.log.Error("control socket stays as it was", "err", err.Error())
		done.failed = append(done.failed, "control.socket")
	case mended:
		done.settings = append(done.settings, "control.socket")
	}
}

// moveAdmin opens the new admin listener, then closes the old one.
func (s *service) moveAdmin(listen string) error {
	old := s.admin
	var fresh *adminServer
	if listen != "" {
		var err error
		if fresh, err = s.openAdmin(listen); err != nil {
			return err
		}
		fresh.serve()
	}
	s.admin = fresh
	if old != nil {
		if err := old.stop(); err != nil {
			s.log.Warn("admin listener closed with an error", "err", err.Error())
		}
	}
	return nil
}
