// Package keys makes a repeat of a change safe: a file (bbolt, in state.dir) of the keys that callers gave
// to their changes (Idempotency-Key, RPP-Cltrid), each with what became of the change. A key is
// written before its command is sent; what has no end after a crash is unknown, and is never sent again.
// Entries go after 24 h. It implements carry.Table, and settles what is unknown by a look at the registry
// where that leaves no doubt.
package keys
