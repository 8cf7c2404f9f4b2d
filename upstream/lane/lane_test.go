package lane

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// payloadOf is what a data unit holds, which must be one and whole.
func payloadOf(t testing.TB, unit []byte) []byte {
	t.Helper()
	if len(unit) < 5 || binary.BigEndian.Uint32(unit) != uint32(len(unit)) {
		t.Fatalf("got %q, want one data unit", unit)
	}
	return unit[4:]
}

// TestOpenings: what is said first comes out as it went in, behind what stands there already.
func TestOpenings(t *testing.T) {
	h := Hello{Version: 1, Program: "1.2", Cluster: "prod", Account: "0123456789abcdef", Name: "one", Term: math.MaxUint64,
		Host: "b", Wall: time.Duration(math.MaxInt64)}
	w := Welcome{Version: 1, Program: "1.2", Cluster: "prod", Host: "a", Term: 7, Wall: time.Second, Refused: RefusedOwner,
		Owner: "c", Peer: "c.example:7070"}
	unit := AppendOpening([]byte("before"), &h)
	if !bytes.HasPrefix(unit, []byte("before")) {
		t.Errorf("got %q", unit)
	}
	var h2 Hello
	if err := ParseOpening(payloadOf(t, unit[len("before"):]), &h2); err != nil || h2 != h {
		t.Errorf("got %+v, %v, want %+v", h2, err, h)
	}
	var w2 Welcome
	if err := ParseOpening(payloadOf(t, AppendOpening(nil, &w)), &w2); err != nil || w2 != w {
		t.Errorf("got %+v, %v, want %+v", w2, err, w)
	}
}

