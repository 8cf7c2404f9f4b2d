package batch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/upstream/pool"
)

// TestCheck: names go to the registry of the longest zone, and what goes to none is said.
func TestCheck(t *testing.T) {
	inPlay(t, 50, nil, func(p *play, one *fake) {
		got := p.check(p.t.Context(), Request{RequestID: "req-1", Names: []string{"kiosk.example", "taken.EXAMPLE", "kiösk.example",
			"a b.example", "kiosk.test", "example", "", "shop.co.example"}})
		if want := "free taken free bad_name no_registry no_registry bad_name free"; kinds(got) != want {
			t.Errorf("got %s, want %s", kinds(got), want)
		}
		if len(one.got) != 1 || one.got[0].clTRID != "req-1" ||
			!slices.Equal(one.got[0].names, []string{"kiosk.example", "taken.example", "xn--kisk-6qa.example", "shop.co.example"}) {
			t.Errorf("got %+v", one.got)
		}
		if a := got[1]; a.Name != "taken.EXAMPLE" || a.Registry != "example" || a.Code != 1000 || a.ClTRID != "req-1" {
			t.Errorf("got %+v", a)
		}
		if got := p.check(p.t.Context(), Request{Registry: "example", Names: []string{"kiosk.test"}}); kinds(got) != "free" {
			t.Errorf("got %s of a registry that was named", kinds(got))
		}
		if got := p.check(p.t.Context(), Request{Registry: "none", Names: []string{"kiosk.test"}}); kinds(got) != "no_registry" {
			t.Errorf("got %s of a registry that is not there", kinds(got))
		}
		p.check(p.t.Context(), Request{})
	})
}

// TestForbidden: who may not check is told so, and the registry is not asked.
func TestForbidden(t *testing.T) {
	infos := pool.Commands(func(c frame.Command, _ frame.Op) bool { return c == frame.CommandInfo })
	checks := pool.Commands(func(c frame.Command, _ frame.Op) bool { return c == frame.CommandCheck })
	inPlay(t, 50, nil, func(p *play, one *fake) {
		for _, tt := range []struct {
			u    carry.User
			want string
		}{
			{carry.User{Registries: []string{"other"}}, "forbidden"},
			{carry.User{Registries: []string{"other", "example"}}, "free"},
			{carry.User{Commands: &infos}, "forbidden"},
			{carry.User{Commands: &checks}, "free"},
		} {
			if got := p.check(p.t.Context(), Request{User: &tt.u, Names: []string{"kiosk.example"}}); kinds(got) != tt.want {
				t.Errorf("%+v: got %s, want %s", tt.u, kinds(got), tt.want)
			}
		}
		p.c.Check(p.t.Context(), Request{Names: []string{"kiosk.example"}}, func(a Answer) {
			if a.Problem == nil || a.Problem.Kind != Forbidden {
				t.Errorf("got %+v for nobody", a)
			}
		})
		if len(one.got) != 2 {
			t.Errorf("%d commands were sent, want 2", len(one.got))
		}
	})
}

// TestJoin: names that come while a check waits for its turn join it.
func TestJoin(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.interval = time.Second / 10 }, func(p *play, one *fake) {
		var all []<-chan []Answer
		for i := range 40 {
			u := &carry.User{Name: fmt.Sprint("user", i%7)}
			all = append(all, p.later(p.t.Context(), Request{User: u, RequestID: fmt.Sprint("req-", i), Names: namesOf(fmt.Sprint("n", i, "-"), 25)}))
			time.Sleep(10 * time.Millisecond)
		}
		for _, c := range all {
			if got := <-c; good(got) != 25 {
				t.Errorf("got %s", kinds(got))
			}
		}
		if n := len(one.got); n > 22 {
			t.Errorf("%d commands for 1000 names, want about 20", n)
		}
		for i, a := range one.got {
			if len(a.names) > 50 {
				t.Errorf("command %d asks for %d names", i, len(a.names))
			}
		}
	})
}

