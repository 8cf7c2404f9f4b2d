package audit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// threeLines are three lines of known sizes, and their texts.
func threeLines() (*lines, []string) {
	k := newLines()
	for _, text := range []string{"one\n", "second\n", "3\n"} {
		k.text = append(k.text, text...)
		k.all = append(k.all, line{end: len(k.text), size: 10 * len(text)})
	}
	return &k, []string{"one\n", "second\n", "3\n"}
}

// TestWithin: a line is whole only with its newline.
func TestWithin(t *testing.T) {
	k, texts := threeLines()
	size := len(strings.Join(texts, ""))
	for missing, want := range []int{3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0} {
		if got := k.within(-missing); got != want {
			t.Errorf("%d of %d octets missing: got %d lines, want %d", missing, size, got, want)
		}
	}
	if got := k.within(-1000); got != 0 {
		t.Errorf("nothing was written: got %d lines", got)
	}
	empty := newLines()
	if got := empty.within(0); got != 0 {
		t.Errorf("no lines: got %d", got)
	}
}

// TestDrop: what is left is what was not dropped, and its places are its own.
func TestDrop(t *testing.T) {
	for n := range 4 {
		k, texts := threeLines()
		k.drop(n)
		if got, want := string(k.text[front:]), strings.Join(texts[n:], ""); got != want || len(k.all) != 3-n {
			t.Errorf("%d: got %d lines %q, want %q", n, len(k.all), got, want)
		}
		from := front
		for i, l := range k.all {
			if got := string(k.text[from:l.end]); got != texts[n+i] || l.size != 10*len(got) {
				t.Errorf("%d: line %d is %q of size %d", n, i, got, l.size)
			}
			from = l.end
		}
		if got, want := string(k.behind(nil)), "\n"+strings.Join(texts[n:], ""); got != want {
			t.Errorf("%d: got %q to write, want %q", n, got, want)
		}
		// One after the other comes to the same.
		k, _ = threeLines()
		for range n {
			k.drop(1)
		}
		if got, want := string(k.text[front:]), strings.Join(texts[n:], ""); got != want {
			t.Errorf("%d times one: got %q, want %q", n, got, want)
		}
	}
}

// TestBehind: a line about the log goes before the others, and is not there the next time.
func TestBehind(t *testing.T) {
	k, texts := threeLines()
	all := strings.Join(texts, "")
	for _, own := range []string{"", "lost\n", strings.Repeat("x", front-1)} {
		if got, want := string(k.behind([]byte(own))), "\n"+own+all; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := string(k.behind(nil)); got != "\n"+all {
		t.Errorf("got %q", got)
	}
}

// TestBigBuffersGo: after much was held, the memory is given back; after little it is kept.
func TestBigBuffersGo(t *testing.T) {
	var q queue
	small := sending("M1")
	q.push(small, waiter{}, 1)
	q.reset()
	if cap(q.octets) == 0 || len(q.records) != 0 || len(q.octets) != 0 {
		t.Errorf("small: got %d octets of %d, %d records", len(q.octets), cap(q.octets), len(q.records))
	}
	big := sending("M1")
	big.Payload = make([]byte, keepOctets+1)
	q.push(big, waiter{}, 1)
	q.reset()
	if q.octets != nil || q.records != nil {
		t.Errorf("big: %d octets are kept", cap(q.octets))
	}

	k, _ := threeLines()
	before := cap(k.text)
	k.drop(3)
	if cap(k.text) != before {
		t.Errorf("small: %d octets of %d are kept", cap(k.text), before)
	}
	k.text = append(k.text, make([]byte, keepOctets)...)
	k.all = append(k.all, line{end: len(k.text)})
	k.drop(1)
	if cap(k.text) > keepOctets || len(k.text) != front || len(k.all) != 0 {
		t.Errorf("big: %d octets are kept, %d lines", cap(k.text), len(k.all))
	}

	r := newRenderer(true)
	e := fullest()
	e.Payload = []byte(headXML + `<command><info><d:info xmlns:d="u"><d:x>` + strings.Repeat("y", 2*keepOctets) + `</d:x></d:info></info></command></epp>`)
	r.append(nil, e)
	for _, b := range [][]byte{r.text, r.blanker.out, r.blanker.kept, r.blanker.scratch, r.blanker.run} {
		if cap(b) > keepOctets {
			t.Errorf("the renderer keeps %d octets", cap(b))
		}
	}
}

// TestPushCopies: a queue has its own octets, leaves nil alone, and keeps what it copied when it grows.
func TestPushCopies(t *testing.T) {
	var q queue
	var want []string
	for i := range 500 {
		id := fmt.Sprintf("M%03d", i)
		e := ended(id, "answered", 2303)
		want = append(want, fmt.Sprintf("%s %s %s %s %s", e.MuxTRID, e.ClTRID, e.SvTRID, e.Payload, e.Answer))
		q.push(e, waiter{ticket: uint64(i)}, i)
		for _, p := range [][]byte{e.MuxTRID, e.ClTRID, e.SvTRID, e.Payload, e.Answer} {
			clear(p)
		}
	}
	for i, r := range q.records {
		if got := fmt.Sprintf("%s %s %s %s %s", r.MuxTRID, r.ClTRID, r.SvTRID, r.Payload, r.Answer); got != want[i] || r.ticket != uint64(i) || r.size != i {
			t.Fatalf("%d: got %s, ticket %d, size %d", i, got, r.ticket, r.size)
		}
		// One must not run over into the next.
		for _, p := range [][]byte{r.MuxTRID, r.ClTRID, r.SvTRID, r.Payload, r.Answer} {
			if len(p) != cap(p) {
				t.Fatalf("%d: %q has room for %d octets", i, p, cap(p))
			}
		}
	}
	q.push(sending("M1"), waiter{}, 0)
	if r := q.records[len(q.records)-1]; r.Answer != nil || r.SvTRID != nil {
		t.Errorf("an entry without an answer has got %q", r.Answer)
	}
}

// TestTellOnce: a waiter is told the first thing that is known, and only that.
func TestTellOnce(t *testing.T) {
	var told []string
	w := waiter{done: func(ticket uint64, ok bool) { told = append(told, fmt.Sprint(ticket, ok)) }, ticket: 9}
	w.tell(false)
	w.tell(true)
	if fmt.Sprint(told) != "[9 false]" {
		t.Errorf("got %q", told)
	}
	(&waiter{}).tell(true) // nobody waits
}

// TestLinesAppend: each entry of a queue becomes one line, with its waiter and its size.
func TestLinesAppend(t *testing.T) {
	var q queue
	turns := 0
	for i := range 5 {
		q.push(sending(fmt.Sprint("M", i)), waiter{done: func(uint64, bool) { turns++ }, ticket: uint64(i)}, 100+i)
	}
	k := newLines()
	k.append(newRenderer(false), &q)
	if n := bytes.Count(k.text[front:], []byte("\n")); n != 5 || len(k.all) != 5 {
		t.Fatalf("got %d lines, %d newlines", len(k.all), n)
	}
	for i := range k.all {
		l := &k.all[i]
		if l.size != 100+i || l.ticket != uint64(i) || k.text[l.end-1] != '\n' || !strings.HasSuffix(string(k.text[:l.end]), fmt.Sprintf("\"muxtrid\":\"M%d\"}\n", i)) {
			t.Errorf("line %d: size %d, ticket %d, ends at %d", i, l.size, l.ticket, l.end)
		}
		l.tell(true)
	}
	if turns != 5 {
		t.Errorf("%d were told", turns)
	}
}
