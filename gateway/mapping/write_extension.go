package mapping

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strconv"
	"time"
)

// secDNSCreate writes nothing for nil.
func (w *writer) secDNSCreate(s *SecDNS) {
	if s == nil {
		return
	}
	w.extension("secDNS:", "create", nsSecDNS, nil, func() { w.dsOrKeys("secDNS", s) })
}

// dsOrKeys writes what is of secDNS:dsOrKeyType.
func (w *writer) dsOrKeys(member string, s *SecDNS) {
	if s.MaxSigLife != 0 {
		w.maxSigLife(under(member, "maxSigLife"), s.MaxSigLife)
	}
	w.records(member, s)
}

func (w *writer) maxSigLife(member string, seconds int) {
	if seconds < 1 || seconds > 1<<31-1 {
		w.fail(member, "is not 1 to 2147483647")
	}
	w.open("maxSigLife")
	w.text("maxSigLife", strconv.Itoa(seconds))
}

// records writes DS or key records, at least one.
func (w *writer) records(member string, s *SecDNS) {
	switch {
	case len(s.DS) > 0 && len(s.Keys) > 0:
		w.fail(under(member, "keys"), "does not go with ds") // RFC 5910 section 4
	case len(s.DS)+len(s.Keys) == 0:
		w.fail(under(member, "ds"), "is missing")
	}
	for i := range s.DS {
		d, path := &s.DS[i], item(under(member, "ds"), i)
		w.in("dsData", func() {
			w.number("keyTag", int(d.KeyTag))
			w.number("alg", int(d.Algorithm))
			w.number("digestType", int(d.DigestType))
			if _, err := hex.DecodeString(d.Digest); err != nil || d.Digest == "" {
				w.fail(under(path, "digest"), "is no hexadecimal number of whole octets")
			}
			w.open("digest")
			w.text("digest", d.Digest)
			if d.Key != nil {
				w.in("keyData", func() { w.key(under(path, "key"), d.Key) })
			}
		})
	}
	for i := range s.Keys {
		w.in("keyData", func() { w.key(item(under(member, "keys"), i), &s.Keys[i]) })
	}
}

// number writes an element that holds a number which has been checked.
func (w *writer) number(name string, n int) {
	w.open(name)
	w.text(name, strconv.Itoa(n))
}

// key writes what is in keyData.
func (w *writer) key(member string, k *DNSKEY) {
	w.number("flags", int(k.Flags))
	w.number("protocol", int(k.Protocol))
	w.number("alg", int(k.Algorithm))
	// DecodeString passes over line ends, which the schema's type would lose.
	_, err := base64.StdEncoding.Strict().DecodeString(k.PublicKey)
	if err != nil || k.PublicKey == "" || lineFault(k.PublicKey) != "" {
		w.fail(under(member, "publicKey"), "is not in base 64")
	}
	w.open("pubKey")
	w.text("pubKey", k.PublicKey)
}

// secDNSUpdate writes nothing for nil.
func (w *writer) secDNSUpdate(u *SecDNSUpdate) {
	if u == nil {
		return
	}
	has := func(s *SecDNS) bool { return s.MaxSigLife != 0 || len(s.DS)+len(s.Keys) > 0 }
	if !u.RemAll && !has(&u.Rem) && !has(&u.Add) && u.MaxSigLife == 0 {
		w.fail("secDNS", "changes nothing")
	}
	if u.Rem.MaxSigLife != 0 {
		w.fail("secDNS.rem.maxSigLife", "is changed by secDNS.maxSigLife")
	}
	if u.RemAll && has(&u.Rem) {
		w.fail("secDNS.remAll", "does not go with rem")
	}
	urgent := func() {
		if u.Urgent {
			w.attribute("urgent", boolean(true))
		}
	}
	w.extension("secDNS:", "update", nsSecDNS, urgent, func() {
		switch {
		case u.RemAll:
			w.in("rem", func() {
				w.open("all")
				w.text("all", "true") // RFC 5910 section 5.2.5: there is no false
			})
		case has(&u.Rem):
			w.in("rem", func() { w.records("secDNS.rem", &u.Rem) })
		}
		if has(&u.Add) {
			w.in("add", func() { w.dsOrKeys("secDNS.add", &u.Add) })
		}
		if u.MaxSigLife != 0 {
			w.in("chg", func() { w.maxSigLife("secDNS.maxSigLife", u.MaxSigLife) })
		}
	})
}

