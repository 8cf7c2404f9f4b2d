package frame

import (
	"strings"
	"testing"
)

// offering is a greeting with an svID, and a start and an end of the document around it.
func offering(before, svID, behind string) string {
	return before + inEPP(`<greeting><svID>`+svID+`</svID><svDate>2020-01-01T00:00:00.0Z</svDate><svcMenu><version>1.0</version>`+
		`<lang>fr</lang><objURI>urn:o</objURI><svcExtension><extURI>urn:e</extURI></svcExtension></svcMenu></greeting>`) + behind
}

const latin = `<?xml version="1.0" encoding="ISO-8859-1"?>`

// TestMendGreeting: what is wrong with characters, or outside of the root, is mended.
func TestMendGreeting(t *testing.T) {
	for _, c := range []struct {
		before, svID, behind string
		want                 string // the svID
		reason               Reason
	}{
		{"", "fine", "", "fine", ReasonNone},
		{xmlDecl, "caf\xE9", "", "caf?", BadUTF8},
		{"", "a\x00b\fc\tä", "", "a b c\tä", BadCharacter},
		{"", "a\uFFFFb", "", "a???b", BadCharacter},
		{latin, "caf\xE9 \xC3\xA9", "", "caf? ??", OctetBeyondASCII},
		{latin, "R&D", "", "R?D", BadReference},
		{"<?xml version='1.0' encoding='UTF8MB4'?>", "caf\xE9 é", "", "caf? ??", BadEncoding},
		{"<?xml version='1.1'?>", "é", "", "é", BadDeclaration},
		{"", "R&D &nbsp;&amp;&#0;&#65;&", "", "R?D ?nbsp;&amp;?#0;&#65;?", BadReference},
		{"\n" + xmlDecl, "é", "", "é", LateDeclaration},
		{"\xEF\xBB\xBF\xEF\xBB\xBF", "é", "", "é", TextOutsideRoot},
		{"<!DOCTYPE epp SYSTEM 'epp.dtd'>", "&x;", "", "?x;", DocType},
		{"<!DOCTYPE epp [<!ENTITY x 'y'>]>", "&x;", "", "?x;", DocType},
		{"junk", "", "", "", TextOutsideRoot},
		{"", "s", "\x00", "s", TextOutsideRoot},
		{"", "s", "junk & \xE9\r\n", "s", TextOutsideRoot},
		{"", "s", "<!-- c --> < junk", "s", SecondRoot},
	} {
		payload := offering(c.before, c.svID, c.behind)
		m, mended, err := NewScanner().ScanGreeting([]byte(payload))
		if err != nil || mended != c.reason || m.Kind != KindGreeting {
			t.Errorf("%q: got %v, %v, want mended for %v", payload, mended, err, c.reason)
			continue
		}
		want := offering("", c.want, "")
		if c.reason == ReasonNone {
			want = payload
		}
		if string(m.Payload) != want {
			t.Errorf("%q:\ngot  %q\nwant %q", payload, m.Payload, want)
		}
		g, err := ParseGreeting(m.Payload)
		if err != nil || g.Languages[0] != "fr" || g.ObjectURIs[0] != "urn:o" || g.ExtensionURIs[0] != "urn:e" {
			t.Errorf("%q: got %+v, %v", payload, g, err)
		}
		if at := string(m.Payload[m.SvDate.Start:m.SvDate.End]); at != "2020-01-01T00:00:00.0Z" {
			t.Errorf("%q: got svDate %q", payload, at)
		}
	}
}

// TestMendGreetingDoubt: what is no greeting, or leaves open what it says, is refused for what Scan
// refuses it for.
func TestMendGreetingDoubt(t *testing.T) {
	whole := offering("", "s", "")
	for _, payload := range []string{
		"", "x", "<", "<a", "</", "</a>", "<epp></epp", "\x00" + inHello(""), answered(good) + "\x00",
		"<!-- " + whole + " -->", "<?p " + whole + "?>", whole + whole, whole + "</epp>", "&" + strings.TrimSuffix(whole, "</epp>"),
		offering("", "a<b", ""), offering("", "</svID>", ""), offering("", "<e:x/>", ""), offering("", "<x a='1' a='2'/>", ""),
		string(toUTF16(offering("", "s", "junk"), true)),
	} {
		_, want := NewScanner().Scan([]byte(payload))
		m, mended, err := NewScanner().ScanGreeting([]byte(payload))
		if want == nil || m != nil || mended != ReasonNone || err == nil || err.Error() != want.Error() {
			t.Errorf("%q: got %+v, %v, %v, want %v", payload, m, mended, err, want)
		}
	}
}

// TestMendGreetingLeaves: the octets that came stay as they are.
func TestMendGreetingLeaves(t *testing.T) {
	payload := []byte(offering("\n", "\xE9", "\x00"))
	before := string(payload)
	if _, _, err := NewScanner().ScanGreeting(payload); err != nil || string(payload) != before {
		t.Errorf("got %q, %v", payload, err)
	}
}
