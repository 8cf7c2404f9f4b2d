package sandbox

import (
	"cmp"
	"strconv"
	"time"
)

// domain is an object of RFC 5731. Guarded by the store's mu.
type domain struct {
	ownership
	name         string
	registrant   string // contact id, may be empty
	contacts     []contactRole
	servers      []string // names of host objects, all of which exist
	subordinates []string // names of the host objects at or below name, sorted
	authInfo     string   // empty: nobody can present it
	expires      time.Time
	secure       delegation
	transfer     *transfer // the last one, nil if there was none
	rgp          gracePeriods
	ttl          ttls
	paid         money // for its create, with the fee extension; credited when it is deleted soon
}

// contactRole is one contact of a domain.
type contactRole struct{ role, id string }

func (cr contactRole) String() string { return cr.role + " contact " + cr.id }

// findDomain looks up the command's domain.
func (st *store) findDomain(c *call) (*domain, *fault) {
	name, f := hostName(c.object.child("name"))
	if f != nil {
		return nil, f
	}
	if d := st.domains[name]; d != nil {
		return d, nil
	}
	return nil, &fault{codeNotFound, "no such domain"}
}

func (st *store) domainCheck(c *call) answer {
	if f := c.tooMany("names"); f != nil {
		return f.answer()
	}
	a := done(wrap("domain", nsDomain, "chkData", func(x *xmlText) {
		for _, n := range c.object.kids {
			x.checked("domain", "name", n.token(), st.domainTaken(n))
		}
	}))
	a.ext = st.feeCheck(c)
	return a
}

// tooMany refuses a check of more objects than Config.CheckMax.
func (c *call) tooMany(what string) *fault {
	if n := c.cfg.CheckMax; n >= 0 && len(c.object.kids) > n {
		return &fault{codePolicy, "at most " + strconv.Itoa(n) + " " + what}
	}
	return nil
}

// domainTaken returns why a name cannot be registered, empty if it can. reasonBaseType of RFC 5730
// allows 32 characters.
func (st *store) domainTaken(n *node) string {
	name, f := hostName(n)
	switch {
	case f != nil:
		return "Invalid name"
	case st.domains[name] != nil:
		return "In use"
	case st.registrable(name) != nil:
		return "Not in a zone of this registry"
	}
	return ""
}

// checked appends the cd element of a check. An empty reason means that value is available.
func (x *xmlText) checked(prefix, key, value, reason string) {
	avail := "1"
	if reason != "" {
		avail = "0"
	}
	x.raw("<" + prefix + ":cd>")
	x.elAttr(prefix+":"+key, "avail", avail, value)
	x.opt(prefix+":reason", reason)
	x.raw("</" + prefix + ":cd>")
}

func (st *store) domainInfo(c *call) answer {
	d, f := st.findDomain(c)
	if f != nil {
		return f.answer()
	}
	full := d.sponsor == c.client
	if auth := c.object.child("authInfo"); auth != nil {
		if f := st.domainAuth(d, auth); f != nil {
			return f.answer()
		}
		full = true
	}
	hosts, _ := c.object.child("name").attr("hosts")
	a := done(d.show(cmp.Or(hosts, "all"), full))
	if c.secDNS {
		a.ext += d.secure.show()
	}
	if c.rgp {
		a.ext += d.rgp.show("infData", c.now)
	}
	a.ext += d.ttl.show(c, domainTTLs)
	return a
}

// show returns infData. full adds contacts and authInfo, which are for the sponsor and for a
// registrar that presents the authInfo. hosts is the attribute of RFC 5731 section 3.1.2.
func (d *domain) show(hosts string, full bool) string {
	return wrap("domain", nsDomain, "infData", func(x *xmlText) {
		x.el("domain:name", d.name)
		x.el("domain:roid", d.roid)
		var extra []string
		if len(d.servers) == 0 {
			extra = append(extra, "inactive")
		}
		d.status.show(x, "domain:status", extra...)
		if full {
			x.opt("domain:registrant", d.registrant)
			for _, cr := range d.contacts {
				x.elAttr("domain:contact", "type", cr.role, cr.id)
			}
		}
		if len(d.servers) > 0 && (hosts == "all" || hosts == "del") {
			x.raw("<domain:ns>")
			appendNames(x, "domain:hostObj", d.servers)
			x.raw("</domain:ns>")
		}
		if hosts == "all" || hosts == "sub" {
			appendNames(x, "domain:host", d.subordinates)
		}
		d.ownership.show(x, "domain:")
		x.when("domain:exDate", d.expires)
		x.when("domain:trDate", d.transferred)
		if full && d.authInfo != "" {
			x.raw("<domain:authInfo>")
			x.el("domain:pw", d.authInfo)
			x.raw("</domain:authInfo>")
		}
	})
}

