package status

import (
	"cmp"
	"slices"
)

// Whose fault something is, as far as it can be told.
const (
	whoseRegistry = "the registry"
	whoseNetwork  = "the network or the registry"
	whoseConfig   = "our config"
	whoseClients  = "our clients"
	whoseOperator = "the operator"
	whoseEppmux   = "eppmux or its host"
	whoseHost     = "our host"
)

// rule finds one thing to say about a registry. Its first lines are its condition: it returns nil
// if there is nothing to say. The words come after. A rule is pure: it looks at the Registry only.
type rule func(*Registry) *Finding

// rules has all rules. Among findings of the same gravity the first one is the verdict, so a cause
// stands before its consequences: a registry that cannot be reached before the commands that were
// not sent for it.
var rules = []rule{
	stalled, paused, unowned, noLane, ofOwner(spent), ofOwner(noSession), unrecorded, unkept, endsSessions, silent,
	ofOwner(connecting), ungreeted, expired,
	throttled, ofOwner(fewerSessions), refusing, failing, otherServices, ofOwner(unopened), ofOwner(idleEnds),
	fewerLanes,
	notTaken, hoarded, held, ofOwner(crowded), slow,
	unknown, gap, notSent, outOfStep, ofOwner(sessionsEnd), gaveUp, fenced,
	pollRefused, expiring, loginWarning, faulty, atFault, almostFull,
}

// judge says what there is to say about r, the gravest first. It never returns nothing.
func judge(r *Registry, stopping bool) []Finding {
	var all []Finding
	for _, find := range rules {
		if f := find(r); f != nil {
			all = append(all, *f)
		}
	}
	if stopping {
		text := "eppmux is stopping: what waits is answered, nothing new is taken"
		all = append(all, Finding{Broken, "stopping", whoseOperator, text, ""})
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(b.Gravity, a.Gravity) })
	if len(all) == 0 {
		all = append(all, Finding{Gravity: OK, Rule: "well", Text: well(r)})
	}
	return all
}

// well is what there is to say when no rule finds anything.
func well(r *Registry) string {
	text := "all well: " + count(uint64(r.Sessions.LoggedIn()), "session") + ", "
	switch {
	case r.Cluster.yields():
		return elsewhere(r)
	case r.Cluster.follows():
		text = elsewhere(r)
	case r.Sessions.LoggedIn() == 0:
		text = "all well: the registry ended an idle session, the next command has one opened; "
	}
	if r.Minute.Answered() == 0 {
		return text + "no commands in the last minute"
	}
	return text + Number(r.Minute.PerSecond()) + " commands/s, answered in " + SpanOrDash(r.Minute.RTT.P50) + " (p50)"
}
