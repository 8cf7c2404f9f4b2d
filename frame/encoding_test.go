package frame

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
)

// charset is a Scanner.Charset that knows what golang.org/x/text knows.
func charset(name string) *Charset {
	e, err := ianaindex.IANA.Encoding(name)
	m, ok := e.(*charmap.Charmap)
	if err != nil || !ok {
		return nil
	}
	set := new(Charset)
	for i := range set {
		set[i] = m.DecodeByte(byte(i + utf8.RuneSelf))
		if i < 0x20 && strings.HasPrefix(name, "iso-8859-") {
			set[i] = rune(i + utf8.RuneSelf) // IANA's encodings of that name have the C1 controls there
		}
	}
	return set
}

// declaring is a command that declares an encoding. text is in it as it is.
func declaring(encoding, text string) string {
	return `<?xml version="1.0" encoding="` + encoding + `" standalone="no"?>` +
		inCommand(`<info><c:info xmlns:c="urn:c"><c:id>`+text+`</c:id></c:info></info><clTRID>`+text+`-1</clTRID>`)
}

// TestEncodingASCII: a document of ASCII octets is passed as it is under every name of an encoding
// that extends ASCII by single octets, or is UTF-8.
func TestEncodingASCII(t *testing.T) {
	names := []string{"utf-8", "UTF-8", "utf8", "UTF8", "Utf_8", "us-ascii", "US-ASCII", "ASCII", "ansi_x3.4-1968", "ISO-8859-1", "latin1", "Latin-1",
		"ISO8859_1", "windows-1252", "CP1252", "windows-1250", "KOI8-R", "iso-8859-15", "TIS-620", "macintosh", "IBM850"}
	for n := range encodings {
		names = append(names, n, strings.ToUpper(n))
	}
	var s Scanner
	for _, name := range names {
		for _, mark := range []string{"", "\xEF\xBB\xBF"} {
			doc := mark + declaring(name, "a")
			m, err := s.Scan([]byte(doc))
			if mark != "" && !encodingOf([]byte(name)).utf8 {
				if err == nil || err.(*Fault).Reason != WrongEncoding {
					t.Errorf("%q: got %v, want %v", doc, err, WrongEncoding)
				}
				continue
			}
			if err != nil {
				t.Errorf("%q: %v", doc, err)
				continue
			}
			if mark == "" && string(m.Payload) != doc {
				t.Errorf("got %q, want %q", m.Payload, doc)
			}
			checkRestore(t, []byte(doc), m)
		}
	}
}

// TestEncodingRefused: no other encoding is read, be all octets ASCII.
func TestEncodingRefused(t *testing.T) {
	var s Scanner
	for _, name := range []string{"UTF-7", "utf-32", "UCS-2", "UTF-16LE", "Shift_JIS", "EUC-JP", "ISO-2022-JP", "ISO-2022-KR", "HZ-GB-2312", "GB2312", "GBK", "GB18030",
		"Big5", "EUC-KR", "IBM037", "IBM1047", "cp500", "ebcdic-cp-us", "CESU-8", "SCSU", "BOCU-1", "x-user-defined", "iso-8859-12", "iso-8859-99", "iso-8859", "latin", "utf 8", " utf-8",
		"utf-8 ", "8", "", "iso_8859-1:1987", "utf-8\x00", strings.Repeat("utf-8", 5), strings.Repeat("x", 10_000), "\u212AOI8-R", "u\u017F-ascii"} {
		s.Charset = func(string) *Charset { t.Errorf("%q was looked up", name); return nil }
		if got := reasonOf(t, &s, declaring(name, "a")); got != BadEncoding {
			t.Errorf("%q: got %v, want %v", name, got, BadEncoding)
		}
	}
}

