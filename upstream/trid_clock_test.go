package upstream

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/loop"
)

// TestTRIDsShared: accounts that share a source make no id twice, as fast as they may. The clock stands
// still, so that each instant belongs to one id, and the last one tells how many there were.
func TestTRIDsShared(t *testing.T) {
	const begin, each = uint64(1_800_000_000_000_000), 200_000
	for _, accounts := range []int{2, 8} {
		trids := NewTRIDs(7, begin)
		ready := make(chan struct{}) // closed when all may begin
		rises := make([]bool, accounts)
		var wg sync.WaitGroup
		for i := range accounts {
			wg.Go(func() {
				<-ready
				last := begin
				for range each {
					at, _ := trids.next(0)
					if at <= last {
						return
					}
					last = at
				}
				rises[i] = true
			})
		}
		close(ready)
		wg.Wait()
		if got, want := trids.Last()-begin, uint64(accounts*each); got != want {
			t.Errorf("%d accounts: %d ids had %d instants", accounts, want, got)
		}
		if slices.Contains(rises, false) {
			t.Errorf("%d accounts: the ids of one do not rise", accounts)
		}
	}
}

// TestTRIDsClaim: of two accounts that have read the same last instant one gets the next, however rarely
// it happens, and the other one that behind it.
func TestTRIDsClaim(t *testing.T) {
	for _, now := range []uint64{0, 500, 501, 900} {
		trids := NewTRIDs(7, 500)
		read := trids.Last()
		first, _ := trids.next(time.Duration(now) * time.Microsecond)
		if at, ok := trids.line.Load().claim(read, now); ok {
			t.Errorf("at %d: %d was made twice", now, at)
		}
		if at, ok := trids.line.Load().claim(trids.Last(), now); !ok || at != first+1 || trids.Last() != at {
			t.Errorf("at %d: got %d, %v, last %d, want %d", now, at, ok, trids.Last(), first+1)
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
		if got, _ := trids.next(time.Duration(us) * time.Microsecond); got != want || trids.Last() != want {
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

// TestTRIDsMove: whoever gets another identity makes ids above those that either source before may have
// made, and an instant with its own identity, whoever moves it meanwhile.
func TestTRIDsMove(t *testing.T) {
	trids := NewTRIDs(7, 500)
	for _, c := range []struct {
		identity            uint16
		begin, until, wants uint64
	}{{9, 100, 10_000, 501}, {12, 4000, 10_000, 4001}, {9, 4000, 5000, 4002}} {
		trids.Move(c.identity, c.begin, c.until)
		if at, id := trids.next(0); at != c.wants || id != uint64(c.identity) || trids.Identity() != c.identity {
			t.Errorf("moved to %d: got %d of %d, want %d", c.identity, at, id, c.wants)
		}
	}
	if at, _ := trids.next(time.Second); at != 5000 {
		t.Errorf("got %d, want to follow the clock no further than 5000", at)
	}

	type id struct{ at, identity uint64 }
	made := make(map[id]bool)
	moved := make(chan struct{}) // closed when all moves are over
	go func() {
		defer close(moved)
		for i := range uint16(1000) {
			trids.Move(20+i, 0, 1<<60)
		}
	}()
	for over := false; !over; {
		select {
		case <-moved:
			over = true
		default:
		}
		at, identity := trids.next(0)
		if made[id{at, identity}] {
			t.Fatalf("%d of %d was made twice", at, identity)
		}
		made[id{at, identity}] = true
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
