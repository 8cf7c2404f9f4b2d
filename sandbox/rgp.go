package sandbox

import (
	"slices"
	"time"
)

// gracePeriods holds a domain's states of RFC 3915: its grace periods and the progress of its
// deletion.
type gracePeriods struct {
	grants []grant
	leave  *leaving // nil unless the domain was deleted
}

// grant is one grace period.
type grant struct {
	name  string
	until time.Time
}

// leaving is one deletion of a domain. Its state is redemptionPeriod, pendingRestore or
// pendingDelete. Events know the deletion that planned them by its address.
type leaving struct{ state string }

// grant starts a grace period. One of the same name begins anew.
func (g *gracePeriods) grant(name string, until time.Time) {
	rest := slices.DeleteFunc(slices.Clone(g.grants), func(x grant) bool { return x.name == name })
	g.grants = append(rest, grant{name, until})
}

// has reports whether a grace period runs.
func (g *gracePeriods) has(name string, now time.Time) bool {
	return slices.ContainsFunc(g.grants, func(x grant) bool { return x.name == name && now.Before(x.until) })
}

// show returns infData or upData of rgp, empty if the domain has no state. A deletion hides the
// grace periods.
func (g *gracePeriods) show(element string, now time.Time) string {
	var states []string
	if g.leave != nil {
		states = append(states, g.leave.state)
	} else {
		for _, x := range g.grants {
			if now.Before(x.until) {
				states = append(states, x.name)
			}
		}
	}
	if len(states) == 0 {
		return ""
	}
	return wrap("rgp", nsRGP, element, func(x *xmlText) {
		for _, s := range states {
			x.elAttr("rgp:rgpStatus", "s", s, "")
		}
	})
}

// redeem starts the deletion of a domain: redemptionPeriod, then pendingDelete, then purge.
func (st *store) redeem(d *domain, now time.Time) {
	l := &leaving{state: "redemptionPeriod"}
	d.rgp.leave = l
	d.status.set("pendingDelete")
	st.at(now.Add(redemptionPeriod), func(st *store) {
		if d.rgp.leave == l && l.state == "redemptionPeriod" {
			l.state = "pendingDelete"
		}
	})
	st.at(now.Add(redemptionPeriod+pendingDelete), func(st *store) {
		if d.rgp.leave == l && l.state == "pendingDelete" {
			st.purge(d)
		}
	})
}

// restore serves the update of RFC 3915 section 4.2.5: a request during redemption, later a report.
func (st *store) restore(d *domain, c *call, restore *node) answer {
	if d.sponsor != c.client {
		return refuse(codeAuthorization, "sponsored by another registrar")
	}
	chg := c.object.child("chg")
	if c.object.child("add") != nil || c.object.child("rem") != nil || chg != nil && len(chg.kids) > 0 {
		return refuse(codePolicy, "a restore changes nothing else")
	}
	op, _ := restore.attr("op")
	needed := map[string]string{"request": "redemptionPeriod", "report": "pendingRestore"}[op]
	if d.rgp.leave == nil || d.rgp.leave.state != needed {
		return refuse(codeStatusProhibits, "not in "+needed)
	}
	if op == "report" && restore.child("report") == nil {
		return refuse(codeMissing, "report")
	}
	// The request is what costs. The report of RFC 3915 section 4.2.5 only completes it.
	priced := map[string]string{"request": "restore", "report": "update"}[op]
	paid, f := c.charge(d.name, priced, 0)
	if f != nil {
		return f.answer()
	}
	d.touch(c)
	a := done("")
	if op == "request" {
		d.rgp.leave.state = "pendingRestore"
		a.ext = d.rgp.show("upData", c.now)
	} else {
		d.rgp.leave = nil
		d.status.clear("pendingDelete")
	}
	a.ext += c.charged("updData", paid)
	return a
}
