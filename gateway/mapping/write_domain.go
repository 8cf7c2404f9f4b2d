package mapping

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

func (c *DomainInfo) write(w *writer) {
	w.object("info", "domain:", nsDomain, func() {
		w.open("name")
		if c.Hosts != "" {
			w.one("hosts", c.Hosts, "all", "del", "sub", "none")
			w.attribute("hosts", c.Hosts)
		}
		w.text("name", w.aLabel("name", c.Name))
		w.authInfo("authInfo", c.AuthInfo)
	})
	w.ttlInfo(c.TTL)
}

func (c *DomainCreate) write(w *writer) {
	w.object("create", "domain:", nsDomain, func() {
		w.name("name", "name", c.Name)
		w.period("period", c.Period)
		w.nameservers("nameservers", c.Nameservers)
		if c.Registrant != "" {
			w.id("registrant", "registrant", c.Registrant)
		}
		w.contacts("contacts", c.Contacts)
		w.authInfo("authInfo", &c.AuthInfo)
	})
	w.secDNSCreate(c.SecDNS)
	w.ttls("create", c.TTL)
	w.charge("create", c.Fee)
}

func (c *DomainDelete) write(w *writer) {
	w.object("delete", "domain:", nsDomain, func() { w.name("name", "name", c.Name) })
}

func (c *DomainRenew) write(w *writer) {
	w.object("renew", "domain:", nsDomain, func() {
		w.name("name", "name", c.Name)
		if !isDate(c.CurExpDate) {
			w.fail("curExpDate", "is no date as in 2026-11-30")
		}
		w.open("curExpDate")
		w.text("curExpDate", c.CurExpDate)
		w.period("period", c.Period)
	})
	w.charge("renew", c.Fee)
}

func (c *TransferCommand) write(w *writer) {
	prefix, namespace := "domain:", nsDomain
	switch c.Of {
	case DomainObject:
	case ContactObject:
		prefix, namespace = "contact:", nsContact
		if c.Period != nil {
			w.fail("period", "is for domains only")
		}
		if c.Fee != nil {
			w.fail("fee", "is for domains only")
		}
	default:
		w.fail("", "a transfer is of a domain or a contact")
	}
	w.one("op", c.Op, "request", "query", "approve", "reject", "cancel")
	w.raw(`<transfer`)
	w.attribute("op", c.Op)
	w.raw(">")
	w.namespaced(prefix, "transfer", namespace, nil, func() {
		if c.Of == ContactObject {
			w.id("id", "name", c.Name)
		} else {
			w.name("name", "name", c.Name)
		}
		w.period("period", c.Period)
		w.authInfo("authInfo", c.AuthInfo)
	})
	w.raw("</transfer>")
	w.charge("transfer", c.Fee)
}

func (c *DomainUpdate) write(w *writer) {
	// RFC 5731 section 3.2.5: at least one of add, rem and chg, or an extension.
	changes := c.Registrant != nil || c.AuthInfo != nil || c.NoAuthInfo
	extended := c.SecDNS != nil || len(c.TTL) > 0 || c.Restore || c.Report != nil || c.Fee != nil
	if c.Add.empty() && c.Rem.empty() && !changes && !extended {
		w.fail("", "changes nothing")
	}
	w.object("update", "domain:", nsDomain, func() {
		w.name("name", "name", c.Name)
		w.domainChange("add", &c.Add)
		w.domainChange("rem", &c.Rem)
		switch {
		case changes:
			w.in("chg", func() { c.writeChange(w) })
		case c.Restore || c.Report != nil:
			// RFC 3915 section 4.2.5 has it so: there are registries that want one of the three.
			w.empty("chg")
		}
	})
	w.secDNSUpdate(c.SecDNS)
	w.ttls("update", c.TTL)
	w.restore(c.Restore, c.Report)
	w.charge("update", c.Fee)
}

// writeChange writes what is in chg.
func (c *DomainUpdate) writeChange(w *writer) {
	if c.Registrant != nil {
		if *c.Registrant == "" {
			w.empty("registrant")
		} else {
			w.id("registrant", "registrant", *c.Registrant)
		}
	}
	switch {
	case c.NoAuthInfo && c.AuthInfo != nil:
		w.fail("noAuthInfo", "does not go with authInfo")
	case c.NoAuthInfo:
		w.in("authInfo", func() { w.empty("null") })
	default:
		w.authInfo("authInfo", c.AuthInfo)
	}
}

