package pool

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"eppmux/frame"
)

// TestList: whatever is put in and taken out, the list has what a slice has.
func TestList(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		l := list{links: deadlineLinks}
		var model []*Exchange
		for range 1000 {
			switch n := r.IntN(5); {
			case n == 0:
				x := &Exchange{}
				l.pushBack(x)
				model = append(model, x)
			case n == 1:
				x := &Exchange{}
				l.pushFront(x)
				model = slices.Insert(model, 0, x)
			case n < 4 && len(model) > 0:
				i := r.IntN(len(model))
				l.remove(model[i])
				model = slices.Delete(model, i, i+1)
			default:
				// Behind any one of them, or in front of all.
				x, i := &Exchange{}, r.IntN(len(model)+1)
				l.insert(x, func(y *Exchange) bool { return i > 0 && slices.Index(model, y) <= i-1 })
				model = slices.Insert(model, i, x)
			}
			checkList(t, &l, model)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

func checkList(t *testing.T, l *list, model []*Exchange) {
	t.Helper()
	if l.n != len(model) {
		t.Errorf("counts %d, want %d", l.n, len(model))
	}
	var forward, backward []*Exchange
	for x := l.head; x != nil; x = l.links(x).next {
		forward = append(forward, x)
	}
	for x := l.tail; x != nil; x = l.links(x).prev {
		backward = append(backward, x)
	}
	slices.Reverse(backward)
	if !slices.Equal(forward, model) || !slices.Equal(backward, model) {
		t.Errorf("got %d forward and %d backward, want %d, or in another order", len(forward), len(backward), len(model))
	}
}

// TestTwoLists: an exchange is in a list of each kind at once, and leaves one without the other.
func TestTwoLists(t *testing.T) {
	again, timed := list{links: rowLinks}, list{links: deadlineLinks}
	x, y := &Exchange{}, &Exchange{}
	for _, l := range []*list{&again, &timed} {
		l.pushBack(x)
		l.pushBack(y)
	}
	again.remove(x)
	checkList(t, &again, []*Exchange{y})
	checkList(t, &timed, []*Exchange{x, y})
	timed.remove(y)
	checkList(t, &again, []*Exchange{y})
	checkList(t, &timed, []*Exchange{x})
}

// TestExchangeLife: what an exchange says of itself at each stage.
func TestExchangeLife(t *testing.T) {
	type says struct {
		sent, recording, orphan, rejected bool
		wait                              time.Duration
		end                               End
	}
	d := newDesk(t, func(c *Config) { c.Record = RecordAlways })
	check := func(stage string, x *Exchange, want says) {
		t.Helper()
		got := says{x.Sent(), x.Recording(), x.Orphan(), x.Rejected(), x.Wait(), x.EndNow()}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", stage, got, want)
		}
	}
	d.now = time.Second
	x := d.ask(false)
	check("waiting", x, says{end: EndNotSent})
	if x.SentAt() != 0 || x.SentOn() != 0 {
		t.Errorf("waiting: sent on %d at %v", x.SentOn(), x.SentAt())
	}
	d.now += time.Second
	if got := x.Waited(d.now); got != time.Second {
		t.Errorf("has waited %v, want 1 s", got)
	}
	s := d.open()
	check("being recorded", x, says{recording: true, wait: time.Second, end: EndNotSent})
	d.now += 100 * time.Millisecond
	d.Recorded(s, d.notes[0].Ticket, true, d.now)
	d.step()
	check("in flight", x, says{sent: true, wait: 1100 * time.Millisecond, end: EndUnknown})
	if x.SentAt() != d.now || x.SentOn() != s.ID || s.Exchange() != x {
		t.Errorf("in flight: sent on %d at %v", x.SentOn(), x.SentAt())
	}
	d.Cancel(x, d.now)
	check("an orphan", x, says{sent: true, orphan: true, wait: 1100 * time.Millisecond, end: EndUnknown})
	d.answer(s, CauseNone)
	check("answered", x, says{orphan: true, wait: 1100 * time.Millisecond, end: EndUnknown})
}

// TestReset: an exchange that is reset is as new, but for its shell and the memory of its charges.
func TestReset(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Rules = []Rule{limited(100, time.Minute, ScopeClient)} })
	s := d.open()
	shell := new(int)
	x := &Exchange{Command: frame.CommandCheck, Weight: 1, Query: true, Budget: NewBudget(), Shell: shell}
	d.submit(x)
	d.answer(s, CauseNone)
	had := cap(x.charges)
	x.Reset()
	if x.Shell != shell || cap(x.charges) != had || had == 0 || len(x.charges) != 0 {
		t.Errorf("got shell %v, %d charges with room for %d, had %d", x.Shell, len(x.charges), cap(x.charges), had)
	}
	x.Shell, x.charges = nil, nil
	if x.state != exchangeFree || x.tries != 0 || x.SentAt() != 0 || x.SentOn() != 0 || x.Budget != nil || x.Query || x.Weight != 0 {
		t.Errorf("got %+v", x)
	}
	x.Weight = 1
	d.submit(x) // it may be submitted again
	d.answer(s, CauseNone)
}
