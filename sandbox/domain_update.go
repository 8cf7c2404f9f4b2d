package sandbox

// domainUpdate serves update of RFC 5731 section 3.2.5, with the extensions of RFC 3915 and RFC
// 5910.
func (st *store) domainUpdate(c *call) answer {
	d, f := st.findDomain(c)
	if f != nil {
		return f.answer()
	}
	if len(c.object.kids) == 1 && len(c.request.ext) == 0 {
		return refuse(codeMissing, "nothing to update")
	}
	for _, e := range c.ext {
		if e.space == nsRGP {
			return st.restore(d, c, e.child("restore"))
		}
	}
	if f := d.mayChange(c, "Update"); f != nil {
		return f.answer()
	}
	next := *d // a copy, so that a fault leaves d as it was
	if f := st.changeDomain(&next, c); f != nil {
		return f.answer()
	}
	paid, f := c.charge(d.name, "update", 0)
	if f != nil {
		return f.answer()
	}
	next.touch(c)
	st.linkDomain(d, -1)
	*d = next
	st.linkDomain(d, +1)
	a := done("")
	a.ext = c.charged("updData", paid)
	return a
}

// changeDomain carries out add, rem and chg on a copy of the domain. The copy shares its slices
// with the domain: they are replaced, never written to.
func (st *store) changeDomain(d *domain, c *call) *fault {
	add, rem, chg := c.object.child("add"), c.object.child("rem"), c.object.child("chg")
	plus, f := serverNames(add)
	if f != nil {
		return f
	}
	minus, f := serverNames(rem)
	if f != nil {
		return f
	}
	if d.servers, f = changeList(d.servers, plus, minus, sayName); f != nil {
		return f
	}
	if d.contacts, f = changeList(d.contacts, roles(add), roles(rem), contactRole.String); f != nil {
		return f
	}
	if d.status, f = d.status.change(add.children("status"), rem.children("status")); f != nil {
		return f
	}
	if r := chg.child("registrant"); r != nil {
		d.registrant = r.token()
	}
	if auth := chg.child("authInfo"); auth.child("null") != nil {
		d.authInfo = ""
	} else if auth != nil {
		if d.authInfo, f = password(auth); f != nil {
			return f
		}
	}
	if f := st.exist(d.registrant, d.contacts, d.servers); f != nil {
		return f
	}
	if d.secure, f = d.secure.updated(c); f != nil {
		return f
	}
	d.ttl, f = d.ttl.changed(c, domainTTLs)
	return f
}
