package sandbox

import (
	"slices"
	"strings"
	"testing"
)

// TestReadRequest: what a payload asks for, as far as the session needs to know it.
func TestReadRequest(t *testing.T) {
	object := func(verb string) string {
		return "<" + verb + `><d:` + verb + ` xmlns:d="` + nsDomain + `"><d:name>A.com</d:name></d:` + verb + "></" + verb + ">"
	}
	id := "<clTRID>ID-1</clTRID>"
	for _, tt := range []struct {
		name    string
		payload string
		kind    kind
		verb    string // also of counters, but for extension
		op      string
		clTRID  string
		object  bool
		amiss   string // part of the reason
	}{
		{"hello", epp("<hello/>"), kindHello, "hello", "", "", false, ""},
		{"check", epp("<command>" + object("check") + id + "</command>"), kindCommand, "check", "", "ID-1", true, ""},
		{"without clTRID", epp("<command>" + object("check") + "</command>"), kindCommand, "check", "", "", true, ""},
		{"poll", epp(`<command><poll op="req"/>` + id + "</command>"), kindCommand, "poll", "req", "ID-1", false, ""},
		{"transfer", epp("<command>" + strings.Replace(object("transfer"), "<transfer", `<transfer op=" query "`, 1) + id + "</command>"),
			kindCommand, "transfer", "query", "ID-1", true, ""},
		{"logout", epp("<command><logout/>" + id + "</command>"), kindCommand, "logout", "", "ID-1", false, ""},
		{"two objects", epp("<command><check><a/><b/></check></command>"), kindCommand, "check", "", "", false, ""},
		{"unknown command", epp("<command><renounce/>" + id + "</command>"), kindUnknown, "renounce", "", "ID-1", false, ""},
		{"command of another namespace", epp(`<command><x:check xmlns:x="urn:x"/>` + id + "</command>"), kindUnknown, "check", "", "ID-1", false, ""},
		{"hello within command", epp("<command><hello/></command>"), kindUnknown, "hello", "", "", false, ""},
		{"clTRID of another namespace is a command", epp(`<command><x:clTRID xmlns:x="urn:x">A</x:clTRID>` + id + "</command>"),
			kindUnknown, "clTRID", "", "ID-1", false, ""},

		{"text", epp("<command>x" + object("check") + "</command>"), kindCommand, "check", "", "", true, "no text"},
		{"clTRID first", epp("<command>" + id + object("check") + "</command>"), kindCommand, "check", "", "ID-1", true, "misplaced element clTRID"},
		{"extension first", epp("<command><extension><x/></extension>" + object("check") + "</command>"), kindCommand, "check", "", "", true, "misplaced element extension"},
		{"extension last", epp("<command>" + object("check") + id + "<extension><x/></extension></command>"),
			kindCommand, "check", "", "ID-1", true, "misplaced element extension"},
		{"empty extension", epp("<command>" + object("check") + "<extension/></command>"), kindCommand, "check", "", "", true, "extension takes elements"},
		{"extension with text", epp("<command>" + object("check") + "<extension>x<x/></extension></command>"),
			kindCommand, "check", "", "", true, "extension takes elements"},
		{"clTRID with attribute", epp("<command>" + object("check") + `<clTRID a="b">ID-1</clTRID></command>`),
			kindCommand, "check", "", "ID-1", true, "clTRID takes no attribute a"},
		{"clTRID with foreign attribute", epp("<command>" + object("check") + `<clTRID xmlns:x="urn:x" x:a="b">ID-1</clTRID></command>`),
			kindCommand, "check", "", "ID-1", true, ""},
	} {
		req, f := readRequest([]byte(tt.payload))
		if f != nil {
			t.Errorf("%s: %v", tt.name, *f)
			continue
		}
		if req.kind != tt.kind || req.verb != tt.verb || req.op != tt.op || req.clTRID != tt.clTRID || (req.object != nil) != tt.object || req.longID {
			t.Errorf("%s: got %+v", tt.name, req)
		}
		if (req.amiss != nil) != (tt.amiss != "") || req.amiss != nil && (req.amiss.code != 2001 || !strings.Contains(req.amiss.reason, tt.amiss)) {
			t.Errorf("%s: amiss %+v, want %q", tt.name, req.amiss, tt.amiss)
		}
	}
}

