package main

import (
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

func TestIndent(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nested", `<a><b><c>x</c><d/></b></a>`, "<a>\n  <b>\n    <c>x</c>\n    <d/>\n  </b>\n</a>\n"},
		{"declaration and comment", `<?xml version="1.0"?><!-- c --><a><?p i?><b/></a>`, "<?xml version=\"1.0\"?>\n<!-- c -->\n<a>\n  <?p i?>\n  <b/>\n</a>\n"},
		{"old layout goes", "<a>\n\n      <b> x </b>\r\n</a>\n\n", "<a>\n  <b> x </b>\n</a>\n"},
		{"mixed content stays", `<a><b>one <i>two</i> three</b></a>`, "<a>\n  <b>one <i>two</i> three</b>\n</a>\n"},
		{"attributes, references and CDATA stay", `<a x='1' y="&lt;"><b>&#65;<![CDATA[<c>]]></b></a>`, "<a x='1' y=\"&lt;\">\n  <b>&#65;<![CDATA[<c>]]></b>\n</a>\n"},
		{"empty elements", `<a><b></b><c> </c></a>`, "<a>\n  <b></b>\n  <c> </c>\n</a>\n"},
		{"prefixes", `<e:epp xmlns:e="u"><e:hello/></e:epp>`, "<e:epp xmlns:e=\"u\">\n  <e:hello/>\n</e:epp>\n"},
		{"root only", `<a/>`, "<a/>\n"},
		{"broken", `<a><b>`, "<a><b>\n"},
		{"broken at the end", `<a/><`, "<a/><\n"},
		{"end tag first", `</a>`, "</a>\n"},
	} {
		if got := string(indent([]byte(tt.in))); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

// TestIndentLosesNothing: without white space between tags nothing differs.
func TestIndentLosesNothing(t *testing.T) {
	in := `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg lang="en">ok; a  b</msg></result><resData><x:chkData xmlns:x="u"><x:cd><x:name avail="1">é.example</x:name></x:cd></x:chkData></resData><trID><svTRID>s</svTRID></trID></response></epp>`
	lines := strings.Split(string(indent([]byte(in))), "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], " ")
	}
	if got := strings.Join(lines, ""); got != in {
		t.Errorf("got  %s\nwant %s", got, in)
	}
	if len(lines) != 19 {
		t.Errorf("got %d lines, want 19", len(lines))
	}
}

// FuzzIndent: of what the scanner takes, nothing but white space between elements changes, and a
// second pass changes nothing.
func FuzzIndent(f *testing.F) {
	for _, seed := range []string{clitest.OKXML, clitest.GreetingXML, "<a>x<b/> y</a>", "<a> <!-- c --> <b> </b></a>", "<a><![CDATA[ ]]></a>", "<a>&#32;<b/></a>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		got := string(indent([]byte(doc)))
		if strip(got) != strip(doc) {
			t.Fatalf("%q: got %q", doc, got)
		}
		if tokenize([]byte(doc)) == nil {
			return
		}
		if again := string(indent([]byte(got))); again != got {
			t.Fatalf("%q: got %q, then %q", doc, got, again)
		}
	})
}

func strip(s string) string { return strings.Join(strings.Fields(s), "") }

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"<a>\n\té – 漢字\n</a>\n": "<a>\n\té – 漢字\n</a>\n",
		"\x1b[2J\a\x00\x7f":     "&#x1B;[2J&#x7;&#x0;&#x7F;",
		"\u009b2J\u0085":        "&#x9B;2J&#x85;",
		"a\r\nb\rc\n\r":         "a\nb\nc\n\n",
		"\u202ea\u2066\u200b":   "&#x202E;a&#x2066;&#x200B;",
		"\u2028\u00a0\ufeff":    "&#x2028;&#xA0;&#xFEFF;",
		"\xff\xc2":              "\ufffd\ufffd",
		"":                      "",
	} {
		if got := string(visible([]byte(in))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
