// Package audit keeps the record of what was sent to registries, so that after any failure it can
// be told what happened to a command: JSON lines, one before a transform is sent and one when it
// has ended.
//
// A Log writes them. Its goroutine owns the file; whoever hands over an Entry never waits for the
// disk:
//
//	l, err := audit.Open(audit.Config{File: "audit.jsonl"})
//	l.Announce(e, done) // done(true) once the line would outlive the process
//	l.Add(e)
//	err = l.Close(time.Second)
//
// What a write(2) has taken outlives the process, however that ends, but not a power cut: nothing
// is synced.
//
// A Reader gives the lines of files back, a Joiner makes one Story of the lines of each command,
// and a Filter picks.
package audit
