package audit

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"eppmux/frame"
)

const canary = "cAnArY-7"

// commandXML is a payload around what stands in its object.
func commandXML(inside string) string {
	return headXML + `<command><update><d:update xmlns:d="` + domainURI + `" xmlns:p="urn:p" xmlns:pw="urn:q">` + inside + `</d:update></update></command></epp>`
}

// blank appends a payload as UTF-8 without its secrets. It is false, and appends nothing, where the
// payload cannot be read with certainty.
func blank(dst, payload []byte) ([]byte, bool) {
	var s frame.Scanner
	m, err := s.Scan(payload)
	if err != nil {
		return dst, false
	}
	var b blanker
	if !b.document(m.Payload) {
		return dst, false
	}
	return append(dst, b.out...), true
}

func TestBlank(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`<d:name>a</d:name>`, `<d:name>a</d:name>`},
		{`<d:pw>` + canary + `</d:pw>`, `<d:pw>***</d:pw>`},
		{`<d:pw/>`, `<d:pw>***</d:pw>`},
		{`<p:allocationToken>` + canary + `</p:allocationToken>`, `<p:allocationToken>***</p:allocationToken>`},
		{`<d:authInfo><d:pw roid="x">` + canary + `</d:pw><d:ext><p:x y="` + canary + `"/>` + canary + `</d:ext></d:authInfo><p:z/>`, `<d:authInfo>***</d:authInfo><p:z/>`},
		{`<p:newPW xmlns:p="` + canary + `">` + canary + `</p:newPW>`, `<p:newPW>***</p:newPW>`},
		{`<d:pw><d:pw>` + canary + `</d:pw>` + canary + `</d:pw><d:a/>`, `<d:pw>***</d:pw><d:a/>`},
		{`<d:PW><![CDATA[` + canary + `</d:PW>]]></d:PW>`, `<d:PW>***</d:PW>`},
		{`<d:pw>c&#65;n` + canary + `</d:pw>`, `<d:pw>***</d:pw>`},
		{`<pw:pw>` + canary + `</pw:pw><pw:a>b</pw:a>`, `<pw:pw>***</pw:pw><pw:a>b</pw:a>`},
		{`<d:x a="&lt;1&amp;" pw = '` + canary + `' b="2"/>`, `<d:x a="&lt;1&amp;" pw="***" b="2"/>`},
		{`<d:x p:authInfo="` + canary + `">t</d:x>`, `<d:x p:authInfo="***">t</d:x>`},
		{`<d:x a='>' pw="` + canary + `">t</d:x >`, `<d:x a="&gt;" pw="***">t</d:x >`},
		{`<!-- <d:pw>` + canary + `</d:pw> --><d:a>b</d:a><?x ` + canary + `?>`, `<d:a>b</d:a>`},
		{`<d:a><![CDATA[<pw>` + canary + `</pw>]]></d:a>`, `<d:a>***</d:a>`},
		{`<d:a>&lt;pw>` + canary + `&#x3c;/pw></d:a>`, `<d:a>***</d:a>`},
		{`<d:a><![CDATA[harmless & plain]]></d:a>`, `<d:a><![CDATA[harmless & plain]]></d:a>`},
		{`<d:chg><d:authInfo><d:null/></d:authInfo></d:chg>`, `<d:chg><d:authInfo>***</d:authInfo></d:chg>`},
	} {
		got, ok := blank([]byte("before"), []byte(commandXML(tt.in)))
		if want := "before" + commandXML(tt.want); !ok || string(got) != want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", tt.in, ok, got, want)
		}
	}
}

// TestBlankRefuses: in doubt nothing comes out.
func TestBlankRefuses(t *testing.T) {
	for _, in := range []string{
		"", canary, `<!DOCTYPE epp [<!ENTITY x "` + canary + `">]>` + commandXML("<d:pw>&x;</d:pw>"), commandXML("<d:pw>" + canary),
		commandXML("<d:pw>"+canary+"</d:pw>") + canary, `<?xml version="1.0" encoding="UTF-7"?>` + commandXML("<d:pw>"+canary+"</d:pw>"),
	} {
		if got, ok := blank([]byte("before"), []byte(in)); ok || string(got) != "before" {
			t.Errorf("%s: got %v, %s", in, ok, got)
		}
	}
}

func utf16XML(text string, order binary.AppendByteOrder) []byte {
	out := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, u)
	}
	return out
}

func TestBlankEncodings(t *testing.T) {
	text := commandXML("<d:pw>" + canary + "</d:pw>")
	for name, in := range map[string][]byte{
		"mark": []byte("\ufeff" + text), "declared": []byte(`<?xml version="1.0" encoding="utf-8"?>` + text),
		"UTF-16LE": utf16XML(text, binary.LittleEndian), "UTF-16BE": utf16XML(`<?xml version="1.0" encoding="UTF-16"?>`+text, binary.BigEndian),
	} {
		if got, ok := blank(nil, in); !ok || strings.Contains(string(got), canary) || !strings.Contains(string(got), "<d:pw>***</d:pw>") {
			t.Errorf("%s: got %v, %q", name, ok, got)
		}
	}
}

