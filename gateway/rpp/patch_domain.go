package rpp

import (
	"strings"

	"eppmux/gateway/mapping"
)

// domainEdits are the operations on a domain's arrays.
type domainEdits struct {
	contacts []edit[mapping.Contact]
	servers  []edit[mapping.Nameserver]
	status   []edit[mapping.Status]
	records  []edit[record]
}

// patchDomain makes the update of a PATCH. The registry is asked for the domain only if an operation needs
// it, and only if all are well-formed.
func (c *call) patchDomain(f *faults, all []operation) (*mapping.DomainUpdate, *reply) {
	u := &mapping.DomainUpdate{Name: c.id}
	var es domainEdits
	for i := range all {
		c.domainOperation(f, u, &es, &all[i])
	}
	if bad := c.noFaults(f); bad != nil {
		return nil, bad
	}
	now := &mapping.Domain{}
	if vague(es.contacts) || vague(es.servers) || vague(es.status) || vague(es.records) {
		data, bad := c.before()
		if bad != nil {
			return nil, bad
		}
		now, _ = data.(*mapping.Domain)
		if now == nil {
			bad := c.no(codeFailed, "the registry's answer has no domain")
			return nil, &bad
		}
	}
	u.Add.Contacts, u.Rem.Contacts = resolve(f, es.contacts, now.Contacts, sameContact)
	u.Add.Nameservers, u.Rem.Nameservers = resolve(f, es.servers, now.Nameservers, sameServer)
	u.Add.Status, u.Rem.Status = resolveStatus(f, es.status, now.Status)
	c.changeRecords(f, u, es.records, now)
	c.attributes(u.Add.Nameservers)
	c.attributes(u.Rem.Nameservers)
	if c.asked("urgent") {
		if u.SecDNS == nil {
			f.add(codeOption, "$", "urgent is for changes of DNSSEC")
		} else {
			u.SecDNS.Urgent = true
		}
	}
	c.secrets = append(c.secrets, secretOf(u.AuthInfo)...)
	return u, c.noFaults(f)
}

func sameContact(a, b mapping.Contact) bool { return a == b }

func sameServer(a, b mapping.Nameserver) bool { return strings.EqualFold(a.Name, b.Name) }

// domainOperation reads one operation into u and es.
func (c *call) domainOperation(f *faults, u *mapping.DomainUpdate, es *domainEdits, p *operation) {
	switch to := p.to(); to {
	case "registrant":
		id := ""
		if p.op != "remove" {
			id = f.readContactRef(p.value)
		}
		u.Registrant = &id
		f.noMatch(p)
	case "authInfo":
		if u.NoAuthInfo = p.op == "remove"; u.NoAuthInfo {
			u.AuthInfo = nil
		} else {
			u.AuthInfo = f.readAuthInfo(p.value)
		}
		f.noMatch(p)
	case "contacts":
		if e, ok := readEdit(f, p, f.readContactMatch, f.readLabelled); ok {
			es.contacts = append(es.contacts, e)
		}
	case "nameservers":
		server := func(v value) mapping.Nameserver { return mapping.Nameserver{Name: f.readHostRef(v)} }
		match := func(v value) (edit[mapping.Nameserver], bool) {
			before := len(f.list)
			return edit[mapping.Nameserver]{old: server(v), exact: true}, len(f.list) == before
		}
		if e, ok := readEdit(f, p, match, server); ok {
			es.servers = append(es.servers, e)
		}
	case "status":
		c.statusEdit(f, p, &es.status)
	case "dns/records":
		if e, ok := f.readRecordEdit(p, c.id); ok {
			es.records = append(es.records, e)
		}
	default:
		if !f.readControl(p, &u.TTL, func(life int) { secOf(u).MaxSigLife = life }) {
			f.strange(p, "@type", "name", "provMetadata", "subordinateHosts", "expiryDate", "processes")
		}
	}
}

func secOf(u *mapping.DomainUpdate) *mapping.SecDNSUpdate {
	if u.SecDNS == nil {
		u.SecDNS = &mapping.SecDNSUpdate{}
	}
	return u.SecDNS
}

func (f *faults) noMatch(p *operation) {
	if p.match.present {
		f.add(codeSyntax, p.match.path, "match is for arrays")
	}
}

// readContactMatch reads the match of a domain's contact: label, object, or both.
func (f *faults) readContactMatch(v value) (e edit[mapping.Contact], ok bool) {
	before := len(f.list)
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return e, false
	}
	label, obj := o.take("label"), o.take("object")
	if label.present {
		e.old.Type = f.readRole(label)
	}
	e.old.ID = f.readContactRef(obj)
	o.end()
	if !label.present && !obj.present {
		f.add(codeMissing, v.path, "match has neither label nor object")
	}
	want := e.old
	e.exact = want.Type != "" && want.ID != ""
	e.fits = func(x mapping.Contact) bool {
		return (want.Type == "" || x.Type == want.Type) && (want.ID == "" || x.ID == want.ID)
	}
	return e, len(f.list) == before
}

