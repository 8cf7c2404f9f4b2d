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

// NewAlarm returns an alarm that is not set. Instants are by the clock that now reads. f runs on
// the loop and must not block.
func NewAlarm(loop Loop, now func() time.Duration, f func()) *Alarm {
	return &Alarm{loop: loop, now: now, f: f, at: never}
}

// Before sets the alarm to at, unless it is set to an earlier instant. An alarm that goes off is
// not set any more. An instant in the past counts as now, however far it lies. On the loop.
func (a *Alarm) Before(at time.Duration) {
	if at >= a.at {
		return
	}
	now := a.now()
	at = max(at, now) // so that d cannot go over the end
	if at >= a.at {
		return // it is due, and its ring on its way
	}
	a.at = at
	d := at - now
	if a.timer == nil {
		a.timer = time.AfterFunc(d, func() { a.loop.Post(a.ring) })
		return
	}
	a.timer.Reset(d)
}

// ring goes off, on the loop, if the alarm is due.
func (a *Alarm) ring() {
	if a.now() < a.at { // the timer's ring was on its way when the alarm went off or was set anew
		if a.at != never {
			a.timer.Reset(a.at - a.now())
		}
		return
	}
	a.at = never
	a.f()
}

// Stop ends the alarm: it does not go off any more, unless it is set again. On the loop.
func (a *Alarm) Stop() {
	a.at = never
	if a.timer != nil {
		a.timer.Stop()
	}
}
