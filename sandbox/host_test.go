package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestHost(t *testing.T) {
	v4, v6 := "<addr>192.0.2.9</addr>", `<addr ip="v6">2001:db8:0::9</addr>`
	play(t, Config{}, []step{
		{verb: "check", body: "H:<name>ns1.example.com</name><name>ns9.example.com</name><name>x</name>", code: 1000, has: `avail="0">ns1|avail="1">ns9|Invalid name`},
		{verb: "create", body: "H:<name>ns9.example.com</name>" + v4 + v6, code: 1000, has: "<host:name>ns9.example.com</|<host:crDate>2031"},
		{verb: "create", body: "H:<name>ns9.example.com</name>" + v4, code: 2302},
		{verb: "info", body: "H:<name>ns9.example.com</name>", code: 1000, has: `<host:addr ip="v4">192.0.2.9</|<host:addr ip="v6">2001:db8::9</|"ok"|!"linked"`},
		{verb: "create", body: "H:<name>ns1.free.com</name>" + v4, code: 2303},
		{verb: "create", body: "H:<name>ns1.taken.com</name>" + v4, code: 2201},
		{verb: "create", body: "H:<name>ns8.example.com</name>", code: 2003},
		{verb: "create", body: "H:<name>ns8.example.com</name>" + v4 + v4, code: 2306},
		{verb: "create", body: "H:<name>ns8.example.com</name><addr>192.0.2</addr>", code: 2005},
		{verb: "create", body: `H:<name>ns8.example.com</name><addr ip="v6">192.0.2.1</addr>`, code: 2005},
		{verb: "create", body: `H:<name>ns8.example.com</name><addr>2001:db8::1</addr>`, code: 2005},
		{verb: "create", body: `H:<name>ns8.example.com</name><addr ip="v6">fe80::1%eth0</addr>`, code: 2005},
		{verb: "create", body: `H:<name>ns8.example.com</name><addr ip="v5">192.0.2.1</addr>`, code: 2005},
		{verb: "create", body: "H:<name>ns8_.example.com</name>" + v4, code: 2005},
		{verb: "create", body: "H:<name>ns1.elsewhere.invalid</name>", code: 1000},
		{verb: "create", body: "H:<name>ns2.elsewhere.invalid</name>" + v4, code: 2306},
		{verb: "create", body: "H:<name>example.com</name>" + v4, code: 1000},
		{verb: "info", body: "D:<name>example.com</name>", code: 1000, has: "<domain:host>example.com</domain:host><domain:host>ns1.example.com"},

		{verb: "update", body: "H:<name>ns9.example.com</name>", code: 2003},
		{verb: "update", body: "H:<name>ns9.example.com</name><rem>" + v4 + v6 + "</rem>", code: 2003},
		{verb: "update", body: "H:<name>ns9.example.com</name><add>" + v4 + "</add>", code: 2306},
		{verb: "update", body: "H:<name>ns9.example.com</name><rem><addr>192.0.2.99</addr></rem>", code: 2306},
		{verb: "update", body: "H:<name>ns9.example.com</name><add><addr>192.0.2.10</addr></add><rem>" + v4 + "</rem>", code: 1000},
		{verb: "update", body: `H:<name>ns9.example.com</name><add><status s="clientDeleteProhibited"/></add>`, code: 1000},
		{verb: "delete", body: "H:<name>ns9.example.com</name>", code: 2304},
		{verb: "update", body: `H:<name>ns9.example.com</name><add><status s="clientUpdateProhibited"/></add><rem><status s="clientDeleteProhibited"/></rem>`, code: 1000},
		{verb: "update", body: `H:<name>ns9.example.com</name><add>` + v4 + `</add>`, code: 2304},
		{verb: "info", body: "H:<name>ns9.example.com</name>", code: 1000, has: `192.0.2.10|!192.0.2.9<|"clientUpdateProhibited"|!"ok"|<host:upID>demo`},
		{verb: "update", body: `H:<name>ns9.example.com</name><rem><status s="clientUpdateProhibited"/></rem>`, code: 1000},
		{who: "other", verb: "update", body: "H:<name>ns9.example.com</name><add>" + v4 + "</add>", code: 2201},
		{verb: "info", body: "H:<name>ns9.example.com</name>", code: 1000, has: "<host:clID>demo"},
		{verb: "delete", body: "H:<name>ns9.example.com</name>", code: 2201},

		{who: "demo", verb: "delete", body: "H:<name>ns1.example.com</name>", code: 2305},
		{verb: "delete", body: "H:<name>ns9.example.com</name>", code: 1000},
		{verb: "info", body: "D:<name>example.com</name>", code: 1000, has: "!ns9"},
		{verb: "delete", body: "H:<name>ns9.example.com</name>", code: 2303},
		{verb: "renew", body: "H:<name>ns1.example.com</name>", code: 2101},
		{verb: `transfer op="query"`, body: "H:<name>ns1.example.com</name>", code: 2101},
	})
}

