package loop

import (
	"math"
	"time"
)

// never is an instant that does not come.
const never time.Duration = math.MaxInt64

// Alarm runs a function on a loop at an instant.
type Alarm struct {
	// Immutable after NewAlarm.
	loop Loop
	now  func() time.Duration
	f    func()

	// Owned by the loop.
	timer *time.Timer   // nil: not set yet
	at    time.Duration // never: not set
}

// NewAlarm returns an alarm that is not set. now reads the clock by which instants are given; f runs
// on the loop and must not block.
func NewAlarm(loop Loop, now func() time.Duration, f func()) *Alarm {
	return &Alarm{loop: loop, now: now, f: f, at: never}
}

// Before sets the alarm to at if that is earlier than the instant to which it is set. An alarm that
// goes off is not set any more.
func (a *Alarm) Before(at time.Duration) {
	if at >= a.at {
		return
	}
	a.at = at
	d := at - a.now()
	if a.timer == nil {
		a.timer = time.AfterFunc(d, func() { a.loop.Post(a.ring) })
		return
	}
	a.timer.Reset(d)
}

func (a *Alarm) ring() {
	if a.now() < a.at { // it was set later meanwhile, or this is an older timer's ring
		if a.at != never {
			a.timer.Reset(a.at - a.now())
		}
		return
	}
	a.at = never
	a.f()
}

// Stop ends the alarm; it may still go off once if it is already due.
func (a *Alarm) Stop() {
	a.at = never
	if a.timer != nil {
		a.timer.Stop()
	}
}
