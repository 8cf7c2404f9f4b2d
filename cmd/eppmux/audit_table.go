package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"eppmux/audit"
)

// auditForm has a fixed width for each column but the last. The files may be larger than memory, so
// the widest value is not known.
const auditForm = "%-27s  %-12s  %-18s  %-24s  %-24s  %8s  %-21s  %-20s  %s\n"

// row prints a story. The names of the columns come before the first one.
func (a *auditRead) row(s *audit.Story) {
	if a.rows == 0 {
		fmt.Fprintf(a.out, auditForm, "SENT", "REGISTRY", "COMMAND", "OBJECT", "END", "RTT", "CLIENT", "CLTRID",
			"MUXTRID")
	}
	a.rows++
	sent := s.Sent
	if sent.IsZero() {
		sent = s.Time.Add(-time.Duration(s.RTT * float64(time.Second)))
	}
	fmt.Fprintf(a.out, auditForm, audit.Moment{Time: sent}, dashed(s.Registry), dashed(commandOf(s)),
		dashed(strings.Join(s.Names, ",")),
		fate(s), rtt(s), dashed(s.Client), dashed(s.ClTRID), dashed(s.MuxTRID))
}

// dashed is a text of the log, safe for a terminal; "-" for an empty one.
func dashed(text string) string {
	if text == "" {
		return "-"
	}
	return audit.Visible(text)
}

// commandOf is a command with its op or object, as "create domain" or "poll:ack".
func commandOf(s *audit.Story) string {
	text := s.Command
	if s.Op != "" {
		text += ":" + s.Op
	}
	if s.Object != "" {
		text += " " + s.Object
	}
	return text
}

// fate is the column END.
func fate(s *audit.Story) string {
	switch s.Fate {
	case audit.FateOpen:
		return "no end"
	case audit.FateCutOff:
		return "cut off"
	case audit.FateRejected:
		return "rejected " + strconv.Itoa(s.Code)
	}
	text := audit.Visible(s.End)
	if s.Code > 0 {
		text += " " + strconv.Itoa(s.Code)
	}
	if s.Cause != "" {
		text += " " + audit.Visible(s.Cause)
	}
	if s.Orphan {
		text += " orphan"
	}
	return text
}

// rtt is the column RTT, in seconds.
func rtt(s *audit.Story) string {
	if s.RTT == 0 {
		return "-"
	}
	return strconv.FormatFloat(s.RTT, 'f', 3, 64) + "s"
}
