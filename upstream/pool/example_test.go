package pool_test

import (
	"fmt"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// One command, from the queue to its end. The caller is told what to do and tells what happened;
// no time passes and nothing is sent.
func ExamplePool() {
	now := time.Duration(0) // by any monotonic clock
	p := pool.New(pool.Config{
		Grant:          pool.Grant{MinSessions: 1, MaxSessions: 2},
		QueueTimeout:   8 * time.Second,
		CommandTimeout: time.Minute,
	}, now)

	act, _ := p.Next()
	fmt.Println(act.Do == pool.DoOpen, act.Session.State())
	session := act.Session

	x := &pool.Exchange{Command: frame.CommandCheck, Query: true, Weight: 1}
	p.Submit(x, now)
	fmt.Println(p.Queued(), "waits")

	now += 100 * time.Millisecond // the caller has connected and logged in
	p.Opened(session, now)
	act, _ = p.Next()
	fmt.Println(act.Do == pool.DoSend, act.Exchange == x, session.State())

	now += 20 * time.Millisecond // the answer has come
	p.Answered(session, pool.CauseNone, now)
	act, _ = p.Next()
	fmt.Println(act.Do == pool.DoFinish, act.End, session.State())
	// Output:
	// true dialing
	// 1 waits
	// true true busy
	// true answered idle
}
