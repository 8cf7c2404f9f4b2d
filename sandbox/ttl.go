package sandbox

import (
	"slices"
	"strconv"
	"strings"
)

// ttls are the times to live of an object, by type of record (RFC 9803). It has those that are not
// the default, in the order in which they came. It is replaced, never written to.
type ttls []ttl

// ttl is the time to live, in seconds, of the records of one type.
type ttl struct {
	records string
	seconds string // without sign and leading zeros
}

// The bounds of a time to live and its default, in seconds.
const (
	minTTL     = 60
	maxTTL     = 172800
	defaultTTL = 86400
)

// The types of records that objects have times to live for.
var (
	domainTTLs = []string{"NS", "DS"}
	hostTTLs   = []string{"A", "AAAA"}
)

// changed returns t with the extension of a create or update carried out, if there is one. An empty
// value stands for the default. RFC 9803 section 2.2: a type that is not served is 2306, and a value
// out of bounds 2004.
func (t ttls) changed(c *call, served []string) (ttls, *fault) {
	e := c.extension(nsTTL)
	if e == nil {
		return t, nil
	}
	out := slices.Clone(t)
	for _, n := range e.children("ttl") {
		records, _ := n.attr("for")
		if !slices.Contains(served, records) {
			return t, &fault{codePolicy, "no ttl for " + records}
		}
		out = slices.DeleteFunc(out, func(x ttl) bool { return x.records == records })
		if n.token() == "" {
			continue
		}
		if code := number(minTTL, maxTTL)(n.token()); code != 0 {
			return t, &fault{code, "ttl for " + records}
		}
		out = append(out, ttl{records, plain(n)})
	}
	return out, nil
}

// show returns infData of ttl, empty if it was not asked for. RFC 9803 section 2.1.1: with policy, all
// types with their bounds, else those that have a value of their own.
func (t ttls) show(c *call, served []string) string {
	e := c.extension(nsTTL)
	if e == nil {
		return ""
	}
	policy, _ := e.attr("policy")
	all := policy == "1" || policy == "true"
	if !all && len(t) == 0 {
		return "" // the schema demands one ttl
	}
	return wrap("ttl", nsTTL, "infData", func(x *xmlText) {
		for _, records := range served {
			i := slices.IndexFunc(t, func(x ttl) bool { return x.records == records })
			switch {
			case i < 0 && !all:
				continue
			case !all:
				x.elAttr("ttl:ttl", "for", records, t[i].seconds)
				continue
			}
			x.raw(`<ttl:ttl for="` + records + `" min="` + strconv.Itoa(minTTL) +
				`" default="` + strconv.Itoa(defaultTTL) +
				`" max="` + strconv.Itoa(maxTTL) + `">`)
			if i >= 0 {
				x.text(t[i].seconds)
			}
			x.raw("</ttl:ttl>")
		}
	})
}

// isTTL is the rule for the text of a ttl element, which may be empty.
func isTTL(s string) int {
	if s == "" {
		return 0
	}
	return number(0, 1<<31-1)(s)
}

// onceEach refuses a type of record that comes twice: the schema has them unique.
func onceEach(n *node) *fault {
	var seen []string
	for _, k := range n.kids {
		records, _ := k.attr("for")
		if slices.Contains(seen, records) {
			return &fault{codeSyntax, "two ttl for " + strings.ToUpper(records)}
		}
		seen = append(seen, records)
	}
	return nil
}
