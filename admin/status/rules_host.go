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
