package status

import "fmt"

// Rules about the host of eppmux: its disk and its open files.

// unrecorded finds that the audit log cannot be written.
func unrecorded(r *Registry) *Finding {
	a := r.Audit
	if a == nil || !a.Failing {
		return nil
	}
	why := a.Why
	if why == "" {
		why = "its disk does not answer"
	}
	text := "audit log cannot be written for " + Span(a.FailingSeconds) + ": " + why + "; "
	do := "make room for " + a.File + ", or mend its disk; it goes on by itself"
	if a.Blocks {
		return &Finding{Broken, "audit_fails", whoseHost, text + "transforms are not sent, queries are", do}
	}
	return &Finding{Look, "audit_fails", whoseHost,
		text + "transforms are sent, and recorded later as far as there is room", do}
}

// unkept finds that what was used of limits cannot be written down.
func unkept(r *Registry) *Finding {
	text, do := "what is used of limits cannot be written down; ",
		"make room in the state folder, or mend its disk; it goes on by itself"
	switch r.Ledger {
	case LedgerWaits:
		return &Finding{Broken, "ledger_fails", whoseHost,
			text + "commands under long limits are not sent, others are", do}
	case LedgerForgets:
		return &Finding{Look, "ledger_fails", whoseHost, text + "a crash would forget it", do}
	}
	return nil
}

// gapShown is how long the page tells of a gap in the audit log, in seconds.
const gapShown = 600

// gap finds that the audit log lacks lines.
func gap(r *Registry) *Finding {
	a := r.Audit
	if a == nil || a.Lost == 0 || a.LostSeconds > gapShown {
		return nil
	}
	return &Finding{Look, "audit_gap", whoseHost,
		"audit log has a gap: " + count(a.Lost, "line") + " lost, the last " + Span(a.LostSeconds) + " ago",
		"what was sent meanwhile is in the registry's records only; make room for " + a.File}
}

// notTaken finds that the host could not take clients in, for want of open files for one.
func notTaken(r *Registry) *Finding {
	n := r.Recent.AcceptErrors
	if n == 0 {
		return nil
	}
	return &Finding{Look, "not_taken", whoseHost,
		fmt.Sprintf("clients could not be taken in, %d times in the last ten minutes: %s; who is connected goes on",
			n, r.AcceptError),
		"raise the limit of open files (ulimit -n, LimitNOFILE), or lower clients.max"}
}