// TestTurns: a small request is not behind a large one, and a user of many requests not before one of one.
func TestTurns(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.interval = time.Second / 10 }, func(p *play, one *fake) {
		greedy := &carry.User{Name: "greedy"}
		var large []<-chan []Answer
		for i := range 20 {
			large = append(large, p.later(p.t.Context(), Request{User: greedy, Names: namesOf(fmt.Sprint("large", i, "-"), 500)}))
		}
		time.Sleep(time.Second)
		start := time.Now()
		small := p.later(p.t.Context(), Request{User: greedy, Names: namesOf("small", 2)})
		other := p.later(p.t.Context(), Request{User: &carry.User{Name: "modest"}, Names: namesOf("modest", 20)})
		<-small
		if d := time.Since(start); d > 300*time.Millisecond {
			t.Errorf("a small request of the greedy user took %v", d)
		}
		<-other
		if d := time.Since(start); d > 300*time.Millisecond {
			t.Errorf("the request of another user took %v", d)
		}
		for _, c := range large {
			<-c
		}
		if n := len(one.got); n > 203 {
			t.Errorf("%d commands for 10022 names", n)
		}
	})
}

// TestTwice: a name that several requests wait for, or one has twice, is asked once.
func TestTwice(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.interval = time.Second }, func(p *play, one *fake) {
		first := p.later(p.t.Context(), Request{Names: []string{"before.example"}})
		synctest.Wait()
		var all []<-chan []Answer
		for range 3 {
			all = append(all, p.later(p.t.Context(), Request{Names: []string{"a.example", "b.example", "A.example", "taken.example"}}))
		}
		<-first
		for _, c := range all {
			if got := <-c; kinds(got) != "free free free taken" {
				t.Errorf("got %s", kinds(got))
			}
		}
		if len(one.got) != 2 || len(one.got[1].names) != 3 {
			t.Errorf("got %+v", one.got)
		}
	})
}

// TestNotJoined: a name that has been sent is asked again for who comes later, since something may have
// changed in between.
func TestNotJoined(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.rtt = time.Second }, func(p *play, one *fake) {
		first := p.later(p.t.Context(), Request{Names: []string{"a.example"}})
		synctest.Wait()
		second := p.later(p.t.Context(), Request{Names: []string{"a.example"}})
		<-first
		<-second
		if len(one.got) != 2 {
			t.Errorf("%d commands, want 2", len(one.got))
		}
	})
}

// TestLeave: a request that ends takes its names along, those of others stay.
func TestLeave(t *testing.T) {
	inPlay(t, 10, func(f *fake) { f.interval, f.rtt = time.Second, 500*time.Millisecond }, func(p *play, one *fake) {
		first := p.later(p.t.Context(), Request{Names: []string{"now.example"}})
		synctest.Wait()
		ctx, cancel := context.WithCancel(p.t.Context())
		gone := p.later(ctx, Request{Names: append(namesOf("gone", 25), "both.example")})
		stays := p.later(p.t.Context(), Request{Names: []string{"both.example", "mine.example"}})
		time.Sleep(1200 * time.Millisecond) // the second command is in flight
		cancel()
		got := <-gone
		for _, a := range got {
			if a.Problem == nil || a.Problem.Kind != NotSent && a.Problem.Kind != NoAnswer {
				t.Errorf("got %+v", a)
			}
		}
		sent := strings.Count(kinds(got), NoAnswer)
		if sent == 0 || sent > 10 {
			t.Errorf("got %s, want up to 10 no_answer", kinds(got))
		}
		if got := <-stays; kinds(got) != "free free" {
			t.Errorf("got %s", kinds(got))
		}
		<-first
		time.Sleep(10 * time.Second)
		names := 0
		for _, a := range one.got {
			names += len(a.names)
		}
		if len(one.got) > 3 || names > 1+10+2 {
			t.Errorf("%d commands for %d names", len(one.got), names)
		}
	})
}

