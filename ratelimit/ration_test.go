package ratelimit

import (
	"testing"
	"time"
)

// TestRation: a command waits until its use is written down, and further ones while half is left do
// not.
func TestRation(t *testing.T) {
	const recent = time.Second
	b := NewBucket(Limit{N: 1024, Per: time.Hour}) // a block of 8
	if b.Next(0) > 0 || b.Wants() {
		t.Error("a new bucket is rationed")
	}
	if b.Ration(); b.Wants() {
		t.Error("wants a writing before anybody has asked")
	}
	if b.Next(0) != Never || !b.Dry() || !b.Wants() {
		t.Error("admits a command that is not reserved, or does not want to write")
	}
	if p := b.Write(0, 0, recent); p.Open != 8 || b.Next(0) != Never {
		t.Errorf("reserved %d, and admits at %v; want 8, and Never before it is written", p.Open, b.Next(0))
	}
	b.Written()
	for i := range 8 {
		if b.Next(0) > 0 {
			t.Fatalf("command %d of 8 is not admitted", i)
		}
		use(b, 1, 0)
		if want := i >= 3; b.Wants() != want {
			t.Fatalf("after %d commands: wants to write: %v, want %v", i+1, b.Wants(), want)
		}
	}
	if b.Next(0) != Never {
		t.Error("a ninth command is admitted")
	}
}

// TestRationWhileWriting: what is taken during a writing is of the old reservation and of the new
// one, so that neither is exceeded whichever a crash leaves.
func TestRationWhileWriting(t *testing.T) {
	b := NewBucket(Limit{N: 1024, Per: time.Hour})
	b.Ration()
	b.Next(0)
	b.Write(0, 0, 0)
	b.Written()
	use(b, 5, 0)
	b.Write(0, 0, 0)
	use(b, 3, 0)
	if b.Next(0) != Never {
		t.Error("more is taken during a writing than the old reservation had")
	}
	b.Written()
	use(b, 5, 0)
	if b.Next(0) != Never {
		t.Error("more is taken than was reserved")
	}
}

// TestRationEnds: what is not used for a while has nothing reserved, so that a crash costs nothing
// then.
func TestRationEnds(t *testing.T) {
	b := NewBucket(Limit{N: 1024, Per: time.Hour})
	b.Ration()
	b.Next(0)
	b.Write(0, 0, time.Second)
	b.Written()
	use(b, 1, 0)
	b.Write(0, 0, time.Second) // it was used since
	b.Written()
	if p := b.Write(time.Second/2, 0, time.Second); p.Open != 8 {
		t.Errorf("half a second after its use: got %d reserved, want 8", p.Open)
	}
	b.Written()
	if p := b.Write(2*time.Second, 2*time.Second, time.Second); p.Open != 0 || b.Next(2*time.Second) != Never {
		t.Errorf("two seconds after its use: got %d reserved, and the old reservation in force; want neither", p.Open)
	}
}

// TestLoose: until it can be written down again.
func TestLoose(t *testing.T) {
	b := NewBucket(Limit{N: 10, Per: time.Hour})
	b.Ration()
	b.Next(0)
	b.Write(0, 0, 0)
	if b.Loose(); b.Next(0) > 0 {
		t.Error("a loose bucket admits nothing")
	}
	use(b, 3, 0)
	if b.Written(); b.Next(0) != Never {
		t.Error("what is reserved was used already, and more is admitted")
	}
	if p := b.Write(0, 0, 0); p.Open != 1 || len(p.Counts) != 1 || p.Counts[0].N != 3 {
		t.Errorf("got %+v, want 3 answers and 1 reserved", p)
	}
}

func TestBlock(t *testing.T) {
	for _, c := range []struct {
		l    Limit
		want int
	}{
		{Limit{N: 1, Per: day}, 1}, {Limit{N: 100, Per: day}, 1}, {Limit{N: 1000, Per: day}, 7},
		{Limit{N: 100, Per: 3 * time.Second}, 3}, {Limit{N: 10000, Per: time.Minute}, 78},
	} {
		if got := c.l.block(); got != c.want {
			t.Errorf("%v: got a block of %d, want %d", c.l, got, c.want)
		}
	}
}