// TestReadRequestDoubt: a payload that leaves a doubt is 2001, and gives back no clTRID that may
// not be the client's. RFC 5730 section 3, code 2001.
func TestReadRequestDoubt(t *testing.T) {
	check := objectXML("check", "D:<name>a.com</name>")
	for _, tt := range []struct {
		name, payload, reason, clTRID string
		long                          bool
	}{
		{"nothing", "", "document is incomplete", "", false},
		{"no XML", "hello", "not well-formed", "", false},
		{"another root", `<EPP xmlns="` + nsEPP + `"><hello/></EPP>`, "root element is not epp", "", false},
		{"another namespace", `<epp xmlns="urn:x"><hello/></epp>`, "root element is not epp", "", false},
		{"no message", epp(""), "one message", "", false},
		{"two messages", epp("<hello/><hello/>"), "one message", "", false},
		{"text beside the message", epp("x<hello/>"), "one message", "", false},
		{"a response", epp("<response/>"), "hello, command or extension", "", false},
		{"no command", epp("<command><clTRID>ID-1</clTRID></command>"), "one command", "ID-1", false},
		{"two commands", epp("<command>" + check + check + "<clTRID>ID-1</clTRID></command>"), "one command", "ID-1", false},
		{"two extensions", epp("<command>" + check + "<extension><x/></extension><extension><x/></extension></command>"), "one extension", "", false},
		{"two ids", epp("<command>" + check + "<clTRID>ID-1</clTRID><clTRID>ID-2</clTRID></command>"), "one clTRID", "", false},
		{"short id", epp("<command>" + check + "<clTRID>ID</clTRID></command>"), "3 to 64", "", false},
		{"blank id", epp("<command>" + check + "<clTRID> \n </clTRID></command>"), "3 to 64", "", false},
		{"long id", epp("<command>" + check + "<clTRID>" + strings.Repeat("é", 65) + "</clTRID></command>"), "3 to 64", "", true},
		{"id with elements", epp("<command>" + check + "<clTRID>ID-1<x/></clTRID></command>"), "clTRID must be a token", "", false},
		{"empty protocol extension", epp("<extension/>"), "empty extension", "", false},
	} {
		req, f := readRequest([]byte(tt.payload))
		if f == nil || f.code != 2001 || !strings.Contains(f.reason, tt.reason) {
			t.Errorf("%s: got %+v, want %q", tt.name, f, tt.reason)
		}
		if req.clTRID != tt.clTRID || req.longID != tt.long {
			t.Errorf("%s: clTRID %q, long %v", tt.name, req.clTRID, req.longID)
		}
	}
}

// TestReadExtensionID: of a protocol extension the deepest clTRID counts, of equally deep ones the
// last, and never one within trID or paTRID, which are ids of others.
func TestReadExtensionID(t *testing.T) {
	for _, tt := range []struct{ inner, want string }{
		{"<a/>", ""},
		{"<clTRID>ID-1</clTRID>", "ID-1"},
		{"<a><clTRID>ID-1</clTRID></a>", "ID-1"},
		{"<clTRID>ID-1</clTRID><a><clTRID>ID-2</clTRID></a>", "ID-2"},
		{"<a><clTRID>ID-1</clTRID></a><clTRID>ID-2</clTRID>", "ID-1"},
		{"<a><clTRID>ID-1</clTRID></a><a><clTRID>ID-2</clTRID></a>", "ID-2"},
		{"<a><trID><clTRID>ID-1</clTRID></trID></a>", ""},
		{"<a><paTRID><clTRID>ID-1</clTRID></paTRID></a><clTRID>ID-2</clTRID>", "ID-2"},
		{"<a><trID><b><clTRID>ID-1</clTRID></b></trID></a>", "ID-1"},
		{"<a><clTRID>I</clTRID></a>", ""},
		{"<a><x:clTRID xmlns:x='urn:x'> ID-1 </x:clTRID></a>", "ID-1"},
	} {
		req, f := readRequest([]byte(epp("<extension>" + tt.inner + "</extension>")))
		if f != nil || req.kind != kindExtension || req.clTRID != tt.want || len(req.ext) == 0 {
			t.Errorf("%s: got %+v, %v, want %q", tt.inner, req, f, tt.want)
		}
	}
}

// TestEchoable: trIDStringType of RFC 5730 takes 3 to 64 characters, whatever their octets.
func TestEchoable(t *testing.T) {
	for id, want := range map[string]bool{
		"": false, "ab": false, "abc": true, "éé": false, "ééé": true,
		strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, strings.Repeat("例", 64): true, strings.Repeat("例", 65): false,
	} {
		if got := echoable(id); got != want {
			t.Errorf("%q: got %v", id, got)
		}
	}
}

