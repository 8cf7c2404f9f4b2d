// Package audit keeps the record of what was sent to registries, so that after any failure it can be told what happened
// to a command: JSON lines, one before a transform is sent and one when it has ended.
package audit
