package sandbox

import "testing"

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
