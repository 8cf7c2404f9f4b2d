package rpp

import (
	"strings"

	"eppmux/gateway/mapping"
)

// patchHost makes the update of a PATCH. J@0494c6c has no schema of it yet; D@57b0e3f has what may change.
func (c *call) patchHost(f *faults, all []operation) (*mapping.HostUpdate, *reply) {
	u := &mapping.HostUpdate{Name: c.id}
	var states []edit[mapping.Status]
	var addresses []edit[record]
	for i := range all {
		p := &all[i]
		switch p.to() {
		case "hostName":
			s := f.str(p.value)
			if p.op == "remove" || !goodName(s) {
				f.add(codeValue, p.at, "a host must have a name of the DNS")
			}
			u.NewName = s
			f.noMatch(p)
		case "status":
			c.statusEdit(f, p, &states)
		case "dns/records":
			if e, ok := f.readRecordEdit(p, c.id); ok {
				addresses = append(addresses, e)
			}
		default:
			if !f.readControl(p, &u.TTL, nil) {
				f.strange(p, "@type", "provMetadata", "processes")
			}
		}
	}
	if bad := c.noFaults(f); bad != nil {
		return nil, bad
	}
	now := &mapping.Host{}
	if vague(states) || vague(addresses) {
		data, bad := c.before()
		if bad != nil {
			return nil, bad
		}
		if now, _ = data.(*mapping.Host); now == nil {
			bad := c.no(codeFailed, "the registry's answer has no host")
			return nil, &bad
		}
	}
	u.AddStatus, u.RemStatus = resolveStatus(f, states, now.Status)
	var current []record
	for _, a := range now.Addresses {
		typ := "a"
		if strings.Contains(a, ":") {
			typ = "aaaa"
		}
		current = append(current, record{name: c.id, typ: typ, text: a})
	}
	add, rem := resolve(f, addresses, current, sameRecord)
	u.AddAddresses = (&records{listed: add}).addresses(f, c.id)
	u.RemAddresses = (&records{listed: rem}).addresses(f, c.id)
	return u, c.noFaults(f)
}

// contactChange is what a PATCH says of a contact's card.
type contactChange struct {
	cardPart
	noOrg bool
}

// patchContact makes the update of a PATCH.
func (c *call) patchContact(f *faults, all []operation) (*mapping.ContactUpdate, *reply) {
	u := &mapping.ContactUpdate{ID: c.id}
	var states []edit[mapping.Status]
	var ch contactChange
	for i := range all {
		p := &all[i]
		switch to := p.to(); {
		case to == "status":
			c.statusEdit(f, p, &states)
		case to == "authInfo" && p.op == "remove":
			f.add(codeOption, p.at, "EPP cannot take a contact's password away")
		case to == "authInfo":
			f.noMatch(p)
			if pw := f.readAuthInfo(p.value); pw != nil {
				u.Change = &mapping.Person{AuthInfo: pw}
			}
		case len(p.steps) > 0 && p.steps[0] == "contactInfo":
			f.noMatch(p)
			f.contactOperation(&ch, p)
		default:
			f.strange(p, "@type", "id", "provMetadata")
		}
	}
	if bad := c.noFaults(f); bad != nil {
		return nil, bad
	}
	now := &mapping.Person{}
	postal := ch.name != "" || ch.org != "" || ch.noOrg || ch.addr != nil
	if postal || vague(states) {
		data, bad := c.before()
		if bad != nil {
			return nil, bad
		}
		if now, _ = data.(*mapping.Person); now == nil {
			bad := c.no(codeFailed, "the registry's answer has no contact")
			return nil, &bad
		}
	}
	u.AddStatus, u.RemStatus = resolveStatus(f, states, now.Status)
	if postal || ch.voice != nil || ch.fax != nil || ch.email != "" {
		if u.Change == nil {
			u.Change = &mapping.Person{}
		}
		u.Change.Voice, u.Change.Fax, u.Change.Email = ch.voice, ch.fax, ch.email
	}
	if postal {
		u.Change.PostalInfo = []mapping.PostalInfo{ch.change(f, now)}
	}
	if u.Change != nil {
		c.secrets = append(c.secrets, secretOf(u.Change.AuthInfo)...)
	}
	return u, c.noFaults(f)
}

// change is the change of an address, in the form that the contact's card shows: that in ASCII, where there
// are both.
func (ch *contactChange) change(f *faults, now *mapping.Person) mapping.PostalInfo {
	form := formOf(ch.cardPart)
	if n := len(now.PostalInfo); n > 0 {
		shown := now.PostalInfo[0].Type
		for _, p := range now.PostalInfo {
			if p.Type == "int" {
				shown = p.Type
			}
		}
		if shown == "int" && form == "loc" {
			f.add(codePolicy, "$", "this contact's address is in the form that has ASCII only")
		}
		form = shown
	}
	p := ch.postal(form)
	p.NoOrg = ch.noOrg
	return p
}

// contactOperation reads an operation on the card. own: the members that EPP changes by themselves; the
// parts of an address it changes together.
func (f *faults) contactOperation(ch *contactChange, p *operation) {
	gone := p.op == "remove"
	switch p.to() {
	case "contactInfo":
		if gone {
			break
		}
		part := f.readCard(p.value)
		part.whole(f, p.value)
		// What a new card lacks is no more there.
		if part.voice == nil {
			part.voice = &mapping.Phone{}
		}
		if part.fax == nil {
			part.fax = &mapping.Phone{}
		}
		*ch = contactChange{part, part.org == ""}
		return
	case "contactInfo/organizations", "contactInfo/organizations/org":
		if gone {
			ch.org, ch.noOrg = "", true
			return
		}
		if strings.HasSuffix(p.to(), "org") {
			ch.org, ch.noOrg = f.readOrg(p.value), false
			return
		}
	case "contactInfo/phones/voice":
		ch.voice = f.changedPhone(p, false)
		return
	case "contactInfo/phones/fax":
		ch.fax = f.changedPhone(p, true)
		return
	}
	if gone {
		f.add(codePolicy, p.at, "this cannot be taken away, or EPP cannot by itself")
		return
	}
	switch p.to() {
	case "contactInfo/name":
		ch.name = f.readCardName(p.value)
	case "contactInfo/name/full":
		ch.name = f.str(p.value)
	case "contactInfo/organizations/org/name":
		ch.org, ch.noOrg = f.str(p.value), false
	case "contactInfo/addresses/addr":
		ch.addr = f.readAddr(p.value)
	case "contactInfo/phones/voice/number":
		ch.voice = f.readNumber(p.value)
	case "contactInfo/phones/fax/number":
		ch.fax = f.readNumber(p.value)
	case "contactInfo/emails/email":
		ch.email = f.readEmail(p.value)
	case "contactInfo/emails/email/address":
		ch.email = f.str(p.value)
	default:
		f.strange(p)
	}
}

func (f *faults) changedPhone(p *operation, isFax bool) *mapping.Phone {
	if p.op == "remove" {
		return &mapping.Phone{}
	}
	return f.readPhone(p.value, isFax)
}
