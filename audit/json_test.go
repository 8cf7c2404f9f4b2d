package audit

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
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
	return string(appendVisible(nil, bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
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
		e := &Entry{Time: began.Add(time.Duration(rng.Int64N(2e9))), Event: Event(rng.IntN(int(lost) + 1)), Registry: some(randomText(rng)), Listener: some(randomText(rng)),
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
		l.Announce(s, 1, done)
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
