package mapping

import (
	"slices"
	"strings"
)

func (c *HostInfo) write(w *writer) {
	w.object("info", "host:", nsHost, func() { w.name("name", "name", c.Name) })
	w.ttlInfo(c.TTL)
}

func (c *HostCreate) write(w *writer) {
	w.object("create", "host:", nsHost, func() {
		w.name("name", "name", c.Name)
		w.addresses("addr", "addresses", c.Addresses)
	})
	w.ttls("create", c.TTL)
}

func (c *HostDelete) write(w *writer) {
	w.object("delete", "host:", nsHost, func() { w.name("name", "name", c.Name) })
}

// hostStatus are the values of host:statusValueType.
var hostStatus = []string{"clientDeleteProhibited", "clientUpdateProhibited", "linked", "ok", "pendingCreate",
	"pendingDelete", "pendingTransfer", "pendingUpdate", "serverDeleteProhibited", "serverUpdateProhibited"}

func (c *HostUpdate) write(w *writer) {
	adds, removes := len(c.AddAddresses)+len(c.AddStatus) > 0, len(c.RemAddresses)+len(c.RemStatus) > 0
	if !adds && !removes && c.NewName == "" && len(c.TTL) == 0 {
		w.fail("", "changes nothing")
	}
	w.object("update", "host:", nsHost, func() {
		w.name("name", "name", c.Name)
		if adds {
			w.in("add", func() {
				w.addresses("addr", "addAddresses", c.AddAddresses)
				w.status("addStatus", c.AddStatus, hostStatus, 7)
			})
		}
		if removes {
			w.in("rem", func() {
				w.addresses("addr", "remAddresses", c.RemAddresses)
				w.status("remStatus", c.RemStatus, hostStatus, 7)
			})
		}
		if c.NewName != "" {
			w.in("chg", func() { w.name("name", "newName", c.NewName) })
		}
	})
	w.ttls("update", c.TTL)
}

func (c *ContactInfo) write(w *writer) {
	w.object("info", "contact:", nsContact, func() {
		w.id("id", "id", c.ID)
		w.authInfo("authInfo", c.AuthInfo)
	})
}

func (c *ContactCreate) write(w *writer) {
	w.readOnly("", &c.Person)
	if len(c.PostalInfo) == 0 {
		w.fail("postalInfo", "is missing")
	}
	w.object("create", "contact:", nsContact, func() {
		w.id("id", "id", c.ID)
		for i := range c.PostalInfo {
			w.postalInfo(item("postalInfo", i), &c.PostalInfo[i], creating)
		}
		w.postalTypes("postalInfo", c.PostalInfo)
		w.phone("voice", "voice", c.Voice, creating)
		w.phone("fax", "fax", c.Fax, creating)
		w.token("email", "email", c.Email, 1, unbounded)
		authInfo := c.AuthInfo
		if authInfo == nil {
			authInfo = new(AuthInfo) // the schema wants the element
		}
		w.authInfo("authInfo", authInfo)
		w.disclose("disclose", c.Disclose)
	})
}

func (c *ContactDelete) write(w *writer) {
	w.object("delete", "contact:", nsContact, func() { w.id("id", "id", c.ID) })
}

// contactStatus are the values of contact:statusValueType.
var contactStatus = []string{"clientDeleteProhibited", "clientTransferProhibited", "clientUpdateProhibited",
	"linked", "ok", "pendingCreate", "pendingDelete", "pendingTransfer", "pendingUpdate", "serverDeleteProhibited",
	"serverTransferProhibited", "serverUpdateProhibited"}

func (c *ContactUpdate) write(w *writer) {
	p := c.Change
	changes := p != nil && (len(p.PostalInfo) > 0 || p.Voice != nil || p.Fax != nil || p.Email != "" ||
		p.AuthInfo != nil || p.Disclose != nil)
	if len(c.AddStatus)+len(c.RemStatus) == 0 && !changes {
		w.fail("", "changes nothing")
	}
	w.object("update", "contact:", nsContact, func() {
		w.id("id", "id", c.ID)
		if len(c.AddStatus) > 0 {
			w.in("add", func() { w.status("addStatus", c.AddStatus, contactStatus, 7) })
		}
		if len(c.RemStatus) > 0 {
			w.in("rem", func() { w.status("remStatus", c.RemStatus, contactStatus, 7) })
		}
		if changes {
			w.in("chg", func() { w.personChange(p) })
		}
	})
	if p != nil {
		w.readOnly("change.", p)
		if p.ID != "" {
			w.fail("change.id", "cannot change")
		}
	}
}

