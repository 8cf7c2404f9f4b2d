package pool

import (
	"testing"
	"time"
)

// TestCloseSoonerThanAnswers: a registry that closes sooner than it ever answers ends sessions as one
// does that closes behind an answer. A client with answers to its kind of command is not blamed for
// one that has none, neither for the command behind its own nor for the one before.
func TestCloseSoonerThanAnswers(t *testing.T) {
	for _, behind := range []bool{false, true} { // the registry closes behind the answer to the bad one
		d := patient(t, 1)
		bad := Author{Client: 100, Identity: "a", Kind: 1, Content: 1}
		good := func(client uint64) *Exchange {
			return d.by(Author{Client: client, Identity: "a", Kind: 2, Content: client + 10, Known: true}, true)
		}
		for end := range uint64(2) {
			var first, second *Exchange
			if behind {
				first, second = d.by(bad, false), good(end+1)
			} else {
				first, second = good(end+1), d.by(bad, false)
			}
			s := first.session
			d.now += 20 * time.Millisecond
			d.answer(s, CauseNone)
			if second.session != s {
				t.Fatal("the second command is not on the same session")
			}
			d.now += time.Millisecond
			d.breaks(s)
			if b := s.Blame(); b == nil || b.Author.Client != bad.Client {
				t.Errorf("behind %v: end %d is blamed on %+v", behind, end, b)
			}
			d.pass(time.Minute, d.wantsToOpen)
			d.open()
			if behind { // it is asked once more
				d.answer(second.session, CauseNone)
			}
		}
		for client := range uint64(2) {
			x := good(client + 1)
			if x.state != exchangeInFlight || x.standing == standingSuspect {
				t.Fatalf("behind %v: good client %d waits", behind, client+1)
			}
			d.answer(x.session, CauseNone)
		}
		if x := d.by(bad, false); x.state != exchangeGated {
			t.Errorf("behind %v: the third bad command does not wait: state %d", behind, x.state)
		}
	}
}

// TestEndInAnswer: an answer that ends its session is that of the command in flight. Its author is
// blamed, however soon it comes, and not whose command was answered before.
func TestEndInAnswer(t *testing.T) {
	d := patient(t, 1)
	a := Author{Client: 100, Identity: "a", Kind: 1, Content: 1, Answers: 7}
	for _, cause := range []Cause{CauseCodeCloses, CauseRegistryClosed, CauseUnasked} {
		y := d.by(Author{Client: 1, Identity: "b", Kind: 2, Content: 2, Known: true}, true)
		x := d.by(a, false)
		d.now += 20 * time.Millisecond
		d.answer(y.session, CauseNone)
		d.pass(time.Minute, func() bool { return x.state == exchangeInFlight })
		s := x.session
		d.now += time.Millisecond
		d.answer(s, cause)
		if b := s.Blame(); b == nil || b.Author.Client != a.Client {
			t.Errorf("%v: blamed is %+v, want the author of the command in flight", cause, b)
		}
		d.pass(time.Minute, d.wantsToOpen)
		d.open()
		d.wait(3 * pardon)
	}
}
