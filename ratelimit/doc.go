// Package ratelimit tells when a command may be sent so that a registry never counts too many.
//
// A Limit of N commands per P promises that the registry sees at most N commands in any half-open
// window of length P. Delays in the network cannot break the promise: the registry counts a command
// at some moment between its sending and its answer, and a Bucket holds one of its N slots for the
// command from Take until P after Done. A Burst below N adds a spacing: at most Burst commands go
// back to back, and further ones are P/N apart. A command must be admitted by both rules.
//
// A Bucket keeps each answer by itself up to 1024 of them. Of a larger limit it keeps them by slices
// of a 1024th of P, where all of a slice count as if they had come with its last one: so a slot may
// stay in use for a slice longer, and never for less than P.
//
// The order of things, for one command:
//
//	if at := b.Next(now); at > now {
//		// Not yet: ask again at that instant or, if it is Never, after the next Done.
//	}
//	b.Take(now) // and send
//	b.Done(now) // later, once: the answer has come, or the session is gone
//
// If no octet of a command was sent after all, call Undo in place of Done.
//
// A limit may count something of which a command has several, such as the names in a check: then NextN,
// TakeN, DoneN and UndoN are for n slots at once, and N, Burst and the rest are in slots. Slots that are
// taken together go back to back, so that no more than Burst can be taken at once, see Limit.Most.
//
// If several limits apply to one command, ask all of them, wait for the latest instant, and Take
// from all. If limits are replaced while commands are in flight, let each new bucket Inherit from the
// old ones that counted some of its commands.
//
// A process that ends forgets what it has counted, unless it writes its buckets down. A Page is a
// bucket as it was written: answers by parts of a 64th of P, each standing at its last answer, with
// the wall clock; TakeUp makes it a bucket again. So that a crash forgets nothing either, Ration lets a
// bucket admit only commands that a page which was kept has reserved:
//
//	b.Ration()
//	if b.Wants() {
//		page := b.Write(now, wall, recent) // keep it, while commands of the page before still go
//		b.Written()                        // once it is kept
//	}
//
// A block of N/128 is reserved, and the next one when half of it is spent. Who takes a page up counts
// all that it reserves as used, so a crash costs a block at the most, and what one command takes, and nothing where the limit was
// not used within the time recent.
//
// The package is pure: it has no clock, starts nothing and does no I/O. It does not queue, and it
// does not know which commands a limit is for.
package ratelimit
