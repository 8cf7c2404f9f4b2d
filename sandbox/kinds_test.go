package sandbox

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What all tests together must have made the registry write and carry out, at the least. Without
// these lists a test that is gone, or that writes past the collectors, would leave messages
// unvalidated and nobody would notice. A kind is what kindsOf tells apart.
var (
	wantWritten = []string{
		"greeting", "result 1000", "result 1001", "result 1300", "result 1301", "result 1500", "result 2000", "result 2001", "result 2002",
		"result 2003", "result 2004", "result 2005", "result 2100", "result 2101", "result 2102", "result 2103", "result 2106", "result 2200",
		"result 2201", "result 2202", "result 2300", "result 2301", "result 2302", "result 2303", "result 2304", "result 2305", "result 2306",
		"result 2307", "result 2308", "result 2400", "result 2500", "result 2501", "result 2502",
		"domain-1.0 chkData", "domain-1.0 creData", "domain-1.0 infData", "domain-1.0 renData", "domain-1.0 trnData", "domain-1.0 panData",
		"host-1.0 chkData", "host-1.0 creData", "host-1.0 infData",
		"contact-1.0 chkData", "contact-1.0 creData", "contact-1.0 infData", "contact-1.0 trnData",
		"secDNS-1.1 infData", "rgp-1.0 infData", "rgp-1.0 upData",
		"fee-1.0 chkData", "fee-1.0 creData", "fee-1.0 renData", "fee-1.0 trnData", "fee-1.0 updData", "fee-1.0 delData", "ttl-1.0 infData",
		"fred-1.5 infoResponse", "fred-1.5 resultsList",
		"domain-1.0 name", "host-1.0 name", "contact-1.0 id", "epp-1.0 undef", // what extValue is about
		"msgQ", "msgQ with msg", "panData paResult=0", "panData paResult=1",
		"trStatus pending", "trStatus clientApproved", "trStatus clientRejected", "trStatus clientCancelled", "trStatus serverApproved",
		"rgpStatus addPeriod", "rgpStatus renewPeriod", "rgpStatus transferPeriod", "rgpStatus redemptionPeriod", "rgpStatus pendingRestore",
		"rgpStatus pendingDelete",
		"status ok", "status linked", "status inactive", "status pendingCreate", "status pendingDelete", "status pendingTransfer",
		"status clientHold", "status serverTransferProhibited",
		"without clTRID", "with comments",
	}
	wantAccepted = []string{
		"login", "logout", "poll req", "poll ack", "loginSec-1.0 loginSec", "fred-1.5 extcommand",
		"check domain-1.0", "create domain-1.0", "delete domain-1.0", "info domain-1.0", "renew domain-1.0", "update domain-1.0",
		"transfer request domain-1.0", "transfer query domain-1.0", "transfer approve domain-1.0", "transfer reject domain-1.0", "transfer cancel domain-1.0",
		"check host-1.0", "create host-1.0", "delete host-1.0", "info host-1.0", "update host-1.0",
		"check contact-1.0", "create contact-1.0", "delete contact-1.0", "info contact-1.0", "update contact-1.0", "transfer request contact-1.0",
		"secDNS-1.1 create", "secDNS-1.1 update", "rgp-1.0 update",
		"fee-1.0 check", "fee-1.0 create", "fee-1.0 renew", "fee-1.0 transfer", "fee-1.0 update",
		"ttl-1.0 info", "ttl-1.0 create", "ttl-1.0 update",
	}
)

// wholeRun says whether all tests have been asked for. Only then the lists hold.
func wholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.bench", "test.fuzz", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// missing names what the collector should have and has not.
func (co *collector) missing(want []string) error {
	have := co.kinds()
	var none []string
	for _, kind := range want {
		if have[kind] == 0 {
			none = append(none, kind)
		}
	}
	if len(none) > 0 {
		return fmt.Errorf("none was collected of %s", strings.Join(none, ", "))
	}
	return nil
}

// kindsOf names what is to be told apart in a message: its code, its data, each state that it
// tells; or its command and object.
func kindsOf(doc []byte) []string {
	root, err := parseXML(doc)
	if err != nil || len(root.kids) == 0 {
		return []string{"unreadable"}
	}
	kinds := kindsBelow(root, nil)
	if strings.Contains(string(doc), "<!--") {
		kinds = append(kinds, "with comments")
	}
	if response := root.child("response"); response != nil && response.child("trID").child("clTRID") == nil {
		kinds = append(kinds, "without clTRID")
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

func kindsBelow(n, parent *node) []string {
	var kinds []string
	add := func(words ...string) { kinds = append(kinds, strings.Join(words, " ")) }
	above := ""
	if parent != nil {
		above = parent.local
	}
	switch above {
	case "resData", "extension", "value":
		add(shortName(n.space), n.local)
	case "command":
		if n.local == "extension" || n.local == "clTRID" {
			break
		}
		op, _ := n.attr("op")
		words := append([]string{n.local}, strings.Fields(op)...)
		if len(n.kids) > 0 && n.local != "login" {
			words = append(words, shortName(n.kids[0].space))
		}
		add(words...)
	}
	switch n.local {
	case "greeting", "msgQ":
		add(n.local)
	case "result":
		code, _ := n.attr("code")
		add("result", code)
	case "msg":
		if above == "msgQ" {
			add("msgQ with msg")
		}
	case "trStatus":
		add("trStatus", n.token())
	case "rgpStatus", "status":
		s, _ := n.attr("s")
		add(n.local, s)
	case "name":
		if s, ok := n.attr("paResult"); ok {
			add("panData paResult=" + s)
		}
	}
	for _, k := range n.kids {
		kinds = append(kinds, kindsBelow(k, n)...)
	}
	return kinds
}

// shortName is the last part of a namespace.
func shortName(space string) string { return space[strings.LastIndexAny(space, ":/")+1:] }

func TestKindsOf(t *testing.T) {
	for _, tt := range []struct{ doc, want string }{
		{"<epp/>", "unreadable"},
		{"no", "unreadable"},
		{epp("<hello/>"), ""},
		{epp(`<command><transfer op="query"><d:transfer xmlns:d="urn:ietf:params:xml:ns:domain-1.0"/></transfer><extension><x:y xmlns:x="urn:x:x-1"/></extension></command>`),
			"transfer query domain-1.0; x-1 y"},
		{epp(`<response><result code="1301"/><msgQ count="1" id="1"><msg>m</msg></msgQ><resData><d:panData xmlns:d="urn:ietf:params:xml:ns:domain-1.0">` +
			`<d:name paResult="1">a</d:name></d:panData></resData><trID><svTRID>s</svTRID></trID></response><!-- -->`),
			"domain-1.0 panData; msgQ; msgQ with msg; panData paResult=1; result 1301; with comments; without clTRID"},
	} {
		if got := strings.Join(kindsOf([]byte(tt.doc)), "; "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.doc, got, tt.want)
		}
	}
	var co collector
	co.add([]byte(epp("<greeting/>")))
	if err := co.missing([]string{"greeting", "result 1000"}); err == nil || !strings.Contains(err.Error(), "none was collected of result 1000") {
		t.Errorf("got %v", err)
	}
	if err := co.missing([]string{"greeting"}); err != nil {
		t.Errorf("got %v", err)
	}
}
