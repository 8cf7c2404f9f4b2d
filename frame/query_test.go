package frame

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQueryExtensions: a query is one as long as each extension in it is known to ask for nothing.
func TestQueryExtensions(t *testing.T) {
	const (
		check    = `<check><d:check xmlns:d="urn:d"><d:name>a.example</d:name></d:check></check>`
		info     = `<info><d:info xmlns:d="urn:d"><d:name>a.example</d:name></d:info></info>`
		poll     = `<poll op="req"/>`
		query    = `<transfer op="query"><d:transfer xmlns:d="urn:d"><d:name>a.example</d:name></d:transfer></transfer>`
		request  = `<transfer op="request"><d:transfer xmlns:d="urn:d"><d:name>a.example</d:name></d:transfer></transfer>`
		fee      = `<f:check xmlns:f="urn:ietf:params:xml:ns:epp:fee-1.0"><f:command name="create"/></f:check>`
		oldFee   = `<f:info xmlns:f="urn:ietf:params:xml:ns:fee-0.6"/>`
		launch   = `<check xmlns="urn:ietf:params:xml:ns:launch-1.0"/>`
		store    = `<n:namestoreExt xmlns:n="http://www.verisign-grs.com/epp/namestoreExt-1.1"/>`
		authInfo = `<a:info xmlns:a="http://www.eurid.eu/xml/epp/authInfo-1.1"><a:request/></a:info>`
		dnssec   = `<s:update xmlns:s="urn:ietf:params:xml:ns:secDNS-1.1"/>`
	)
	more := []string{"urn:x", "http://www.eurid.eu/xml/epp/authInfo-1.1"}
	in := func(verb string, extensions ...string) string {
		return verb + "<extension>" + strings.Join(extensions, "\n<!-- c --> ") + "</extension><clTRID>a</clTRID>"
	}
	tests := []struct {
		inner    string
		want     bool
		withMore bool
	}{
		{check, true, true},
		{in(check), true, true},
		{in(check, fee), true, true},
		{in(check, launch), true, true},
		{in(check, fee, launch, store), true, true},
		{in(check, fee, authInfo), false, true},
		{in(check, authInfo, fee), false, true},
		{in(check, fee, authInfo, dnssec), false, false},
		{in(info, fee), false, false}, // prices are asked for by check
		{in(info, oldFee), true, true},
		{in(info, authInfo), false, true},
		{in(info, dnssec), false, false},
		{in(info, `<x/>`), false, false},                                           // EPP's own namespace
		{in(info, `<x xmlns=""/>`), false, false},                                  // none
		{in(info, `<x xmlns="urn:ietf:params:xml:ns:launch-1.1"/>`), false, false}, // a version that is not known
		{in(info, `<x xmlns="urn:ietf:params:xml:ns:launch-1&#46;0"/>`), true, true},
		{in(info, `<x xmlns="URN:ietf:params:xml:ns:launch-1.0"/>`), false, false},
		{in(info, `<p:x xmlns:p="urn:ietf:params:xml:ns:launch-1.0"><y xmlns="urn:y"/></p:x>`), true, true}, // what is in it is its own
		{`<extension>` + authInfo + `</extension>` + info, false, true},
		{`<extension>` + fee + `</extension>` + check, true, true},
		{in(query, store), true, true},
		{in(query, launch), false, false},
		{in(poll, store), false, false},
		{in(poll, authInfo), false, true},
		{in(request, store), false, false},
		{in(`<create/>`, fee), false, false},
		{in(`<delete><d:x xmlns:d="urn:x"/></delete>`, `<x xmlns="urn:x"/>`), false, false},
	}
	var s Scanner
	for _, tt := range tests {
		m, err := s.Scan([]byte(inCommand(tt.inner)))
		if err != nil {
			t.Errorf("%s: %v", tt.inner, err)
			continue
		}
		if got, withMore := m.Query(nil), m.Query(more); got != tt.want || withMore != tt.withMore {
			t.Errorf("%s: got %v, with more %v; extensions %q", tt.inner, got, withMore, m.Extensions)
		}
	}
}

// TestExtensionsAreTheCommands: a list of one message is not the next one's, and what answers and
// protocol extensions hold is none.
func TestExtensionsAreTheCommands(t *testing.T) {
	var s Scanner
	for _, tt := range []struct {
		doc  string
		want string
	}{
		{inCommand(`<logout/><extension><x xmlns="urn:x"/><y:z xmlns:y="urn:y"><w xmlns="urn:w"/></y:z></extension>`), `["urn:x" "urn:y"]`},
		{inCommand(`<logout/>`), `[]`},
		{inCommand(`<check><extension><x xmlns="urn:x"/></extension></check>`), `[]`},
		{inEPP(`<extension><x xmlns="urn:x"/></extension>`), `[]`},
		{inEPP(`<response><result code="1000"/><extension><x xmlns="urn:x"/></extension></response>`), `[]`},
	} {
		m, err := s.Scan([]byte(tt.doc))
		if err != nil {
			t.Errorf("%s: %v", tt.doc, err)
		} else if got := fmt.Sprintf("%q", m.Extensions); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.doc, got, tt.want)
		}
	}
}

// TestQueryAllocatesNothing: nor does the Scan that finds the extensions.
func TestQueryAllocatesNothing(t *testing.T) {
	var s Scanner
	doc := []byte(inCommand(`<info><d:info xmlns:d="urn:d"/></info><extension><x xmlns="urn:x"/><y xmlns="urn:ietf:params:xml:ns:launch-1.0"/></extension>`))
	more := []string{"urn:a", "urn:x"}
	if n := testing.AllocsPerRun(100, func() {
		if m, err := s.Scan(doc); err != nil || !m.Query(more) || m.Query(nil) {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("got %v allocations", n)
	}
}

// TestQueryCorpus names the queries of other projects that count as transforms.
func TestQueryCorpus(t *testing.T) {
	transforms := map[string]string{
		"requests/domifyeppxml-contact-transfer.query-contact-spec-l137.xml": "it files a legal document",
	}
	var s Scanner
	queries, extended := 0, 0
	for _, r := range readTable(t, "MANIFEST.tsv") {
		m, err := s.Scan(readCorpus(t, r["path"]))
		if err != nil || m.Kind != KindCommand || !IsQuery(m.Command, m.Op) {
			continue
		}
		queries++
		if len(m.Extensions) > 0 {
			extended++
		}
		if _, transform := transforms[r["path"]]; m.Query(nil) == transform {
			t.Errorf("%s: got query %v, with extensions %q", r["path"], !transform, m.Extensions)
		}
	}
	if queries < 80 || extended < 15 {
		t.Errorf("only %d queries, %d with an extension", queries, extended)
	}
}

// TestQueryExtensionsAreDocumented: the page names each of them in the row of its command, without its
// version.
func TestQueryExtensionsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "behaviour.md"))
	if err != nil {
		t.Fatal(err)
	}
	for ns, commands := range readingExtensions {
		name := strings.TrimRight(ns[strings.LastIndexAny(ns, ":/")+1:], "-.0123456789")
		for _, c := range commands {
			_, row, _ := strings.Cut(string(page), "\n| "+c.String()+" | ")
			if row, _, _ = strings.Cut(row, "\n"); !strings.Contains(row, "`"+name) {
				t.Errorf("%s of %v: the row is %q", ns, c, row)
			}
		}
	}
}
