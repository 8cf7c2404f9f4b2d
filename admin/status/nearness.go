package status

import "time"

// Two measures say how near the end of a certificate or a password is, for two readers:
//
//   - ExpiryStep is for the log and the check of a config file. It begins 30 days before the end,
//     and its steps are the days on which it is worth another line.
//   - ExpiryGravity is for the status page, which is red or yellow as long as a cause lasts. So it
//     begins later: 14 days before the end.
//
// What lives so short that it is always near its end is renewed by a program. Each measure then
// waits for a part of the life: a half in the log, an eighth on the page.

const day = 24 * time.Hour

// forever is the life of what has no beginning that is known.
const forever time.Duration = 1<<63 - 1

// ExpiryStep is how near an end is by the measure of the log. The zero value is far enough.
type ExpiryStep uint8

const (
	ExpiryFar     ExpiryStep = iota
	ExpiryMonth              // within 30 days
	ExpiryWeek               // within 7 days
	ExpiryDay                // within a day
	ExpiryReached            // over
)

// ExpiryStepOf returns the step for what has left time left of its life. A step counts only if it
// is not longer than half the life.
func ExpiryStepOf(left, life time.Duration) ExpiryStep {
	within := func(d time.Duration) bool { return left < d && 2*d <= life }
	switch {
	case left <= 0:
		return ExpiryReached
	case within(day):
		return ExpiryDay
	case within(7 * day):
		return ExpiryWeek
	case within(30 * day):
		return ExpiryMonth
	}
	return ExpiryFar
}

// ExpiryGravity returns the gravity for what has left time left of its life: Broken once it is
// over, Look within 14 days or the last eighth of its life, whichever is shorter.
func ExpiryGravity(left, life time.Duration) Gravity {
	switch {
	case left <= 0:
		return Broken
	case left < min(14*day, life/8):
		return Look
	}
	return OK
}
