package serve

import (
	"context"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/upstream"
)

// tenure is what a member has of an account while it uses it: the lock, and the ledger, which is read
// and written under the lock only. Both are nil for the built-in registry; nil is none.
type tenure struct {
	lock   *accountLock
	ledger *ledgerFile
}

// take takes the account of r, and returns what is known of the process that had it before.
func (m *member) take(ctx context.Context, r *config.Registry) (*tenure, upstream.Memory, error) {
	lock, err := m.locks.take(ctx, r)
	if err != nil {
		return nil, upstream.Memory{}, err
	}
	t := &tenure{lock: lock}
	if m.ledgers == nil || r.Sandbox() {
		return t, upstream.Memory{}, nil
	}
	var memory upstream.Memory
	t.ledger, memory = m.ledgers.open(accountOf(r))
	return t, memory, nil
}

// release gives the account back, behind the last writing of its ledger. Called again it does nothing.
func (t *tenure) release() {
	if t == nil {
		return
	}
	t.ledger.close()
	t.lock.release()
}