// personChange writes what is in chg.
func (w *writer) personChange(p *Person) {
	for i := range p.PostalInfo {
		w.postalInfo(item("change.postalInfo", i), &p.PostalInfo[i], changing)
	}
	w.postalTypes("change.postalInfo", p.PostalInfo)
	w.phone("voice", "change.voice", p.Voice, changing)
	w.phone("fax", "change.fax", p.Fax, changing)
	if p.Email != "" {
		w.token("email", "change.email", p.Email, 1, unbounded)
	}
	w.authInfo("change.authInfo", p.AuthInfo)
	w.disclose("change.disclose", p.Disclose)
}

// readOnly refuses what only answers have.
func (w *writer) readOnly(path string, p *Person) {
	for _, m := range []struct{ name, value string }{
		{"roid", p.ROID}, {"clID", p.ClID}, {"crID", p.CrID}, {"crDate", p.CrDate}, {"upID", p.UpID},
		{"upDate", p.UpDate}, {"trDate", p.TrDate},
	} {
		if m.value != "" {
			w.fail(path+m.name, onlyInAnswers)
		}
	}
	if len(p.Status) > 0 {
		w.fail(path+"status", onlyInAnswers)
	}
}

const onlyInAnswers = "is only in answers"

// writing says for which command a part of a contact is written.
type writing uint8

const (
	creating writing = iota
	changing         // members may be missing
)

// postalInfo writes a postal address.
func (w *writer) postalInfo(member string, p *PostalInfo, how writing) {
	w.one(under(member, "type"), p.Type, "int", "loc")
	w.open("postalInfo")
	w.attribute("type", p.Type)
	w.raw(">")
	if p.Name != "" || how == creating {
		w.line("name", under(member, "name"), p.Name, 1, 255)
	}
	if p.Org != "" || p.NoOrg {
		if p.Org != "" && p.NoOrg {
			w.fail(under(member, "org"), "is to be none")
		}
		w.line("org", under(member, "org"), p.Org, 0, 255)
	}
	if how == creating || len(p.Street) > 0 || p.City != "" || p.SP != "" || p.PC != "" || p.Country != "" {
		w.in("addr", func() { w.addr(member, p) })
	}
	w.close("postalInfo")
}

// addr writes what is in addr: it is changed as a whole.
func (w *writer) addr(member string, p *PostalInfo) {
	if len(p.Street) > 3 {
		w.fail(under(member, "street"), "has more than three lines")
	}
	for i, line := range p.Street {
		w.line("street", item(under(member, "street"), i), line, 0, 255)
	}
	w.line("city", under(member, "city"), p.City, 1, 255)
	if p.SP != "" {
		w.line("sp", under(member, "sp"), p.SP, 0, 255)
	}
	if p.PC != "" {
		w.token("pc", under(member, "pc"), p.PC, 0, 16)
	}
	if c := p.Country; len(c) != 2 || !isLetter(c[0]) || !isLetter(c[1]) {
		w.fail(under(member, "cc"), "is no code of two letters")
	}
	w.token("cc", under(member, "cc"), p.Country, 2, 2)
}

// postalTypes refuses more than one address of a type (RFC 5733 section 2.4).
func (w *writer) postalTypes(list string, all []PostalInfo) {
	if len(all) > 2 || len(all) == 2 && all[0].Type == all[1].Type {
		w.fail(list, "has more than one of a type")
	}
}

// phone writes a number; nothing for nil.
func (w *writer) phone(element, member string, p *Phone, how writing) {
	if p == nil {
		return
	}
	none := how == changing && *p == Phone{}
	if !none && !isPhone(p.Number) {
		w.fail(under(member, "number"), "is no number as in +39.0612345")
	}
	w.open(element)
	if p.X != "" {
		w.checkToken(under(member, "x"), p.X, 1, unbounded)
		w.attribute("x", p.X)
	}
	w.text(element, p.Number)
}

// disclosed are the elements of disclose in the order of the schema.
var disclosed = []string{"name:int", "name:loc", "org:int", "org:loc", "addr:int", "addr:loc", "voice", "fax", "email"}

// disclose writes nothing for nil.
func (w *writer) disclose(member string, d *Disclose) {
	if d == nil {
		return
	}
	list := under(member, "elements")
	if len(d.Elements) == 0 {
		w.fail(list, "is missing")
	}
	for i, e := range d.Elements {
		w.one(item(list, i), e, disclosed...)
		if slices.Contains(d.Elements[:i], e) {
			w.fail(item(list, i), "is there twice")
		}
	}
	w.open("disclose")
	w.attribute("flag", boolean(d.Flag))
	w.raw(">")
	for _, e := range disclosed {
		if !slices.Contains(d.Elements, e) {
			continue
		}
		element, kind, typed := strings.Cut(e, ":")
		w.open(element)
		if typed {
			w.attribute("type", kind)
		}
		w.raw("/>")
	}
	w.close("disclose")
}

// boolean is an xs:boolean.
func boolean(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
