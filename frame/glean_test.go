package frame

import (
	"bytes"
	"strings"
	"testing"
)

// answered puts what stands in a response, and its trID, into a document.
func answered(inner string) string {
	return inEPP(`<response>` + inner + `<trID><clTRID>M-1</clTRID><svTRID>S-1</svTRID></trID></response>`)
}

// good is a result of an answer that was carried out.
const good = `<result code="1000"><msg>ok</msg></result>`

// glean refuses payload by the strict way first. It gives "no" where Glean has a doubt, otherwise
// code, clTRID and svTRID.
func glean(t testing.TB, payload string) string {
	t.Helper()
	var s Scanner
	if _, err := s.Scan([]byte(payload)); err == nil {
		t.Errorf("%q: Scan accepts it", payload)
	}
	m, ok := s.Glean([]byte(payload))
	if !ok {
		return "no"
	}
	return strings.Join([]string{string('0' + rune(m.Code/1000)), string(m.ClTRID.Value), payload[m.SvTRID.Start:m.SvTRID.End]}, " ")
}

// TestGlean: what does not touch the frame of the response is no obstacle.
func TestGlean(t *testing.T) {
	for _, payload := range []string{
		answered("<result code=\"1000\"><msg>page\f1</msg></result>"),
		answered("<result code='1000'><msg>\x00</msg></result>"),
		answered("<result code=\"1000\"><msg>caf\xE9</msg></result>"),
		answered(`<result code="1000"><msg>R&D &nbsp; &#0; ]]></msg></result>`),
		answered(`<result code="1000"><msg>a < b <3 <- <b></msg></result>`),
		answered(`<result code="1000"><msg>a</b></msg></result>`),
		answered(`<result code="1000"><value><epp:poll/></value></result>`),
		answered(`<result code="1000"><msg lang="en" lang="en">ok</msg></result>`),
		answered(`<result code="1000"><extValue><value a="<result code='2000'>"/><reason/></extValue></result>`),
		answered(`<result code="1000"><msg><!-- a -- b --></msg></result>`),
		answered(good + `<resData><domain:pw>ab<cd</domain:pw></resData>`),
		answered(good + `<resData><domain:pw>ab<cd ef></domain:pw></resData>`),
		answered(good + `<resData><domain:pw>ab<cd></domain:pw></resData>`),
		answered(good + `<resData><domain:a><domain:b></domain:a></domain:b></resData>`),
		answered(good + `<msgQ count="1" id="a&b"/><extension><x a=b></x></extension>`),
		answered(good + `<resData><x><result code="2000"></x></resData>`),
		answered(good + `<resData><trID><clTRID>M-2</clTRID></trID>&</resData>`),
		answered("\f" + good),
		answered(`<result code="1000"><msg>ok</msg></result><x:y/>`),
		"\n<?xml version=\"1.0\"?>" + answered(good),
		"\xEF\xBB\xBF\xEF\xBB\xBF" + answered(good),
		"<?xml version='1.1'?>" + answered(good),
		"<?xml version='1.0' encoding='UTF-7'?>" + answered(good),
		"<!DOCTYPE epp SYSTEM 'epp.dtd'>" + answered(good),
		"junk" + answered(good),
		answered(good) + "\x00",
		answered(good) + "\x00\x00 junk & more <!-- c --><?p i?>",
		strings.Replace(answered(good), ns, "", 1) + "\x00",
		strings.NewReplacer("</", "</e:", "<", "<e:").Replace(strings.Replace(answered(good), ns, "", 1)),
	} {
		if got := glean(t, payload); got != "1 M-1 S-1" {
			t.Errorf("%q: got %s", payload, got)
		}
	}
}

