package sandbox

import (
	"regexp"
	"slices"
)

// contact is an object of RFC 5733. Guarded by the store's mu.
type contact struct {
	ownership
	id         string
	postal     []postalInfo // one or two, of different kinds
	voice, fax phoneNumber
	email      string
	authInfo   string
	disclose   string    // XML, empty if not given
	transfer   *transfer // the last one, nil if there was none
	links      int       // uses by domains, each role counted
}

type phoneNumber struct{ number, extension string }

// postalInfo is a name and address, in ASCII (int) or in any script (loc).
type postalInfo struct {
	kind, name, org       string
	street                []string
	city, sp, pc, country string
}

func (st *store) findContact(c *call) (*contact, *fault) {
	if ct := st.contacts[c.object.child("id").token()]; ct != nil {
		return ct, nil
	}
	return nil, &fault{codeNotFound, "no such contact"}
}

func (st *store) contactCheck(c *call) answer {
	if f := c.tooMany("ids"); f != nil {
		return f.answer()
	}
	return done(wrap("contact", nsContact, "chkData", func(x *xmlText) {
		for _, n := range c.object.kids {
			reason := ""
			if st.contacts[n.token()] != nil {
				reason = "In use"
			}
			x.checked("contact", "id", n.token(), reason)
		}
	}))
}

// contactInfo serves info. RFC 5733 section 3.1.2 leaves to the registry what other registrars see:
// here nothing without the authInfo.
func (st *store) contactInfo(c *call) answer {
	ct, f := st.findContact(c)
	if f != nil {
		return f.answer()
	}
	auth := c.object.child("authInfo")
	if auth == nil && ct.sponsor != c.client {
		return refuse(codeAuthorization, "sponsored by another registrar")
	}
	if auth != nil {
		if f := ct.auth(auth); f != nil {
			return f.answer()
		}
	}
	return done(ct.show())
}

// auth tests an authInfo element. A roid, if given, must be that of the contact itself.
func (ct *contact) auth(auth *node) *fault {
	pw, f := password(auth)
	if f != nil {
		return f
	}
	if roid, ok := auth.child("pw").attr("roid"); ok && roid != ct.roid || ct.authInfo == "" || pw != ct.authInfo {
		return &fault{codeAuthInfo, ""}
	}
	return nil
}

func (ct *contact) show() string {
	return wrap("contact", nsContact, "infData", func(x *xmlText) {
		x.el("contact:id", ct.id)
		x.el("contact:roid", ct.roid)
		ct.status.show(x, "contact:status", linked(ct.links)...)
		for i := range ct.postal {
			ct.postal[i].show(x)
		}
		ct.voice.show(x, "contact:voice")
		ct.fax.show(x, "contact:fax")
		x.el("contact:email", ct.email)
		ct.ownership.show(x, "contact:")
		x.when("contact:trDate", ct.transferred)
		if ct.authInfo != "" {
			x.raw("<contact:authInfo>")
			x.el("contact:pw", ct.authInfo)
			x.raw("</contact:authInfo>")
		}
		x.raw(ct.disclose)
	})
}

func (p *postalInfo) show(x *xmlText) {
	x.raw(`<contact:postalInfo type="` + p.kind + `">`)
	x.el("contact:name", p.name)
	x.opt("contact:org", p.org)
	x.raw("<contact:addr>")
	appendNames(x, "contact:street", p.street)
	x.el("contact:city", p.city)
	x.opt("contact:sp", p.sp)
	x.opt("contact:pc", p.pc)
	x.el("contact:cc", p.country)
	x.raw("</contact:addr></contact:postalInfo>")
}

func (p phoneNumber) show(x *xmlText, element string) {
	switch {
	case p.number == "":
	case p.extension == "":
		x.el(element, p.number)
	default:
		x.elAttr(element, "x", p.extension, p.number)
	}
}

func (st *store) contactCreate(c *call) answer {
	id := c.object.child("id").token()
	if st.contacts[id] != nil {
		return refuse(codeExists, "there already")
	}
	ct := &contact{id: id}
	ct.ownership = ownership{sponsor: c.client, creator: c.client, created: c.now}
	if f := ct.fill(c.object); f != nil {
		return f.answer()
	}
	ct.roid = st.nextROID("C")
	st.contacts[id] = ct
	return done(wrap("contact", nsContact, "creData", func(x *xmlText) {
		x.el("contact:id", id)
		x.when("contact:crDate", ct.created)
	}))
}