// TestHostRename: a new name is carried into the domains that use the host.
func TestHostRename(t *testing.T) {
	rename := func(from, to string) string {
		return "H:<name>" + from + "</name><chg><name>" + to + "</name></chg>"
	}
	play(t, Config{}, []step{
		{verb: "update", body: rename("ns1.example.com", "ns2.example.com"), code: 2302},
		{verb: "update", body: rename("ns1.example.com", "a.taken.com"), code: 2201},
		{verb: "update", body: rename("ns1.example.com", "a.free.com"), code: 2303},
		{verb: "update", body: rename("ns1.example.com", "a..b"), code: 2005},
		// it has addresses
		{verb: "update", body: rename("ns1.example.com", "ns1.elsewhere.invalid"), code: 2306},
		{verb: "update", body: rename("ns1.example.com", "dns.example.net"), code: 1000},
		{verb: "info", body: "D:<name>served.com</name>", code: 1000, has: "hostObj>dns.example.net|!ns1.example.com"},
		{verb: "info", body: "D:<name>example.com</name>", code: 1000, has: "!ns1.example.com"},
		{verb: "info", body: "D:<name>example.net</name>", code: 1000, has: "<domain:host>dns.example.net<"},
		{verb: "info", body: "H:<name>ns1.example.com</name>", code: 2303},
		{verb: "info", body: "H:<name>dns.example.net</name>", code: 1000, has: `"linked"|"ok"`},
		{who: "other", verb: "update", body: "D:<name>taken.com</name><add><ns><hostObj>dns.example.net</hostObj></ns></add>", code: 1000},
		{who: "demo", verb: "update", body: rename("dns.example.net", "dns.example.org"), code: 2305},
	})
}

// addrs makes the elements of n different addresses.
func addrs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<addr>192.0.2.%d</addr>", i+1)
	}
	return b.String()
}

// TestHostAddressLimits: a host below a zone has 1 to 13 addresses, others none, whether by create
// or by update. RFC 5732 section 2.5.
func TestHostAddressLimits(t *testing.T) {
	inside, outside := "H:<name>many.example.com</name>", "H:<name>ns.elsewhere.invalid</name>"
	play(t, Config{}, []step{
		{verb: "create", body: inside + addrs(14), code: 2306, has: "too many addr"},
		{verb: "create", body: inside, code: 2003, has: "<reason>addr<"},
		{verb: "create", body: inside + addrs(13), code: 1000},
		{verb: "update", body: inside + "<add><addr>198.51.100.1</addr></add>", code: 2306},
		{verb: "update", body: inside + "<add><addr>198.51.100.1</addr></add><rem><addr>192.0.2.13</addr></rem>", code: 1000},
		{verb: "info", body: inside, code: 1000, has: "192.0.2.12<|198.51.100.1<|!192.0.2.13<"},
		{verb: "update", body: inside + "<add>" + `<addr ip="v6">2001:DB8::1</addr>` + "</add><rem><addr>192.0.2.1</addr></rem>", code: 1000},
		{verb: "update", body: inside + `<add><addr ip="v6">2001:db8:0::1</addr></add>`, code: 2306, has: "2001:db8::1 is there already"},
		{verb: "update", body: inside + `<rem><addr ip="v6">2001:0db8::0001</addr></rem>`, code: 1000},
		{verb: "update", body: inside + "<add><addr>one</addr></add>", code: 2005},
		{verb: "update", body: inside + "<rem><addr>one</addr></rem>", code: 2005},
		{verb: "create", body: outside + addrs(1), code: 2306},
		{verb: "create", body: outside, code: 1000},
		{verb: "update", body: outside + "<add>" + addrs(1) + "</add>", code: 2306},
		{verb: "info", body: outside, code: 1000, has: "!host:addr"},
	})
}

// TestHostCheck: RFC 5732 section 3.1.1: a name is available unless it exists or cannot be a name;
// the superordinate domain does not matter.
func TestHostCheck(t *testing.T) {
	play(t, Config{}, []step{
		{verb: "check", body: "H:<name>NS1.example.com</name><name>ns.free.com</name><name>ns.taken.com</name>", code: 1000,
			has: `avail="0">NS1.example.com<|avail="1">ns.free.com<|avail="1">ns.taken.com<`},
		{verb: "check", body: "H:<name>ns_1.example.com</name><name>localhost</name>", code: 1000, has: `avail="0">ns_1|avail="0">localhost|Invalid name|!avail="1"`},
		{verb: "check", body: "H:" + strings.Repeat("<name>a.com</name>", 50), code: 1000},
		{verb: "check", body: "H:" + strings.Repeat("<name>a.com</name>", 51), code: 2306},
		{verb: "info", body: "H:<name>ns_1.example.com</name>", code: 2005},
		{verb: "delete", body: "H:<name>localhost</name>", code: 2005},
		{verb: "info", body: "H:<name>NS1.EXAMPLE.COM</name>", code: 1000, has: "<host:name>ns1.example.com<"},
	})
}

