package keys

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	// mostTogether bounds how many changes are one transaction, so that one does not take for ever.
	mostTogether = 512
	// sweepStep bounds how many entries one transaction of the sweeper takes out.
	sweepStep = 256
	// sweepEvery is the time between two looks for entries that are too old, sweepSoon while there are more.
	sweepEvery = time.Minute
	sweepSoon  = 100 * time.Millisecond
)

// change is one change to the file. Changes that wait together are one transaction, and share its fsync.
type change struct {
	key string
	// becomes says what the record is to be, by what it is; nil: none. It keeps the record if keep is true.
	becomes func(old *record) (now *record, keep bool)
	done    chan error // holds one; not closed
}

// submit has a change written. Its end comes in done.
func (t *Table) submit(c *change) {
	c.done = make(chan error, 1)
	t.mu.Lock()
	closing := t.closing
	if !closing {
		t.waiting = append(t.waiting, c)
	}
	t.mu.Unlock()
	if closing {
		c.done <- errClosed
		return
	}
	t.stir()
}

var errClosed = errors.New("the key file is closed")

// run writes changes, and takes out what is too old. It is the one goroutine that writes to the file. It
// ends when Close has been called and nothing waits; Close waits for it.
func (t *Table) run() {
	defer close(t.ended)
	sweep := time.NewTimer(0)
	defer sweep.Stop()
	for {
		select {
		case <-t.wake:
			if t.writeSome() {
				return
			}
		case <-sweep.C:
			next := sweepEvery
			if t.sweep() {
				next = sweepSoon
			}
			sweep.Reset(next)
		}
	}
}

// writeSome writes the changes that wait, up to mostTogether, and reports whether there will be no more.
func (t *Table) writeSome() (last bool) {
	batch, closing, also := t.take()
	if also != nil {
		also()
	}
	if len(batch) == 0 {
		return closing
	}
	err := t.write(batch)
	if err == nil {
		t.watch() // what has gone into a file that is not there any more, a restart would not know
		err = t.failed()
	}
	for _, c := range batch {
		c.done <- err
	}
	t.stir() // for the rest
	return false
}

// stir wakes run.
func (t *Table) stir() {
	select {
	case t.wake <- struct{}{}:
	default: // it wakes already
	}
}

// take takes the changes that wait.
func (t *Table) take() (batch []*change, closing bool, also func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.waiting), mostTogether)
	batch, t.waiting = t.waiting[:n:n], t.waiting[n:]
	also, t.inRun = t.inRun, nil
	return batch, t.closing, also
}