// readRecordEdit reads an operation on DNS records. own: a match may have rdata, whole, since a record is
// known by nothing less; J@0494c6c would have nested members below "object" only, which records have not.
func (f *faults) readRecordEdit(p *operation, origin string) (edit[record], bool) {
	match := func(v value) (e edit[record], ok bool) {
		before := len(f.list)
		o := f.objectOf(v, "", typeMay)
		if o == nil {
			return e, false
		}
		if o.take("rdata").present {
			e.old, e.exact = f.readRecord(v, origin), true
			return e, len(f.list) == before
		}
		f.objectOf(v, "dnsRecord", typeMay)
		o.skip("@type")
		typ, name := o.take("type"), o.take("name")
		want := record{typ: f.str(typ)}
		if name.present {
			want.name = f.absolute(name, origin)
		}
		if !typ.present {
			f.add(codeMissing, typ.path, "type is needed")
		}
		o.end()
		e.fits = func(x record) bool {
			return x.typ == want.typ && (want.name == "" || strings.EqualFold(x.name, want.name))
		}
		return e, len(f.list) == before
	}
	return readEdit(f, p, match, func(v value) record { return f.readRecord(v, origin) })
}

func sameRecord(a, b record) bool {
	switch {
	case a.typ != b.typ || !strings.EqualFold(a.name, b.name):
		return false
	case a.ds != nil && b.ds != nil:
		return a.ds.KeyTag == b.ds.KeyTag && a.ds.Algorithm == b.ds.Algorithm && a.ds.DigestType == b.ds.DigestType &&
			strings.EqualFold(a.ds.Digest, b.ds.Digest)
	case a.key != nil && b.key != nil:
		return *a.key == *b.key
	}
	return strings.EqualFold(a.text, b.text)
}

// recordsOf are the records of a domain.
func recordsOf(d *mapping.Domain, origin string) (out []record) {
	for _, ns := range d.Nameservers {
		if ns.Attribute || len(ns.Addresses) > 0 {
			out = append(out, record{name: origin, typ: "ns", text: ns.Name})
		}
	}
	if d.SecDNS == nil {
		return out
	}
	for i := range d.SecDNS.DS {
		out = append(out, record{name: origin, typ: "ds", ds: &d.SecDNS.DS[i]})
	}
	for i := range d.SecDNS.Keys {
		out = append(out, record{name: origin, typ: "dnskey", key: &d.SecDNS.Keys[i]})
	}
	return out
}

// changeRecords puts edits of records into u.
func (c *call) changeRecords(f *faults, u *mapping.DomainUpdate, all []edit[record], now *mapping.Domain) {
	if len(all) == 0 {
		return
	}
	add, rem := resolve(f, all, recordsOf(now, c.id), sameRecord)
	fresh := records{listed: add}
	fresh.forDomain(f, c.id)
	gone := records{listed: rem}
	for _, r := range rem {
		if r.typ == "a" || r.typ == "aaaa" {
			f.add(codeOption, "$", "an address goes with its ns record")
			return
		}
	}
	gone.forDomain(f, c.id)
	if len(fresh.ns)+len(gone.ns) > 0 && len(u.Add.Nameservers)+len(u.Rem.Nameservers) > 0 {
		f.add(codeValue, "$", "name servers are changed in nameservers or in dns, not in both")
	}
	u.Add.Nameservers = append(u.Add.Nameservers, fresh.ns...)
	u.Rem.Nameservers = append(u.Rem.Nameservers, gone.ns...)
	if len(fresh.sec.DS)+len(fresh.sec.Keys)+len(gone.sec.DS)+len(gone.sec.Keys) > 0 {
		s := secOf(u)
		s.Add, s.Rem = fresh.sec, gone.sec
	}
	if len(fresh.sec.DS)+len(gone.sec.DS) > 0 && len(fresh.sec.Keys)+len(gone.sec.Keys) > 0 {
		f.add(codeOption, "$", "ds and dnskey together have no form in EPP")
	}
}

// readControl reads an operation on a time to live or the lifetime of signatures, each by its type, and
// reports whether it is one. own: whole objects of controls are not taken, since EPP leaves alone what is
// not named, and a replace would take it away.
func (f *faults) readControl(p *operation, ttl *[]mapping.TTL, sigLife func(int)) bool {
	if len(p.steps) != 4 || p.steps[0] != "dns" || p.steps[1] != "controls" {
		return false
	}
	name := p.steps[3]
	switch p.steps[2] {
	case "ttl":
		t := ttlOf(name)
		if p.op == "remove" {
			if !lower(name) {
				f.add(codeValue, p.at, "a type must be in lower-case letters")
			}
		} else {
			t, _ = f.readTTL(name, p.value)
		}
		*ttl = append(*ttl, t)
	case "maxSigLifetime":
		if p.op == "remove" || sigLife == nil || name != "ds" && name != "dnskey" {
			return false
		}
		sigLife(f.integer(p.value, 1, 1<<31-1))
	default:
		return false
	}
	f.noMatch(p)
	return true
}
