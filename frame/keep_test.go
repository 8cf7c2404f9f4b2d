package frame

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestBuffersGo: after a Scan that needed much a Scanner gives its memory back, after one that needed
// little it keeps it.
func TestBuffersGo(t *testing.T) {
	small := []byte(inCommand(`<info><d:info xmlns:d="urn:d"><d:name>a&amp;b</d:name></d:info></info>`))
	many := func(n int, before, one, behind string) []byte {
		return []byte(before + strings.Repeat(one, n) + behind)
	}
	const pan = `<o:paTRID><clTRID>a&amp;b</clTRID></o:paTRID>`
	names := many(keepEntries+1, `<epp `+ns+`><command><check><d:check xmlns:d="urn:d">`, `<d:name>a&amp;b</d:name>`, `</d:check></check></command></epp>`)
	extensions := many(keepEntries+1, `<epp `+ns+`><command><logout/><extension>`, `<x/>`, `</extension></command></epp>`)
	trids := many(keepEntries+1, `<epp `+ns+`><response><result code="1000"/><resData><o:x xmlns:o="urn:o">`, pan, `</o:x></resData></response></epp>`)
	texts := []byte(inCommand(`<info><d:info xmlns:d="urn:` + strings.Repeat("&amp;", keepOctets+1) + `"/></info>`))
	wide := []byte{0xfe, 0xff}
	for _, c := range inCommand(obj + `<!--` + strings.Repeat("x", keepOctets) + `-->`) {
		wide = append(wide, byte(c>>8), byte(c))
	}
	s := Scanner{Names: true}
	for name, tt := range map[string]struct {
		big  []byte
		size func() int
		keep int
	}{
		"names": {names, func() int { return cap(s.msg.Names) }, keepEntries}, "paTRIDs": {trids, func() int { return cap(s.msg.PaTRID) }, keepEntries},
		"extensions": {extensions, func() int { return cap(s.msg.Extensions) }, keepEntries},
		"texts":      {texts, func() int { return cap(s.text) }, keepOctets}, "transcript": {wide, func() int { return cap(s.utf8) }, keepOctets},
	} {
		if _, err := s.Scan(tt.big); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := tt.size(); n <= tt.keep {
			t.Errorf("%s: %d needed, no more than %d: the test is too small", name, n, tt.keep)
		}
		m, err := s.Scan(small)
		if err != nil || len(m.Names) != 1 || string(m.Names[0]) != "a&b" || len(m.PaTRID)+len(m.Extensions) != 0 {
			t.Errorf("%s: afterwards got %+v, %v", name, m, err)
		}
		if n := tt.size(); n > tt.keep {
			t.Errorf("%s: %d are kept", name, n)
		}
	}
	kept := &s.msg.Names[0]
	if m, err := s.Scan(small); err != nil || &m.Names[0] != kept {
		t.Errorf("a small buffer is not kept, %v", err)
	}
}

// TestEveryPrefixIsRefused: no document is whole before its end, and a fault lies within.
func TestEveryPrefixIsRefused(t *testing.T) {
	var s Scanner
	for _, doc := range []string{
		`<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n" + inCommand(obj+`<clTRID>a&#x20;b<![CDATA[c]]><!-- d --></clTRID>`),
		inEPP("\n  <response>\n    <result code='1301'>\n      <msg lang=\"en\">a &amp; b</msg></result><trID><svTRID>s</svTRID></trID></response>\n"),
		`<q:epp xmlns:q="u"><q:command><q:poll op="req"/></q:command></q:epp>`,
	} {
		whole := strings.LastIndex(doc, "epp>") + len("epp>")
		for n := range len(doc) {
			m, err := s.Scan([]byte(doc[:n]))
			if n >= whole {
				if err != nil {
					t.Errorf("%q: %v", doc[:n], err)
				}
				continue
			}
			if err == nil {
				t.Fatalf("%q: got %+v", doc[:n], m)
			}
			if f := err.(*Fault); !malformed(f.Reason) || f.Offset < 0 || f.Offset > n || s.EchoClTRID() != nil {
				t.Errorf("%q: got %v, echo %q", doc[:n], f, s.EchoClTRID())
			}
		}
	}
}

