package loop

import (
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// handLoop is a Loop that runs what is posted when the test says so.
type handLoop struct {
	Loop
	mu    sync.Mutex
	tasks []func() // guarded by mu
}

func (l *handLoop) Post(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks = append(l.tasks, f)
}

// turn runs what was posted, and returns how much that was.
func (l *handLoop) turn() int {
	l.mu.Lock()
	tasks := l.tasks
	l.tasks = nil
	l.mu.Unlock()
	for _, f := range tasks {
		f()
	}
	return len(tasks)
}

// clockwork is an alarm that notes when it went off, and a loop that turns at once unless it is
// stuck.
type clockwork struct {
	*Alarm
	loop  handLoop
	start time.Time
	rung  []time.Duration
}

func inClockwork(t *testing.T, f func(*clockwork)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &clockwork{start: time.Now()}
		c.Alarm = NewAlarm(&c.loop, c.now, func() { c.rung = append(c.rung, c.now()) })
		f(c)
		c.Stop()
	})
}

func (c *clockwork) now() time.Duration { return time.Since(c.start) }

// pass lets time pass until the given instant. The loop turns once a millisecond.
func (c *clockwork) pass(to time.Duration) {
	for c.now() < to {
		time.Sleep(min(time.Millisecond, to-c.now()))
		synctest.Wait()
		c.loop.turn()
	}
}

func (c *clockwork) want(t *testing.T, rung ...time.Duration) {
	t.Helper()
	if !slices.Equal(c.rung, rung) {
		t.Errorf("went off at %v, want %v", c.rung, rung)
	}
}

const second = time.Second

// TestAlarm: an alarm goes off once at its instant, and can be set again.
func TestAlarm(t *testing.T) {
	inClockwork(t, func(c *clockwork) {
		c.pass(second)
		c.want(t)
		c.Before(2 * second)
		c.pass(5 * second)
		c.want(t, 2*second)
		c.Before(6 * second)
		c.pass(10 * second)
		c.want(t, 2*second, 6*second)
	})
}

// TestAlarmEarlier: an earlier instant takes the place of a later one, a later one has no effect.
func TestAlarmEarlier(t *testing.T) {
	inClockwork(t, func(c *clockwork) {
		c.Before(5 * second)
		c.Before(3 * second)
		c.Before(4 * second)
		c.Before(never)
		c.pass(10 * second)
		c.want(t, 3*second)
	})
}

// TestAlarmPast: an alarm that is set to an instant in the past goes off at once, on the loop and not
// from within Before.
func TestAlarmPast(t *testing.T) {
	inClockwork(t, func(c *clockwork) {
		c.pass(5 * second)
		c.Before(second)
		c.want(t)
		synctest.Wait()
		c.loop.turn()
		c.want(t, 5*second)
	})
}

// TestAlarmFarPast: an instant that lies as far in the past as can be, as where a sum of durations has
// gone over the end, goes off at once and does not keep off what comes later.
func TestAlarmFarPast(t *testing.T) {
	for _, at := range []time.Duration{math.MinInt64, math.MinInt64 + second, -1} {
		inClockwork(t, func(c *clockwork) {
			c.Before(20 * second)
			c.pass(5 * second)
			c.Before(at)
			synctest.Wait()
			c.loop.turn()
			c.want(t, 5*second)
			c.Before(7 * second)
			c.pass(10 * second)
			c.want(t, 5*second, 7*second)
		})
	}
}

// TestAlarmFarAhead: an instant that is nearly never does not keep off an earlier one.
func TestAlarmFarAhead(t *testing.T) {
	inClockwork(t, func(c *clockwork) {
		c.Before(never - 1)
		c.pass(second)
		c.want(t)
		c.Before(2 * second)
		c.Before(never - 1)
		c.pass(5 * second)
		c.want(t, 2*second)
	})
}

// TestAlarmLate: a loop that turns late lets the alarm go off late, once; what was set in between is
// not lost.
func TestAlarmLate(t *testing.T) {
	inClockwork(t, func(c *clockwork) {
		c.Before(2 * second)
		time.Sleep(4 * second) // the loop does not turn
		c.Before(3 * second)   // has no effect: it is due already
		if n := c.loop.turn(); n != 1 {
			t.Errorf("%d rings were posted, want one", n)
		}
		c.want(t, 4*second)
		c.Before(6 * second)
		c.pass(10 * second)
		c.want(t, 4*second, 6*second)
	})
}

// TestAlarmSetWhileRinging: a ring that was under way when the alarm was set anew goes off for what
// is due by then, and not a second time.
func TestAlarmSetWhileRinging(t *testing.T) {
	inClockwork(t, func(c *clockwork) {
		c.Before(2 * second)
		time.Sleep(2 * second) // the ring is posted
		synctest.Wait()
		c.Before(second) // it is due already
		synctest.Wait()
		c.loop.turn()
		c.want(t, 2*second)
		c.pass(5 * second)
		c.want(t, 2*second)
	})
}

// TestAlarmTooEarly: a ring that comes before the instant, since the clock by which instants are
// given runs slower than the timer, waits for the rest.
func TestAlarmTooEarly(t *testing.T) {
	inClockwork(t, func(c *clockwork) {
		slow := time.Duration(0)
		c.Alarm.now = func() time.Duration { return c.now() - slow }
		c.Before(2 * second)
		slow = second
		c.pass(2 * second)
		c.want(t)
		c.pass(10 * second)
		c.want(t, 3*second)
	})
}

// TestAlarmSetsItself: f may set the alarm again.
func TestAlarmSetsItself(t *testing.T) {
	inClockwork(t, func(c *clockwork) {
		c.f = func() {
			if c.rung = append(c.rung, c.now()); len(c.rung) < 3 {
				c.Before(c.now() + second)
			}
		}
		c.Before(second)
		c.pass(10 * second)
		c.want(t, second, 2*second, 3*second)
	})
}

// TestAlarmStop: a stopped alarm does not go off, also where its ring is posted already; it can be
// set again.
func TestAlarmStop(t *testing.T) {
	inClockwork(t, func(c *clockwork) {
		c.Stop() // never set
		c.Before(2 * second)
		c.pass(second)
		c.Stop()
		c.pass(5 * second)
		c.want(t)
		c.Before(6 * second)
		time.Sleep(second) // the ring is posted
		synctest.Wait()
		c.Stop()
		c.loop.turn()
		c.pass(10 * second)
		c.want(t)
		c.Before(11 * second)
		c.pass(12 * second)
		c.want(t, 11*second)
	})
}
