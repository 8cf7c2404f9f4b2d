package admin

import "fmt"

// unrecorded: the audit log cannot be written.
func unrecorded(r *Registry) (Finding, bool) {
	a := r.Audit
	if a == nil || !a.Failing {
		return Finding{}, false
	}
	why := a.Why
	if why == "" {
		why = "its disk does not answer"
	}
	f := Finding{Look, "audit_fails", whoseHost, fmt.Sprintf("audit log cannot be written for %s: %s; ", span(a.FailingSeconds), why), "make room for " + a.File + ", or mend its disk; it goes on by itself"}
	if a.Blocks {
		f.Gravity = Broken
		f.Text += "transforms are not sent, queries are"
	} else {
		f.Text += "transforms are sent, and recorded later as far as there is room"
	}
	return f, true
}

// gapShown is how long a gap of the audit log is spoken of, in seconds.
const gapShown = 600

func gap(r *Registry) (Finding, bool) {
	a := r.Audit
	if a == nil || a.Lost == 0 || a.LostSeconds > gapShown {
		return Finding{}, false
	}
	return Finding{Look, "audit_gap", whoseHost, fmt.Sprintf("audit log has a gap: %s lost, the last %s ago", count(a.Lost, "line"), span(a.LostSeconds)),
		"what was sent meanwhile is in the registry's records only; make room for " + a.File}, true
}

// notTaken: the host has not what it takes to take clients in.
func notTaken(r *Registry) (Finding, bool) {
	n := r.Recent.AcceptErrors
	return Finding{Look, "not_taken", whoseHost, fmt.Sprintf("clients could not be taken in, %d times in the last ten minutes: %s; who is connected goes on", n, r.AcceptError),
		"raise the limit of open files (ulimit -n, LimitNOFILE), or lower clients.max"}, n > 0
}