// FuzzBlank: a canary in a secret element or attribute never comes out, whatever stands around it;
// and what has no secrets comes out as it went in (faults.md row T4).
func FuzzBlank(f *testing.F) {
	f.Add("<d:a>", "", "", "</d:a>", uint8(0))
	f.Add("<!--", ` roid="1"`, "<![CDATA[x]]>", "-->", uint8(1))
	f.Add("<d:a><![CDATA[", "", "<d:b/>", "]]></d:a>", uint8(2))
	f.Add("&lt;", ` a='>'`, "&#x41;", "<?x y?>", uint8(7))
	f.Add(`<d:a b="`, " ", "<p:ext>", `"/>`, uint8(12))
	f.Add("\u00e9", "\n", "<!-- - -->", "</d:update>", uint8(31))
	names := []string{"d:pw", "p:newPW", "d:authInfo", "p:AUTHINFO"}
	f.Fuzz(func(t *testing.T, before, attributes, inside, after string, how uint8) {
		name := names[how&3]
		secret := "<" + name + attributes + ">" + inside + canary + "</" + name + ">"
		if how&4 != 0 {
			secret = `<d:x` + attributes + ` ` + name + `="` + canary + `"/>`
		}
		for _, end := range []string{"</", "/>", "]]>", "-->", "?>", canary} {
			// what may end the secret before the canary
			if strings.Contains(attributes+inside+before, end) && (strings.Contains(attributes+inside, end) || end == canary) {
				return
			}
		}
		if strings.HasSuffix(strings.TrimSpace(attributes), "/") || strings.Contains(after, canary) {
			return
		}
		text := commandXML(before + secret + after)
		payload := []byte(text)
		if how&8 != 0 {
			payload = utf16XML(text, binary.LittleEndian)
		}
		if out, ok := blank(nil, payload); ok && strings.Contains(string(out), canary) {
			t.Fatalf("the canary is in\n%s\nof\n%s", out, text)
		}
		plain := commandXML(before + after)
		if lower := strings.ToLower(before + after); strings.Contains(lower, "pw") || strings.Contains(lower, "auth") || strings.Contains(lower, "password") ||
			strings.Contains(lower, "<!") || strings.Contains(lower, "<?") || strings.Contains(lower, "&") {
			return
		}
		var s frame.Scanner
		if _, err := s.Scan([]byte(plain)); err != nil {
			return
		}
		if out, ok := blank(nil, []byte(plain)); !ok || string(out) != plain {
			t.Fatalf("got %v\n%s\nof\n%s", ok, out, plain)
		}
	})
}

// TestIsSecret: names in any case and with any prefix, and no others.
func TestIsSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"pw": true, "PW": true, "d:pw": true, "x:Pw": true, "newPW": true, "domain:authInfo": true, "AUTHINFO": true, "passwd": true,
		"pwd": true, "password": true, "newPassword": true, "authCode": true, "newAuthInfo": true, "allocationToken": true,
		// The Kelvin sign has k as its lower case.
		"allocationTo\u212Aen": true, "x:allocationTo\u212Aen": true,
		"": false, "p": false, "d:": false, "w": false, "pw2": false, "apw": false, "d:name": false, "pw:name": false, "pass": false,
		"authinformation": false, "allocationtokens": false, "allocationtoken-1.0": false, "auth": false, "new": false, "p\u0175": false,
		"n\u00e9wpw": false, "\u212Aallocationtoken": false,
	} {
		if got := isSecret([]byte(name)); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]bool{"pw": true, "d:pw": true, "xmlns:pw": false, "xmlns:authInfo": false, "xmlns": false} {
		if got := secretAttribute([]byte(name)); got != want {
			t.Errorf("attribute %q: got %v, want %v", name, got, want)
		}
	}
	for name := range secretNames {
		if len(name) > longestSecretName || strings.ToLower(name) != name || !isSecret([]byte(name)) {
			t.Errorf("%q is not found", name)
		}
	}
}

// found gives what is blanked in text after the secrets of inside were found.
func found(inside, text string) string {
	var b blanker
	b.find([]byte(commandXML(inside)))
	return string(b.hide([]byte(text)))
}

