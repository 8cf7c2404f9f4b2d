package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// wantLine is l as encoding/json writes it, with what does not show by its number.
func wantLine(t *testing.T, l any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		t.Fatal(err)
	}
	return string(AppendVisible(nil, bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
}

// randomText is made of what is hard to write: controls, quotes, characters that do not show, and
// octets that are none.
func randomText(rng *rand.Rand) string {
	var b []byte
	for range rng.IntN(12) {
		switch rng.IntN(8) {
		case 0:
			b = append(b, byte(rng.IntN(256)))
		case 1:
			b = append(b, byte(rng.IntN(0x20)))
		case 2:
			b = append(b, "\"\\<>&\x7f/"[rng.IntN(7)])
		case 3:
			b = utf8.AppendRune(b, []rune{0x80, 0x9b, 0xa0, 0xad, 0x200b, 0x2028, 0x2029, 0x202e, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xfffe, 0xe0001, 0x10ffff}[rng.IntN(15)])
		case 4:
			b = utf8.AppendRune(b, rng.Int32N(utf8.MaxRune+1))
		default:
			b = append(b, "some text that is plain"[:rng.IntN(23)]...)
		}
	}
	return string(b)
}

// TestStringLikeJSON holds our strings against those of encoding/json.
func TestStringLikeJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	texts := hostile
	for c := range 0x120 {
		texts = append(texts, string([]byte{byte(c)}), string(rune(c)))
	}
	for range 50000 {
		texts = append(texts, randomText(rng))
	}
	for _, s := range texts {
		want := wantLine(t, s)
		if got, same := string(appendString(nil, s)), string(appendString(nil, []byte(s))); got != want || same != want {
			t.Fatalf("%q: got %s and %s, want %s", s, got, same, want)
		}
	}
}

