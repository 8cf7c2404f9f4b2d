package share

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestAlone: one alone gets its multiple of what stays free, and another one still gets some, as does a third.
func TestAlone(t *testing.T) {
	p := NewPool(1000, 3)
	all := func(who string) (n int) {
		for p.Take(who, 1) {
			n++
		}
		return n
	}
	if got := all("a"); got != 750 {
		t.Errorf("one alone got %d of 1000, want 750", got)
	}
	if got := all("b"); got != 187 {
		t.Errorf("a second one got %d, want 187", got)
	}
	if got := all("c"); got != 47 {
		t.Errorf("a third one got %d, want 47", got)
	}
	p.Give("a", 750)
	if got := all("b"); got != 527 {
		t.Errorf("the second one got %d more when the first had left, want 527", got)
	}
}

// TestFirst: who has nothing gets one while there is any; nobody gets more than there is.
func TestFirst(t *testing.T) {
	p := NewPool(10, 1)
	for i := range 10 {
		if !p.Take(strconv.Itoa(i), 1) {
			t.Fatalf("the %dth of ten was refused", i)
		}
	}
	if p.Take("late", 1) || p.Take("0", 1) || !p.Take("late", 0) {
		t.Error("there was more than ten")
	}
	p.Give("3", 1)
	if p.Take("0", 1) || !p.Take("late", 1) {
		t.Error("the last place is for one who has none")
	}
	if NewPool(10, 1).Take("a", 6) || !NewPool(10, 1).Take("a", 5) {
		t.Error("one takes as much as is left free at most")
	}
}

// TestBooks: whatever is taken and given back, nobody has more than is free by the multiple, and in the end all is there.
func TestBooks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	p := NewPool(500, 2)
	has := map[string]int{}
	total := 0
	for range 20000 {
		who, n := strconv.Itoa(rnd.IntN(6)), rnd.IntN(40)
		if rnd.IntN(2) == 0 {
			n = min(n, has[who])
			p.Give(who, n)
			has[who], total = has[who]-n, total-n
			continue
		}
		if p.Take(who, n) {
			has[who], total = has[who]+n, total+n
			if total > 500 || n > 1 && has[who] > 2*(500-total) {
				t.Fatalf("%s got %d and has %d; all have %d of 500", who, n, has[who], total)
			}
		}
		if p.Taken() != total {
			t.Fatalf("got %d, want %d", p.Taken(), total)
		}
	}
	for who, n := range has {
		p.Give(who, n)
	}
	if p.Taken() != 0 || len(p.of) != 0 {
		t.Errorf("got %d, %v in the end", p.Taken(), p.of)
	}
	defer func() {
		if recover() == nil {
			t.Error("more was given back than was taken")
		}
	}()
	p.Give("a", 1)
}
