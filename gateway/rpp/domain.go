package rpp

import "eppmux/gateway/mapping"

// showDomain returns a domain as answers have it, without its password.
func showDomain(d *mapping.Domain) *domainName {
	out := &domainName{
		Type: "domainName", Name: d.Name,
		ProvMetadata: showProv(d.ROID, d.ClID, d.CrID, d.CrDate, d.UpID, d.UpDate, d.TrDate),
		Status:       showStatus(d.Status, d.RGP), DNS: showDNS(d), ExpiryDate: utc(d.ExDate),
	}
	if d.Registrant != "" {
		out.Registrant = &contactRef{"contact", d.Registrant}
	}
	for _, c := range d.Contacts {
		out.Contacts = append(out.Contacts, labelled{c.Type, contactRef{"contact", c.ID}})
	}
	for _, ns := range d.Nameservers {
		if !ns.Attribute && len(ns.Addresses) == 0 {
			out.Nameservers = append(out.Nameservers, hostRef{"host", ns.Name})
		}
	}
	for _, h := range d.Hosts {
		out.SubordinateHosts = append(out.SubordinateHosts, hostRef{"host", h})
	}
	return out
}

// readOnly are the members that only the server writes. J@0494c6c has the status among them; D@57b0e3f has
// not. own: J's for creates, a setting for changes.
var readOnly = []string{"provMetadata", "status", "subordinateHosts", "expiryDate"}

// readDomain reads the body of a create. attributes: the registry takes name servers as attributes.
func (f *faults) readDomain(v value) *mapping.DomainCreate {
	o := f.objectOf(v, "domainName", typeMust)
	if o == nil {
		return nil
	}
	d := &mapping.DomainCreate{Name: f.readName(o, "name")}
	d.Registrant = f.readContactRef(o.take("registrant"))
	for _, item := range o.list("contacts") {
		d.Contacts = append(d.Contacts, f.readLabelled(item))
	}
	for _, item := range o.list("nameservers") {
		d.Nameservers = append(d.Nameservers, mapping.Nameserver{Name: f.readHostRef(item)})
	}
	at := o.take("dns")
	dns := f.readDNS(at, d.Name)
	dns.forDomain(f, d.Name)
	if len(dns.ns) > 0 && len(d.Nameservers) > 0 {
		f.add(codeValue, at.path, "name servers are in nameservers or in dns, not in both")
	}
	d.Nameservers = append(d.Nameservers, dns.ns...)
	if dns.sec.MaxSigLife > 0 || len(dns.sec.DS)+len(dns.sec.Keys) > 0 {
		d.SecDNS = &dns.sec
	}
	d.TTL = dns.ttl
	if pw := f.readAuthInfo(o.take("authInfo")); pw != nil {
		d.AuthInfo = *pw
	}
	d.Period = f.readCreateProcess(o.take("processes"))
	o.skip(readOnly...)
	o.end()
	return d
}

// readName reads a name of the DNS that must be there.
func (f *faults) readName(o *object, member string) string {
	s := o.need(member)
	if s != "" && !goodName(s) {
		f.add(codeValue, o.v.path+step(member), "this is no name of the DNS: letters, digits and hyphens, A-labels, no dot at the end")
	}
	return s
}

// readCreateProcess reads the period of a create. J@0494c6c rule 18: it is in processes.createProcess, of
// which there is one at most.
func (f *faults) readCreateProcess(v value) *mapping.Period {
	o := f.objectOf(v, "processes", typeMay)
	if o == nil {
		return nil
	}
	list := o.list("createProcess")
	o.skip("renewProcess", "transferProcess", "restoreProcess")
	o.end()
	if len(list) > 1 {
		f.add(codeValue, list[1].path, "there is one createProcess")
	}
	if len(list) == 0 {
		return nil
	}
	p := f.objectOf(list[0], "createProcess", typeMay)
	if p == nil {
		return nil
	}
	period := f.readPeriod(p.take("period"))
	p.skip("processId")
	p.end()
	return period
}

// showHost returns a host as answers have it.
func showHost(h *mapping.Host) *host {
	d := dnsData{Records: addressRecords(h.Name, h.Addresses)}
	return &host{
		Type: "host", HostName: h.Name, ProvMetadata: showProv(h.ROID, h.ClID, h.CrID, h.CrDate, h.UpID, h.UpDate, h.TrDate),
		Status: showStatus(h.Status, nil), DNS: d.with(dnsControls{TTL: showTTL(h.TTL)}),
	}
}

// readHost reads the body of a create.
func (f *faults) readHost(v value) *mapping.HostCreate {
	o := f.objectOf(v, "host", typeMust)
	if o == nil {
		return nil
	}
	h := &mapping.HostCreate{Name: f.readName(o, "hostName")}
	dns := f.readDNS(o.take("dns"), h.Name)
	if dns.sec.MaxSigLife > 0 {
		f.add(codeOption, "$.dns.controls.maxSigLifetime", "a host has none")
	}
	h.Addresses, h.TTL = dns.addresses(f, h.Name), dns.ttl
	o.skip("provMetadata", "status", "processes")
	o.end()
	return h
}