func (d *DomainChange) empty() bool { return len(d.Nameservers)+len(d.Contacts)+len(d.Status) == 0 }

// domainStatus are the values of domain:statusValueType.
var domainStatus = []string{"clientDeleteProhibited", "clientHold", "clientRenewProhibited",
	"clientTransferProhibited", "clientUpdateProhibited", "inactive", "ok", "pendingCreate", "pendingDelete",
	"pendingRenew", "pendingTransfer", "pendingUpdate", "serverDeleteProhibited", "serverHold",
	"serverRenewProhibited", "serverTransferProhibited", "serverUpdateProhibited"}

// domainChange writes add or rem.
func (w *writer) domainChange(name string, d *DomainChange) {
	if d.empty() {
		return
	}
	w.in(name, func() {
		w.nameservers(name+".nameservers", d.Nameservers)
		w.contacts(name+".contacts", d.Contacts)
		w.status(name+".status", d.Status, domainStatus, 11)
	})
}

// period writes nothing for nil.
func (w *writer) period(member string, p *Period) {
	if p == nil {
		return
	}
	if p.Value < 1 || p.Value > 99 {
		w.fail(under(member, "value"), "is not 1 to 99")
	}
	w.one(under(member, "unit"), p.Unit, "y", "m")
	// The element is domain:periodType in each namespace that has one.
	w.open("period")
	w.attribute("unit", p.Unit)
	w.text("period", strconv.Itoa(p.Value))
}

// nameservers writes all as objects, or, where one is an attribute or has an address, all as attributes:
// RFC 5731 section 1.1 does not let the two be mixed.
func (w *writer) nameservers(list string, all []Nameserver) {
	if len(all) == 0 {
		return
	}
	attributes := false
	for i := range all {
		attributes = attributes || all[i].Attribute || len(all[i].Addresses) > 0
	}
	w.in("ns", func() {
		for i, n := range all {
			member := item(list, i)
			if !attributes {
				w.name("hostObj", under(member, "name"), n.Name)
				continue
			}
			w.in("hostAttr", func() {
				w.name("hostName", under(member, "name"), n.Name)
				w.addresses("hostAddr", under(member, "addresses"), n.Addresses)
			})
		}
	})
}

// addresses writes addresses as host:addrType has them.
func (w *writer) addresses(element, list string, all []string) {
	for i, a := range all {
		addr, err := netip.ParseAddr(a)
		if err != nil || addr.Zone() != "" || len(a) < 3 {
			w.fail(item(list, i), "is no IP address")
		}
		w.open(element)
		if addr.Is4() {
			w.attribute("ip", "v4")
		} else {
			w.attribute("ip", "v6")
		}
		w.text(element, a)
	}
}

func (w *writer) contacts(list string, all []Contact) {
	for i, c := range all {
		w.open("contact")
		w.one(item(list, i)+".type", c.Type, "admin", "billing", "tech")
		w.attribute("type", c.Type)
		w.check(item(list, i)+".id", idFault(c.ID))
		w.text("contact", c.ID)
	}
}

// authInfo writes nothing for nil.
func (w *writer) authInfo(member string, a *AuthInfo) {
	if a == nil {
		return
	}
	w.in("authInfo", func() {
		w.open("pw")
		if a.ROID != "" {
			if !isROID(a.ROID) {
				w.fail(under(member, "roid"), "is no repository object identifier")
			}
			w.attribute("roid", a.ROID)
		}
		w.check(under(member, "password"), lineFault(a.Password))
		w.text("pw", a.Password)
	})
}

// status writes at most so many statuses, whose values are known.
func (w *writer) status(list string, all []Status, known []string, most int) {
	if len(all) > most {
		w.fail(list, "has more than "+strconv.Itoa(most)+" statuses")
	}
	for i, s := range all {
		member := item(list, i)
		w.one(under(member, "value"), s.Value, known...)
		w.open("status")
		w.attribute("s", s.Value)
		w.language(under(member, "lang"), s.Lang)
		w.check(under(member, "text"), lineFault(s.Text))
		if s.Text == "" {
			w.raw("/>")
		} else {
			w.text("status", s.Text)
		}
	}
}

// language writes the attribute lang, unless it is empty.
func (w *writer) language(member, lang string) {
	if lang == "" {
		return
	}
	if !isLanguage(lang) {
		w.fail(member, "is no language tag")
	}
	w.attribute("lang", lang)
}

// isDate is an xs:date without a time zone.
func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil && !strings.HasPrefix(s, "0000")
}
