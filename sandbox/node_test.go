package sandbox

import (
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestParseXMLRefuses(t *testing.T) {
	for _, doc := range []string{
		"", " ", "a", "<a", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a/>x", "x<a/>", "<a><b></a></b>",
		"<a b='1' b='2'/>", "<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>", "<x:a/>", "<a x:b='1'/>", "<a xmlns:x=''/>",
		"<x:a xmlns:x='u'></y:a>", "<x:a xmlns:x='u' xmlns:y='u'></y:a>", "<a:b:c xmlns:a='u'/>", "<:a/>", "<a:/>",
		"<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a>&b;</a>", "<a>&#0;</a>", "<a>\x01</a>", "<a>\xff</a>",
		"<a/><?xml version='1.0'?>", " <?xml version='1.0'?><a/>", "<?xml version='1.0' encoding='latin1'?><a>\xE9</a>",
		"<?xml version='1.0' encoding='latin1'?><a>é</a>", "<?xml version='1.0' encoding='utf-7'?><a/>",
		"<?xml version='1.0' encoding='UTF-16'?><a/>", "<a>]]></a>", "<a b='<'/>", "<a b=c/>", "<!-- -- --><a/>",
		strings.Repeat("<a>", 200) + strings.Repeat("</a>", 200),
		"<a " + strings.Repeat("x='1' ", 2000) + "/>",
	} {
		if n, err := parseXML([]byte(doc)); err == nil {
			t.Errorf("%.60q gave %v", doc, n)
		}
	}
}

// TestParseXMLEndTag: a developer is told which tags do not match, as they stand in the message.
func TestParseXMLEndTag(t *testing.T) {
	for doc, want := range map[string]string{
		"<a></b>": `element "a" closed by "b"`,
		"<x:pw xmlns:x='u' xmlns:y='u'>...</y:pw>": `element "x:pw" closed by "y:pw"`,
		"<pw xmlns='u' xmlns:y='u'>...</y:pw>":     `element "pw" closed by "y:pw"`,
		"<e xmlns:x='u'><x:pw>...</pw><x:pw/></e>": `element "x:pw" closed by "pw"`,
	} {
		if _, err := parseXML([]byte(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", doc, err, want)
		}
	}
}

func TestParseXMLNames(t *testing.T) {
	for _, doc := range []string{
		`<a xmlns="u"><b c="1">x</b></a>`,
		`<p:a xmlns:p="u"><p:b c="1">x</p:b></p:a>`,
		`<p:a xmlns:p="v" xmlns="u" xmlns:q="v"><b/></p:a>`,
		`<?xml version="1.0"?><!-- c --><a xmlns="u"><b xmlns="u" c="&#49;"><![CDATA[x]]></b><?pi?></a> <!-- d -->`,
		"\ufeff<a xmlns=\"u\"><q:b c='1' xmlns:q=\"u\">x</q:b></a>",
		`<?xml version="1.0" encoding="ISO-8859-1"?><a xmlns="u"><b c="1">x</b></a>`,
		`<?xml version="1.0" encoding="us-ascii"?><a xmlns="u"><b c="1">x</b></a>`,
		`<?xml version="1.0" encoding="utf8"?><a xmlns="u"><b c="1">é</b></a>`,
	} {
		root, err := parseXML([]byte(doc))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		if root.local != "a" || root.child("b") == nil || root.kids[0].space != "u" {
			t.Errorf("%s: %+v", doc, root)
		}
		if v, ok := root.child("b").attr("c"); ok && v != "1" {
			t.Errorf("%s: c = %q", doc, v)
		}
	}
}

func TestParseXMLUTF16(t *testing.T) {
	doc := `<?xml version="1.0" encoding="UTF-16"?><a>` + "\U0001F600é" + `</a>`
	for name, order := range map[string]binary.AppendByteOrder{"be": binary.BigEndian, "le": binary.LittleEndian} {
		b := order.AppendUint16(nil, 0xfeff)
		for _, u := range utf16.Encode([]rune(doc)) {
			b = order.AppendUint16(b, u)
		}
		n, err := parseXML(b)
		if err != nil || n.text != "\U0001F600é" {
			t.Errorf("%s: %v %v", name, n, err)
		}
	}
}

func TestText(t *testing.T) {
	n := &node{text: " a\t b\r\nc "}
	if got := n.token(); got != "a b c" {
		t.Errorf("token %q", got)
	}
	if got := n.line(); got != " a  b  c " {
		t.Errorf("line %q", got)
	}
	var none *node
	if none.token() != "" || none.line() != "" || none.child("x") != nil || none.children("x") != nil {
		t.Error("nil node")
	}
}

// FuzzParseXML: no panic, and agreement with encoding/xml's own walk where that accepts.
func FuzzParseXML(f *testing.F) {
	f.Add([]byte(checkFrame))
	f.Add([]byte("<a xmlns:x='u'><x:b c='1'>t</x:b></a>"))
	f.Add([]byte("<a><![CDATA[x]]>&amp;<?p i?></a>"))
	f.Fuzz(func(t *testing.T, p []byte) {
		readRequest(p)
		root, err := parseXML(p)
		if err != nil {
			return
		}
		ours := count(root)
		p, wide := transcode(p)
		if wide {
			return
		}
		d := xml.NewDecoder(strings.NewReader(string(p)))
		d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
		theirs := 0
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("we accept what encoding/xml does not: %v", err)
			}
			if _, ok := tok.(xml.StartElement); ok {
				theirs++
			}
		}
		if ours != theirs {
			t.Fatalf("%d elements, encoding/xml has %d", ours, theirs)
		}
	})
}

func count(n *node) int {
	sum := 1
	for _, k := range n.kids {
		sum += count(k)
	}
	return sum
}