// TestHide: a secret is hidden in other texts in each of its forms, unless it is too short to be told
// from other words.
func TestHide(t *testing.T) {
	for _, tt := range []struct{ inside, text, want string }{
		{``, "nothing to hide", "nothing to hide"},
		{`<d:pw>abc</d:pw>`, "abc stays", "abc stays"},
		{`<d:pw>abcd</d:pw>`, "abcd, xabcdy", "***, x***y"},
		{`<d:pw>  abcd
</d:pw>`, "abcd", "***"},
		{`<d:pw>abcd</d:pw><d:pw>abcd</d:pw>`, "abcd", "***"},
		{`<d:pw>abcd</d:pw><d:authInfo>efgh</d:authInfo>`, "abcd efgh ijkl", "*** *** ijkl"},
		{`<d:pw>a&amp;bcd</d:pw>`, "a&bcd or a&amp;bcd", "*** or ***"},
		{`<d:pw>ab  cd</d:pw>`, "ab  cd, ab cd, abcd", "***, ***, abcd"},
		{`<d:pw>ab<d:x/>cdef</d:pw>`, "ab cdef abcdef", "ab *** ab***"},
		{`<d:x pw="abcd"/>`, "abcd", "***"},
		{`<d:x pw="a&#x62;cd"/>`, "abcd a&#x62;cd", "*** a&#x62;cd"},
		{`<d:authInfo roid="EXAMPLE-1" xmlns:z="urn:zzzz">abcd</d:authInfo>`, "EXAMPLE-1 urn:zzzz abcd", "*** urn:zzzz ***"},
		{`<d:authInfo><d:x y="efgh">abcd</d:x></d:authInfo>`, "efgh abcd", "*** ***"},
		{`<d:pw>abcd`, "abcd", "***"}, // not well-formed, and found all the same
		{`<d:name>abcd</d:name>`, "abcd", "abcd"},
	} {
		if got := found(tt.inside, tt.text); got != tt.want {
			t.Errorf("%s in %q: got %q, want %q", tt.inside, tt.text, got, tt.want)
		}
	}
}

// TestManySecrets: up to a bound each is found; beyond it nothing is shown.
func TestManySecrets(t *testing.T) {
	var inside strings.Builder
	for i := range mostKept {
		inside.WriteString("<d:pw>secret-" + string(rune('a'+i)) + "</d:pw>")
	}
	if got, want := found(inside.String(), "secret-a secret-p plain"), "*** *** plain"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	inside.WriteString("<d:pw>secret-z</d:pw>")
	if got := found(inside.String(), "plain"); got != blanked {
		t.Errorf("got %q, want %q", got, blanked)
	}
}

// TestRepeatedInDocument: text and attributes that repeat a secret are blanked in the document that
// holds it, behind it and, once it has been looked for, before it.
func TestRepeatedInDocument(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`<d:pw>cAnArY</d:pw><d:a>x cAnArY</d:a>`, `<d:pw>***</d:pw><d:a>x ***</d:a>`},
		{`<d:a>cAnArY x</d:a><d:pw>cAnArY</d:pw>`, `<d:a>*** x</d:a><d:pw>***</d:pw>`},
		{`<d:pw>cAnArY</d:pw><d:a b="1" c='cAnArY'/>`, `<d:pw>***</d:pw><d:a b="1" c="***"/>`},
		{`<d:pw>cAn ArY</d:pw><d:a b="cAn  ArY">cAn
ArY</d:a>`, `<d:pw>***</d:pw><d:a b="***">***</d:a>`},
		{`<d:pw>cAnArY</d:pw><d:a b="cAn&#65;rY">t</d:a>`, `<d:pw>***</d:pw><d:a b="***">t</d:a>`},
		{`<d:pw>cAnArY</d:pw><d:a>&lt;cAnArY</d:a>`, `<d:pw>***</d:pw><d:a>***</d:a>`},
		{`<d:pw>cAnArY</d:pw><d:a>c<!-- -->AnArY &amp; more</d:a>`, `<d:pw>***</d:pw><d:a>*** &amp; more</d:a>`},
		{`<d:pw>abc</d:pw><d:a>abc</d:a>`, `<d:pw>***</d:pw><d:a>abc</d:a>`},
	} {
		doc := []byte(commandXML(tt.in))
		var b blanker
		b.find(doc)
		if ok := b.document(doc); !ok || string(b.out) != commandXML(tt.want) {
			t.Errorf("%s: got %v\n%s\nwant\n%s", tt.in, ok, b.out, commandXML(tt.want))
		}
		// The secrets of one document are not looked for in the next.
		b.reset()
		plain := commandXML("<d:a>cAnArY cAn ArY</d:a>")
		if ok := b.document([]byte(plain)); !ok || string(b.out) != plain {
			t.Errorf("%s: afterwards got %v\n%s", tt.in, ok, b.out)
		}
	}
}

// TestDocumentIsReadToItsEnd: what the Walker does not read to its end is not shown.
func TestDocumentIsReadToItsEnd(t *testing.T) {
	for _, doc := range []string{"<a><pw>secret", "<a><pw>secret</pw", "<a><!-- ", "<a b='", "<a><![CDATA[secret", "<a><pw>secret</pw></a><"} {
		var b blanker
		if b.document([]byte(doc)) {
			t.Errorf("%s: got %s", doc, b.out)
		}
	}
}
