package rpp

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"eppmux/gateway/mapping"
)

// DNS data. J@0494c6c, D@57b0e3f sections 8.8 to 8.10: all values of rdata are strings, types are in lower
// case, a name is "@" for the object itself, relative to it, or absolute with a dot at the end.
type (
	dnsData struct {
		Type     string       `json:"@type"`
		Records  []dnsRecord  `json:"records,omitempty"`
		Controls *dnsControls `json:"controls,omitempty"`
	}
	dnsRecord struct {
		Type  string            `json:"@type"`
		Name  string            `json:"name"`
		RType string            `json:"type"`
		RData map[string]string `json:"rdata"`
	}
	dnsControls struct {
		Type           string         `json:"@type"`
		TTL            map[string]int `json:"ttl,omitempty"`
		MaxSigLifetime map[string]int `json:"maxSigLifetime,omitempty"`
	}
)

func newRecord(name, typ string, rdata ...string) dnsRecord {
	r := dnsRecord{"dnsRecord", name, typ, make(map[string]string)}
	for i := 0; i < len(rdata); i += 2 {
		r.RData[rdata[i]] = rdata[i+1]
	}
	return r
}

func number[N uint8 | uint16](n N) string { return strconv.Itoa(int(n)) }

// showDNS returns the DNS data of a domain: name servers that are attributes, and DNSSEC. Nil: none.
func showDNS(d *mapping.Domain) *dnsData {
	var out dnsData
	for _, ns := range d.Nameservers {
		if ns.Attribute || len(ns.Addresses) > 0 {
			out.Records = append(out.Records, newRecord("@", "ns", "nsdname", ns.Name+"."))
			out.Records = append(out.Records, addressRecords(ns.Name, ns.Addresses)...)
		}
	}
	controls := dnsControls{TTL: showTTL(d.TTL)}
	if s := d.SecDNS; s != nil {
		for _, ds := range s.DS {
			out.Records = append(out.Records, dsRecord(ds))
		}
		for _, k := range s.Keys {
			out.Records = append(out.Records, keyRecord(k))
		}
		if s.MaxSigLife > 0 {
			typ := "ds"
			if len(s.Keys) > 0 {
				typ = "dnskey"
			}
			controls.MaxSigLifetime = map[string]int{typ: s.MaxSigLife}
		}
	}
	return out.with(controls)
}

// with returns d with controls where there are any; nil where d has nothing at all.
func (d dnsData) with(controls dnsControls) *dnsData {
	if len(controls.TTL)+len(controls.MaxSigLifetime) > 0 {
		controls.Type, d.Controls = "dnsControls", &controls
	}
	if d.Controls == nil && len(d.Records) == 0 {
		return nil
	}
	d.Type = "dnsData"
	return &d
}

func dsRecord(ds mapping.DS) dnsRecord {
	return newRecord("@", "ds", "keyTag", number(ds.KeyTag), "algorithm", number(ds.Algorithm),
		"digestType", number(ds.DigestType), "digest", ds.Digest)
}

func keyRecord(k mapping.DNSKEY) dnsRecord {
	return newRecord("@", "dnskey", "flags", number(k.Flags), "protocol", number(k.Protocol),
		"algorithm", number(k.Algorithm), "publicKey", k.PublicKey)
}

func addressRecords(name string, addresses []string) (out []dnsRecord) {
	for _, a := range addresses {
		typ := "a"
		if strings.Contains(a, ":") {
			typ = "aaaa"
		}
		out = append(out, newRecord(name+".", typ, "address", a))
	}
	return out
}

// showTTL returns times to live by type in lower case. Those that are the registry's default are left out:
// the answer has no place for that.
func showTTL(all []mapping.TTL) map[string]int {
	out := make(map[string]int)
	for _, t := range all {
		name := t.For
		if t.Custom != "" {
			name = t.Custom
		}
		if t.Seconds != nil {
			out[strings.ToLower(name)] = *t.Seconds
		}
	}
	return out
}

// records is the DNS data of a request.
type records struct {
	ns     []mapping.Nameserver // as attributes
	sec    mapping.SecDNS
	ttl    []mapping.TTL
	listed []record
}

// record is one record of a request, with its place.
type record struct {
	path, name, typ string // the name is absolute, without a dot
	ds              *mapping.DS
	key             *mapping.DNSKEY
	text            string // nsdname without its dot, or the address
}

