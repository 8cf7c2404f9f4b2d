package sandbox

import (
	"strconv"
	"strings"
)

// delegation is the data that RFC 5910 adds to a domain. The registry takes DS data and no keys.
type delegation struct {
	maxSigLife string // seconds, as the client wrote them; empty if not given
	records    []dsRecord
}

// dsRecord is comparable. Its numbers have no leading zeros and its digest is in upper case.
type dsRecord struct{ keyTag, alg, digestType, digest string }

func (r dsRecord) String() string { return "dsData " + r.keyTag }

// created returns d with the extension of a create carried out, if there is one.
func (d delegation) created(c *call) (delegation, *fault) {
	for _, e := range c.ext {
		if e.space == nsSecDNS {
			return d.add(e)
		}
	}
	return d, nil
}

// updated returns d with the extension of an update carried out, if there is one. RFC 5910 section
// 5.2.5: rem, then add, then chg.
func (d delegation) updated(c *call) (delegation, *fault) {
	for _, e := range c.ext {
		if e.space != nsSecDNS {
			continue
		}
		if urgent, _ := e.attr("urgent"); urgent == "1" || urgent == "true" {
			return d, &fault{codeUnimplementedOption, "urgent"}
		}
		var f *fault
		if rem := e.child("rem"); rem != nil {
			if d, f = d.remove(rem); f != nil {
				return d, f
			}
		}
		if add := e.child("add"); add != nil {
			if d, f = d.add(add); f != nil {
				return d, f
			}
		}
		if life := e.child("chg").child("maxSigLife"); life != nil {
			d.maxSigLife = life.token()
		}
	}
	return d, nil
}

// add adds the records of n and takes over its maxSigLife.
func (d delegation) add(n *node) (delegation, *fault) {
	records, f := dsRecords(n)
	if f != nil {
		return d, f
	}
	if d.records, f = changeList(d.records, records, nil, dsRecord.String); f != nil {
		return d, f
	}
	if len(d.records) > maxDS {
		return d, &fault{codePolicy, "at most " + strconv.Itoa(maxDS) + " dsData"}
	}
	if life := n.child("maxSigLife"); life != nil {
		d.maxSigLife = life.token()
	}
	return d, nil
}

// remove removes the records of n, or all.
func (d delegation) remove(n *node) (delegation, *fault) {
	if all := n.child("all"); all != nil {
		if v := all.token(); v == "1" || v == "true" {
			d.records = nil
		}
		return d, nil
	}
	records, f := dsRecords(n)
	if f == nil {
		d.records, f = changeList(d.records, nil, records, dsRecord.String)
	}
	return d, f
}

// dsRecords reads the dsData elements in n.
func dsRecords(n *node) ([]dsRecord, *fault) {
	if n.child("keyData") != nil {
		// RFC 5910 section 4: a server supports one of the two interfaces and refuses the other.
		return nil, &fault{codePolicy, "dsData is needed, not keyData"}
	}
	var out []dsRecord
	for _, k := range n.children("dsData") {
		if k.child("keyData") != nil {
			return nil, &fault{codePolicy, "keyData is not kept"}
		}
		out = append(out, dsRecord{
			plain(k.child("keyTag")), plain(k.child("alg")), plain(k.child("digestType")),
			strings.ToUpper(k.child("digest").token()),
		})
	}
	return out, nil
}

// plain returns a number without sign and leading zeros.
func plain(n *node) string {
	v, _ := strconv.ParseUint(strings.TrimPrefix(n.token(), "+"), 10, 64)
	return strconv.FormatUint(v, 10)
}

// show returns infData of secDNS, empty if there are no DS records.
func (d delegation) show() string {
	if len(d.records) == 0 {
		return ""
	}
	return wrap("secDNS", nsSecDNS, "infData", func(x *xmlText) {
		x.opt("secDNS:maxSigLife", d.maxSigLife)
		for _, r := range d.records {
			x.raw("<secDNS:dsData>")
			x.el("secDNS:keyTag", r.keyTag)
			x.el("secDNS:alg", r.alg)
			x.el("secDNS:digestType", r.digestType)
			x.el("secDNS:digest", r.digest)
			x.raw("</secDNS:dsData>")
		}
	})
}
