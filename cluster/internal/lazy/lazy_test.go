package lazy

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// door counts how often it was opened and closed.
type door struct {
	mu             sync.Mutex
	opened, closed int
	takes          time.Duration
	err            error
}

func (d *door) value() *Value[int] {
	return New(func() (int, error) {
		time.Sleep(d.takes)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.opened++
		return d.opened, d.err
	}, func(int) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.closed++
	})
}

func (d *door) want(t *testing.T, opened, closed int) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened != opened || d.closed != closed {
		t.Errorf("got %d opened, %d closed, want %d, %d", d.opened, d.closed, opened, closed)
	}
}

// TestOneAttempt is for all that wait, each by its own deadline.
func TestOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{takes: 10 * time.Second}
		v := d.value()
		for i := range 5 {
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(4*i+4)*time.Second)
				defer cancel()
				start := time.Now()
				got, err := v.Get(ctx)
				took, late := time.Since(start), i < 2
				if late && (!errors.Is(err, context.DeadlineExceeded) || took != time.Duration(4*i+4)*time.Second) {
					t.Errorf("Get %d: got %v after %v", i, err, took)
				}
				if !late && (err != nil || got != 1 || took != 10*time.Second) {
					t.Errorf("Get %d: got %d, %v after %v", i, got, err, took)
				}
			}()
		}
		time.Sleep(time.Minute)
		d.want(t, 1, 0)
		v.Drop(1)
		d.want(t, 1, 1)
		if got, err := v.Get(t.Context()); got != 2 || err != nil {
			t.Errorf("after Drop: got %d, %v", got, err)
		}
		v.Drop(1)
		d.want(t, 2, 1)
		v.Close()
		v.Close()
		d.want(t, 2, 2)
		if _, err := v.Get(t.Context()); err == nil {
			t.Error("a closed value was got")
		}
	})
}

// TestFailure is not kept.
func TestFailure(t *testing.T) {
	d := &door{err: errors.New("away")}
	v := d.value()
	if _, err := v.Get(t.Context()); err != d.err {
		t.Errorf("got %v", err)
	}
	d.err = nil
	if got, err := v.Get(t.Context()); got != 2 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}

// TestCloseWhileOpening closes what comes late.
func TestCloseWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{takes: time.Second}
		v := d.value()
		go func() {
			if _, err := v.Get(context.Background()); err == nil {
				t.Error("got a value that was closed")
			}
		}()
		synctest.Wait()
		v.Close()
		time.Sleep(2 * time.Second)
		d.want(t, 1, 1)
	})
}