// domainAuth tests an authInfo element. RFC 5731 section 3.1.2: a roid names the registrant or
// contact whose password is meant.
func (st *store) domainAuth(d *domain, auth *node) *fault {
	pw, f := password(auth)
	if f != nil {
		return f
	}
	want := d.authInfo
	if roid, ok := auth.child("pw").attr("roid"); ok && roid != d.roid {
		want = ""
		for _, cr := range append([]contactRole{{"", d.registrant}}, d.contacts...) {
			if ct := st.contacts[cr.id]; ct != nil && ct.roid == roid {
				want = ct.authInfo
			}
		}
	}
	if want == "" || pw != want {
		return &fault{codeAuthInfo, ""}
	}
	return nil
}

// password reads authInfo. Only its choice pw is served.
func password(auth *node) (string, *fault) {
	if auth.child("ext") != nil {
		return "", &fault{codeUnimplementedOption, "authInfo ext"}
	}
	return auth.child("pw").line(), nil
}

func (st *store) domainCreate(c *call) answer {
	name, f := hostName(c.object.child("name"))
	if f == nil {
		f = st.registrable(name)
	}
	if f == nil && st.domains[name] != nil {
		f = &fault{codeExists, "registered already"}
	}
	if f != nil {
		return f.answer()
	}
	d := &domain{name: name, registrant: c.object.child("registrant").token()}
	d.ownership = ownership{sponsor: c.client, creator: c.client, created: c.now}
	if f := st.fillDomain(d, c); f != nil {
		return f.answer()
	}
	paid, f := c.charge(d.name, "create", yearsOf(c))
	if f != nil {
		return f.answer()
	}
	d.paid = paid
	d.roid = st.nextROID("D")
	st.domains[name] = d
	st.linkDomain(d, +1)
	a := done(wrap("domain", nsDomain, "creData", func(x *xmlText) {
		x.el("domain:name", d.name)
		x.when("domain:crDate", d.created)
		x.when("domain:exDate", d.expires)
	}))
	a.ext = c.charged("creData", paid)
	if st.holdBack(d, c) {
		a.code = codePending
	} else {
		d.rgp.grant("addPeriod", c.now.Add(addPeriod))
	}
	return a
}

// fillDomain takes the elements of create over into d.
func (st *store) fillDomain(d *domain, c *call) *fault {
	years, f := years(c.object.child("period"))
	if f != nil {
		return f
	}
	d.expires = d.created.AddDate(years, 0, 0)
	if d.authInfo, f = password(c.object.child("authInfo")); f != nil {
		return f
	}
	servers, f := serverNames(c.object)
	if f != nil {
		return f
	}
	if d.servers, f = changeList(nil, servers, nil, sayName); f != nil {
		return f
	}
	if d.contacts, f = changeList(nil, roles(c.object), nil, contactRole.String); f != nil {
		return f
	}
	if f := st.exist(d.registrant, d.contacts, d.servers); f != nil {
		return f
	}
	if d.secure, f = d.secure.created(c); f != nil {
		return f
	}
	d.ttl, f = d.ttl.changed(c, domainTTLs)
	return f
}

func sayName(s string) string { return s }

// years reads a period element, nil for the default of one year.
func years(n *node) (int, *fault) {
	if n == nil {
		return 1, nil
	}
	num, _ := strconv.Atoi(n.token())
	if unit, _ := n.attr("unit"); unit == "m" {
		if num%12 != 0 {
			return 0, &fault{codePolicy, "whole years only"}
		}
		num /= 12
	}
	if num > maxYears {
		return 0, &fault{codePolicy, "at most " + strconv.Itoa(maxYears) + " years"}
	}
	return num, nil
}