// readDNS reads DNS data. origin is the name of the object.
func (f *faults) readDNS(v value, origin string) (out records) {
	o := f.objectOf(v, "dnsData", typeMay)
	if o == nil {
		return out
	}
	for _, item := range o.list("records") {
		if r := f.readRecord(item, origin); r.typ != "" {
			out.listed = append(out.listed, r)
		}
	}
	if c := f.objectOf(o.take("controls"), "dnsControls", typeMay); c != nil {
		out.ttl = f.readTTLs(c.take("ttl"))
		out.sec.MaxSigLife = f.readSigLife(c.take("maxSigLifetime"))
		c.end()
	}
	o.end()
	return out
}

// readRecord reads a record. Its type is empty where it is wrong.
func (f *faults) readRecord(v value, origin string) (r record) {
	o := f.objectOf(v, "dnsRecord", typeMay)
	if o == nil {
		return r
	}
	before := len(f.list)
	r.path = v.path
	r.name = f.absolute(o.take("name"), origin)
	if class := o.take("class"); class.present && f.str(class) != "IN" {
		f.add(codePolicy, class.path, "the one class here is IN")
	}
	typ := o.take("type")
	if r.typ = f.str(typ); !typ.present {
		f.add(codeMissing, typ.path, "type is needed")
	}
	data := o.take("rdata")
	if !data.present {
		f.add(codeMissing, data.path, "rdata is needed")
	}
	if rd := f.objectOf(data, "", typeMay); rd != nil && r.typ != "" {
		f.readRData(&r, rd, typ.path)
		rd.end()
	}
	o.end()
	if len(f.list) > before {
		r.typ = ""
	}
	return r
}

func (f *faults) readRData(r *record, o *object, typePath string) {
	switch r.typ {
	case "ns":
		at := o.take("nsdname")
		r.text = strings.TrimSuffix(f.str(at), ".")
		f.demand(at, goodName(r.text), "nsdname must be a name of the DNS")
	case "a", "aaaa":
		at := o.take("address")
		r.text = f.str(at)
		ip, err := netip.ParseAddr(r.text)
		f.demand(at, err == nil && ip.Zone() == "" && ip.Is4() == (r.typ == "a"),
			"address must be one of the record's type")
	case "ds":
		r.ds = &mapping.DS{KeyTag: uint16(f.rnumber(o, "keyTag", 16)), Algorithm: uint8(f.rnumber(o, "algorithm", 8)),
			DigestType: uint8(f.rnumber(o, "digestType", 8))}
		at := o.take("digest")
		r.ds.Digest = f.str(at)
		_, err := hex.DecodeString(r.ds.Digest)
		f.demand(at, err == nil && r.ds.Digest != "", "digest must be in hexadecimal digits")
	case "dnskey":
		r.key = &mapping.DNSKEY{Flags: uint16(f.rnumber(o, "flags", 16)), Protocol: uint8(f.rnumber(o, "protocol", 8)),
			Algorithm: uint8(f.rnumber(o, "algorithm", 8))}
		at := o.take("publicKey")
		r.key.PublicKey = f.str(at)
		_, err := base64.StdEncoding.Strict().DecodeString(r.key.PublicKey)
		f.demand(at, err == nil && r.key.PublicKey != "", "publicKey must be in base 64")
	default:
		f.add(codeOption, typePath, "types here are ns, a, aaaa, ds, dnskey")
	}
}

func (f *faults) demand(v value, good bool, why string) {
	if !good {
		f.add(codeValue, v.path, why)
	}
}

// rnumber reads a number of an rdata, which is a string.
func (f *faults) rnumber(o *object, name string, bits int) uint64 {
	at := o.take(name)
	n, err := strconv.ParseUint(f.str(at), 10, bits)
	f.demand(at, err == nil, name+" must be a string with a number of "+strconv.Itoa(bits)+" bits")
	return n
}

// absolute reads the name of a record, and returns it absolute, without its dot.
func (f *faults) absolute(v value, origin string) string {
	s := f.str(v)
	switch {
	case !v.present:
		f.add(codeMissing, v.path, "name is needed")
		return ""
	case s == "@":
		return origin
	}
	name, whole := strings.CutSuffix(s, ".")
	if !whole {
		name = s + "." + origin
	}
	f.demand(v, goodName(name), "this must be @, or a name of the DNS, with a dot at the end where it is whole")
	return name
}