// TestOpeningForm: the names of fields are a promise to hosts of other versions. A lane that is taken says
// nothing of a refusal.
func TestOpeningForm(t *testing.T) {
	for want, opening := range map[string]any{
		`{"version":1,"program":"p","cluster":"c","account":"k","registry":"r","term":2,"host":"b","wall":3}`: &Hello{
			Version: 1, Program: "p", Cluster: "c", Account: "k", Name: "r", Term: 2, Host: "b", Wall: 3},
		`{"version":1,"program":"p","cluster":"c","host":"a","term":2,"wall":3}`: &Welcome{
			Version: 1, Program: "p", Cluster: "c", Host: "a", Term: 2, Wall: 3},
		`{"version":1,"program":"","cluster":"","host":"","term":0,"wall":0,"refused":"not_owner","owner":"c","peer":"c:1"}`: &Welcome{
			Version: 1, Refused: RefusedOwner, Owner: "c", Peer: "c:1"},
	} {
		if got := string(payloadOf(t, AppendOpening(nil, opening))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestOpeningOfAnotherVersion: fields that are unknown are ignored, those that are not there are zero. A
// refusal that is unknown is one all the same.
func TestOpeningOfAnotherVersion(t *testing.T) {
	var w Welcome
	err := ParseOpening([]byte(`{"version":2,"new":{"x":[1]},"term":9,"refused":"tired","host":"a"}`), &w)
	if want := (Welcome{Version: 2, Term: 9, Refused: "tired", Host: "a"}); err != nil || w != want {
		t.Errorf("got %+v, %v, want %+v", w, err, want)
	}
}

func TestOpeningRefused(t *testing.T) {
	long := `{"program":"` + strings.Repeat("x", MaxOpening-len(`{"program":""}`)) + `"}`
	for _, tt := range []struct{ payload, want string }{
		{long, ""},
		{long + " ", "4097 octets of opening, at most 4096"},
		{"", "lane: opening: "},
		{"<epp/>", "lane: opening: "},
		{`{"version":"one"}`, "lane: opening: "},
		{`{"term":-1}`, "lane: opening: "},
		{`{"version":1}{`, "lane: opening: "},
		{"\x01", "lane: opening: "},
	} {
		err := ParseOpening([]byte(tt.payload), new(Hello))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40q: got %v, want %q", tt.payload, err, tt.want)
		}
	}
}

// TestAuthor: an author comes out as it went in, within its bounds.
func TestAuthor(t *testing.T) {
	long := strings.Repeat("y", MaxIdentity)
	for _, tt := range []struct {
		name     string
		in, want Author
	}{
		{"least", Author{ID: 1, Weight: 1}, Author{ID: 1, Weight: 1}},
		{"most", Author{math.MaxUint64, 255, true, math.MaxUint32, math.MaxInt64, long},
			Author{math.MaxUint64, 255, true, math.MaxUint32, math.MaxInt64, long}},
		{"an identity that is too long", Author{ID: 2, Weight: 1, Identity: long + "z"}, Author{ID: 2, Weight: 1, Identity: long}},
		{"served in the future", Author{ID: 2, Weight: 1, Waited: -1}, Author{ID: 2, Weight: 1}},
		{"no weight", Author{ID: 2}, Author{ID: 2, Weight: 1}},
		{"any octets", Author{ID: 2, Weight: 3, Identity: "\x00\xff<"}, Author{ID: 2, Weight: 3, Identity: "\x00\xff<"}},
	} {
		unit := AppendAuthor([]byte("x"), &tt.in)
		payload := payloadOf(t, unit[1:])
		got := Author{ID: 9, Weight: 9, Known: true, Answers: 9, Waited: 9, Identity: "of before"}
		if err := ParseAuthor(payload, &got); err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
		if !Marked(payload) {
			t.Errorf("%s: %q is not marked", tt.name, payload)
		}
		// A later version may say more behind it; less is none.
		got = Author{}
		if err := ParseAuthor(append(bytes.Clone(payload), "more"...), &got); err != nil || got != tt.want {
			t.Errorf("%s: with more behind it got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
		for n := range payload {
			if err := ParseAuthor(payload[:n], new(Author)); err == nil {
				t.Errorf("%s: got no error of its first %d octets", tt.name, n)
			}
		}
	}
}

// TestAuthorIsACopy: what is read stays when the octets are used for something else, and the same identity
// costs nothing.
func TestAuthorIsACopy(t *testing.T) {
	payload := payloadOf(t, AppendAuthor(nil, &Author{ID: 1, Weight: 1, Identity: "web"}))
	var a Author
	if err := ParseAuthor(payload, &a); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = ParseAuthor(payload, &a) }); n != 0 {
		t.Errorf("got %v allocations", n)
	}
	clear(payload)
	if a.Identity != "web" {
		t.Errorf("got %q", a.Identity)
	}
}

func TestAuthorRefused(t *testing.T) {
	good := payloadOf(t, AppendAuthor(nil, &Author{ID: 1, Weight: 1, Identity: "web"}))
	end := payloadOf(t, AppendEnd(nil, End{FateUnknown, strings.Repeat("c", MaxCause)}))
	nobody := payloadOf(t, AppendAuthor(nil, &Author{Weight: 1}))
	for name, payload := range map[string][]byte{"none": nil, "EPP": []byte("<epp>" + strings.Repeat(" ", 50)),
		"an end": end, "without an id": nobody, "another mark": append([]byte{3}, good[1:]...)} {
		if err := ParseAuthor(payload, new(Author)); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// TestEnd: an end comes out as it went in; what is unknown of one is refused, what follows it ignored.
func TestEnd(t *testing.T) {
	long := strings.Repeat("c", MaxCause)
	for _, tt := range []struct{ in, want End }{
		{End{FateNotSent, ""}, End{FateNotSent, ""}},
		{End{FateUnknown, "timeout"}, End{FateUnknown, "timeout"}},
		{End{FateMoved, long}, End{FateMoved, long}},
		{End{FateMoved, long + "d"}, End{FateMoved, long}},
	} {
		payload := payloadOf(t, AppendEnd([]byte("xyz"), tt.in)[3:])
		if got, err := ParseEnd(payload); err != nil || got != tt.want {
			t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
		}
		if got, err := ParseEnd(append(bytes.Clone(payload), 7)); err != nil || got != tt.want {
			t.Errorf("with more behind it got %+v, %v, want %+v", got, err, tt.want)
		}
		if !Marked(payload) {
			t.Errorf("%q is not marked", payload)
		}
		for n := range payload {
			if _, err := ParseEnd(payload[:n]); err == nil {
				t.Errorf("%+v: got no error of its first %d octets", tt.in, n)
			}
		}
	}
	for name, payload := range map[string][]byte{"EPP": []byte("<epp/>"), "an author": payloadOf(t, AppendAuthor(nil, &Author{ID: 1})),
		"a fate to come": {2, byte(numFates), 0}, "a cause that is cut": {2, 0, 4, 'c', 'u', 't'}} {
		if got, err := ParseEnd(payload); err == nil || got != (End{}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// TestMarked: no XML is taken for a marked unit, whatever its encoding and what stands before it.
func TestMarked(t *testing.T) {
	for payload, want := range map[string]bool{
		"": false, "<": false, "\t<": false, "\n<": false, "\r\n<": false, " <": false, "\xef\xbb\xbf<": false,
		"\xff\xfe<\x00": false, "\x01": true, "\x02": true, "\x08": true,
		"\x00<": true, // UTF-16 without a mark: no registry takes it, see frame
	} {
		if got := Marked([]byte(payload)); got != want {
			t.Errorf("%q: got %v, want %v", payload, got, want)
		}
	}
}

// FuzzUnits: no octets make a reader panic, and what it takes is written again as it was read.
func FuzzUnits(f *testing.F) {
	f.Add(AppendAuthor(nil, &Author{ID: 1, Weight: 2, Known: true, Answers: 3, Waited: 4, Identity: "web"})[4:])
	f.Add(AppendEnd(nil, End{FateUnknown, "timeout"})[4:])
	f.Add(AppendOpening(nil, &Hello{Version: 1, Cluster: "c", Term: 1})[4:])
	f.Add(AppendOpening(nil, &Welcome{Version: 2, Refused: RefusedTerm})[4:])
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		var a, b Author
		if ParseAuthor(payload, &a) == nil {
			if a.ID == 0 || a.Weight == 0 || a.Waited < 0 || len(a.Identity) > MaxIdentity {
				t.Errorf("got %+v out of its bounds", a)
			}
			if err := ParseAuthor(payloadOf(t, AppendAuthor(nil, &a)), &b); err != nil || a != b {
				t.Errorf("got %+v, %v, want %+v", b, err, a)
			}
		}
		if e, err := ParseEnd(payload); err == nil {
			// A cause that is longer than ours may be: it is cut where it is written.
			again, err := ParseEnd(payloadOf(t, AppendEnd(nil, e)))
			if err != nil || again.Fate != e.Fate || again.Cause != e.Cause[:min(len(e.Cause), MaxCause)] {
				t.Errorf("got %+v, %v, want %+v", again, err, e)
			}
		}
		var h, h2 Hello
		if ParseOpening(payload, &h) == nil {
			text, err := json.Marshal(h)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &h2); err != nil || h != h2 {
				t.Errorf("got %+v, %v, want %+v", h2, err, h)
			}
		}
		if err := ParseOpening(payload, new(Welcome)); err == nil && Marked(payload) {
			t.Errorf("%q is an opening and marked", payload)
		}
		if !bytes.Equal(payload, before) {
			t.Errorf("got %q changed to %q", before, payload)
		}
	})
}
