package sandbox

import (
	"strconv"
	"time"
)

// transfer is one request to change an object's sponsor, and its outcome. RFC 5730 section 2.9.3.4.
type transfer struct {
	status   string // a value of trStatus
	gaining  string // reID
	losing   string // acID
	asked    time.Time
	acted    time.Time // when it ended; while it is pending, when the registry will end it
	years    int       // added to a domain's expiry on approval
	expires  time.Time // a domain's expiry after approval, zero for contacts
	complete func()    // changes the object on approval; nil once the transfer has ended
}

const trPending = "pending"

// transferable is the part of a domain or contact that the transfer commands need.
type transferable struct {
	*ownership
	last *(*transfer)            // the object's last transfer
	auth func(*node) *fault      // tests an authInfo element
	show func(*transfer) string  // returns trnData
	pay  func() (string, *fault) // charges for a request and returns the extension that says so; nil: free
	kind string                  // kind and name of the object, for messages
}

func (st *store) domainTransfer(c *call) answer {
	d, f := st.findDomain(c)
	if f != nil {
		return f.answer()
	}
	t := transferable{
		ownership: &d.ownership, last: &d.transfer, kind: "domain " + d.name,
		auth: func(n *node) *fault { return st.domainAuth(d, n) },
		show: trnData("domain", nsDomain, "name", d.name),
	}
	if c.op != "request" {
		return st.transferOp(c, t)
	}
	tr := &transfer{}
	if tr.years, f = years(c.object.child("period")); f != nil {
		return f.answer()
	}
	if tr.expires = d.expires.AddDate(tr.years, 0, 0); tr.expires.After(c.now.AddDate(maxYears, 0, 0)) {
		return refuse(codePolicy, "at most "+strconv.Itoa(maxYears)+" years ahead")
	}
	tr.complete = func() { st.handOver(d, tr) }
	t.pay = func() (string, *fault) {
		paid, f := c.charge(d.name, "transfer", tr.years)
		return c.charged("trnData", paid), f
	}
	return st.transferRequest(c, t, tr)
}

// handOver completes the transfer of a domain. RFC 5731 section 3.2.4: its subordinate hosts go
// with it.
func (st *store) handOver(d *domain, tr *transfer) {
	d.expires, d.paid = tr.expires, 0
	d.rgp.grant("transferPeriod", tr.acted.Add(gracePeriod))
	for _, name := range d.subordinates {
		h := st.hosts[name]
		h.sponsor, h.transferred = tr.gaining, tr.acted
	}
}

func (st *store) contactTransfer(c *call) answer {
	ct, f := st.findContact(c)
	if f != nil {
		return f.answer()
	}
	t := transferable{
		ownership: &ct.ownership, last: &ct.transfer, kind: "contact " + ct.id, auth: ct.auth,
		show: trnData("contact", nsContact, "id", ct.id),
	}
	if c.op != "request" {
		return st.transferOp(c, t)
	}
	return st.transferRequest(c, t, &transfer{complete: func() {}})
}

// trnData returns the function that shows the transfers of one object. key is the element that
// names it.
func trnData(prefix, ns, key, name string) func(*transfer) string {
	return func(tr *transfer) string {
		return wrap(prefix, ns, "trnData", func(x *xmlText) {
			x.el(prefix+":"+key, name)
			tr.show(x, prefix+":")
		})
	}
}

// show appends the elements trStatus to exDate. RFC 5731 section 3.1.3: exDate is there if the
// transfer changes, or changed, the expiry.
func (tr *transfer) show(x *xmlText, prefix string) {
	x.el(prefix+"trStatus", tr.status)
	x.el(prefix+"reID", tr.gaining)
	x.when(prefix+"reDate", tr.asked)
	x.el(prefix+"acID", tr.losing)
	x.when(prefix+"acDate", tr.acted)
	if tr.status == trPending || tr.status == "clientApproved" || tr.status == "serverApproved" {
		x.when(prefix+"exDate", tr.expires)
	}
}

// transferRequest starts a transfer. It is pending until the losing registrar decides, at most for
// Config.AutoApprove.
func (st *store) transferRequest(c *call, t transferable, tr *transfer) answer {
	auth := c.object.child("authInfo")
	if auth == nil {
		return refuse(codeMissing, "authInfo")
	}
	if t.sponsor == c.client {
		return refuse(codeNotTransferable, "the object is yours")
	}
	if f := t.auth(auth); f != nil {
		return f.answer()
	}
	if t.status.has("pendingTransfer") {
		return refuse(codePendingTransfer, "")
	}
	if s := t.status.prohibits("Transfer"); s != "" {
		return refuse(codeStatusProhibits, s)
	}
	charged := ""
	if t.pay != nil {
		var f *fault
		if charged, f = t.pay(); f != nil {
			return f.answer()
		}
	}
	tr.status, tr.gaining, tr.losing = trPending, c.client, t.sponsor
	tr.asked, tr.acted = c.now, c.now.Add(st.cfg.AutoApprove)
	*t.last = tr
	t.status.set("pendingTransfer")
	st.notifyBoth(t, "Transfer requested: "+t.kind, c.now)
	st.at(tr.acted, func(st *store) {
		if tr.status == trPending {
			st.finish(t, "serverApproved", tr.acted)
		}
	})
	return answer{code: codePending, resData: t.show(tr), ext: charged}
}

// transferOp serves query, approve, reject and cancel.
func (st *store) transferOp(c *call, t transferable) answer {
	tr := *t.last
	if c.op == "query" {
		return st.transferQuery(c, t, tr)
	}
	if tr == nil || tr.status != trPending {
		return refuse(codeNotPendingTransfer, "")
	}
	if auth := c.object.child("authInfo"); auth != nil {
		if f := t.auth(auth); f != nil {
			return f.answer()
		}
	}
	party, outcome := tr.losing, "clientApproved"
	switch c.op {
	case "reject":
		outcome = "clientRejected"
	case "cancel":
		party, outcome = tr.gaining, "clientCancelled"
	}
	if c.client != party {
		return refuse(codeAuthorization, c.op+" is for the other registrar")
	}
	st.finish(t, outcome, c.now)
	return done(t.show(tr))
}

// transferQuery serves query for both registrars of the transfer, and for any with the authInfo.
func (st *store) transferQuery(c *call, t transferable, tr *transfer) answer {
	if auth := c.object.child("authInfo"); auth != nil {
		if f := t.auth(auth); f != nil {
			return f.answer()
		}
	} else if c.client != t.sponsor && (tr == nil || c.client != tr.gaining && c.client != tr.losing) {
		return refuse(codeAuthorization, "authInfo is needed")
	}
	if tr == nil {
		return refuse(codeNotPendingTransfer, "")
	}
	return done(t.show(tr))
}

// finish ends a pending transfer and tells both registrars.
func (st *store) finish(t transferable, outcome string, now time.Time) {
	tr := *t.last
	tr.status, tr.acted = outcome, now
	t.status.clear("pendingTransfer")
	if outcome == "clientApproved" || outcome == "serverApproved" {
		t.sponsor, t.transferred = tr.gaining, now
		tr.complete()
	}
	tr.complete = nil
	st.notifyBoth(t, "Transfer "+outcome+": "+t.kind, now)
}

// notifyBoth queues a message with trnData for both registrars.
func (st *store) notifyBoth(t transferable, text string, now time.Time) {
	tr := *t.last
	shown := t.show(tr)
	st.notify(tr.gaining, text, shown, now)
	st.notify(tr.losing, text, shown, now)
}
