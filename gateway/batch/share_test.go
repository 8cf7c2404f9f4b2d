package batch

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/gateway/carry"
)

// TestTurnsOfMany: where more users wait than a check has names, or more requests of one user, the next check begins
// behind the last of this one.
func TestTurnsOfMany(t *testing.T) {
	for _, own := range []string{"user", "request"} {
		turnsOfMany(t, own)
	}
}

// turnsOfMany has several requests wait, each of a user of its own where own is user.
func turnsOfMany(t *testing.T, own string) {
	const requests, each = 7, 20
	inPlay(t, 2, func(f *fake) { f.interval = time.Second }, func(p *play, one *fake) {
		var wg sync.WaitGroup
		for i := range requests {
			u := &carry.User{Name: "shop"}
			if own == "user" {
				u.Name = fmt.Sprint("user ", i)
			}
			wg.Go(func() {
				if got := p.check(p.t.Context(), Request{User: u, Names: namesOf(fmt.Sprintf("r%d-", i), each)}); good(got) != each {
					t.Errorf("got %s", kinds(got))
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		had, since := make([]int, requests), make([]int, requests) // names, and those behind the first commands
		for i, a := range one.got {
			for _, n := range a.names {
				r := int(n[1] - '0')
				had[r]++
				if i >= 3 { // the first ones were made before all were there
					since[r]++
				}
			}
			if slices.Max(had) == each {
				break // one that has no more names has no more turns
			}
			if slices.Max(since)-slices.Min(since) > 1 {
				t.Errorf("turns by %s: behind %d commands they have had %v names since all were there", own, i+1, since)
				break
			}
		}
		if n := len(one.got); n < requests*each/2 {
			t.Errorf("%d commands", n)
		}
	})
}

// TestLevelBound: a registry that refuses whatever it is asked, and quotes a name each time, ends in bounded time.
func TestLevelBound(t *testing.T) {
	for _, n := range []int{2, 8, 50} {
		inPlay(t, 50, func(f *fake) {
			f.decide = func(a asked) reply {
				r := reply{code: 2306}
				r.value = "&lt;domain:name&gt;" + a.names[0] + "&lt;/domain:name&gt;"
				return r
			}
		}, func(p *play, one *fake) {
			got := p.check(p.t.Context(), Request{Names: namesOf("n", n)})
			if strings.Count(kinds(got), Refused) != n {
				t.Errorf("got %s", kinds(got))
			}
			times := make(map[string]int)
			for _, a := range one.got {
				for _, name := range a.names {
					times[name]++
				}
			}
			for name, k := range times {
				if k > levels(n)+3 {
					t.Errorf("%d names: %s was asked for %d times, want %d at most", n, name, k, levels(n)+3)
				}
			}
		})
	}
}
