package main

import (
	"fmt"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/frame"
)

// exitClass is an exit code of send and the answers that it stands for. Scripts use the codes, so
// they never change.
type exitClass struct {
	exit  int
	codes []codeRange // empty: no result code leads to it
	means string
}

// codeRange is a range of result codes (RFC 5730 section 3), both ends included.
type codeRange struct{ from, to int }

// exitClasses has all exit codes. The first class with a result code counts. --help is made of it.
var exitClasses = []exitClass{
	{cli.ExitDone, []codeRange{{1000, 1999}}, "done; or the answer is a greeting"},
	{cli.ExitFailed, nil, "no answer, or none to the message; not connected"},
	{cli.ExitUsage, nil, "wrong usage or config"},
	{3, []codeRange{{2000, 2103}, {2307, 2307}}, "protocol, parameters, or not implemented"},
	{4, []codeRange{{2200, 2299}, {2501, 2501}}, "authentication or authorization"},
	{5, []codeRange{{2302, 2302}}, "the object exists"},
	{6, []codeRange{{2303, 2303}}, "the object does not exist"},
	{7, []codeRange{{2104, 2199}, {2300, 2399}}, "billing, status, association or policy"},
	{8, []codeRange{{2400, 2599}}, "the server failed, or has no session free"},
	{9, []codeRange{{0, 9999}}, "any other result code"},
}

// has reports whether a result code belongs to c.
func (c *exitClass) has(code int) bool {
	for _, r := range c.codes {
		if r.from <= code && code <= r.to {
			return true
		}
	}
	return false
}

// exitOf returns the exit code for a result code.
func exitOf(code int) int {
	for i := range exitClasses {
		if exitClasses[i].has(code) {
			return exitClasses[i].exit
		}
	}
	return cli.ExitFailed // not four digits: the scanner lets none through
}

// exitOfAnswer returns the exit code for a response or greeting.
func exitOfAnswer(m *frame.Message) int {
	if m.Kind == frame.KindGreeting {
		return cli.ExitDone
	}
	return exitOf(m.Code)
}

// shownCodes are the result codes of c for --help.
func (c *exitClass) shownCodes() string {
	if c.codes == nil {
		return "-"
	}
	var all []string
	for _, r := range c.codes {
		switch {
		case r.from == r.to:
			all = append(all, fmt.Sprint(r.from))
		case r.from == 0:
			all = append(all, "others")
		default:
			all = append(all, fmt.Sprintf("%d-%d", r.from, r.to))
		}
	}
	return strings.Join(all, ", ")
}

// exitTable is exitClasses for --help. docs/reference.md has the same lines.
func exitTable() string {
	var b strings.Builder
	for i := range exitClasses {
		c := &exitClasses[i]
		fmt.Fprintf(&b, "  %d  %-20s  %s\n", c.exit, c.shownCodes(), c.means)
	}
	return b.String()
}
