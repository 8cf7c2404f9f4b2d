// Package upstream carries commands of many clients over the few sessions that a registry grants.
//
// Its core is [Pool], a state machine without I/O and without a clock: it is told what happened and
// when, and answers with [Action] values: open a session, send this exchange there, close that one.
// Scheduling, limits, deadlines, retries and the number of sessions are decided there and nowhere
// else, so that a test can play hours of faults from a seed in milliseconds.
//
// [Account] is the shell around one Pool: it dials, logs in, writes and reads. It lives on one
// event loop (see [Loop]), which owns it and all it holds; only dialing and logging in happen on a
// goroutine of their own. TLS is driven on the loop too, see [LoopConn].
//
// The order of things for one command:
//
//	x := account.Exchange()                  // from the free list
//	x.Load(message, client)                  // copies the frame, with a muxTRID in the clTRID's place
//	account.Submit(x)                        // queue ▸ limits ▸ session ▸ registry
//	client.Finish(x, outcome)                // exactly once; the answer has the client's own clTRID again
//
// The package does not listen for clients, does not decide result codes, and never sends a second
// command on a session before the first one's answer has come.
package upstream
