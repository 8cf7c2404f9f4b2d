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
		commandXML("<d:pw>"+canary+"</d:pw>") + canary, `<?xml version="1.0" encoding="ISO-8859-1"?>` + commandXML("<d:pw>"+canary+"</d:pw>"),
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