// TestUnsent: what waited as long as a command that waited in vain is not sent; who comes later may be lucky.
func TestUnsent(t *testing.T) {
	inPlay(t, 10, func(f *fake) { f.interval, f.patience = 10*time.Second, 4*time.Second }, func(p *play, one *fake) {
		first := p.later(p.t.Context(), Request{Names: []string{"now.example"}})
		time.Sleep(time.Second)
		old := p.later(p.t.Context(), Request{Names: namesOf("old", 35)})
		time.Sleep(3 * time.Second)
		late := p.later(p.t.Context(), Request{Names: []string{"old1.example", "late.example"}})
		if got := <-old; strings.Count(kinds(got), NotSent) != 35 || got[0].Problem.Detail != "queue_timeout" {
			t.Errorf("got %s", kinds(got))
		}
		time.Sleep(2 * time.Second)
		last := p.later(p.t.Context(), Request{Names: []string{"last.example"}})
		if got := <-late; kinds(got) != "not_sent not_sent" {
			t.Errorf("got %s", kinds(got))
		}
		if got := <-last; kinds(got) != "free" {
			t.Errorf("got %s", kinds(got))
		}
		<-first
	})
}

// TestNoLate: with an account that sends what was submitted, each index is answered once all the same.
func TestNoLate(t *testing.T) {
	inPlay(t, 10, func(f *fake) { f.interval, f.noLate = time.Second/10, true }, func(p *play, one *fake) {
		var all []<-chan []Answer
		for i := range 10 {
			all = append(all, p.later(p.t.Context(), Request{Names: namesOf(fmt.Sprint("n", i, "-"), 12)}))
			time.Sleep(20 * time.Millisecond)
		}
		for _, c := range all {
			if got := <-c; good(got) != 12 {
				t.Errorf("got %s", kinds(got))
			}
		}
	})
}

// TestObjects: where a limit counts names, a check has no more than it takes, and does not change.
func TestObjects(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.interval, f.counted = time.Second/10, 7 }, func(p *play, one *fake) {
		a := p.later(p.t.Context(), Request{Names: namesOf("a", 30)})
		b := p.later(p.t.Context(), Request{User: &carry.User{Name: "b"}, Names: namesOf("b", 5)})
		if n := good(<-a) + good(<-b); n != 35 {
			t.Errorf("%d good answers", n)
		}
		for _, a := range one.got {
			if len(a.names) > 7 {
				t.Errorf("a command for %d names", len(a.names))
			}
		}
		if len(one.got) > 6 {
			t.Errorf("%d commands", len(one.got))
		}
	})
}

// TestBounds: requests that are too large are refused as a whole.
func TestBounds(t *testing.T) {
	inPlay(t, 50, nil, func(p *play, one *fake) {
		if got := p.check(p.t.Context(), Request{Names: namesOf("n", MaxNames+1)}); strings.Count(kinds(got), NotSent) != MaxNames+1 {
			t.Errorf("too many names were taken")
		}
		fee := &mapping.FeeCheck{Currency: "EUR", Commands: make([]mapping.FeeCommand, MaxFeeCommands+1)}
		if got := p.check(p.t.Context(), Request{Names: namesOf("n", 1), Fee: fee}); kinds(got) != Refused {
			t.Errorf("got %s", kinds(got))
		}
		for range maxUnderWay / 1024 {
			p.c.names.Take("greedy", 1024)
		}
		if got := p.check(p.t.Context(), Request{User: &carry.User{Name: "greedy"}, Names: namesOf("n", 1)}); kinds(got) != NotSent {
			t.Errorf("one who has most: got %s", kinds(got))
		}
		if got := p.check(p.t.Context(), Request{Names: namesOf("n", 10)}); strings.Count(kinds(got), NotSent) > 0 {
			t.Errorf("another one: got %s", kinds(got))
		}
		p.c.names.Resize(0)
		one.got = nil
		if got := p.check(p.t.Context(), Request{Names: namesOf("n", 1)}); kinds(got) != NotSent {
			t.Errorf("got %s", kinds(got))
		}
		p.c.names.Resize(maxUnderWay)
		p.c.names.Give("greedy", p.c.names.Taken())
		if len(one.got) > 0 {
			t.Errorf("got %+v", one.got)
		}
	})
}

