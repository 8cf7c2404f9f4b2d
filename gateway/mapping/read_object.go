package mapping

// data reads a child of resData; nil where it is of no kind that the package knows.
func (e element) data() any {
	ns := e.node().ns
	if ns != inDomain && ns != inHost && ns != inContact {
		return nil
	}
	switch e.local() {
	case "chkData":
		return e.checks()
	case "infData":
		switch ns {
		case inDomain:
			return e.domain()
		case inHost:
			return e.host()
		}
		return e.person()
	case "creData":
		return &Created{Name: e.object(), CrDate: e.tokenOf("crDate"), ExDate: e.tokenOf("exDate")}
	case "renData":
		return &Renewed{Name: e.object(), ExDate: e.tokenOf("exDate")}
	case "trnData":
		return &Transfer{
			Name: e.object(), Status: e.tokenOf("trStatus"), ReID: e.tokenOf("reID"), ReDate: e.tokenOf("reDate"),
			AcID: e.tokenOf("acID"), AcDate: e.tokenOf("acDate"), ExDate: e.tokenOf("exDate"),
		}
	case "panData":
		id := e.same("paTRID")
		return &Pending{
			Name: e.object(), Result: isTrue(e.subject().value("paResult")), Date: e.tokenOf("paDate"),
			ClTRID: id.child(nsRoot, "clTRID").token(), SvTRID: id.child(nsRoot, "svTRID").token(),
		}
	}
	return nil
}

// subject is the element that names the object: the id of a contact, the name of another.
func (e element) subject() element {
	if e.node().ns == inContact {
		return e.same("id")
	}
	return e.same("name")
}

func (e element) object() string { return e.subject().token() }

// checks is chkData. What does not say that an object can be created says that it cannot.
func (e element) checks() []Check {
	n := 0
	for range e.children {
		n++
	}
	all := make([]Check, 0, n)
	for cd := range e.children {
		if !cd.named(e.node().ns, "cd") {
			continue
		}
		name, reason := cd.subject(), cd.same("reason")
		all = append(all, Check{
			Name: name.token(), Available: isTrue(name.value("avail")), Reason: reason.token(),
			Lang: reason.value("lang"),
		})
	}
	return all
}

func (e element) domain() *Domain {
	d := &Domain{Name: e.object()}
	for c := range e.children {
		if c.node().ns != inDomain {
			continue
		}
		switch c.local() {
		case "roid":
			d.ROID = c.token()
		case "status":
			d.Status = append(d.Status, c.status())
		case "registrant":
			d.Registrant = c.token()
		case "contact":
			d.Contacts = append(d.Contacts, Contact{Type: c.value("type"), ID: c.token()})
		case "ns":
			d.Nameservers = append(d.Nameservers, c.nameservers()...)
		case "host":
			d.Hosts = append(d.Hosts, c.token())
		case "clID":
			d.ClID = c.token()
		case "crID":
			d.CrID = c.token()
		case "crDate":
			d.CrDate = c.token()
		case "upID":
			d.UpID = c.token()
		case "upDate":
			d.UpDate = c.token()
		case "exDate":
			d.ExDate = c.token()
		case "trDate":
			d.TrDate = c.token()
		case "authInfo":
			d.AuthInfo = c.authInfo()
		}
	}
	return d
}

// nameservers is ns. Some registries write names into it without an element around each (as RFC 3731's
// predecessor did): those are hosts, too.
func (e element) nameservers() []Nameserver {
	var all []Nameserver
	for c := range e.children {
		switch {
		case c.named(inDomain, "hostObj"):
			all = append(all, Nameserver{Name: c.token()})
		case c.named(inDomain, "hostAttr"):
			n := Nameserver{Name: c.tokenOf("hostName"), Attribute: true}
			for a := range c.children {
				if a.named(inDomain, "hostAddr") {
					n.Addresses = append(n.Addresses, a.token())
				}
			}
			all = append(all, n)
		}
	}
	return all
}

func (e element) host() *Host {
	h := &Host{Name: e.object()}
	for c := range e.children {
		if c.node().ns != inHost {
			continue
		}
		switch c.local() {
		case "roid":
			h.ROID = c.token()
		case "status":
			h.Status = append(h.Status, c.status())
		case "addr":
			h.Addresses = append(h.Addresses, c.token())
		case "clID":
			h.ClID = c.token()
		case "crID":
			h.CrID = c.token()
		case "crDate":
			h.CrDate = c.token()
		case "upID":
			h.UpID = c.token()
		case "upDate":
			h.UpDate = c.token()
		case "trDate":
			h.TrDate = c.token()
		}
	}
	return h
}

func (e element) person() *Person {
	p := &Person{ID: e.object()}
	for c := range e.children {
		if c.node().ns != inContact {
			continue
		}
		switch c.local() {
		case "roid":
			p.ROID = c.token()
		case "status":
			p.Status = append(p.Status, c.status())
		case "postalInfo":
			p.PostalInfo = append(p.PostalInfo, c.postalInfo())
		case "voice":
			p.Voice = c.phone()
		case "fax":
			p.Fax = c.phone()
		case "email":
			p.Email = c.token()
		case "clID":
			p.ClID = c.token()
		case "crID":
			p.CrID = c.token()
		case "crDate":
			p.CrDate = c.token()
		case "upID":
			p.UpID = c.token()
		case "upDate":
			p.UpDate = c.token()
		case "trDate":
			p.TrDate = c.token()
		case "authInfo":
			p.AuthInfo = c.authInfo()
		case "disclose":
			p.Disclose = c.disclose()
		}
	}
	return p
}

func (e element) postalInfo() PostalInfo {
	p := PostalInfo{Type: e.value("type"), Name: e.same("name").line(), Org: e.same("org").line()}
	for c := range e.same("addr").children {
		if c.node().ns != inContact {
			continue
		}
		switch c.local() {
		case "street":
			p.Street = append(p.Street, c.line())
		case "city":
			p.City = c.line()
		case "sp":
			p.SP = c.line()
		case "pc":
			p.PC = c.token()
		case "cc":
			p.Country = c.token()
		}
	}
	return p
}

func (e element) phone() *Phone { return &Phone{Number: e.token(), X: e.value("x")} }

func (e element) disclose() *Disclose {
	d := &Disclose{Flag: isTrue(e.value("flag"))}
	for c := range e.children {
		if c.node().ns != inContact {
			continue
		}
		name := c.local()
		if kind, ok := c.attribute("type"); ok {
			name += ":" + kind
		}
		d.Elements = append(d.Elements, name)
	}
	return d
}

// authInfo is nil where there is no pw: ext has what the package does not know.
func (e element) authInfo() *AuthInfo {
	pw := e.same("pw")
	if !pw.is() {
		return nil
	}
	return &AuthInfo{Password: pw.line(), ROID: pw.value("roid")}
}

// status is a status of any object, also of RFC 3915.
func (e element) status() Status {
	return Status{Value: e.value("s"), Lang: e.value("lang"), Text: e.line()}
}

// statuses are the statuses in children of that name.
func (e element) statuses(local string) []Status {
	var all []Status
	for c := range e.children {
		if c.named(e.node().ns, local) {
			all = append(all, c.status())
		}
	}
	return all
}
