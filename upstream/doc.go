// Package upstream carries commands of many clients over the few sessions that a registry grants.
//
// An [Account] is a registrar's account at one registry. It is the shell of a pool.Pool, which
// decides what is sent where and when: the Account dials, logs in, writes and reads, and tells the
// pool what happened. It lives on one event loop (package loop), which owns it and everything in
// it; only dialing and logging in happen on goroutines of their own.
//
// The program makes the loop and the Account. It hands the Account to package proxy, which has EPP
// clients; any other has a [Caller]. The way of one command:
//
//	x := account.Exchange(sender, message)   // copies the frame, a muxTRID in the clTRID's place
//	account.Submit(x)                        // queue ▸ limits ▸ session ▸ registry
//	client.Finish(x, outcome)                // once, unless cancelled; with the client's clTRID
//
// Everything that changes the pool goes through one door, Account.turn; reading needs the loop
// only. Our side of a pool.Session is a session, which knows our messages and what an answer means.
// Its carrier moves the octets. tcpCarrier does so over TCP, with TLS or without; target.carry
// chooses the carrier.
//
// # What runs where
//
//   - A pool.Session changes, but for its Shell, only by the Pool's methods, which are called in a
//     turn on the loop.
//   - A session and its carrier belong at first to the one goroutine that opens them (dial.go).
//     Enroll gives the socket to the loop, and the function that is posted then gives it the rest;
//     in between, Readable does nothing.
//   - Before that, both sides share of what changes only the carrier's login, which is atomic. If
//     the attempt is given up, a goroutine of context.AfterFunc closes the socket, and nothing
//     else.
//   - All others only post to the loop: the admin listener, eppmux ctl, Caller.Do, Drain, Reload and the
//     audit log's done.
//   - What stops a mistake: Account.pool and the fields of a pool.Session are not exported, and
//     what needs the instant of the turn, or ends a session, panics outside one.
//   - What does not: a wrong goroutine within a turn is seen by go test -race only.
//
// The package does not listen for clients, does not decide result codes, and never sends a second
// command on a session before the first one's answer has come.
package upstream
