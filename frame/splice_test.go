package frame

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestAppendCommand(t *testing.T) {
	tests := []struct{ doc, want string }{
		{inCommand(`<logout/><clTRID>a</clTRID>`), inCommand(`<logout/><clTRID>ID</clTRID>`)},
		{inCommand(`<logout/><clTRID ><!-- x --> a</clTRID >`), inCommand(`<logout/><clTRID >ID</clTRID >`)},
		{inCommand(`<logout/>`), inCommand(`<logout/><clTRID>ID</clTRID>`)},
		{`<q:epp xmlns:q="u"><q:command><q:logout/></q:command></q:epp>`,
			`<q:epp xmlns:q="u"><q:command><q:logout/><q:clTRID>ID</q:clTRID></q:command></q:epp>`},
		{inEPP(`<extension><x xmlns="u"/></extension>`), inEPP(`<extension><x xmlns="u"/></extension>`)},
		{inEPP(`<extension><x xmlns="u"><clTRID>a</clTRID></x></extension>`),
			inEPP(`<extension><x xmlns="u"><clTRID>ID</clTRID></x></extension>`)},
	}
	var s Scanner
	for _, tt := range tests {
		m, err := s.Scan([]byte(tt.doc))
		if err != nil {
			t.Fatalf("%s: %v", tt.doc, err)
		}
		unit, at := AppendCommand([]byte("dst"), m, []byte("ID"))
		if n, err := Size(unit[3:], len(unit)); n != len(unit)-3 || err != nil {
			t.Errorf("size %d %v, want %d", n, err, len(unit)-3)
		}
		if got := string(unit[3+HeaderLen:]); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
		if at > 0 && string(unit[at:at+2]) != "ID" || at == 0 && tt.doc != tt.want {
			t.Errorf("%s: at %d", tt.doc, at)
		}
	}
}

// TestFill: an empty clTRID of a response gets a content, and keeps its name and its attributes.
func TestFill(t *testing.T) {
	const x = ` xmlns:x="u" x:a='/>' `
	for empty, want := range map[string]string{
		`<clTRID/>`:                            `<clTRID>ID</clTRID>`,
		`<clTRID` + x + `/>`:                   `<clTRID` + x + `>ID</clTRID>`,
		`<clTRID></clTRID>`:                    `<clTRID>ID</clTRID>`,
		"<clTRID >\n <!-- none --> </clTRID >": `<clTRID >ID</clTRID >`,
		`<clTRID><![CDATA[ ]]>&#32;</clTRID>`:  `<clTRID>ID</clTRID>`,
		`<e:clTRID/>`:                          `<e:clTRID>ID</e:clTRID>`,
		`<e:clTRID` + x + `> &#9;</e:clTRID>`:  `<e:clTRID` + x + `>ID</e:clTRID>`,
		`<clTRID xmlns="` + Namespace + `" />`: `<clTRID xmlns="` + Namespace + `" >ID</clTRID>`,
	} {
		around := func(id string) string {
			return `<epp ` + ns + ` xmlns:e="` + Namespace + `"><response>` + good + `<trID>` + id + `<svTRID>S</svTRID></trID></response></epp>`
		}
		m, err := NewScanner().Scan([]byte(around(empty)))
		if err != nil || m.ClTRID.Present() || !m.EmptyID.Present() {
			t.Errorf("%s: got %+v, %v", empty, m, err)
			continue
		}
		if got := string(AppendUnit(nil, m.Payload, []Edit{m.Fill([]byte("ID"))})[HeaderLen:]); got != around(want) {
			t.Errorf("got  %s\nwant %s", got, around(want))
		}
		if got := string(AppendUnit(nil, m.Payload, []Edit{m.EmptyID.Remove()})[HeaderLen:]); got != around("") {
			t.Errorf("got  %s\nwant %s", got, around(""))
		}
	}
}

