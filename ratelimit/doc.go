// Package ratelimit says when a command may be sent so that a registry never counts too many.
//
// A Limit of N commands per P promises that in no window of length P, half-open, the registry sees
// more than N. What the network does to the spacing cannot break this: the registry counts a
// command somewhere between its sending and its answer, so a Bucket holds each of its N slots from
// Take until P after Done. A Burst below N spaces the rest: no more than Burst commands go back to
// back, those beyond are P/N apart. Both rules must admit a command.
//
// The order of things, for one command:
//
//	if at := b.Next(now); at > now {
//		// Not yet: ask again at that instant, or, when it is Never, after the next Done.
//	}
//	b.Take(now) // and send
//	b.Done(now) // later, once: the answer is here or the session is gone
//
// A command whose sending did not even begin is given back with Undo instead of Done.
//
// Where several limits bear on one command, ask all of them, take the latest instant, and Take from
// all.
//
// The package is pure: it has no clock, starts nothing and does no I/O. It does not queue, and it
// does not know which commands a limit is about.
package ratelimit
