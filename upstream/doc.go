// Package upstream carries commands of many clients over the few sessions that a registry grants.
//
// An [Account] is a registrar's account at one registry. It is the shell of a pool.Pool, which
// decides what is sent where and when: the Account dials, logs in, writes and reads, and tells the
// pool what happened. It lives on one event loop (package loop), which owns it and everything in
// it; only dialing and logging in happen on goroutines of their own.
//
// The program makes the loop and the Account. It hands the Account to package proxy, which has EPP
// clients; any other caller uses [Account.Do]. The way of one command:
//
//	x := account.Exchange(sender, message)   // copies the frame, with a muxTRID in the clTRID's place
//	account.Submit(x)                        // queue ▸ limits ▸ session ▸ registry
//	client.Finish(x, outcome)                // exactly once; the answer has the client's own clTRID again
//
// Everything that touches the pool goes through one door, Account.turn. A session has two parts: a
// session knows our own messages and what an answer means, and a carrier moves the octets.
// tcpCarrier is the carrier over TCP and TLS; target.carry chooses the carrier.
//
// The package does not listen for clients, does not decide result codes, and never sends a second
// command on a session before the first one's answer has come.
package upstream
