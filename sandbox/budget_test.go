package sandbox

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func checkOf(n int) string {
	var b strings.Builder
	b.WriteString("D:")
	for i := range n {
		fmt.Fprintf(&b, "<name>n%d.com</name>", i)
	}
	return b.String()
}

// TestObjectLimit: a check counts each of its names, another command one; above it 2502, not carried
// out, a breach.
func TestObjectLimit(t *testing.T) {
	k := newClock()
	r := start(t, Config{ObjectLimit: 10, ObjectPer: time.Minute, Now: k.Now})
	c := enter(t, r, "demo")
	c.do("check", checkOf(8)).want(1000)
	c.do("check", checkOf(3)).want(2502) // 11
	c.do("info", "D:<name>example.com</name>").want(1000)
	c.ask(epp("<hello/>"))
	c.do("check", checkOf(1)).want(1000)
	c.do("info", "D:<name>example.com</name>").want(2502)
	enter(t, r, "other").do("check", checkOf(10)).want(1000) // each account has its own
	breaches(t, r, Breaches{TooFast: 2})
	k.step(time.Minute - 1)
	enter(t, r, "demo").do("info", "D:<name>example.com</name>").want(2502) // sessions share it
	k.step(1)
	c.do("check", checkOf(11)).want(2502) // never
	c.do("check", checkOf(10)).want(1000)
	breaches(t, r, Breaches{TooFast: 4})
}

// TestObjectLimitBesideRate: what one limit refuses counts for neither.
func TestObjectLimitBesideRate(t *testing.T) {
	k := newClock()
	r := start(t, Config{RateLimit: 2, ObjectLimit: 10, Now: k.Now})
	c := enter(t, r, "demo")
	c.do("check", checkOf(11)).want(2502)
	c.do("check", checkOf(4)).want(1000)
	c.do("check", checkOf(4)).want(1000)
	c.do("check", checkOf(1)).want(2502) // the rate
	k.step(time.Second)
	c.do("check", checkOf(10)).want(1000)
	breaches(t, r, Breaches{TooFast: 2})

	r = start(t, Config{ObjectLimit: 5, Now: k.Now, Rules: Rules{RatePerSession: true}})
	for range 2 {
		c := enter(t, r, "demo")
		c.do("check", checkOf(5)).want(1000)
		c.do("check", checkOf(1)).want(2502)
	}
}

// TestObjectLog holds the log against a plain count of the last period.
func TestObjectLog(t *testing.T) {
	const limit, per = 20, 100 * time.Millisecond
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var l objectLog
		type entry struct {
			at time.Time
			n  int
		}
		var all []entry
		now := newClock().Now()
		for range 200 {
			now = now.Add(time.Duration(rng.IntN(20)) * time.Millisecond)
			n, sum := 1+rng.IntN(8), 0
			for _, e := range all {
				if now.Sub(e.at) < per {
					sum += e.n
				}
			}
			want := sum+n <= limit
			if got := l.admit(limit, n, per, now); got != want {
				t.Fatalf("got %v with %d and %d of %d", got, sum, n, limit)
			}
			if want {
				all = append(all, entry{now, n})
			}
		}
	}
}

// TestCheckMax: more objects in a check are 2306, of all kinds.
func TestCheckMax(t *testing.T) {
	c := enter(t, start(t, Config{CheckMax: 2}), "demo")
	c.do("check", checkOf(2)).want(1000)
	c.do("check", checkOf(3)).want(2306).has("at most 2 names")
	c.do("check", "H:"+checkOf(3)[2:]).want(2306).has("at most 2 names")
	c.do("check", "C:<id>abc</id><id>abd</id><id>abe</id>").want(2306).has("at most 2 ids")
	enter(t, start(t, Config{}), "demo").do("check", checkOf(51)).want(2306).has("at most 50 names")
	enter(t, start(t, Config{CheckMax: -1}), "demo").do("check", checkOf(500)).want(1000)
}