// damaged gives documents that are none: cut off, with octets changed, and of marks in any order.
func damaged(rng *rand.Rand) []byte {
	doc := []byte(inEPP(`<response a="b" c = 'd'><result code="1301"><msg lang="en">a &amp; b</msg></result><!-- c --><?x y?><![CDATA[d]]><e/></response>`))
	marks := []string{"<", ">", "</", "/>", "<!--", "-->", "--", "<![CDATA[", "]]>", "<?", "?>", "<!", "&", ";", "=", `"`, "'", " ", "a", ":", "\r", "\xff", "<a ", "</a>", "a='", "&#x", "&lt;"}
	switch rng.IntN(3) {
	case 0:
		return doc[:rng.IntN(len(doc)+1)]
	case 1:
		for range 1 + rng.IntN(4) {
			doc[rng.IntN(len(doc))] = marks[rng.IntN(len(marks))][0]
		}
		return doc
	}
	var b []byte
	for range rng.IntN(20) {
		b = append(b, marks[rng.IntN(len(marks))]...)
	}
	return b
}

// TestWalkDamaged: a Walker of a document that Scan refuses ends, gives octets of it in their order,
// and does not panic, whatever it is asked.
func TestWalkDamaged(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	var text []byte
	for range 10000 {
		doc := damaged(rng)
		w := NewWalker(doc)
		read := 0
		for tok := w.Next(); tok != TokenNone; tok = w.Next() {
			if len(w.Raw) == 0 || string(doc[read:read+len(w.Raw)]) != string(w.Raw) {
				t.Fatalf("%q: got %q at %d", doc, w.Raw, read)
			}
			read += len(w.Raw)
			text = w.AppendText(text[:0])
			if tok == TokenStart || tok == TokenEmpty {
				for _, value, ok := w.Attribute(); ok; _, value, ok = w.Attribute() {
					text = AppendAttribute(text[:0], value)
				}
			}
		}
		if w.Next() != TokenNone || len(w.Raw) > 0 {
			t.Fatalf("%q: goes on behind its end with %q", doc, w.Raw)
		}
		w = NewWalker(doc)
		starts := 0
		for tok := w.NextStart(); tok != TokenNone; tok = w.NextStart() {
			starts++
			if w.Raw[0] != '<' || starts > len(doc) {
				t.Fatalf("%q: start %d is %q", doc, starts, w.Raw)
			}
		}
		if w = NewWalker(doc); w.Root() {
			child := w
			for child.Child("result") != TokenNone {
				text = child.AppendContent(text[:0])
			}
			text = w.AppendContent(text[:0])
		}
		if got, _, ok := AppendResult([]byte("front"), doc); !ok && string(got) != "front" {
			t.Fatalf("%q: got %q of no result", doc, got)
		}
	}
}

// TestAppendTextForms: line ends and references of text, none of CDATA's references, nothing of other
// tokens.
func TestAppendTextForms(t *testing.T) {
	for _, tt := range []struct {
		doc  string
		want []string // of each token
	}{
		{"a\rb\r\nc\n\rd\r", []string{"a\nb\nc\n\nd\n"}},
		{"a&amp;&#13;&#x41;b", []string{"a&\rAb"}},
		{"a&bad;b", []string{"a"}}, // Scan accepts none such: it ends
		{"<![CDATA[a&amp;\r\nb]]>c", []string{"a&amp;\nb", "c"}},
		{"<a b='c'/><!-- d --><?e f?>g</a>", []string{"", "", "", "g", ""}},
	} {
		w := NewWalker([]byte(tt.doc))
		var got []string
		for w.Next() != TokenNone {
			got = append(got, string(w.AppendText(nil)))
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) {
			t.Errorf("%q: got %q, want %q", tt.doc, got, tt.want)
		}
	}
}
