package frame

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tokensOf lists what a Walker says of a document, and holds its tokens against the document.
func tokensOf(t *testing.T, payload []byte) []string {
	t.Helper()
	var all []string
	var rest []byte
	w := NewWalker(payload)
	for n := 0; ; n++ {
		k := w.Next()
		if k == TokenNone {
			break
		}
		if n > len(payload) {
			t.Fatalf("%q: more tokens than octets", payload)
		}
		rest = append(rest, w.Raw...)
		var attributes strings.Builder
		if k == TokenStart || k == TokenEmpty {
			for name, value, ok := w.Attribute(); ok; name, value, ok = w.Attribute() {
				fmt.Fprintf(&attributes, " %s=%q", name, AppendAttribute(nil, value))
			}
		}
		switch k {
		case TokenStart:
			all = append(all, fmt.Sprintf("<%s%s>", w.Name, attributes.String()))
		case TokenEmpty:
			all = append(all, fmt.Sprintf("<%s%s>", w.Name, attributes.String()), fmt.Sprintf("</%s>", w.Name))
		case TokenEnd:
			all = append(all, fmt.Sprintf("</%s>", w.Name))
		case TokenText, TokenCDATA:
			all = append(all, fmt.Sprintf("%q", w.AppendText(nil)))
		case TokenComment:
			all = append(all, fmt.Sprintf("<!--%s-->", w.Text))
		case TokenInstruction, TokenDeclaration:
			all = append(all, fmt.Sprintf("<?%s", w.Name))
		}
	}
	if w.Next() != TokenNone || len(rest) > len(payload) || !bytes.Equal(rest, payload[:len(rest)]) {
		t.Fatalf("%q: the tokens are %q", payload, rest)
	}
	return all
}

// startsOf lists what NextStart goes to.
func startsOf(payload []byte) (all []string) {
	w := NewWalker(payload)
	for w.NextStart() != TokenNone {
		all = append(all, string(w.Name))
	}
	return all
}

// tokensOfXML is what encoding/xml says of it.
func tokensOfXML(payload []byte) ([]string, error) {
	name := func(n xml.Name) string {
		if n.Space == "" {
			return n.Local
		}
		return n.Space + ":" + n.Local
	}
	var all []string
	d := NewDecoder(payload)
	for {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			var attributes strings.Builder
			for _, a := range tok.Attr {
				// encoding/xml leaves white space as it is, against XML 1.0 section 3.3.3.
				fmt.Fprintf(&attributes, " %s=%q", name(a.Name), strings.Map(spaced, a.Value))
			}
			all = append(all, fmt.Sprintf("<%s%s>", name(tok.Name), attributes.String()))
		case xml.EndElement:
			all = append(all, fmt.Sprintf("</%s>", name(tok.Name)))
		case xml.CharData:
			all = append(all, fmt.Sprintf("%q", string(tok)))
		case xml.Comment:
			all = append(all, fmt.Sprintf("<!--%s-->", tok))
		case xml.ProcInst:
			all = append(all, "<?"+tok.Target)
		}
	}
}

func spaced(r rune) rune {
	if strings.ContainsRune("\t\r\n", r) {
		return ' '
	}
	return r
}

// parseResultXML is ParseResult as encoding/xml reads.
func parseResultXML(payload []byte) (code int, msg string, err error) {
	var d struct {
		Results []struct {
			Code    int      `xml:"code,attr"`
			Msg     string   `xml:"msg"`
			Reasons []string `xml:"extValue>reason"`
		} `xml:"response>result"`
	}
	if err := NewDecoder(payload).Decode(&d); err != nil {
		return 0, "", err
	}
	if len(d.Results) == 0 {
		return 0, "", errors.New("none")
	}
	r := &d.Results[0]
	return r.Code, strings.Join(append([]string{token(r.Msg)}, tokens(r.Reasons)...), "; "), nil
}

