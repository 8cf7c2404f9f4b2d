package frame

import (
	"strings"
	"testing"
	"unicode/utf16"
)

const ns = `xmlns="urn:ietf:params:xml:ns:epp-1.0"`

// inEPP puts the content of epp into a document.
func inEPP(content string) string { return `<epp ` + ns + `>` + content + `</epp>` }

// inCommand puts the content of command into a document.
func inCommand(content string) string { return inEPP(`<command>` + content + `</command>`) }

// inHello puts markup where anything well-formed will do.
func inHello(content string) string { return inEPP(`<hello>` + content + `</hello>`) }

// reasonOf scans and gives the reason of the refusal, ReasonNone for none.
func reasonOf(t testing.TB, s *Scanner, payload string) Reason {
	t.Helper()
	m, err := s.Scan([]byte(payload))
	if err == nil {
		if m.Kind == KindNone {
			t.Errorf("%q: accepted without a kind", payload)
		}
		return ReasonNone
	}
	f := err.(*Fault)
	if m != nil || f.Reason == ReasonNone || f.Offset < 0 || f.Offset > len(payload) {
		t.Errorf("%q: got %v, %+v", payload, m, f)
	}
	return f.Reason
}

func TestScanWellFormed(t *testing.T) {
	tests := []struct {
		doc  string
		want Reason
	}{
		{inHello(``), ReasonNone},
		{"\xEF\xBB\xBF" + inHello(``), ReasonNone},
		{" \r\n\t" + inHello(``) + "\r\n ", ReasonNone},
		{"<!-- a --><?p?><?p q?>" + inHello(``) + "<!----><?p  ?>", ReasonNone},
		{"<epp\n\t" + ns + "\r >< hello/></epp>", BadName},
		{"<epp\n\t" + ns + "\r ><hello\n/></epp\t\n\r >", ReasonNone},
		{"<epp " + ns + "><hello/></ epp>", TagMismatch},
		{"<epp " + ns + "><hello / ></epp>", BadTag},

		// Nothing, or not to the end.
		{"", NoRoot},
		{" \n", NoRoot},
		{"\xEF\xBB\xBF", NoRoot},
		{"<!-- x -->", NoRoot},
		{`<?xml version="1.0"?>`, NoRoot},
		{"<", EndsEarly},
		{"</epp>", TagMismatch},
		{"<epp", EndsEarly},
		{"<epp ", EndsEarly},
		{"<epp a", EndsEarly},
		{"<epp a=", BadAttribute},
		{"<epp a='", EndsEarly},
		{"<epp a='b", EndsEarly},
		{"<epp/", BadTag},
		{"<epp>", EndsEarly},
		{"<epp>text", EndsEarly},
		{"<epp><", EndsEarly},
		{"<epp></", EndsEarly},
		{"<epp></epp", EndsEarly},
		{"<epp></epp ", EndsEarly},
		{"<epp></epq>", TagMismatch},
		{"<epp></epp2>", TagMismatch},
		{"<epp></ep>x", TagMismatch},
		{"<a:epp xmlns:a='u'></epp>      ", TagMismatch},
		{inHello(`<a><b></a></b>`), TagMismatch},
		{inHello(``) + inHello(``), SecondRoot},
		{inHello(``) + "x", TextOutsideRoot},
		{"x" + inHello(``), TextOutsideRoot},
		{inHello(``) + "\x00", TextOutsideRoot},
		{inHello(``) + "<![CDATA[]]>", TextOutsideRoot},
		{"<![CDATA[]]>" + inHello(``), TextOutsideRoot},
		{"&#32;" + inHello(``), TextOutsideRoot},

		// The declaration.
		{`<?xml version="1.0"?>` + inHello(``), ReasonNone},
		{`<?xml version='1.0' encoding='utf-8' ?>` + inHello(``), ReasonNone},
		{`<?xml version = "1.0"  encoding = "UTF-8" standalone = "yes"?>` + inHello(``), ReasonNone},
		{`<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + inHello(``), ReasonNone},
		{`<?xml version="1.0" encoding="UTF-8" standalone="no" ?>` + inHello(``), ReasonNone},
		{`<?xml version="1.0" encoding="UTF-8" standalone="No"?>` + inHello(``), BadDeclaration},
		{"\xEF\xBB\xBF" + `<?xml version="1.0" encoding="Utf-8"?>` + inHello(``), ReasonNone},
		{`<?xml version="1.1"?>` + inHello(``), BadDeclaration},
		{`<?xml version=1.0?>` + inHello(``), BadDeclaration},
		{`<?xml?>` + inHello(``), LateDeclaration},
		{`<?xml ?>` + inHello(``), BadDeclaration},
		{`<?xml encoding="UTF-8"?>` + inHello(``), BadDeclaration},
		{`<?xml version="1.0"encoding="UTF-8"?>` + inHello(``), BadDeclaration},
		{`<?xml version="1.0" standalone="yes" encoding="UTF-8"?>` + inHello(``), BadDeclaration},
		{`<?xml version="1.0" encoding="UTF-8"  standalone="yes"` + inHello(``), BadDeclaration},
		{`<?xml version="1.0" encoding="UTF-8" x="y"?>` + inHello(``), BadDeclaration},
		{`<?xml version="1.0" encoding="UTF-8"?x>` + inHello(``), BadDeclaration},
		{` <?xml version="1.0"?>` + inHello(``), LateDeclaration},
		{inHello(`<?xml version="1.0"?>`), LateDeclaration},
		{inHello(`<?XmL p?>`), LateDeclaration},
		{inHello(`<?xmlx?>`), ReasonNone},
		{`<?xml version="1.0" encoding="UTF-16"?>` + inHello(``), WrongEncoding},
		{`<?xml version="1.0" encoding=""?>` + inHello(``), BadEncoding},

		// DOCTYPE.
		{`<!DOCTYPE epp>` + inHello(``), DocType},
		{`<?xml version="1.0"?><!DOCTYPE epp SYSTEM "x">` + inHello(``), DocType},
		{inHello(`<!DOCTYPE epp>`), DocType},
		{inHello(`<!ENTITY x "y">`), BadMarkup},
		{inHello(`<!>`), BadMarkup},

		// Comments, instructions, CDATA.
		{inHello(`<!-- - -->`), ReasonNone},
		{inHello(`<!-- -- -->`), BadComment},
		{inHello(`<!--->`), BadComment},
		{inHello(`<!-- --->`), BadComment},
		{inHello(`<!-- `), BadComment},
		{inHello("<!-- \x01 -->"), BadCharacter},
		{inHello("<!-- é \xC3 -->"), BadUTF8},
		{inHello(`<? p?>`), BadName},
		{inHello(`<?p:q?>`), BadInstruction},
		{inHello(`<?p?q?>`), BadInstruction},
		{inHello(`<?p q`), BadInstruction},
		{inHello("<?p \x1F?>"), BadCharacter},
		{inHello(`<![CDATA[<&]]]]>`), ReasonNone},
		{inHello(`<![CDATA[ `), EndsEarly},
		{inHello(`<![cdata[]]>`), BadMarkup},
		{inHello("<![CDATA[\uFFFF]]>"), BadCharacter},

		// Characters and references.
		{inHello("\t\r\n \u007F\u0080\uD7FF\uE000\uFFFD\U00010000\U0010FFFF"), ReasonNone},
		{inHello("a\x0Bb"), BadCharacter},
		{inHello("\uFFFE"), BadCharacter},
		{inHello("\xED\xA0\x80"), BadUTF8},
		{inHello("\xC0\x80"), BadUTF8},
		{inHello("\xF4\x90\x80\x80"), BadUTF8},
		{inHello("\x80"), BadUTF8},
		{inHello("text ]]> text"), BadText},
		{inHello("text ]] > ]> text ]"), ReasonNone},
		{inHello("&amp;&lt;&gt;&quot;&apos;&#9;&#10;&#13;&#x20;&#x0000000000000041;&#1114111;"), ReasonNone},
		{inHello("&"), BadReference},
		{inHello("&amp"), BadReference},
		{inHello("&Amp;"), BadReference},
		{inHello("&nbsp;"), BadReference},
		{inHello("&;"), BadReference},
		{inHello("&#;"), BadReference},
		{inHello("&#x;"), BadReference},
		{inHello("&#X41;"), BadReference},
		{inHello("&#0;"), BadReference},
		{inHello("&#31;"), BadReference},
		{inHello("&#xD800;"), BadReference},
		{inHello("&#xFFFE;"), BadReference},
		{inHello("&#x110000;"), BadReference},
		{inHello("&#4294967361;"), BadReference},
		{inHello("&#9"), BadReference},
		{inHello("&#12a;"), BadReference},

		// Names.
		{inHello(`<a.-_9/><_/><é·/>`), ReasonNone},
		{inHello(`<-a/>`), BadName},
		{inHello(`<9/>`), BadName},
		{inHello(`<·a/>`), BadName},
		{inHello(`<a×/>`), BadName},
		{inHello(`<:a/>`), BadName},
		{inHello(`<a:/>`), BadName},
		{inHello(`<a:b:c xmlns:a="u"/>`), BadTag},
		{inHello(`<a+/>`), BadTag},
		{inHello(`<x xmlns:a="u"><a:9/></x>`), BadName},
		{inHello(`<xxxxxxxxxxxxxxxxxxxxxxxxxx/>`), ReasonNone},

		// Attributes.
		{inHello(`<x a="1" b='2' c = "3" ` + "d\n=\t'<'/>"), LessThanInValue},
		{inHello(`<x a="'>" b='">' c=""/>`), ReasonNone},
		{inHello(`<x a="1"b="2"/>`), BadTag},
		{inHello(`<x a/>`), BadAttribute},
		{inHello(`<x a=1/>`), BadAttribute},
		{inHello(`<x a="1" a="2"/>`), DuplicateAttribute},
		{inHello(`<x a="&lt;&#60;"/>`), ReasonNone},
		{inHello(`<x a="&"/>`), BadReference},
		{inHello("<x a='\x00'/>"), BadCharacter},
		{inHello("<x a='é\xE9'/>"), BadUTF8},
		{inHello(`<x a='b]]>'/>`), ReasonNone},
		{inHello(`<x a:b:c=""/>`), BadAttribute},

		// Namespaces.
		{inHello(`<p:x/>`), UnboundPrefix},
		{inHello(`<x p:a=""/>`), UnboundPrefix},
		{inHello(`<p:x xmlns:p="u"/><p:x/>`), UnboundPrefix},
		{inHello(`<p:x xmlns:p="u"><p:x/></p:x>`), ReasonNone},
		{inHello(`<x xmlns:p="u" xmlns:q="u" p:a="" q:a=""/>`), DuplicateAttribute},
		{inHello(`<x xmlns:p="u" xmlns:q="&#117;" p:a="" q:a=""/>`), DuplicateAttribute},
		{inHello(`<x xmlns:p="u" xmlns:q="v" p:a="" q:a="" a=""/>`), ReasonNone},
		{inHello(`<x p:a="" xmlns:p="u"/>`), ReasonNone},
		{inHello(`<x xmlns="u" xmlns:p="u" p:a="" a=""/>`), ReasonNone},
		{inHello(`<x xmlns=""/>`), ReasonNone},
		{inHello(`<x xmlns:p=""/>`), BadNamespace},
		{inHello(`<x xmlns:="u"/>`), BadName},
		{inHello(`<x xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:lang="en"/>`), ReasonNone},
		{inHello(`<x xml:lang="en"/><xml:x/>`), ReasonNone},
		{inHello(`<x xmlns:xml="u"/>`), BadNamespace},
		{inHello(`<x xmlns:p="http://www.w3.org/XML/1998/namespace"/>`), BadNamespace},
		{inHello(`<x xmlns="http://www.w3.org/XML/1998/namespace"/>`), BadNamespace},
		{inHello(`<x xmlns="http://www.w3.org/2000/xmlns/"/>`), BadNamespace},
		{inHello(`<x xmlns:xmlns="u"/>`), BadNamespace},
		{inHello(`<xmlns:x/>`), UnboundPrefix},
		{inHello(`<x xmlns="u" xmlns="u"/>`), DuplicateAttribute},
		{inHello(`<x xmlns:p="u" xmlns:p="v"/>`), DuplicateAttribute},
		{inHello(`<averylongprefix:x xmlns:averylongprefix="u"/>`), ReasonNone},
		{inHello(`<averylongprefix:x xmlns:averylongprefiy="u"/>`), UnboundPrefix},
		{inHello(`<eightoct:x xmlns:eightoct="u"><eightoct:y/><eightocx:y/></eightoct:x>`), UnboundPrefix},
	}
	var s Scanner
	for _, tt := range tests {
		if got := reasonOf(t, &s, tt.doc); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.doc, got, tt.want)
		}
	}
}

func TestScanBounds(t *testing.T) {
	many := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	number := func(format string) func(int) string {
		return func(i int) string {
			return strings.ReplaceAll(format, "#", string(rune('a'+i/26))+string(rune('a'+i%26)))
		}
	}
	deep := func(n int) string { return strings.Repeat("<x>", n) + strings.Repeat("</x>", n) }
	tests := []struct {
		name string
		doc  string
		want Reason
	}{
		{"depth", inHello(deep(MaxDepth - 2)), ReasonNone},
		{"depth", inHello(deep(MaxDepth - 1)), TooDeep},
		{"attributes", inHello("<x " + many(MaxAttributes, number(" #=''")) + "/>"), ReasonNone},
		{"attributes", inHello("<x " + many(MaxAttributes+1, number(" #=''")) + "/>"), TooManyAttributes},
		{"namespaces", inHello("<x " + many(MaxNamespaces-1, number(" xmlns:#='u'")) + "/>"), ReasonNone},
		{"namespaces", inHello("<x " + many(MaxNamespaces, number(" xmlns:#='u'")) + "/>"), TooManyNamespaces},
		{"namespaces end", inHello(many(MaxNamespaces*2, number("<x xmlns:#='u'/>"))), ReasonNone},
		{"name", inHello("<" + strings.Repeat("n", MaxName) + "/>"), ReasonNone},
		{"name", inHello("<" + strings.Repeat("n", MaxName+1) + "/>"), NameTooLong},
		{"attribute name", inHello("<x " + strings.Repeat("n", MaxName+1) + "=''/>"), NameTooLong},
	}
	var s Scanner
	for _, tt := range tests {
		if got := reasonOf(t, &s, tt.doc); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		if tt.want != ReasonNone && !tooBig(tt.want) {
			t.Errorf("%v is not TooBig", tt.want)
		}
	}
}

func toUTF16(text string, bigEndian bool) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune("\uFEFF" + text)) {
		if bigEndian {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

func TestScanUTF16(t *testing.T) {
	body := inCommand("<logout/><clTRID>Ab-é例\U0001F600</clTRID>")
	tests := []struct{ in, out string }{
		{body, body},
		{`<?xml version="1.0"?>` + body, `<?xml version="1.0"?>` + body},
		{`<?xml version="1.0" encoding="UTF-16"?>` + body, `<?xml version="1.0"?>` + body},
		{`<?xml version="1.0"  encoding = 'utf-16' standalone="no"?>` + body, `<?xml version="1.0" standalone="no"?>` + body},
	}
	var s Scanner
	for _, tt := range tests {
		for _, big := range []bool{false, true} {
			m, err := s.Scan(toUTF16(tt.in, big))
			if err != nil {
				t.Errorf("%q: %v", tt.in, err)
				continue
			}
			if string(m.Payload) != tt.out {
				t.Errorf("got %q, want %q", m.Payload, tt.out)
			}
			if got := string(m.ClTRID.Value); got != "Ab-é例\U0001F600" {
				t.Errorf("clTRID: got %q", got)
			}
			checkRestore(t, nil, m)
		}
	}
	bad := []struct {
		payload []byte
		want    Reason
	}{
		{append(toUTF16(body, true), 0), BadUTF16},
		{append(toUTF16(body, true), 0xD8, 0), BadUTF16},
		{append(toUTF16(body, true), 0xDC, 0, 0, 0x20), BadUTF16},
		{append(toUTF16(body, true), 0xD8, 0, 0, 0x20), BadUTF16},
		{append(toUTF16(body, true), 0xFF, 0xFE), TextOutsideRoot},
		{toUTF16(`<?xml version="1.0" encoding="UTF-8"?>`+body, true), WrongEncoding},
		{toUTF16(``, true), NoRoot},
		{toUTF16(body, true)[2:], TextOutsideRoot},
	}
	for _, tt := range bad {
		if got := reasonOf(t, &s, string(tt.payload)); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.payload, got, tt.want)
		}
	}
}

// The groups of reasons that tests ask about, beside unclear.

// malformed reports whether the document is not well-formed by XML 1.0 and Namespaces in XML 1.0.
func malformed(r Reason) bool { return r >= BadUTF8 && r <= BadNamespace }

// refused reports whether the document was refused unread: a DOCTYPE, or an encoding that is not
// read.
func refused(r Reason) bool { return r >= DocType && r <= OctetBeyondASCII }

// tooBig reports whether a bound of the Scanner was passed.
func tooBig(r Reason) bool { return r >= TooDeep && r <= NameTooLong }

func TestReasons(t *testing.T) {
	seen := map[string]bool{}
	for i := range numReasons {
		r := Reason(i)
		if text := r.String(); text == "" || seen[text] || text != strings.ToLower(text) {
			t.Errorf("reason %d: text %q", i, text)
		}
		seen[r.String()] = true
		groups := 0
		for _, in := range []bool{malformed(r), refused(r), tooBig(r), r.unclear()} {
			if in {
				groups++
			}
		}
		if groups != 1 && r != ReasonNone {
			t.Errorf("%v is in %d groups", r, groups)
		}
	}
	if got, want := (&Fault{EndsEarly, 7}).Error(), "document ends early: at octet 7"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Reason(255).String(); got != "reason 255" {
		t.Errorf("got %q", got)
	}
}

func TestStrings(t *testing.T) {
	if KindExtension.String() != "extension" || Kind(99).String() != "99" {
		t.Error("Kind.String")
	}
	if CommandOther.String() != "other" || CommandUpdate.String() != "update" || CommandExtension.String() != "extension" {
		t.Error("Command.String")
	}
	if OpAck.String() != "ack" || OpOther.String() != "other" || OpNone.String() != "none" {
		t.Error("Op.String")
	}
	for c := Command(1); int(c) < NumCommands; c++ {
		if want := CommandOf([]byte(c.String())); c != CommandExtension && want != c {
			t.Errorf("%v: reads as %v", c, want)
		}
	}
}