func TestAppendUnit(t *testing.T) {
	payload := []byte("0123456789")
	tests := []struct {
		edits []Edit
		want  string
	}{
		{nil, "0123456789"},
		{[]Edit{{Span{0, 0}, []byte("a")}, {Span{0, 1}, nil}, {Span{1, 3}, []byte("bcd")}, {Span{9, 10}, nil}, {Span{10, 10}, []byte("e")}}, "abcd345678e"},
		{[]Edit{{Span{0, 9}, nil}}, "9"},
		{[]Edit{{Span{8, 9}, []byte("a")}, {Span{1, 2}, []byte("b")}, {Span{1, 1}, []byte("c")}}, "0cb234567a9"},
		{[]Edit{{Span{8, 9}, []byte("a")}, {Span{1, 1}, []byte("c")}, {Span{1, 2}, []byte("b")}}, "0cb234567a9"},
	}
	for _, tt := range tests {
		unit := AppendUnit([]byte("x"), payload, tt.edits)
		if got := string(unit[1+HeaderLen:]); got != tt.want || !bytes.Equal(unit[:1+HeaderLen], AppendHeader([]byte("x"), len(tt.want))) {
			t.Errorf("%v: got %q, want %q", tt.edits, unit, tt.want)
		}
	}
}

func TestBugPanics(t *testing.T) {
	payload := []byte("0123456789")
	calls := map[string]func(){
		"overlap":      func() { AppendUnit(nil, payload, []Edit{{Span{2, 4}, nil}, {Span{3, 5}, nil}}) },
		"beyond":       func() { AppendUnit(nil, payload, []Edit{{Span{9, 11}, nil}}) },
		"backward":     func() { AppendUnit(nil, payload, []Edit{{Span{3, 2}, nil}}) },
		"empty clTRID": func() { (&ClTRID{Element: Span{1, 10}, Content: Span{10, 10}}).Replace(nil) },
		"empty clTRID in command": func() {
			AppendCommand(nil, &Message{Payload: payload, ClTRID: ClTRID{Element: Span{1, 10}, Content: Span{10, 10}}}, nil)
		},
	}
	for name, call := range calls {
		func() {
			defer func() {
				if r, _ := recover().(string); len(r) < 4 || r[:4] != "BUG:" {
					t.Errorf("%s: got %q", name, r)
				}
			}()
			call()
		}()
	}
}

// TestSpliceAndRestore: with another clTRID a command is still the same command, and with its own
// again it is the same octets.
func TestSpliceAndRestore(t *testing.T) {
	prefixed := func(inside string) string { return `<q:epp xmlns:q="u"><q:command>` + inside + `</q:command></q:epp>` }
	docs := []string{
		inCommand(obj + `<clTRID>own</clTRID>`),
		inCommand(`<clTRID>own</clTRID>` + obj),
		inCommand(obj + "<clTRID>\n own \t</clTRID\n>"),
		inCommand(obj + `<clTRID><![CDATA[o]]>&#119;<!-- - -->n<?x y?></clTRID>`),
		inCommand(obj + `<clTRID xmlns:z="urn:z">own</clTRID>`),
		inCommand(obj + `<c:clTRID xmlns:c="` + Namespace + `">own</c:clTRID>`),
		inCommand(obj + `<extension><x xmlns="u"><clTRID>not this</clTRID></x></extension><clTRID>own</clTRID>`),
		prefixed(`<q:logout/><q:clTRID>own</q:clTRID>`),
		inEPP(`<extension><x xmlns="u"><clTRID>own</clTRID></x></extension>`),
		inEPP(`<extension><x xmlns="u"><a><trID><clTRID>not this</clTRID></trID></a><clTRID>own</clTRID></x></extension>`),
		"\ufeff" + inCommand(obj+`<clTRID>own</clTRID>`) + "\n<!-- behind -->",
		`<?xml version="1.0" encoding="utf-8" standalone='yes'?>` + inCommand(obj+`<clTRID>own</clTRID>`),
		inCommand(obj + `<clTRID>` + strings.Repeat("é", MaxClTRID) + `</clTRID>`),
	}
	var s Scanner
	for _, doc := range docs {
		m, err := s.Scan([]byte(doc))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		command, object := m.Command, string(m.Object)
		raw := slices.Clone(m.Payload[m.ClTRID.Content.Start:m.ClTRID.Content.End])
		unit, at := AppendCommand(nil, m, []byte("MUX-0001"))
		if string(unit[at:at+8]) != "MUX-0001" || bytes.Count(unit, []byte("MUX-0001")) != 1 {
			t.Errorf("%s: at %d in %s", doc, at, unit)
		}
		m, err = s.Scan(unit[HeaderLen:])
		if err != nil || string(m.ClTRID.Value) != "MUX-0001" || m.Command != command || string(m.Object) != object {
			t.Errorf("%s: spliced it is %+v, %v", doc, m, err)
			continue
		}
		back := AppendUnit(nil, m.Payload, []Edit{m.ClTRID.Replace(raw)})
		if got := string(back[HeaderLen:]); got != doc {
			t.Errorf("restored: got\n%s\nwant\n%s", got, doc)
		}
	}
}