// TestLineLikeJSON holds whole lines, but for what payloads say, against encoding/json's of a Line.
func TestLineLikeJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	r := newRenderer(false)
	began := at("2026-03-01T11:59:59.5Z")
	some := func(s string) string {
		if rng.IntN(3) == 0 {
			return ""
		}
		return s
	}
	for range 5000 {
		wait, rtt := time.Duration(rng.Int64N(1e6)), time.Duration(rng.Int64N(1e13))
		e := &Entry{Time: began.Add(time.Duration(rng.Int64N(2e9))), Event: Event(rng.IntN(int(lost) + 1)), Transform: rng.IntN(2) == 0, Registry: some(randomText(rng)), Listener: some(randomText(rng)),
			Client: some(randomText(rng)), Session: rng.Uint64N(3), Command: some("create"), Op: some(randomText(rng)), MuxTRID: []byte(randomText(rng)),
			End: some(randomText(rng)), Cause: some(randomText(rng)), Code: rng.IntN(3) * 1000, Orphan: rng.IntN(2) == 0, Wait: wait, RTT: rtt}
		micro := func(d time.Duration) float64 { return float64(d.Round(time.Microsecond)/time.Microsecond) / 1e6 }
		want := wantLine(t, &Line{Time: Moment{e.Time}, Event: e.Event.String(), Registry: e.Registry, Listener: e.Listener, Client: e.Client, Session: e.Session,
			Command: e.Command, Op: e.Op, MuxTRID: string(e.MuxTRID), End: e.End, Cause: e.Cause, Code: e.Code, Orphan: e.Orphan, Wait: micro(wait), RTT: micro(rtt)})
		r.known = memory{} // the same id may come again here
		if got := string(r.append(nil, e)); got != want+"\n" {
			t.Fatalf("got\n%swant\n%s", got, want)
		}
	}
	want := wantLine(t, &Line{Time: Moment{began}, Event: "lost", Lost: 12}) + "\n"
	if got := string(r.appendOwn(nil, lost, began, 12)); got != want || len(r.appendOwn(nil, lost, began, 1<<64-1)) >= front {
		t.Errorf("got %s, want %s, shorter than %d octets at most", got, want, front)
	}
	for _, year := range []string{"0001-01-01T00:00:00Z", "1969-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.000001Z"} {
		if got, want := string(new(moments).append(nil, at(year))), (Moment{at(year)}).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestRemembered: the lines of a command are the same whether it is remembered or read again.
func TestRemembered(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	r := newRenderer(false)
	hits := 0
	for range 5000 {
		e := sending(strings.Repeat("M", rng.IntN(3)) + string(rune('a'+rng.IntN(26))))
		e.Session, e.Registry = uint64(rng.IntN(2)), []string{"r", "s"}[rng.IntN(2)]
		e.Event = []Event{Sending, Rejected, End}[rng.IntN(3)]
		e.Payload = []byte(createXML(string(e.MuxTRID)+e.Registry+string(rune('0'+e.Session))+".example", "x"))
		if rng.IntN(50) == 0 {
			e.MuxTRID = nil
		}
		if r.known.find(e) != nil {
			hits++
		}
		if got, want := string(r.append(nil, e)), string(newRenderer(false).append(nil, e)); got != want {
			t.Fatalf("got\n%swant\n%s", got, want)
		}
	}
	if hits < 500 {
		t.Errorf("%d commands were remembered", hits)
	}
	big := sending("M1")
	big.Payload = []byte(createXML(strings.Repeat(strings.Repeat("x", 200)+"</d:name><d:name>", 20), "x"))
	r.append(nil, big)
	big.Event = End
	if r.known.find(big) != nil {
		t.Error("a long one is remembered")
	}
}

// TestNoAllocations: in the steady state neither the loop nor the goroutine allocates.
func TestNoAllocations(t *testing.T) {
	l := &Log{wake: make(chan struct{}, 1)} // nobody writes
	r, lines := newRenderer(false), newLines()
	s, e := sending("M1K0T7R15BNS2W-C-1"), ended("M1K0T7R15BNS2W-C-1", "answered", 2303)
	done := func(uint64, bool) {}
	if n := testing.AllocsPerRun(1000, func() {
		l.Record(s, 1, done)
		l.Add(e)
		l.Flush()
		lines.append(r, &l.queue)
		l.queue.reset()
		l.held = 0
		lines.drop(len(lines.all))
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestAppendBounded: whole characters, and dots where something is left out.
func TestAppendBounded(t *testing.T) {
	for _, tt := range []struct {
		s    string
		n    int
		want string
	}{
		{"", 5, ""},
		{"abc", 5, `,"k":"abc"`},
		{"abcde", 5, `,"k":"abcde"`},
		{"abcdef", 5, `,"k":"abcde..."`},
		{"aéé", 5, `,"k":"aéé"`},
		{"aéée", 4, `,"k":"aé..."`},
		{"aéée", 3, `,"k":"aé..."`},
		{"aéée", 2, `,"k":"a..."`},
		{"€uro", 2, `,"k":"..."`},
		{"€uro", 0, `,"k":"..."`},
		{"\U0001F600!", 3, `,"k":"..."`},
		{"a\"b\"c", 2, `,"k":"a\"..."`},
		{"\x80\x80\x80", 2, `,"k":"..."`}, // no octet at which a character begins
		{"a\x1b[2J", 3, `,"k":"a\u001b[..."`},
	} {
		if got := string(appendBounded(nil, `,"k":`, tt.s, tt.n)); got != tt.want {
			t.Errorf("%q, %d octets: got %s, want %s", tt.s, tt.n, got, tt.want)
		}
		if got := string(appendBounded([]byte("x"), `,"k":`, []byte(tt.s), tt.n)); got != "x"+tt.want {
			t.Errorf("%q, %d octets, behind x: got %s", tt.s, tt.n, got)
		}
	}
}

// TestAppendSeconds: rounded to microseconds, no zeros at the end, nothing for nothing.
func TestAppendSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                   "",
		499:                                 "",
		500:                                 ",0.000001",
		time.Microsecond:                    ",0.000001",
		time.Millisecond:                    ",0.001",
		1100 * time.Microsecond:             ",0.0011",
		time.Second:                         ",1",
		1500 * time.Millisecond:             ",1.5",
		90*time.Second + 1:                  ",90",
		time.Hour + 123456*time.Microsecond: ",3600.123456",
		100*time.Second - 500:               ",100",
		-1500 * time.Millisecond:            ",-1.5",
		-time.Microsecond:                   ",-0.000001",
		-400:                                "",
	} {
		if got := string(appendSeconds(nil, ",", d)); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

// TestAppendEscape: JSON has no numbers above 16 bits, so characters beyond are two.
func TestAppendEscape(t *testing.T) {
	for r, want := range map[rune]string{
		0: `\u0000`, 0x1b: `\u001b`, 0x9b: `\u009b`, 0x202e: `\u202e`, 0xfeff: `\ufeff`, 0xffff: `\uffff`,
		0x10000: `\ud800\udc00`, 0xe0001: `\udb40\udc01`, 0x10ffff: `\udbff\udfff`,
	} {
		got := string(appendEscape(nil, r))
		if got != want {
			t.Errorf("%U: got %s, want %s", r, got, want)
		}
		var back string
		if err := json.Unmarshal([]byte(`"`+got+`"`), &back); err != nil || back != string(r) {
			t.Errorf("%U: reads as %q, %v", r, back, err)
		}
	}
}

// TestVisible: what prints stays, also beyond ASCII; what does not is written by its number; an octet
// that is no UTF-8 is not let through.
func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain text": "plain text", "münchen.example": "münchen.example", "例え.テスト": "例え.テスト", `a"b\c`: `a"b\c`,
		"\x1b[2J": `\u001b[2J`, "a\tb\n": `a\u0009b\u000a`, "\u009b31m": `\u009b31m`, "a\u202eb": `a\u202eb`, "a\u00a0b": `a\u00a0b`,
		"\x7f": `\u007f`, "\U000e0001": `\udb40\udc01`, "a\ufffdb": "a\ufffdb", "a\xffb": "a\ufffdb",
	} {
		if got := Visible(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestMomentsKeepASecond: a time of the same second is written like one of another.
func TestMomentsKeepASecond(t *testing.T) {
	var m moments
	for _, text := range []string{
		"2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00.999999Z", "2026-01-01T00:00:01.000000Z", "2026-01-01T00:00:00.000000Z",
		"1970-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.500000Z", "1970-01-01T00:00:00.500000Z",
	} {
		if got := string(m.append([]byte("x"), at(text))); got != "x"+text {
			t.Errorf("got %s, want x%s", got, text)
		}
	}
}

// TestAppendVisible: a text of JSON gets the same escapes as a string of ours, and keeps all else.
func TestAppendVisible(t *testing.T) {
	for r := rune(0x7f); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		got := AppendVisible([]byte("x"), fmt.Appendf(nil, `"a%cb%c"`, r, r))
		if want := appendString([]byte("x"), fmt.Sprintf("a%cb%c", r, r)); string(got) != string(want) {
			t.Fatalf("%U: got %s, want %s", r, got, want)
		}
	}
	for _, tt := range [][2]string{{"", ""}, {"{\"a\":\"\\u001b\\\"\"}\n", "{\"a\":\"\\u001b\\\"\"}\n"}, {"\"\xff\"", `"\ufffd"`}, {"\"\xe2\x80", `"\ufffd\ufffd`}} { // the last two are no UTF-8
		if got := AppendVisible(nil, []byte(tt[0])); string(got) != tt[1] {
			t.Errorf("%q: got %s, want %s", tt[0], got, tt[1])
		}
	}
}
