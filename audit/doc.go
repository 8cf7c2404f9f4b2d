// Package audit keeps a record of the commands that were sent to registries, so that after any
// failure one can find out what happened to each of them. The record is a file of JSON lines: one
// line before a transform is sent, and one when it has ended.
//
// A Log writes the file. A goroutine of its own does so; a caller that hands over an Entry never
// waits for the disk:
//
//	l, err := audit.Open(audit.Config{File: "audit.jsonl"})
//	l.Record(e, ticket, done) // done(ticket, true): the line is written, the command may be sent
//	l.Add(e)                  // later: the command has ended
//	err = l.Close(time.Second)
//
// A line that write(2) has taken outlives the process, in whatever way that ends. It may not
// outlive a power cut: nothing is synced.
//
// Passwords, authInfo and the like are blanked in payloads, and in the text of an answer that
// repeats them. What does not print on a terminal is written as an escape.
//
// A Reader gives the lines of files back, rotated and compressed ones included. A Joiner makes a
// Story of the lines of each command, and a Filter picks lines or stories. Visible and VisibleJSON
// make other text as safe to show.
package audit
