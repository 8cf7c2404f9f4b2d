package cluster_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNodeLeaveOne: an account that is about to be served no more goes to another host, which this one follows
// until it parts. It does not come back meanwhile, also when nobody else has it.
func TestNodeLeaveOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a", "b")
		r.pass(16 * time.Second)
		r.want("a", "own 1")
		if err := r.nodes["a"].LeaveOne(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.want("b", "own 2")
		r.want("a", "follow b")
		r.store.Cut("b")
		r.pass(time.Minute)
		r.want("a", "orphan")
		r.store.Mend("b")
		<-r.nodes["a"].Part(key)
		r.close()
	})
}

// TestNodeLeaveOneAlone: what nobody else can own stays, until it is parted from.
func TestNodeLeaveOneAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.pass(16 * time.Second)
		if err := r.nodes["a"].LeaveOne(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		r.pass(time.Minute)
		r.want("a", "own 1")
		<-r.nodes["a"].Part(key)
		r.close()
	})
}