// fill takes over the elements of create, or of chg in update. Fields without an element stay.
func (ct *contact) fill(n *node) *fault {
	kinds := map[string]bool{}
	for _, p := range n.children("postalInfo") {
		kind, _ := p.attr("type")
		if kinds[kind] {
			return &fault{codePolicy, "postalInfo " + kind + " twice"}
		}
		kinds[kind] = true
		if f := ct.fillPostal(kind, p); f != nil {
			return f
		}
	}
	if v := n.child("voice"); v != nil {
		ct.voice = readPhone(v)
	}
	if v := n.child("fax"); v != nil {
		ct.fax = readPhone(v)
	}
	if e := n.child("email"); e != nil {
		if ct.email = e.token(); !emailForm.MatchString(ct.email) {
			return &fault{codeValue, "email"}
		}
	}
	if auth := n.child("authInfo"); auth != nil {
		var f *fault
		if ct.authInfo, f = password(auth); f != nil {
			return f
		}
	}
	if d := n.child("disclose"); d != nil {
		ct.disclose = showDisclose(d)
	}
	return nil
}

var (
	emailForm   = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
	countryForm = regexp.MustCompile(`^[A-Za-z]{2}$`)
)

func readPhone(n *node) phoneNumber {
	x, _ := n.attr("x")
	return phoneNumber{n.token(), x}
}

// fillPostal takes over one postalInfo. A kind that the contact does not have yet needs name and
// addr: RFC 5733 section 3.2.5 makes them optional for changes only.
func (ct *contact) fillPostal(kind string, n *node) *fault {
	list := slices.Clone(ct.postal)
	i := slices.IndexFunc(list, func(p postalInfo) bool { return p.kind == kind })
	if i < 0 {
		if n.child("name") == nil || n.child("addr") == nil {
			return &fault{codeMissing, "name and addr of postalInfo " + kind}
		}
		i = len(list)
		list = append(list, postalInfo{kind: kind})
	}
	p := &list[i]
	if v := n.child("name"); v != nil {
		p.name = v.line()
	}
	if v := n.child("org"); v != nil {
		p.org = v.line()
	}
	if a := n.child("addr"); a != nil {
		p.street = nil
		for _, s := range a.children("street") {
			p.street = append(p.street, s.line())
		}
		p.city, p.sp = a.child("city").line(), a.child("sp").line()
		p.pc, p.country = a.child("pc").token(), a.child("cc").token()
	}
	ct.postal = list
	return p.fault()
}

// fault tests the rules that the schema does not know. RFC 5733 section 2.4: "int" means 7-bit
// ASCII.
func (p *postalInfo) fault() *fault {
	if !countryForm.MatchString(p.country) {
		return &fault{codeValue, "cc"}
	}
	if p.kind != "int" {
		return nil
	}
	for _, s := range append([]string{p.name, p.org, p.city, p.sp, p.pc}, p.street...) {
		for i := 0; i < len(s); i++ {
			if s[i] >= 0x80 {
				return &fault{codeValue, "postalInfo int is ASCII only"}
			}
		}
	}
	return nil
}

// showDisclose writes a disclose element anew, since answers do not declare the client's prefixes.
func showDisclose(n *node) string {
	var x xmlText
	flag, _ := n.attr("flag")
	x.raw(`<contact:disclose flag="` + flag + `">`)
	for _, k := range n.kids {
		if kind, ok := k.attr("type"); ok {
			x.elAttr("contact:"+k.local, "type", kind, "")
		} else {
			x.raw("<contact:" + k.local + "/>")
		}
	}
	x.raw("</contact:disclose>")
	return string(x)
}

func (st *store) contactDelete(c *call) answer {
	ct, f := st.findContact(c)
	if f == nil {
		f = ct.mayChange(c, "Delete")
	}
	if f == nil && ct.links > 0 {
		f = &fault{codeAssociation, "in use by domains"}
	}
	if f != nil {
		return f.answer()
	}
	delete(st.contacts, ct.id)
	return done("")
}

func (st *store) contactUpdate(c *call) answer {
	ct, f := st.findContact(c)
	if f == nil && len(c.object.kids) == 1 {
		f = &fault{codeMissing, "nothing to update"}
	}
	if f == nil {
		f = ct.mayChange(c, "Update")
	}
	if f != nil {
		return f.answer()
	}
	next := *ct
	add, rem := c.object.child("add"), c.object.child("rem")
	if next.status, f = ct.status.change(add.children("status"), rem.children("status")); f != nil {
		return f.answer()
	}
	if chg := c.object.child("chg"); chg != nil {
		if f := next.fill(chg); f != nil {
			return f.answer()
		}
	}
	next.touch(c)
	*ct = next
	return done("")
}
