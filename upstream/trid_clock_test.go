package upstream

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/loop"
)

// TestTRIDsShared: accounts that share a source make no id twice, as fast as they may.
func TestTRIDsShared(t *testing.T) {
	for _, accounts := range []int{2, 8, 100} {
		trids := NewTRIDs(7, 0)
		ids := make([][]string, accounts)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				src := newTRIDSource(trids)
				const wall = 1_800_000_000 * time.Second // it stands still: all meet at each id
				for range 200_000 / accounts {
					ids[i] = append(ids[i], string(src.appendMuxTRID(nil, nil, nil, wall)))
				}
			})
		}
		wg.Wait()
		if again := repeated(slices.Concat(ids...)); again > 0 {
			t.Errorf("%d accounts: %d of 200,000 ids were made twice", accounts, again)
		}
		for i := range ids {
			if !slices.IsSorted(ids[i]) {
				t.Errorf("the ids of account %d do not rise", i)
			}
		}
	}
}

// repeated is the number of ids that were there before.
func repeated(ids []string) int {
	known := make(map[string]struct{}, len(ids))
	for _, id := range ids {
		known[id] = struct{}{}
	}
	return len(ids) - len(known)
}

// TestTRIDsOneClock: two accounts with one clock, which does not move, make no id twice.
func TestTRIDsOneClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trids := NewTRIDs(3, 0)
		var ids []string
		for range 2 {
			a := NewAccount(Config{TRIDs: trids}, stillLoop{})
			defer a.stop()
			for range 1000 {
				ids = append(ids, string(a.trids.appendMuxTRID(nil, nil, nil, a.aheadNow()+a.clock())))
			}
		}
		if again := repeated(ids); again > 0 {
			t.Errorf("%d of %d ids were made twice", again, len(ids))
		}
	})
}

// stillLoop is a loop for an account that is never started.
type stillLoop struct{ loop.Loop }

func (stillLoop) Post(func()) {}

// TestTRIDsAhead: ids follow the clock up to the instant that was set, and rise one by one beyond
// it, until it is set anew.
func TestTRIDsAhead(t *testing.T) {
	trids := NewTRIDs(0, 500)
	at := func(us int64, want uint64) {
		t.Helper()
		if got := trids.next(time.Duration(us) * time.Microsecond); got != want || trids.Last() != want {
			t.Errorf("at %d: got %d, last %d, want %d", us, got, trids.Last(), want)
		}
	}
	at(100, 501)
	at(-5, 502)
	at(1000, 1000)
	trids.Ahead(2000)
	at(1500, 1500)
	at(9000, 2000)
	at(9000, 2001)
	at(50_000, 2002)
	trids.Ahead(60_000)
	at(50_000, 50_000)
	at(1, 50_001)
	if id := NewTRIDs(TRIDIdentities+5, 0).Identity(); id != 5 {
		t.Errorf("got identity %d", id)
	}
}

// BenchmarkMuxTRIDShared: one source for all goroutines.
func BenchmarkMuxTRIDShared(b *testing.B) {
	trids := NewTRIDs(1, 0)
	own := []byte("ABC-12345")
	const now = 1_800_000_000 * time.Second
	b.SetParallelism(4) // 8 goroutines on 2 cores
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		src := newTRIDSource(trids)
		var buf [64]byte
		for pb.Next() {
			src.appendMuxTRID(buf[:0], own, own, now)
		}
	})
}