// write writes changes in one transaction: all of them, or none.
func (t *Table) write(batch []*change) error {
	return t.update(func(tx *bolt.Tx, c *counts) error {
		for _, ch := range batch {
			if err := apply(tx, ch, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// update does one transaction and, where it succeeds, counts what it has changed.
func (t *Table) update(f func(*bolt.Tx, *counts) error) error {
	if err := t.failed(); err != nil {
		t.fails(err)
		return err
	}
	var c counts
	err := guarded(func() error {
		return t.db.Update(func(tx *bolt.Tx) error {
			c = counts{}
			if err := f(tx, &c); err != nil {
				return err
			}
			return t.fault()
		})
	})
	if errors.Is(err, errNothing) {
		return err
	}
	if err != nil {
		t.fails(err)
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.plus(&c)
	t.trouble = nil
	return nil
}

// fails notes an error of the file, and that it is used no more where that must not be.
func (t *Table) fails(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.writeErrors++
	t.trouble, t.troubleAt = err, time.Now()
	if passes(err) || t.broken != nil || errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return
	}
	t.broken = fmt.Errorf("%w; eppmux must be started again once it is mended", err)
	t.log.Error("key file cannot be used any more; transforms with a key are refused", "file", t.path, "err", err)
}

// passes reports whether an error leaves the file as it was, so that the next attempt may succeed. After
// any other the state of the disk is not known: what fsync could not write may be gone for good.
func passes(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EFBIG} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// failed is why the file is not written any more; nil: it is.
func (t *Table) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broken
}

// apply does one change.
func apply(tx *bolt.Tx, ch *change, c *counts) error {
	all, ages, key := tx.Bucket(keysBucket), tx.Bucket(ageBucket), []byte(ch.key)
	old, size, err := look(all, key)
	now, keep := ch.becomes(old)
	if keep {
		return nil
	}
	if old != nil {
		c.remove(old, size, err)
		if now == nil || now.stamp != old.stamp {
			if err := ages.Delete(expiryOf(old.stamp, key)); err != nil {
				return err
			}
		}
	}
	if now == nil {
		return all.Delete(key)
	}
	value := now.append(nil)
	c.add(now, len(key)+len(value), nil)
	if old == nil || now.stamp != old.stamp {
		if err := ages.Put(expiryOf(now.stamp, key), nil); err != nil {
			return err
		}
	}
	return all.Put(key, value)
}

// look reads a record; nil: there is none. One that cannot be read is unknown, with the error: its command
// may have been sent.
func look(all *bolt.Bucket, key []byte) (r *record, size int, err error) {
	v := all.Get(key)
	if v == nil {
		return nil, 0, nil
	}
	read, err := readRecord(v)
	if err != nil {
		read = record{state: stateUnknown}
	}
	return &read, len(key) + len(v), err
}

// sweep takes out some entries that are too old, and reports whether there may be more. A claim in flight
// stays.
func (t *Table) sweep() (more bool) {
	t.retry()
	t.watch()
	before := t.clock() - int64(t.keep)
	old := 0
	err := t.update(func(tx *bolt.Tx, c *counts) error {
		all, ages := tx.Bucket(keysBucket), tx.Bucket(ageBucket)
		var gone [][]byte
		cursor := ages.Cursor()
		for k, _ := cursor.First(); k != nil && len(gone) < sweepStep; k, _ = cursor.Next() {
			stamp, _, ok := readExpiry(k)
			if ok && stamp > before {
				break
			}
			gone = append(gone, append([]byte(nil), k...))
		}
		if old = len(gone); old == 0 {
			return errNothing
		}
		return t.forget(all, ages, gone, c)
	})
	return err == nil && old == sweepStep
}

// errNothing ends a transaction that has nothing to write, without an fsync.
var errNothing = errors.New("nothing to write")

// forget takes out the entries of some keys of the index by age.
func (t *Table) forget(all, ages *bolt.Bucket, gone [][]byte, c *counts) error {
	for _, k := range gone {
		stamp, key, ok := readExpiry(k)
		if ok && t.flies(string(key)) {
			continue
		}
		if err := ages.Delete(k); err != nil {
			return err
		}
		if !ok {
			continue
		}
		r, size, err := look(all, key)
		if r == nil || err == nil && r.stamp != stamp {
			continue
		}
		c.remove(r, size, err)
		c.swept++
		if err := all.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// retry has the ends written that could not be written when they came.
func (t *Table) retry() {
	t.mu.Lock()
	var late []*flight
	for _, f := range t.flights {
		if f.over {
			late = append(late, f)
		}
	}
	t.mu.Unlock()
	for _, f := range late {
		if t.write([]*change{{key: f.key, becomes: f.settle}}) != nil {
			return
		}
		t.mu.Lock()
		t.remove(f)
		t.mu.Unlock()
	}
}

// watch finds out that the file has been moved away: what is written goes nowhere then.
func (t *Table) watch() {
	now, err := os.Stat(t.path)
	if err == nil && os.SameFile(now, t.is) || t.failed() != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken = errors.New("the key file was moved or replaced while it was in use; eppmux must be started again")
	t.trouble, t.troubleAt = t.broken, time.Now()
	t.log.Error("key file is not there any more; transforms with a key are refused", "file", t.path)
}