// types of RFC 9803 that have names of their own; others are custom.
var ttlTypes = map[string]bool{"NS": true, "DS": true, "DNAME": true, "A": true, "AAAA": true}

// readTTLs reads times to live by type.
func (f *faults) readTTLs(v value) (out []mapping.TTL) {
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return nil
	}
	for i, name := range o.v.names {
		if t, ok := f.readTTL(name, o.v.items[i]); ok {
			out = append(out, t)
		}
	}
	return out
}

// readTTL reads one time to live. D@57b0e3f: seconds are positive. RFC 9803 section 1.2.1.2: at most
// 2147483647.
func (f *faults) readTTL(name string, v value) (mapping.TTL, bool) {
	before := len(f.list)
	n := f.integer(v, 1, 1<<31-1)
	t := ttlOf(name)
	t.Seconds = &n
	f.demand(v, lower(name), "a type must be in lower-case letters")
	return t, len(f.list) == before
}

func ttlOf(name string) mapping.TTL {
	t := mapping.TTL{For: strings.ToUpper(name)}
	if !ttlTypes[t.For] {
		t.For, t.Custom = "custom", t.For
	}
	return t
}

func lower(s string) bool {
	return s != "" && len(s) <= 16 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}

// readSigLife reads a lifetime of signatures. RFC 5910 has one for a domain.
func (f *faults) readSigLife(v value) (life int) {
	o := f.objectOf(v, "", typeMay)
	if o == nil {
		return 0
	}
	for _, name := range []string{"ds", "dnskey"} {
		at := o.take(name)
		n := f.integer(at, 1, 1<<31-1)
		f.demand(at, life == 0 || n == 0 || n == life, "a domain has one lifetime for both")
		life = max(life, n)
	}
	o.end()
	return life
}

// forDomain sorts the records of a domain named origin into name servers and DNSSEC. D@57b0e3f section
// 8.10 has addresses beside the ns record that names them.
func (d *records) forDomain(f *faults, origin string) {
	at := make(map[string]int) // index in d.ns by name
	for _, r := range d.listed {
		if r.typ != "ns" {
			continue
		}
		f.ofOrigin(r, origin)
		if _, twice := at[strings.ToLower(r.text)]; twice {
			f.add(codeValue, r.path, "this name server is there twice")
		}
		at[strings.ToLower(r.text)] = len(d.ns)
		d.ns = append(d.ns, mapping.Nameserver{Name: r.text, Attribute: true})
	}
	for _, r := range d.listed {
		switch r.typ {
		case "a", "aaaa":
			if i, ok := at[strings.ToLower(r.name)]; ok {
				d.ns[i].Addresses = append(d.ns[i].Addresses, r.text)
			} else {
				f.add(codePolicy, r.path, "an address without an ns record that names its owner; a host has its own")
			}
		case "ds":
			f.ofOrigin(r, origin)
			d.sec.DS = append(d.sec.DS, *r.ds)
		case "dnskey":
			f.ofOrigin(r, origin)
			d.sec.Keys = append(d.sec.Keys, *r.key)
		}
	}
	if len(d.sec.DS) > 0 && len(d.sec.Keys) > 0 {
		f.add(codeOption, "$.dns.records", "ds and dnskey together have no form in EPP")
	}
}

func (f *faults) ofOrigin(r record, origin string) {
	if !strings.EqualFold(r.name, origin) {
		f.add(codeValue, r.path+".name", "a record of this type is the domain's own: @")
	}
}

// addresses returns those of a host's records. An ns record of J's examples that names the host itself
// says nothing.
func (d *records) addresses(f *faults, origin string) (out []string) {
	for _, r := range d.listed {
		switch {
		case r.typ == "ns" && strings.EqualFold(r.text, origin):
		case r.typ != "a" && r.typ != "aaaa":
			f.add(codeOption, r.path, "a host has addresses only")
		case !strings.EqualFold(r.name, origin):
			f.add(codeValue, r.path+".name", "this is not the host's own record")
		default:
			out = append(out, r.text)
		}
	}
	return out
}
