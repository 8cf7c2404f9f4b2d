package sandbox

import (
	"strings"
	"time"
)

// The create of a domain whose name begins with pendingPrefix is answered 1001 and decided later.
// See Config.PendingDelay.
const (
	pendingPrefix = "pending-"
	refusedPrefix = "pending-refuse-"
)

// holdBack makes the create of a domain pending if its name asks for it, and reports whether it
// did.
func (st *store) holdBack(d *domain, c *call) bool {
	if !strings.HasPrefix(d.name, pendingPrefix) {
		return false
	}
	d.status.set("pendingCreate")
	at, clTRID, svTRID := c.now.Add(st.cfg.PendingDelay), c.clTRID, c.svTRID
	st.at(at, func(st *store) { st.settle(d, clTRID, svTRID, at) })
	return true
}

// settle ends a pending create. RFC 5731 section 3.3: a message tells the registrar, and names the
// transaction by both its ids.
func (st *store) settle(d *domain, clTRID, svTRID string, now time.Time) {
	d.status.clear("pendingCreate")
	result, text := "1", "Create approved: domain "+d.name
	if strings.HasPrefix(d.name, refusedPrefix) {
		result, text = "0", "Create refused: domain "+d.name
		st.purge(d)
	} else {
		d.rgp.grant("addPeriod", now.Add(addPeriod))
	}
	st.notify(d.sponsor, text, wrap("domain", nsDomain, "panData", func(x *xmlText) {
		x.elAttr("domain:name", "paResult", result, d.name)
		x.trID("domain:paTRID", clTRID, svTRID)
		x.when("domain:paDate", now)
	}), now)
}