// TestEncodingBeyondASCII: what is read as something else than its declaration says is passed on
// without it.
func TestEncodingBeyondASCII(t *testing.T) {
	octets := func(c ...byte) string { return string(c) }
	cut := func(text string) string {
		return strings.Replace(declaring("x", text), ` encoding="x"`, "", 1)
	}
	tests := []struct {
		name, doc, want string
		reason          Reason // where want is empty
		unaided         Reason // without a Charset
	}{
		{"UTF8", declaring("UTF8", "Zoë 例"), declaring("UTF8", "Zoë 例"), ReasonNone, ReasonNone},
		{"US-ASCII that is UTF-8", declaring("US-ASCII", "Zoë 例"), cut("Zoë 例"), ReasonNone, ReasonNone},
		{"the same with a mark", bomOf(declaring("ascii", "Zoë")), bomOf(cut("Zoë")), ReasonNone, ReasonNone},
		{"US-ASCII that is Latin-1", declaring("US-ASCII", octets('Z', 0xEB)), "", BadUTF8, BadUTF8},
		{"Latin-1", declaring("iso-8859-1", octets(0xEB, 'x', 0x85, 0xFF)), cut("\u00EBx\u0085\u00FF"), ReasonNone, OctetBeyondASCII},
		{"by another name", declaring("Latin1", octets(0xEB)), cut("ë"), ReasonNone, OctetBeyondASCII},
		{"that is UTF-8", declaring("ISO-8859-1", "ë"), cut("Ã«"), ReasonNone, OctetBeyondASCII},
		{"Latin-2", declaring("ISO-8859-2", octets(0xB1)), cut("ą"), ReasonNone, OctetBeyondASCII},
		{"control of Latin-2", declaring("ISO-8859-2", octets(0x85)), cut("\u0085"), ReasonNone, OctetBeyondASCII},
		{"Windows", declaring("windows-1252", octets(0x93, 'A', 0x94, 0x80)), cut("“A”€"), ReasonNone, OctetBeyondASCII},
		{"Windows, not IANA's name", declaring("CP1252", octets(0x80)), cut("€"), ReasonNone, OctetBeyondASCII},
		{"Windows, Cyrillic", declaring("windows-1251", octets(0xCF, 0xF0, 0xE8, 0xE2, 0xE5, 0xF2)), cut("Привет"), ReasonNone, OctetBeyondASCII},
		{"no character", declaring("windows-1252", octets(0x81)), "", BadOctet, OctetBeyondASCII},
		{"no character behind others", declaring("windows-1252", strings.Repeat(octets(0x80), 20)+octets('x', 0x9D)), "", BadOctet, OctetBeyondASCII},
		{"not known", declaring("TIS-620", octets(0xA1)), "", OctetBeyondASCII, OctetBeyondASCII},
		{"with a mark", bomOf(declaring("ISO-8859-1", "ë")), "", WrongEncoding, WrongEncoding},
		{"not declared", cut(octets(0xEB)), "", BadUTF8, BadUTF8},
		{"control", declaring("ISO-8859-1", octets(0xEB, 0x01)), "", BadCharacter, OctetBeyondASCII},
	}
	var s Scanner
	for _, tt := range tests {
		for _, set := range []func(string) *Charset{charset, nil} {
			s.Charset = set
			before := strings.Clone(tt.doc)
			want, reason := tt.want, tt.reason
			if set == nil && tt.unaided != ReasonNone {
				want, reason = "", tt.unaided
			}
			m, err := s.Scan([]byte(tt.doc))
			switch {
			case tt.doc != before:
				t.Fatalf("%s: payload changed", tt.name)
			case want == "" && (err == nil || err.(*Fault).Reason != reason):
				t.Errorf("%s: %q: got %v, want %v", tt.name, tt.doc, err, reason)
			case want != "" && err != nil:
				t.Errorf("%s: %q: %v", tt.name, tt.doc, err)
			case want != "" && string(m.Payload) != want:
				t.Errorf("%s: got %q, want %q", tt.name, m.Payload, want)
			case want != "":
				checkRestore(t, nil, m)
			}
		}
	}
}

func bomOf(doc string) string { return string(bomUTF8) + doc }