// TestInsertAndRemove: a command without a clTRID gets one, in the namespace of EPP, and loses it
// again.
func TestInsertAndRemove(t *testing.T) {
	docs := []string{
		inCommand(obj),
		inCommand(obj + "\n  "),
		inCommand(obj + `<extension><x xmlns="u"/></extension>`),
		`<q:epp xmlns:q="u"><q:command><q:logout/></q:command></q:epp>`,
		`<q:epp xmlns:q="u"><q:command xmlns="v"><q:logout/></q:command></q:epp>`,
		`<epp xmlns="u"><command xmlns:q="u"><q:logout/></command></epp>`,
		`<epp xmlns="u"><q:command xmlns:q="u"><q:logout/></q:command></epp>`,
		`<long-prefix.of_some:epp xmlns:long-prefix.of_some="u"><long-prefix.of_some:command><long-prefix.of_some:logout/>` +
			`</long-prefix.of_some:command></long-prefix.of_some:epp>`,
		`<epp><command><logout/></command></epp>`,
		inCommand(`<x:undelete xmlns:x="urn:x"/>`),
	}
	var s Scanner
	for _, doc := range docs {
		m, err := s.Scan([]byte(doc))
		if err != nil || m.ClTRID.Present() || m.Insert == 0 {
			t.Errorf("%s: %+v, %v", doc, m, err)
			continue
		}
		insert := m.Insert
		unit, at := AppendCommand(nil, m, []byte("MUX-0001"))
		if at <= HeaderLen+insert {
			t.Errorf("%s: at %d, inserted at %d", doc, at, insert)
		}
		m, err = s.Scan(unit[HeaderLen:])
		if err != nil || string(m.ClTRID.Value) != "MUX-0001" || m.ClTRID.Element.Start != insert {
			t.Errorf("%s: spliced it is %s, %+v, %v", doc, unit, m, err)
			continue
		}
		back := AppendUnit(nil, m.Payload, []Edit{m.ClTRID.Remove()})
		if got := string(back[HeaderLen:]); got != doc {
			t.Errorf("removed: got\n%s\nwant\n%s", got, doc)
		}
	}
}

// TestSpliceUTF16: what leaves is the transcript, whose declaration no longer says UTF-16.
func TestSpliceUTF16(t *testing.T) {
	text := `<?xml version="1.0" encoding="UTF-16"?>` + inCommand(obj+`<clTRID>例</clTRID>`)
	payload := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(text)) {
		payload = binary.BigEndian.AppendUint16(payload, u)
	}
	m, err := NewScanner().Scan(payload)
	if err != nil {
		t.Fatal(err)
	}
	unit, at := AppendCommand(nil, m, []byte("M"))
	want := `<?xml version="1.0"?>` + inCommand(obj+`<clTRID>M</clTRID>`)
	if got := string(unit[HeaderLen:]); got != want || unit[at] != 'M' {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestEditsOfAllKinds: edits may touch, be empty, stand at both ends, and come in any order.
func TestEditsOfAllKinds(t *testing.T) {
	edit := func(from, to int, with string) Edit { return Edit{Span{from, to}, []byte(with)} }
	for _, tt := range []struct {
		edits []Edit
		want  string
	}{
		{nil, "0123456789"},
		{[]Edit{{Span{0, 9}, nil}}, "9"},
		{[]Edit{edit(0, 0, "a")}, "a0123456789"},
		{[]Edit{edit(10, 10, "a")}, "0123456789a"},
		{[]Edit{edit(3, 3, "")}, "0123456789"},
		{[]Edit{edit(0, 2, "a"), edit(2, 4, "b")}, "ab456789"},
		{[]Edit{edit(2, 4, "b"), edit(0, 2, "a")}, "ab456789"},
		{[]Edit{edit(9, 10, "c"), edit(5, 6, ""), edit(0, 1, "aaa")}, "aaa1234678c"},
		{[]Edit{edit(4, 5, "b"), edit(4, 4, "a")}, "0123ab56789"}, // an insertion goes before what begins there
		{[]Edit{edit(4, 4, "a"), edit(4, 4, "b")}, "0123ab456789"},
		{[]Edit{edit(7, 8, "7"), edit(1, 2, "1")}, "0123456789"},
	} {
		unit := AppendUnit([]byte("x"), []byte("0123456789"), tt.edits)
		if n, err := Size(unit[1:], 100); err != nil || n != len(unit)-1 {
			t.Errorf("%v: header says %d, %v, want %d", tt.edits, n, err, len(unit)-1)
		}
		if got := string(unit[1+HeaderLen:]); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.edits, got, tt.want)
		}
		if !slices.IsSortedFunc(tt.edits, byStart) {
			t.Errorf("%v are not in order", tt.edits)
		}
	}
}

