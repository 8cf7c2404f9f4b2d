package batch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/gateway/carry"
	"eppmux/upstream/pool"
)

// chance is a registry that answers by chance, the same for the same seed.
func chance(r *rand.Rand, trouble int) func(asked) reply {
	return func(a asked) reply {
		if slices.ContainsFunc(a.names, func(n string) bool { return strings.HasPrefix(n, "bad") }) {
			return reply{code: []int{2005, 2306, 2004}[r.IntN(3)]}
		}
		if slices.ContainsFunc(a.names, func(n string) bool { return strings.HasPrefix(n, "killer") }) {
			return reply{end: pool.EndUnknown, cause: pool.CauseRegistryClosed}
		}
		if trouble == 0 || r.IntN(100) >= trouble {
			return reply{code: 1000}
		}
		switch r.IntN(7) {
		case 0:
			return reply{end: pool.EndUnknown, cause: pool.CauseCommandTimeout}
		case 1:
			return reply{end: pool.EndNotSent, cause: pool.CauseThrottled}
		case 2:
			return reply{end: pool.EndUnknown, cause: pool.CauseShutdown}
		case 3:
			return reply{code: 2400}
		case 4:
			return reply{code: 2306, value: a.names[r.IntN(len(a.names))]}
		case 5:
			return reply{code: 1000, skip: func(n string) bool { return len(n)%3 == 0 }}
		}
		return reply{code: 2201}
	}
}

// TestChance: whatever the registry does, and whenever requests end, each index is answered once (check looks
// at that), no name is asked too often, and the commands are hardly more than they need be.
func TestChance(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 14))
			most, trouble, late := 1+r.IntN(60), int(seed%4)*10, r.IntN(4) > 0
			bad := seed%2 == 0
			asks := 0
			inPlay(t, most, func(f *fake) {
				f.decide, f.noLate = chance(rand.New(rand.NewPCG(seed, 15)), trouble), !late
				f.interval, f.rtt = time.Duration(1+r.IntN(50))*time.Millisecond, time.Duration(r.IntN(200))*time.Millisecond
				if r.IntN(4) == 0 {
					f.counted = 1 + r.IntN(most)
				}
				if r.IntN(5) == 0 {
					f.patience = time.Second
				}
			}, func(p *play, one *fake) {
				var all []<-chan []Answer
				for i := range 30 {
					n := r.IntN(100)
					names := make([]string, n)
					for j := range names {
						kind := "n"
						if bad && r.IntN(50) == 0 {
							kind = []string{"bad", "killer"}[r.IntN(2)]
						}
						names[j] = fmt.Sprintf("%s%d-%d.example", kind, i, j)
						if r.IntN(5) == 0 {
							names[j] = fmt.Sprintf("common%d.example", r.IntN(40))
						}
						if j > 0 && r.IntN(20) == 0 {
							names[j] = names[r.IntN(j)]
						}
					}
					ctx := p.t.Context()
					if r.IntN(5) == 0 {
						c, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(2000))*time.Millisecond)
						defer cancel()
						ctx = c
					}
					asks += n
					all = append(all, p.later(ctx, Request{User: &carry.User{Name: fmt.Sprint("u", r.IntN(4)), Weight: uint8(r.IntN(2))},
						RequestID: fmt.Sprint("req-", i), Names: names}))
					time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond)
				}
				for _, c := range all {
					<-c
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				p.within(one, most)
				if trouble == 0 && !bad && late && one.counted == 0 && one.patience == 0 {
					// Two weights have a check each that is not full, at any time at which nothing else waits.
					if ideal := asks/most + 1; len(one.got) > ideal+2*30 {
						t.Errorf("%d commands for %d names, %d at a time", len(one.got), asks, most)
					}
				}
			})
		})
	}
}

// TestIdeal: at a registry that is the narrow place, checks are full.
func TestIdeal(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.interval, f.rtt = time.Second/20, 300*time.Millisecond }, func(p *play, one *fake) {
		r := rand.New(rand.NewPCG(1, 2))
		var all []<-chan []Answer
		names := 0
		for i := range 100 {
			n := 1 + r.IntN(200)
			names += n
			all = append(all, p.later(p.t.Context(), Request{User: &carry.User{Name: fmt.Sprint("u", i%9)}, Names: namesOf(fmt.Sprint("n", i, "-"), n)}))
			time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
		}
		for _, c := range all {
			<-c
		}
		if ideal := names/50 + 1; len(one.got) > ideal+2 {
			t.Errorf("%d commands for %d names, want %d", len(one.got), names, ideal)
		}
	})
}