// TestGleanDoubt: nothing is found where something else may be meant.
func TestGleanDoubt(t *testing.T) {
	for _, payload := range []string{
		"", "<", "</", "<epp", "no answer", "<epp/>", "\x00" + inEPP(""), inEPP("<response/>"), "&" + answered(""),
		"&" + inHello(""), "&" + inEPP("<greeting/>"), "&" + inCommand(good),
		"&" + answered(`<result code="1000"/><result code="1000"/>`),
		"&" + answered(`<result code="2005"/><result code="1000"/>`),
		"&" + answered(`<result code="1000" code="1000"/>`),
		"&" + answered(`<result code="1000" x:code="2000"/>`),
		"&" + answered(`<result code="999"/>`), "&" + answered(`<result code="10000"/>`), "&" + answered(`<result code=" 1000"/>`),
		"&" + answered(`<result code="&#49;000"/>`), "&" + answered(`<result/>`), "&" + answered(`<result code=1000></result>`),
		"&" + answered(`<x:result code="1000"/>`),
		"&" + answered(`<result xmlns="urn:x" code="1000"/>`),
		"&" + answered(`<resData>`+good+`</resData>`),
		"&" + answered(`<!-- `+good+` -->`),
		"&" + answered(`<![CDATA[ `+good+` ]]>`),
		"&" + answered(`<x a="<result code='1000'/>"/>`),
		"&" + answered(`<x a="b>`+good),
		"&" + answered(`<x b>`+good+`</x>`),
		"&" + answered(`<x `+good+`</x>`),
		"&" + answered(`<x>`+good),
		"&" + answered(`<result code="2000"><value><result code="1000"></value>`),
		"&" + answered(`<result code="2000"><value></value></result>`+good),
		"&" + answered(good+`<resData>`),
		"&" + answered(good+`</resData>`),
		"&" + answered(good+`<!-- `),
		"&" + answered(good+`<![CDATA[ `),
		"&" + answered(good+`<? `),
		"&" + answered(good+`<trID></trID>`),
		"&" + answered(good+`<trID/>`),
		"&" + answered(good+`<x:trID></x:trID>`),
		"&" + answered(good+`<!DOCTYPE epp>`),
		"&" + answered(good+`</response><response>`),
		"<!DOCTYPE epp [<!ENTITY a 'b'>]>" + answered(good),
		answered(good) + "&" + answered(good), answered(good) + "<", answered(good) + "</epp>",
		strings.TrimSuffix(answered(good), "</epp>"), strings.TrimSuffix(answered(good), "</response></epp>"),
		"&" + inEPP(`<response>`+good+`<trID><clTRID>a</clTRID><clTRID>b</clTRID></trID></response>`),
		"&" + inEPP(`<response>`+good+`<trID><clTRID>a<b/></clTRID></trID></response>`),
		"&" + inEPP(`<response>`+good+`<trID><clTRID><!-- a -->M-1</clTRID></trID></response>`),
		"&" + inEPP(`<response>`+good+`<trID><clTRID>M-1</trID></response>`),
		"&" + inEPP(`<response>`+good+`<trID><clTRID>M 1</clTRID></trID></response>`),
		"&" + inEPP(`<response>`+good+`<trID><x:clTRID>M-1</x:clTRID></trID></response>`),
		"&" + inEPP(`<response>`+good+`<trID><x><clTRID>M-1</clTRID></trID></response>`),
		"&" + inEPP(`<x:response>`+good+`</x:response>`),
		"&" + answered(`<result code="1000">`+strings.Repeat("<b ", maxBroken+1)+`</result>`),
		"&" + answered(`<result code="1000">`+strings.Repeat("<b>", MaxDepth)+`</result>`),
		string(toUTF16(answered(good)+"&", true)),
	} {
		if got := glean(t, payload); got != "no" {
			t.Errorf("%q: got %s", payload, got)
		}
	}
}

// TestGleanNoID: a clTRID that is empty or not there is none. Several results are those of a failure.
func TestGleanNoID(t *testing.T) {
	for _, trID := range []string{``, `<trID></trID>`, `<trID><clTRID/></trID>`, `<trID><clTRID> </clTRID></trID>`} {
		payload := "&" + inEPP(`<response><result code="2005"/><result code="2004"/>`+trID+`</response>`)
		if got := glean(t, payload); got != "2  " {
			t.Errorf("%q: got %s", payload, got)
		}
		m, _ := new(Scanner).Glean([]byte(payload))
		if id := m.EmptyID; id.Present() != strings.Contains(trID, "clTRID") ||
			id.Present() && !strings.Contains(trID, payload[id.Element.Start:id.Element.End]) {
			t.Errorf("%q: got %+v", payload, id)
		}
	}
}