// serverNames reads the ns element in n, which may be nil.
func serverNames(n *node) ([]string, *fault) {
	ns := n.child("ns")
	if ns.child("hostAttr") != nil {
		return nil, &fault{codeUnimplementedOption, "hostAttr: name servers are host objects here"}
	}
	var out []string
	for _, h := range ns.children("hostObj") {
		name, f := hostName(h)
		if f != nil {
			return nil, f
		}
		out = append(out, name)
	}
	return out, nil
}

// roles reads the contact elements in n, which may be nil.
func roles(n *node) []contactRole {
	var out []contactRole
	for _, ct := range n.children("contact") {
		role, _ := ct.attr("type")
		out = append(out, contactRole{cmp.Or(role, "tech"), ct.token()})
	}
	return out
}

// exist tests that all objects a domain refers to exist, and that there are not too many.
func (st *store) exist(registrant string, contacts []contactRole, servers []string) *fault {
	if len(servers) > maxServers || len(contacts) > maxContacts {
		return &fault{codePolicy, "too many name servers or contacts"}
	}
	if registrant != "" && st.contacts[registrant] == nil {
		return &fault{codeNotFound, "no contact " + registrant}
	}
	for _, cr := range contacts {
		if st.contacts[cr.id] == nil {
			return &fault{codeNotFound, "no contact " + cr.id}
		}
	}
	for _, s := range servers {
		if st.hosts[s] == nil {
			return &fault{codeNotFound, "no host " + s}
		}
	}
	return nil
}

// linkDomain counts a domain's references to hosts and contacts, +1 or -1.
func (st *store) linkDomain(d *domain, by int) {
	for _, s := range d.servers {
		st.hosts[s].links += by
	}
	for _, cr := range d.contacts {
		st.contacts[cr.id].links += by
	}
	if d.registrant != "" {
		st.contacts[d.registrant].links += by
	}
}

func (st *store) domainDelete(c *call) answer {
	d, f := st.findDomain(c)
	if f == nil {
		f = d.mayChange(c, "Delete")
	}
	if f == nil && len(d.subordinates) > 0 {
		// RFC 5731 section 3.2.2: a domain with subordinate hosts should not be deleted.
		f = &fault{codeAssociation, "host " + d.subordinates[0]}
	}
	if f != nil {
		return f.answer()
	}
	if d.rgp.has("addPeriod", c.now) {
		st.purge(d)
		a := done("")
		if c.fee {
			a.ext = credited(d.paid)
		}
		return a
	}
	st.redeem(d, c.now)
	return answer{code: codePending}
}

// purge takes a domain out of the store.
func (st *store) purge(d *domain) {
	if st.domains[d.name] == d {
		delete(st.domains, d.name)
		st.linkDomain(d, -1)
	}
}

func (st *store) domainRenew(c *call) answer {
	d, f := st.findDomain(c)
	if f == nil {
		f = d.mayChange(c, "Renew")
	}
	if f != nil {
		return f.answer()
	}
	cur, _ := parseDate(c.object.child("curExpDate").token()) // the shape has tested it
	if cur.Format(time.DateOnly) != d.expires.UTC().Format(time.DateOnly) {
		return refuse(codePolicy, "curExpDate is not the expiry date")
	}
	years, f := years(c.object.child("period"))
	if f != nil {
		return f.answer()
	}
	until := d.expires.AddDate(years, 0, 0)
	if until.After(c.now.AddDate(maxYears, 0, 0)) {
		return refuse(codePolicy, "at most "+strconv.Itoa(maxYears)+" years ahead")
	}
	paid, f := c.charge(d.name, "renew", years)
	if f != nil {
		return f.answer()
	}
	d.expires = until
	d.rgp.grant("renewPeriod", c.now.Add(gracePeriod))
	a := done(wrap("domain", nsDomain, "renData", func(x *xmlText) {
		x.el("domain:name", d.name)
		x.when("domain:exDate", d.expires)
	}))
	a.ext = c.charged("renData", paid)
	return a
}
