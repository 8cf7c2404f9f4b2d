package mapping

import (
	"slices"

	"eppmux/frame"
)

// UnmarshalCommand reads the payload of a command of this package and its clTRID. The error is a *Fault where
// it is another command, or has an element or a number in it that the types cannot say, such as an extension
// that the package does not know: none is passed over. It does not judge texts as Marshal does.
func UnmarshalCommand(payload []byte) (c Command, clTRID string, err error) {
	r := readers.Get().(*reader)
	defer r.free()
	m, err := r.scanner.Scan(payload)
	if err != nil {
		return nil, "", &Fault{Why: err.Error()}
	}
	if m.Kind != frame.KindCommand || !r.tree.grow(m.Payload) {
		return nil, "", &Fault{Why: "is no command but a " + m.Kind.String()}
	}
	clTRID = string(m.ClTRID.Value)
	var cr commandReader
	if c = cr.command(r.tree.root().child(nsRoot, "command")); cr.fault != nil {
		return nil, "", cr.fault
	}
	return c, clTRID, nil
}

// commandReader reads commands from elements.
type commandReader struct {
	fault     *Fault
	extension []element // what has not been read of it
}

// strange refuses an element that is there and that a command of this package cannot say.
func (r *commandReader) strange(e element) {
	if e.is() && r.fault == nil {
		r.fault = &Fault{Why: "has an element that is not mapped: " + e.local()}
	}
}

// lost refuses an element with something in it that could not be read.
func (r *commandReader) lost(e element, lost bool) {
	if lost {
		r.strange(e)
	}
}

// extended takes the element of the extension of that namespace and name out of what is left.
func (r *commandReader) extended(ns namespace, name string) element {
	for i, e := range r.extension {
		if e.named(ns, name) {
			r.extension = slices.Delete(r.extension, i, i+1)
			r.strange(e.stranger())
			return e
		}
	}
	return element{}
}

func (r *commandReader) command(e element) Command {
	var verb element
	for c := range e.children {
		switch c.local() {
		case "clTRID":
		case "extension":
			for x := range c.children {
				r.extension = append(r.extension, x)
			}
		default:
			verb = c
		}
	}
	if !verb.is() {
		r.fault = &Fault{Why: "has no verb"}
		return nil
	}
	c := r.verb(verb)
	if c == nil {
		r.strange(verb)
	}
	for _, x := range r.extension {
		r.strange(x)
	}
	return c
}

// verb reads a command and what it knows of its extension; nil for one that is not mapped.
func (r *commandReader) verb(e element) Command {
	if e.local() == "poll" {
		switch id, ok := e.attribute("msgID"); {
		case e.value("op") == "req" && !ok:
			return &PollRequest{}
		case e.value("op") == "ack":
			return &PollAck{ID: id}
		}
		return nil
	}
	var o element
	for c := range e.children {
		if o.is() || c.local() != e.local() {
			return nil
		}
		o = c
	}
	if !o.is() {
		return nil
	}
	r.strange(o.stranger())
	switch o.node().ns {
	case inDomain:
		return r.domain(e, o)
	case inHost:
		return r.host(e, o)
	case inContact:
		return r.contact(e, o)
	}
	return nil
}

func (r *commandReader) domain(e, o element) Command {
	switch e.local() {
	case "check":
		return &CheckCommand{Names: o.texts("name"), Fee: r.feeCheck()}
	case "info":
		hosts := o.same("name").value("hosts")
		return &DomainInfo{Name: o.tokenOf("name"), Hosts: hosts, AuthInfo: r.authInfo(o), TTL: r.ttlInfo()}
	case "create":
		return r.domainCreate(o)
	case "delete":
		return &DomainDelete{Name: o.tokenOf("name")}
	case "renew":
		return &DomainRenew{
			Name: o.tokenOf("name"), CurExpDate: o.tokenOf("curExpDate"), Period: r.period(o), Fee: r.agreed("renew"),
		}
	case "transfer":
		return &TransferCommand{
			Op: e.value("op"), Name: o.tokenOf("name"), Period: r.period(o), AuthInfo: r.authInfo(o),
			Fee: r.agreed("transfer"),
		}
	case "update":
		return r.domainUpdate(o)
	}
	return nil
}

func (r *commandReader) host(e, o element) Command {
	switch e.local() {
	case "check":
		return &CheckCommand{Of: HostObject, Names: o.texts("name")}
	case "info":
		return &HostInfo{Name: o.tokenOf("name"), TTL: r.ttlInfo()}
	case "create":
		return &HostCreate{Name: o.tokenOf("name"), Addresses: o.texts("addr"), TTL: r.ttls("create")}
	case "delete":
		return &HostDelete{Name: o.tokenOf("name")}
	case "update":
		add, rem := o.same("add"), o.same("rem")
		return &HostUpdate{
			Name: o.tokenOf("name"), AddAddresses: add.texts("addr"), AddStatus: add.statuses("status"),
			RemAddresses: rem.texts("addr"), RemStatus: rem.statuses("status"), NewName: o.same("chg").tokenOf("name"),
			TTL: r.ttls("update"),
		}
	}
	return nil
}

func (r *commandReader) contact(e, o element) Command {
	switch e.local() {
	case "check":
		return &CheckCommand{Of: ContactObject, Names: o.texts("id")}
	case "info":
		return &ContactInfo{ID: o.tokenOf("id"), AuthInfo: r.authInfo(o)}
	case "create":
		p := r.person(o)
		if p.Voice != nil && *p.Voice == (Phone{}) { // the schema lets it be empty
			p.Voice = nil
		}
		if p.Fax != nil && *p.Fax == (Phone{}) {
			p.Fax = nil
		}
		return &ContactCreate{*p}
	case "delete":
		return &ContactDelete{ID: o.tokenOf("id")}
	case "transfer":
		return &TransferCommand{Of: ContactObject, Op: e.value("op"), Name: o.tokenOf("id"), AuthInfo: r.authInfo(o)}
	case "update":
		add, rem := o.same("add").statuses("status"), o.same("rem").statuses("status")
		c := &ContactUpdate{ID: o.tokenOf("id"), AddStatus: add, RemStatus: rem}
		if chg := o.same("chg"); chg.is() {
			c.Change = r.person(chg)
		}
		return c
	}
	return nil
}

// person reads what a command says of a contact.
func (r *commandReader) person(o element) *Person {
	p := o.person()
	p.AuthInfo = r.authInfo(o)
	i := 0
	for c := range o.children {
		if c.named(inContact, "postalInfo") {
			p.PostalInfo[i].NoOrg = c.same("org").is() && p.PostalInfo[i].Org == ""
			i++
		}
	}
	return p
}

// texts are the texts of the children of that name.
func (e element) texts(local string) []string {
	var all []string
	for c := range e.children {
		if c.local() == local {
			all = append(all, c.token())
		}
	}
	return all
}

// authInfo reads the password of an object; it refuses what is in its place.
func (r *commandReader) authInfo(o element) *AuthInfo {
	a := o.same("authInfo")
	if !a.is() {
		return nil
	}
	pw := a.authInfo()
	r.lost(a, pw == nil)
	return pw
}

// period is nil where there is none.
func (r *commandReader) period(o element) *Period {
	e := o.same("period")
	p := e.period()
	r.lost(e, p == nil)
	return p
}