// TestGleanPaTRID: a paTRID in the data is found, one in the words of the result is not.
func TestGleanPaTRID(t *testing.T) {
	pa := func(id string) string { return `<d:paTRID><clTRID>` + id + `</clTRID></d:paTRID>` }
	payload := []byte("&" + answered(`<result code="1301"><value>`+pa("M-2")+`</value></result><resData><d:panData>`+pa("M-3")+pa(" ")+
		`</d:panData><d:clTRID>M-4</d:clTRID></resData><extension>`+pa(" M-5")+`</extension>`))
	m, ok := new(Scanner).Glean(payload)
	if !ok || len(m.PaTRID) != 2 || string(m.PaTRID[0].Value) != "M-3" || string(m.PaTRID[1].Value) != "M-5" {
		t.Errorf("got %v, %v", ok, m.PaTRID)
	}
}

func TestGleanDoesNotAllocate(t *testing.T) {
	payload, s := []byte("&"+answered(good+`<resData><x>ab<cd</x></resData>`)), NewScanner()
	if n := testing.AllocsPerRun(100, func() { s.Glean(payload) }); n > 0 {
		t.Errorf("allocates %v times", n)
	}
}

// TestGleanHostile: the time is linear in the length, whatever the answer consists of.
func TestGleanHostile(t *testing.T) {
	const size = 1 << 20
	for _, piece := range []string{"<", "<a", "</a", "<a>", "</a>", "<a b=\"", "<a b='<a c=\"' d=\"", "<!--", "<?", "&", "<a b='c' ", "<![CDATA["} {
		payload := []byte(answered(`<result code="1000">` + strings.Repeat(piece, size/len(piece)) + `</result>`))
		new(Scanner).Glean(payload) // the time of the test bounds it
	}
}

// FuzzGlean: Glean says of an answer what Scan says, or that it does not know; broken or not, what it
// says stands in the answer; and what breaks an answer inside of its words changes neither.
func FuzzGlean(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	for _, s := range []string{"a<b", "\x00", "<x a='<result code=\"2000\">'/>", "<result code=\"1000\">", "</msg></result>", "<!--", "<![CDATA[", "&"} {
		f.Add([]byte(answered(`<result code="1000"><msg>`+s+`</msg></result>`) + s))
	}
	var s Scanner
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := s.Scan(payload)
		var want Message
		if err == nil {
			want = *m
			want.ClTRID.Value = bytes.Clone(m.ClTRID.Value)
		}
		got, ok := s.Glean(payload)
		if !ok {
			return
		}
		if id := got.ClTRID; id.Present() && (!isPlain(id.Value) || !bytes.HasPrefix(payload[id.Element.Start:], []byte("<")) ||
			!bytes.HasSuffix(payload[:id.Element.End], []byte(">")) || !bytes.Contains(payload[id.Content.Start:id.Content.End], id.Value)) {
			t.Fatalf("%q: got %+v", payload, id)
		}
		switch {
		case err != nil:
		case want.Kind != KindResponse || got.Code != want.Code || got.SvTRID != want.SvTRID ||
			got.EmptyID.Element != want.EmptyID.Element || got.EmptyID.Content != want.EmptyID.Content ||
			got.ClTRID.Element != want.ClTRID.Element || got.ClTRID.Content != want.ClTRID.Content ||
			!bytes.Equal(got.ClTRID.Value, want.ClTRID.Value):
			t.Fatalf("%q:\ngot  %+v\nwant %+v", payload, got, want)
		case len(got.PaTRID) > len(want.PaTRID):
			t.Fatalf("%q: got %d paTRIDs, want %d", payload, len(got.PaTRID), len(want.PaTRID))
		}
		code, element := got.Code, got.ClTRID.Element
		for _, junk := range []string{"\x00", "&", "\xE9"} {
			if m, ok := s.Glean(append(bytes.Clone(payload), junk...)); !ok || m.Code != code || m.ClTRID.Element != element {
				t.Fatalf("%q: not with %q behind it", payload, junk)
			}
		}
	})
}

func BenchmarkGlean(b *testing.B) {
	payload, s := []byte(answered("<result code=\"1000\"><msg>page\f1</msg></result>")), NewScanner()
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.Glean(payload); !ok {
			b.Fatal("no")
		}
	}
}
