// Package keys makes a repeat of a change safe: a file (bbolt, in state.dir) of the keys that callers gave
// to their changes (Idempotency-Key, RPP-Cltrid), each with what became of the change. A key is
// written before its command is sent; what has no end after a crash is unknown, and is never sent again.
// Entries go after 24 h. It implements carry.Table.
//
//	t, err := keys.Open(keys.Config{File: "/var/lib/eppmux/gateway.db"})
//	c := carry.New(t)
//	...           // requests end, accounts are closed
//	c.Wait()      // ends of those whose callers have gone
//	t.Close()
//
// One goroutine writes to the file, in transactions of all changes that wait. What the disk does not take is
// refused before anything is sent. Of an answer the first caller gets all, a repeat all but its secrets.
package keys