// walkLikeXML holds what a Walker and ParseResult make of a document that Scan accepts against
// encoding/xml, and says whether Scan does. Of any other they only come to an end.
func walkLikeXML(t *testing.T, s *Scanner, payload []byte) bool {
	t.Helper()
	m, err := s.Scan(payload)
	if err != nil {
		tokensOf(t, payload)
		startsOf(payload)
		_, _, _ = ParseResult(payload)
		return false
	}
	want, err := tokensOfXML(m.Payload)
	if err != nil {
		if !oldNames(err, m.Payload) {
			t.Fatalf("%q: accepted, but %v", m.Payload, err)
		}
		return false
	}
	got := tokensOf(t, m.Payload)
	for i := range got {
		// references to white space in a value differ from white space there; encoding/xml's do not
		// tell
		if strings.HasPrefix(got[i], "<") {
			got[i] = strings.NewReplacer(`\n`, " ", `\t`, " ", `\r`, " ").Replace(got[i])
			if i < len(want) {
				want[i] = strings.NewReplacer(`\n`, " ", `\t`, " ", `\r`, " ").Replace(want[i])
			}
		}
	}
	if a, b := strings.Join(got, "|"), strings.Join(want, "|"); a != b {
		t.Fatalf("%q:\ngot  %s\nwant %s", m.Payload, a, b)
	}
	var starts []string
	for _, s := range got {
		if s[0] == '<' && s[1] != '/' && s[1] != '!' && s[1] != '?' {
			starts = append(starts, s[1:1+strings.IndexAny(s[1:], " >")])
		}
	}
	if got := startsOf(m.Payload); !slices.Equal(got, starts) {
		t.Fatalf("%q: got starts %q, want %q", m.Payload, got, starts)
	}
	if m.Kind != KindResponse {
		return true
	}
	code, msg, err := ParseResult(m.Payload)
	wantCode, wantMsg, wantErr := parseResultXML(m.Payload)
	if wantErr != nil || err != nil && wantCode == 0 {
		// for a later result, or an attribute code of another namespace; or an empty code, which
		// encoding/xml takes for 0
		return true
	}
	if err != nil || msg != wantMsg || code != wantCode && code != m.Code {
		t.Fatalf("%q:\ngot  %d %q %v\nwant %d %q", m.Payload, code, msg, err, wantCode, wantMsg)
	}
	return true
}

// results are responses whose words are hard to find.
func results() []string {
	result := func(inside string) string { return inEPP(`<response>` + inside + `</response>`) }
	return []string{
		result(`<result code="1000"/>`),
		result(`<result code="1000"><msg/></result>`),
		result(`<result code="1000"><msg>a</msg><x:msg xmlns:x="u">b</x:msg></result>`),
		result(`<result code="2303"><msg lang='/>'>a<b>not</b>b<![CDATA[ <c> ]]>&amp;&#x20;d<!-- e --></msg><value><x xmlns="u"><msg>no</msg></x></value></result>`),
		result(`<result code="2303"><extValue><value><a xmlns="u"/></value><reason> r1 ` + "\r\n" + `x</reason><reason/></extValue><extValue/><msg>m</msg>` +
			`<extValue><x><reason>no</reason></x><reason>r2</reason></extValue></result><result code="2000"><msg>no</msg></result>`),
		result(`<result code="2303"><msg>m</msg></result><resData><x xmlns="u"><result code="1"><msg>no</msg></result></x></resData>`),
		result(`<x:result xmlns:x="u" code=" 7 "><x:msg>foreign</x:msg></x:result><result code="1000"><msg>m</msg></result>`),
	}
}

func TestParseResultLikeXML(t *testing.T) {
	var s Scanner
	for _, doc := range results() {
		if !walkLikeXML(t, &s, []byte(doc)) {
			t.Errorf("%s: not accepted", doc)
		}
	}
	doc, text := []byte(results()[3]), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { _, _, _ = AppendResult(text, doc) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestResultCodeHasNoPrefix: only the attribute counts that Scan takes the code from.
func TestResultCodeHasNoPrefix(t *testing.T) {
	for _, attributes := range []string{`x:code="abc" code="2306"`, `code="2306" x:code="1000"`} {
		doc := inEPP(`<response><result xmlns:x="u" ` + attributes + `><msg>no</msg></result></response>`)
		if code, msg, err := ParseResult([]byte(doc)); code != 2306 || msg != "no" || err != nil {
			t.Errorf("%s: got %d %q %v", attributes, code, msg, err)
		}
	}
}

// TestWalkCorpus walks all that there is to read, and mutants of it.
func TestWalkCorpus(t *testing.T) {
	var s Scanner
	var docs [][]byte
	for _, r := range readTable(t, "MANIFEST.tsv") {
		docs = append(docs, readCorpus(t, r["path"]))
	}
	hostile, err := os.ReadDir(filepath.Join(corpusDir, "hostile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range hostile {
		docs = append(docs, readCorpus(t, filepath.Join("hostile", f.Name())))
	}
	accepted := 0
	for _, d := range docs {
		if walkLikeXML(t, &s, d) {
			accepted++
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	mutants := 0
	for range 3000 {
		d := bytes.Clone(docs[rng.IntN(len(docs))])
		for range 1 + rng.IntN(3) {
			if len(d) > 0 {
				d[rng.IntN(len(d))] = "<>/&;'\"=! ?-[]a:\r\n"[rng.IntN(18)]
			}
		}
		if walkLikeXML(t, &s, d) {
			mutants++
		}
	}
	if accepted < 300 || mutants < 150 {
		t.Errorf("%d of %d documents and %d mutants were accepted", accepted, len(docs), mutants)
	}
}

func FuzzWalk(f *testing.F) {
	for _, s := range append(seeds(), results()...) {
		f.Add([]byte(s))
	}
	var s Scanner
	f.Fuzz(func(t *testing.T, payload []byte) { walkLikeXML(t, &s, payload) })
}