// TestRequestNames: what identifies the objects of a command: name and id of its own namespace, in
// lower case for the record.
func TestRequestNames(t *testing.T) {
	for _, tt := range []struct {
		xml   string
		names []string
		key   string
	}{
		{objectXML("check", "D:<name>A.com</name><name>b.COM</name>"), []string{"a.com", "b.com"}, "A.com"},
		{objectXML("check", "C:<id>ABC</id><id>Def</id>"), []string{"abc", "def"}, "ABC"},
		{objectXML("info", "H:<name>ns.a.com</name>"), []string{"ns.a.com"}, "ns.a.com"},
		{objectXML("update", "H:<name>ns.a.com</name><chg><name>other.a.com</name></chg>"), []string{"ns.a.com"}, "ns.a.com"},
		{objectXML("create", "D:<authInfo/><name>a.com</name>"), []string{"a.com"}, ""},
		{`<info><d:info xmlns:d="` + nsDomain + `"><x:name xmlns:x="urn:x">a.com</x:name></d:info></info>`, nil, ""},
		{`<info><d:info xmlns:d="` + nsDomain + `"/></info>`, nil, ""},
		{`<poll op="req"/>`, nil, ""},
	} {
		req, f := readRequest([]byte(epp("<command>" + tt.xml + "</command>")))
		if f != nil {
			t.Fatalf("%s: %v", tt.xml, *f)
		}
		if got := slices.Collect(req.names()); !slices.Equal(got, tt.names) {
			t.Errorf("%s: names %v, want %v", tt.xml, got, tt.names)
		}
		if got := req.key().token(); got != tt.key {
			t.Errorf("%s: key %q, want %q", tt.xml, got, tt.key)
		}
	}
	// A loop over the names may end early.
	req, _ := readRequest([]byte(epp("<command>" + objectXML("check", "D:<name>a.com</name><name>b.com</name>") + "</command>")))
	n := 0
	for range req.names() {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d names after the first", n)
	}
}

// TestRequestClasses: which commands change objects, and which of them Rules.Quota protects.
func TestRequestClasses(t *testing.T) {
	object := map[string]*node{"D": {space: nsDomain}, "H": {space: nsHost}, "C": {space: nsContact}, "": nil}
	for _, tt := range []struct {
		object, verb, op   string
		changes, protected bool
	}{
		{"D", "check", "", false, false},
		{"D", "info", "", false, false},
		{"D", "create", "", true, true},
		{"D", "delete", "", true, true},
		{"D", "renew", "", true, true},
		{"D", "update", "", true, false},
		{"D", "transfer", "request", true, true},
		{"D", "transfer", "query", false, false},
		{"D", "transfer", "approve", true, false},
		{"D", "transfer", "reject", true, false},
		{"D", "transfer", "cancel", true, false},
		{"H", "create", "", true, false},
		{"H", "delete", "", true, false},
		{"C", "create", "", true, false},
		{"C", "transfer", "request", true, false},
		{"", "poll", "req", false, false},
		{"", "login", "", false, false},
	} {
		req := request{kind: kindCommand, verb: tt.verb, op: tt.op, object: object[tt.object]}
		if req.changes() != tt.changes || req.protected() != tt.protected {
			t.Errorf("%s %s %s: changes %v, protected %v", tt.verb, tt.op, tt.object, req.changes(), req.protected())
		}
	}
}

// TestCounterNames: what no command is has a name in the counters as well.
func TestCounterNames(t *testing.T) {
	r := start(t, Config{})
	c := enterWild(t, r, "demo")
	c.ask("<no").want(2001)
	c.ask(epp("<command><renounce/></command>")).want(2000)
	c.ask(epp(`<extension><x:y xmlns:x="urn:x"/></extension>`)).want(2000)
	c.ask(epp("<hello/>"))
	c.ask(epp(`<command><x:check xmlns:x="urn:x"/></command>`)).want(2000)
	n := r.Counters()
	for name, want := range map[string]uint64{"login": 1, "unparseable": 1, "unknown": 2, "extension": 1, "hello": 1, "check": 0, "renounce": 0} {
		if n.Commands[name] != want {
			t.Errorf("%s: counted %d, want %d", name, n.Commands[name], want)
		}
	}
	for name, want := range map[string]uint64{"login": 1, "unparseable": 0, "unknown": 0, "extension": 0, "hello": 0} {
		if n.Executed[name] != want {
			t.Errorf("%s: executed %d, want %d", name, n.Executed[name], want)
		}
	}
}
