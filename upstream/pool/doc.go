// Package pool decides what happens with the commands and sessions of one registrar account at one
// registry: which exchange goes to which session and when, how many sessions there are, what is
// tried again, and how each exchange ends.
//
// A [Pool] is a state machine without I/O, without a clock and without a goroutine. The caller
// tells its methods what happened and when. They leave [Action] values, which the caller takes from
// [Pool.Next] until there are none, and does:
//
//	p := pool.New(cfg, now)            // DoOpen: the first session
//	p.Opened(session, now)             // the caller has logged in
//	p.Submit(exchange, now)            // DoSend: write it on that session
//	p.Answered(session, pool.CauseNone, now)  // DoFinish: it has ended as answered
//	p.Advance(now)                     // at p.Wake(): deadlines, keepalives, limits that admit again
//
// now is the time since any fixed moment by a monotonic clock. So a test plays hours of faults in
// milliseconds, from a seed, and a failing seed is a test case.
//
// There is a method for each event. In the order of a session's life: Opened or OpenFailed;
// Greeted, Heard, Answered, LoginLost, Throttled, Unsent, Recorded; Poison; Closed. Of an exchange: Submit, Cancel.
// Of the clock: Probe. Of the operator: Pause, Resume, Reconnect, Grant, Reconfigure, Drain.
//
// The package knows neither octets nor connections: an [Exchange] and a [Session] have a Shell, in
// which the caller keeps its part. Package upstream is that caller.
//
// Three words for three reasons to wait: the operator pauses an account, the registry throttles it,
// and a limit holds an exchange.
package pool