// ttlInfo asks for times to live.
func (w *writer) ttlInfo(asked bool) {
	if asked {
		w.extension("ttl:", "info", nsTTL, nil, nil)
	}
}

// recordType is ttl:customRRType.
var recordType = regexp.MustCompile(`^(A|[A-Z][A-Z0-9-]*[A-Z0-9])$`)

// ttls writes nothing for none.
func (w *writer) ttls(verb string, all []TTL) {
	if len(all) == 0 {
		return
	}
	w.extension("ttl:", verb, nsTTL, nil, func() {
		for i := range all {
			t, member := &all[i], item("ttl", i)
			w.one(under(member, "for"), t.For, "NS", "DS", "DNAME", "A", "AAAA", "custom")
			for j := range i {
				if all[j].For == t.For { // the schema has one of each, also of custom
					w.fail(under(member, "for"), "is there twice")
				}
			}
			if t.Min != nil || t.Default != nil || t.Max != nil {
				w.fail(member, "has min, default or max, which are only in answers")
			}
			w.open("ttl")
			w.attribute("for", t.For)
			if t.For == "custom" {
				if !recordType.MatchString(t.Custom) {
					w.fail(under(member, "custom"), "is no type of records")
				}
				w.attribute("custom", t.Custom)
			} else if t.Custom != "" {
				w.fail(under(member, "custom"), "is for custom only")
			}
			if t.Seconds == nil {
				w.raw("/>")
				continue
			}
			if *t.Seconds < 0 || *t.Seconds > 1<<31-1 {
				w.fail(under(member, "seconds"), "is not 0 to 2147483647")
			}
			w.text("ttl", strconv.Itoa(*t.Seconds))
		}
	})
}

// restore writes nothing for neither.
func (w *writer) restore(request bool, report *RestoreReport) {
	if !request && report == nil {
		return
	}
	if request && report != nil {
		w.fail("report", "does not go with restore") // RFC 3915 section 4.2.5: it comes after
	}
	op := "request"
	if report != nil {
		op = "report"
	}
	w.extension("rgp:", "update", nsRGP, nil, func() {
		w.open("restore")
		w.attribute("op", op)
		if report == nil {
			w.raw("/>")
			return
		}
		w.raw(">")
		w.in("report", func() { w.report(report) })
		w.close("restore")
	})
}

// report writes what is in report.
func (w *writer) report(r *RestoreReport) {
	text := func(element, member, value string) {
		if value == "" {
			w.fail(under("report", member), "is missing")
		}
		w.check(under("report", member), charFault(value))
		w.open(element)
		w.text(element, value)
	}
	moment := func(member, value string) {
		if !isTime(value) {
			w.fail(under("report", member), "is no time as in 2026-11-30T12:00:00Z")
		}
		w.open(member)
		w.text(member, value)
	}
	text("preData", "preData", r.PreData)
	text("postData", "postData", r.PostData)
	moment("delTime", r.DelTime)
	moment("resTime", r.ResTime)
	text("resReason", "resReason", r.ResReason)
	if n := len(r.Statements); n < 1 || n > 2 {
		w.fail("report.statements", "are not one or two")
	}
	for i, s := range r.Statements {
		text("statement", item("statements", i), s)
	}
	if r.Other != "" {
		text("other", "other", r.Other)
	}
}

// dateTime is an xs:dateTime with a time zone; time.Parse judges the numbers.
var dateTime = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?` +
	`(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$`)

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil && dateTime.MatchString(s) && s[:4] != "0000"
}
