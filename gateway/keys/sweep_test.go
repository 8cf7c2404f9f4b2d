package keys

import (
	"os"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// age makes all that is in the file older by d.
func (b *book) age(d time.Duration) {
	b.t.Helper()
	b.onRun(func() { b.base += int64(d) })
}

// TestSweep: what is too old goes, in steps, and leaves nothing behind.
func TestSweep(t *testing.T) {
	b := newBook(t)
	const many = sweepStep + 20
	done := make(chan struct{})
	for i := range many {
		go func() {
			b.Begin(t.Context(), "shop", "it", number(i), []byte(createXML))
			b.End("shop", "it", number(i), answered(1000, doneXML))
			done <- struct{}{}
		}()
	}
	for range many {
		<-done
	}
	b.age(b.keep - time.Hour)
	b.want("shop", key("young", 1), "first")
	b.end("shop", key("young", 1), unknown)
	b.want("shop", key("flies", 1), "first")
	b.onRun(func() {
		if b.sweep() {
			t.Error("something was too old")
		}
	})
	b.age(2 * time.Hour)
	b.want("shop", number(0), "first") // too old, and not swept yet
	b.end("shop", number(0), answered(1000, doneXML))
	b.onRun(func() {
		if !b.sweep() || b.sweep() {
			t.Error("want two steps")
		}
	})
	if s := b.Stats(); s.Entries != 3 || s.Swept != many-1 || s.Unknown != 1 || s.Flying != 1 {
		t.Errorf("got %+v", s)
	}
	b.want("shop", number(0), "answered")
	b.want("shop", key("young", 1), "unknown")
	b.age(2 * b.keep)
	b.onRun(func() { b.sweep() })
	b.want("shop", key("flies", 1), "in flight")
	b.end("shop", key("flies", 1), notSent)
	if s := b.Stats(); s.Entries != 0 || s.Octets != 0 || s.Unknown != 0 {
		t.Errorf("got %+v of an empty file", s)
	}
	b.onRun(func() {
		_ = b.db.View(func(tx *bolt.Tx) error {
			for _, name := range [][]byte{keysBucket, ageBucket} {
				if n := tx.Bucket(name).Inspect().KeyN; n != 0 {
					t.Errorf("%s has %d entries", name, n)
				}
			}
			return nil
		})
	})
}

// TestClockSetBack: entries neither stay for ever nor go at once when the clock is set back before a start.
func TestClockSetBack(t *testing.T) {
	b := newBook(t)
	b.age(1000 * time.Hour) // the clock was ahead
	b.want("shop", key("A", 1), "first")
	b.end("shop", key("A", 1), answered(1000, doneXML))
	b.again()
	b.want("shop", key("A", 1), "answered")
	b.age(b.keep - time.Hour)
	b.want("shop", key("A", 1), "answered")
	b.age(2 * time.Hour)
	b.want("shop", key("A", 1), "first")
}

// TestSweepRuns: the sweeper works by itself from the start on.
func TestSweepRuns(t *testing.T) {
	b := newBook(t)
	b.want("shop", key("A", 1), "first")
	b.end("shop", key("A", 1), unknown)
	b.cfg.Keep = 1
	b.again()
	for deadline := time.Now().Add(30 * time.Second); b.Stats().Entries > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not swept")
		}
	}
	if _, err := os.Stat(b.path); err != nil {
		t.Error(err)
	}
}
