package cluster_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRegistryAway: while the registry is away for long, each host tries, and then the account rests, for longer
// each time.
func TestRegistryAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := []string{"a", "b", "c", "d", "e", "f"}
		r := newRig(t, hosts...)
		defer r.close()
		for _, h := range hosts {
			r.tenants[h].set(func(t *tenant) { t.away = true })
		}
		r.pass(time.Hour)
		term := uint64(0)
		for _, h := range hosts {
			term = max(term, r.nodes[h].Snapshot().Accounts[0].Owner.Term)
		}
		if n := uint64(len(hosts)); term < n || term > 3*n {
			t.Errorf("got %d owners in an hour, of %d hosts", term, n)
		}
	})
}