// TestOnlyRegistry: one registry that names no zones has all names; of two, none has.
func TestOnlyRegistry(t *testing.T) {
	inPlay(t, 50, nil, func(p *play, _ *fake) {
		p.c.SetRegistries([]*carry.Registry{{Name: "example"}})
		if got := p.check(p.t.Context(), Request{Names: []string{"kiosk.test", "kiosk"}}); kinds(got) != "free free" {
			t.Errorf("got %s", kinds(got))
		}
		p.c.SetRegistries([]*carry.Registry{{Name: "example"}, {Name: "other"}})
		if got := p.check(p.t.Context(), Request{Names: []string{"kiosk.test"}}); kinds(got) != "no_registry" {
			t.Errorf("got %s", kinds(got))
		}
	})
}

// TestRegistriesChange: an account that stays keeps its desk, one that comes has its zones at once.
func TestRegistriesChange(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.rtt = time.Second }, func(p *play, one *fake) {
		under := p.later(p.t.Context(), Request{Names: []string{"a.example"}})
		synctest.Wait()
		before := p.c.routes.Load().names["example"]
		p.c.SetRegistries([]*carry.Registry{{Name: "example", Zones: []string{"test"}, CheckMax: 1},
			{Name: "other", Zones: []string{"test", "kiösk"}}})
		if p.c.routes.Load().names["example"] != before {
			t.Error("the desk has changed")
		}
		if got := p.check(p.t.Context(), Request{Names: []string{"a.example", "a.test", "b.test"}}); kinds(got) != "no_registry free free" {
			t.Errorf("got %s", kinds(got))
		}
		if got := p.c.routes.Load().of("a.xn--kisk-6qa"); got == nil || got.name != "other" {
			t.Errorf("got %v", got)
		}
		if n := len(one.got[len(one.got)-1].names); n != 1 {
			t.Errorf("a check of %d names after the change, want 1", n)
		}
		if got := <-under; kinds(got) != "free" {
			t.Errorf("got %s", kinds(got))
		}
	})
}

// TestSlowReader: who does not take its answers holds up nobody else.
func TestSlowReader(t *testing.T) {
	inPlay(t, 10, nil, func(p *play, one *fake) {
		stuck, over := make(chan struct{}), make(chan struct{})
		p.wg.Go(func() {
			defer close(over)
			p.c.Check(p.t.Context(), Request{User: &carry.User{Name: "slow"}, Names: namesOf("slow", 100)}, func(Answer) { <-stuck })
		})
		if got := p.check(p.t.Context(), Request{Names: namesOf("n", 100)}); good(got) != 100 {
			t.Errorf("got %s", kinds(got))
		}
		close(stuck)
		<-over
	})
}

// TestCanonical holds names to their form.
func TestCanonical(t *testing.T) {
	long := strings.Repeat("a", 63)
	for in, want := range map[string]string{
		"kiosk.example": "kiosk.example", "KIOSK.Example": "kiosk.example", "xn--KISK-6qa.example": "xn--kisk-6qa.example",
		"KIÖSK.example": "xn--kisk-6qa.example", "straße.example": "xn--strae-oqa.example", "a。example": "a.example",
		long + ".example": long + ".example", "example": "example",
		long + "a.example": "", "a..example": "", ".example": "", "a.example.": "", "-a.example": "", "a-.example": "", "a_b.example": "",
		"a<b.example": "", "a\x00.example": "", "": "", ".": "", strings.Repeat("a.", 127) + "example": "", "\xff.example": "",
		strings.Repeat("ä", 100_000): "", "a\u200d.example": "",
	} {
		if got, ok := canonical(in); got != want && ok || ok != (want != "") {
			t.Errorf("%.40q: got %q %v, want %q", in, got, ok, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { canonical("kiosk.example") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
