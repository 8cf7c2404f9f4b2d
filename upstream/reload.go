package upstream

import (
	"reflect"

	"eppmux/upstream/pool"
)

// Reload changes the config while the account works. Exchanges that wait or are in flight go on.
// Name, TRIDs, Logger, Audit and Shared stay as they were, and in a cluster Ledger too. In each role the config is
// that of an owner. It returns when the new config is in force, with
// the ID of the last session that was opened before that. From any goroutine but the loop.
func (a *Account) Reload(cfg Config) (last uint64) {
	done := make(chan struct{})
	cfg.login = loginHash(&cfg)
	a.loop.Post(func() {
		defer close(done)
		a.pool.Sessions(func(s *pool.Session) { last = s.ID })
		a.reload(cfg)
	})
	<-done
	return last
}

func (a *Account) reload(cfg Config) {
	cfg.Shared = a.cfg.Shared
	setDefaults(&cfg)
	if cfg.Shared {
		cfg.Ledger, cfg.Memory = a.cfg.Ledger, Memory{}
	}
	login := pool.SameLogin
	switch {
	case a.duty.role == RoleNone, a.duty.role == RoleFollower: // lanes know nothing of it
	case cfg.Address != a.cfg.Address || cfg.Login.ClientID != a.cfg.Login.ClientID:
		login = pool.NewRegistry
	case cfg.TLS != a.cfg.TLS || !reflect.DeepEqual(cfg.Login, a.cfg.Login):
		login = pool.NewLogin
	}
	cfg.Name, cfg.TRIDs, cfg.Logger, cfg.Audit = a.cfg.Name, a.cfg.TRIDs, a.cfg.Logger, a.cfg.Audit
	before := a.target.dialer
	moves := cfg.Ledger != a.cfg.Ledger
	if moves {
		a.leaveLedger()
	}
	a.forgetLeft(cfg.Pool.Rules)
	a.cfg = cfg
	a.noteObjects()
	a.target = a.newTarget()
	if before != nil && a.target.dialer != nil {
		a.target.dialer.inherit(before)
	}
	a.turn(func() {
		a.pool.Reconfigure(a.poolConfig(), login, a.now())
		if moves {
			a.pool.Adopt(a.remembered(), a.now(), a.now()+a.aheadNow())
		}
	})
	a.cfg.Memory = Memory{}
}