// TestHostUpdateWhole: an update is carried out as a whole or not at all, a new name included.
func TestHostUpdateWhole(t *testing.T) {
	name := "H:<name>ns2.example.com</name>"
	rename := func(to string) string { return "<chg><name>" + to + "</name></chg>" }
	var steps []step
	for _, tt := range []struct {
		change string
		code   int
	}{
		{"<add><addr>198.51.100.1</addr></add>" + rename("ns1.example.com"), 2302},
		{"<add><addr>198.51.100.1</addr></add>" + rename("ns.taken.com"), 2201},
		{"<add><addr>198.51.100.1</addr></add>" + rename("ns.free.com"), 2303},
		{"<add><addr>198.51.100.1</addr></add>" + rename("ns"), 2005},
		{`<add><addr>198.51.100.1</addr><status s="serverUpdateProhibited"/></add>` + rename("ns3.example.com"), 2306},
		{"<rem><addr>192.0.2.2</addr></rem>" + rename("ns3.example.com"), 2003},
		{rename("ns3.elsewhere.invalid"), 2306},
		{`<add><status s="clientHold"/></add>`, 2005},
		{"<chg></chg>", 2003},
	} {
		steps = append(steps,
			step{verb: "update", body: name + tt.change, code: tt.code},
			step{verb: "info", body: name, code: 1000, has: "192.0.2.2<|!198.51.100.1|!upID|!Prohibited"},
			step{verb: "info", body: "D:<name>served.com</name>", code: 1000, has: "hostObj>ns2.example.com<|!ns3"})
	}
	play(t, Config{}, append(steps,
		// To a name outside, if the addresses go with it.
		step{verb: "update", body: name + "<rem><addr>192.0.2.2</addr></rem>" + rename("ns3.elsewhere.invalid"), code: 1000},
		step{verb: "info", body: name, code: 2303},
		step{verb: "info", body: "H:<name>ns3.elsewhere.invalid</name>", code: 1000, has: `!host:addr|"linked"|upID>demo<`},
		step{verb: "info", body: "D:<name>served.com</name>", code: 1000, has: "hostObj>ns1.example.com<|hostObj>ns3.elsewhere.invalid<"},
		step{verb: "info", body: "D:<name>example.com</name>", code: 1000, has: "<domain:host>ns1.example.com<|!ns2.example.com"},
		// And back.
		step{verb: "update", body: "H:<name>ns3.elsewhere.invalid</name><add>" + addrs(1) + "</add>" + rename("ns2.example.com"), code: 1000},
		step{verb: "info", body: "D:<name>example.com</name>", code: 1000, has: "<domain:host>ns1.example.com</domain:host><domain:host>ns2.example.com<"},
		// the name is free again
		step{verb: "create", body: "H:<name>ns3.elsewhere.invalid</name>", code: 1000},
	))
}

// TestHostStatusProhibits: RFC 5732 section 2.3: prohibitions of client and server, and the update
// that lifts its own.
func TestHostStatusProhibits(t *testing.T) {
	name := "H:<name>ns9.example.com</name>"
	set := func(op, s string) string { return name + "<" + op + `><status s="` + s + `"/></` + op + ">" }
	play(t, Config{}, []step{
		{verb: "create", body: name + addrs(1), code: 1000},
		{verb: "update", body: set("add", "clientDeleteProhibited"), code: 1000},
		{verb: "delete", body: name, code: 2304, has: "clientDeleteProhibited"},
		{verb: "update", body: name + "<add><addr>198.51.100.1</addr></add>", code: 1000},
		{verb: "update", body: set("add", "clientUpdateProhibited"), code: 1000},
		{verb: "update", body: set("rem", "clientDeleteProhibited"), code: 2304, has: "clientUpdateProhibited"},
		{verb: "update", body: name + `<rem><status s="clientDeleteProhibited"/><status s="clientUpdateProhibited"/></rem>`, code: 1000},
		{verb: "update", body: set("add", "linked"), code: 2306},
		{verb: "update", body: set("rem", "ok"), code: 2306},
		{verb: "update", body: set("add", "clientTransferProhibited"), code: 2005},
		{verb: "delete", body: name, code: 1000},
	})
}

// TestHostOfPendingDomain: below a domain that is on its way out, or not yet approved, no host can
// be made, by create or by a new name.
func TestHostOfPendingDomain(t *testing.T) {
	play(t, Config{PendingDelay: time.Hour}, []step{
		{verb: "create", body: "D:<name>pending-a.com</name>" + pw, code: 1001},
		{verb: "create", body: "H:<name>ns.pending-a.com</name>" + addrs(1), code: 2304, has: "domain pending-a.com is pending"},
		{verb: "delete", body: "D:<name>served.com</name>", code: 1001},
		{verb: "create", body: "H:<name>ns.served.com</name>" + addrs(1), code: 2304, has: "domain served.com is pending"},
		{verb: "update", body: "H:<name>ns1.example.com</name><chg><name>ns1.served.com</name></chg>", code: 2304},
		{who: "other", verb: "create", body: "H:<name>ns.served.com</name>" + addrs(1), code: 2201},
		{wait: time.Hour},
		{who: "demo", verb: "create", body: "H:<name>ns.pending-a.com</name>" + addrs(1), code: 1000},
		{verb: "delete", body: "D:<name>pending-a.com</name>", code: 2305, has: "host ns.pending-a.com"},
	})
}