// TestEncodingOffset: the octet that is wrong is named.
func TestEncodingOffset(t *testing.T) {
	s := Scanner{Charset: charset}
	for at := range 40 {
		doc := []byte(declaring("windows-1252", strings.Repeat("x", 40)))
		i := bytes.Index(doc, []byte("xxx")) + at
		doc[i] = 0x90
		if _, err := s.Scan(doc); err == nil || *err.(*Fault) != (Fault{BadOctet, i}) {
			t.Errorf("octet %d: got %v", i, err)
		}
		s.Charset = nil
		if _, err := s.Scan(doc); err == nil || *err.(*Fault) != (Fault{OctetBeyondASCII, i}) {
			t.Errorf("octet %d: got %v without a charset", i, err)
		}
		s.Charset = charset
	}
}

// TestFirstHigh: octets are looked at eight at a time, and one by one at the end.
func TestFirstHigh(t *testing.T) {
	for n := range 30 {
		for at := range n + 1 {
			p := bytes.Repeat([]byte("x"), n)
			if at < n {
				p[at] = 0x80 | byte(n)
			}
			for from := range at + 1 {
				if got := firstHigh(p, from); got != at {
					t.Errorf("%q from %d: got %d, want %d", p, from, got, at)
				}
			}
		}
	}
}

// TestEncodingNames: what golang.org/x/text knows by a name of ours is what we take it for.
func TestEncodingNames(t *testing.T) {
	known := 0
	seen := map[string]bool{}
	for _, names := range encodingNames {
		of, err := ianaindex.IANA.Encoding(names[0])
		if err != nil {
			t.Errorf("%s: IANA has no such name", names[0])
		}
		if names[0] != nameUTF8 && names[0] != nameASCII && of != nil {
			known++
			m := of.(*charmap.Charmap)
			for c := range byte(utf8.RuneSelf) {
				if m.DecodeByte(c) != rune(c) {
					t.Errorf("%s: octet %x is %x", names[0], c, m.DecodeByte(c))
				}
			}
		}
		for _, n := range names {
			if e, err := ianaindex.IANA.Encoding(n); err == nil && e != of {
				t.Errorf("%s: IANA takes it for another than %s", n, names[0])
			}
			if seen[n] || n != strings.ToLower(n) || len(n) > 24 {
				t.Errorf("%s: twice, too long or not in lower case", n)
			}
			seen[n] = true
		}
	}
	if known < 30 {
		t.Errorf("only %d are known", known)
	}
	for _, m := range charmap.All {
		name, err := ianaindex.MIME.Name(m)
		if _, single := m.(*charmap.Charmap); err == nil && single && charset(name) != nil && !seen[strings.ToLower(name)] &&
			m.(*charmap.Charmap).DecodeByte('<') == '<' {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestEncodingReaders: what reads a payload in full reads it under any name.
func TestEncodingReaders(t *testing.T) {
	for _, name := range []string{"US-ASCII", "utf8", "ISO-8859-1"} {
		declared := fmt.Sprintf(`<?xml version="1.0" encoding="%s"?>`, name)
		g, err := ParseGreeting([]byte(declared + inEPP(`<greeting><svID>x</svID><svcMenu><objURI>urn:d</objURI></svcMenu></greeting>`)))
		if err != nil || !slices.Equal(g.ObjectURIs, []string{"urn:d"}) {
			t.Errorf("%s: greeting: got %+v, %v", name, g, err)
		}
		l, err := ParseLogin([]byte(declared + inCommand(`<login><clID>a</clID><pw>b</pw></login>`)))
		if err != nil || l.ClientID != "a" {
			t.Errorf("%s: login: got %v, %v", name, l, err)
		}
		code, words, err := ParseResult([]byte(declared + inEPP(`<response><result code="1000"><msg>ok</msg></result></response>`)))
		if err != nil || code != 1000 || words != "ok" {
			t.Errorf("%s: result: got %d %q, %v", name, code, words, err)
		}
		events := ParseLoginEvents([]byte(declared + inEPP(`<response><extension><loginSecData xmlns="`+loginSecURI+`"><event type="stat">x</event></loginSecData></extension></response>`)))
		if len(events) != 1 {
			t.Errorf("%s: got events %v", name, events)
		}
	}
}