// TestEditsLikeAModel: edits in any order are those of a slow and simple one.
func TestEditsLikeAModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 2000 {
		payload := make([]byte, rng.IntN(40))
		for i := range payload {
			payload[i] = byte('a' + rng.IntN(26))
		}
		var edits []Edit
		want, from := "", 0
		for from < len(payload) && rng.IntN(6) > 0 {
			start := from + rng.IntN(len(payload)-from)
			end := start + 1 + rng.IntN(len(payload)-start)
			with := strings.Repeat("X", rng.IntN(4))
			want += string(payload[from:start]) + with
			edits, from = append(edits, Edit{Span{start, end}, []byte(with)}), end
		}
		want += string(payload[from:])
		rng.Shuffle(len(edits), func(i, j int) { edits[i], edits[j] = edits[j], edits[i] })
		if got := string(AppendUnit(nil, payload, edits)[HeaderLen:]); got != want {
			t.Fatalf("%q with %v: got %q, want %q", payload, edits, got, want)
		}
	}
}

// TestEditsOfAResponse: the clTRIDs of pending actions and the one that counts, in one go.
func TestEditsOfAResponse(t *testing.T) {
	pan := func(clTRID string) string {
		return `<o:panData xmlns:o="urn:o" xmlns:e="` + Namespace + `"><o:paTRID>` + clTRID + `<e:svTRID>s</e:svTRID></o:paTRID></o:panData>`
	}
	doc := func(first, second string) string {
		return inEPP(`<response><result code="1301"><msg>x</msg></result><trID>` + first + `<svTRID>s</svTRID></trID><resData>` + pan(second) + `</resData></response>`)
	}
	m, err := NewScanner().Scan([]byte(doc(`<clTRID>one</clTRID>`, `<e:clTRID> two </e:clTRID>`)))
	if err != nil || len(m.PaTRID) != 1 || string(m.PaTRID[0].Value) != "two" {
		t.Fatalf("got %+v, %v", m, err)
	}
	got := AppendUnit(nil, m.Payload, []Edit{m.PaTRID[0].Replace([]byte("2")), m.ClTRID.Remove()})
	if want := doc(``, `<e:clTRID>2</e:clTRID>`); string(got[HeaderLen:]) != want {
		t.Errorf("got\n%s\nwant\n%s", got[HeaderLen:], want)
	}
}

// TestHeaderBounds: a header has 32 bits, and counts itself.
func TestHeaderBounds(t *testing.T) {
	for _, n := range []int64{-1, math.MinInt64, math.MaxUint32 - HeaderLen + 1, math.MaxInt64} {
		if int64(int(n)) != n {
			continue // of 32 bits
		}
		func() {
			defer func() {
				if r, _ := recover().(string); !strings.HasPrefix(r, "BUG: data unit") {
					t.Errorf("%d: got %q", n, r)
				}
			}()
			AppendHeader(nil, int(n))
		}()
	}
	for _, n := range []int{0, 1, 251, 252, 65531, 1<<24 - HeaderLen, 1<<31 - 1 - HeaderLen} {
		header := AppendHeader([]byte("x"), n)
		if got := binary.BigEndian.Uint32(header[1:]); len(header) != 1+HeaderLen || got != uint32(n)+HeaderLen {
			t.Errorf("%d: got % x", n, header)
		}
	}
}
