package batch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/upstream/pool"
)

// refuses refuses a check that has a name with one of those prefixes.
func refuses(code int, prefixes ...string) func(asked) reply {
	return func(a asked) reply {
		for _, n := range a.names {
			for _, p := range prefixes {
				if strings.HasPrefix(n, p) {
					return reply{code: code}
				}
			}
		}
		return reply{code: 1000}
	}
}

// mixed are n names of which those at the given places begin with bad.
func mixed(n int, bad ...int) []string {
	all := namesOf("n", n)
	for _, i := range bad {
		all[i] = "bad" + all[i]
	}
	return all
}

// TestOneBadName: a name that the registry refuses costs the others in its check nothing but time.
func TestOneBadName(t *testing.T) {
	for _, code := range []int{2001, 2004, 2005, 2306} {
		inPlay(t, 50, func(f *fake) { f.interval, f.decide = time.Second/10, refuses(code, "bad") }, func(p *play, one *fake) {
			got := p.check(p.t.Context(), Request{RequestID: "req-1", Names: mixed(50, 17)})
			if good(got) != 49 || got[17].Problem == nil || got[17].Problem.Kind != Refused || got[17].Code != code ||
				got[17].ClTRID != "req-1" {
				t.Errorf("%d: got %s, %+v", code, kinds(got), got[17])
			}
			if n := len(one.got); n > 13 {
				t.Errorf("%d: %d commands", code, n)
			}
		})
	}
}

// TestQuotedName: a name that the refusal quotes is asked apart from the others at once.
func TestQuotedName(t *testing.T) {
	inPlay(t, 50, func(f *fake) {
		f.decide = func(a asked) reply {
			r := refuses(2005, "bad")(a)
			r.value = "&lt;domain:name&gt;BADn17.example&lt;/domain:name&gt;"
			return r
		}
	}, func(p *play, one *fake) {
		got := p.check(p.t.Context(), Request{Names: mixed(50, 17)})
		if good(got) != 49 || got[17].Code != 2005 {
			t.Errorf("got %s", kinds(got))
		}
		if n := len(one.got); n != 3 {
			t.Errorf("%d commands, want 3", n)
		}
	})
	for text, want := range map[string]bool{"n1.example": true, "<n1.example>": true, "n1.example.": false, "an1.example n1.example": true,
		"n1.example1": false, "": false, "n1.exampl": false} {
		if got := quotes([]byte(text), "n1.example"); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

// TestManyBad: where all names are refused, no name is asked too often, and others go on.
func TestManyBad(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.interval, f.decide = time.Second/100, refuses(2005, "bad") }, func(p *play, one *fake) {
		evil := p.later(p.t.Context(), Request{User: &carry.User{Name: "evil"}, Names: namesOf("bad", 1000)})
		time.Sleep(5 * time.Second)
		start := time.Now()
		got := p.check(p.t.Context(), Request{User: &carry.User{Name: "good"}, Names: namesOf("n", 50)})
		if d := time.Since(start); good(got) != 50 || d > 2*time.Second {
			t.Errorf("got %d good answers after %v", good(got), d)
		}
		if got := <-evil; strings.Count(kinds(got), Refused) != 1000 {
			t.Errorf("got %s", kinds(got))
		}
		if n := len(one.got); n > 2000+10 {
			t.Errorf("%d commands", n)
		}
		p.within(one, 50)
	})
}

// within fails on a name that one request has, and that was asked more often than allowed.
func (p *play) within(one *fake, most int) {
	p.t.Helper()
	times := make(map[string]int)
	for _, a := range one.got {
		for _, n := range a.names {
			if strings.HasPrefix(n, "common") { // several requests ask for it
				continue
			}
			if times[n]++; times[n] > levels(most)+3 {
				p.t.Errorf("%s was asked %d times", n, times[n])
			}
		}
	}
}

// TestWholeRefused: an error about the account or the command is no reason to ask again.
func TestWholeRefused(t *testing.T) {
	for _, code := range []int{2000, 2101, 2201, 2307} {
		inPlay(t, 50, func(f *fake) { f.decide = refuses(code, "n") }, func(p *play, one *fake) {
			got := p.check(p.t.Context(), Request{Names: namesOf("n", 50)})
			if strings.Count(kinds(got), Refused) != 50 || len(one.got) != 1 || got[0].Code != code || got[0].Problem.Detail != "words" {
				t.Errorf("%d: got %s after %d commands", code, kinds(got), len(one.got))
			}
		})
	}
}

// TestTooManyNames: a registry that refuses so many names is given fewer for an hour, and then more again.
func TestTooManyNames(t *testing.T) {
	inPlay(t, 50, func(f *fake) {
		f.decide = func(a asked) reply {
			if len(a.names) > 30 {
				return reply{code: 2306}
			}
			return reply{code: 1000}
		}
	}, func(p *play, one *fake) {
		if got := p.check(p.t.Context(), Request{Names: namesOf("n", 50)}); good(got) != 50 || len(one.got) != 3 {
			t.Errorf("got %s after %d commands", kinds(got), len(one.got))
		}
		if got := p.check(p.t.Context(), Request{Names: namesOf("n", 100)}); good(got) != 100 || len(one.got) != 3+4 {
			t.Errorf("got %s after %d commands", kinds(got), len(one.got))
		}
		time.Sleep(learntFor)
		if p.check(p.t.Context(), Request{Names: namesOf("n", 50)}); len(one.got) != 3+4+3 {
			t.Errorf("%d commands", len(one.got))
		}
	})
}

// TestBadNameIsNoLesson: a refusal that one name explains teaches nothing about their number.
func TestBadNameIsNoLesson(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.decide = refuses(2306, "bad") }, func(p *play, one *fake) {
		p.check(p.t.Context(), Request{Names: mixed(50, 3)})
		before := len(one.got)
		if p.check(p.t.Context(), Request{Names: namesOf("m", 50)}); len(one.got) != before+1 {
			t.Errorf("%d commands for 50 names", len(one.got)-before)
		}
	})
}

// TestLostSession: names behind which a session ended are asked once more, each user's apart, by a flow of
// its own; who ends sessions is apart for a while.
func TestLostSession(t *testing.T) {
	inPlay(t, 50, func(f *fake) {
		f.interval = time.Second / 10
		f.decide = func(a asked) reply {
			if slices.ContainsFunc(a.names, func(n string) bool { return strings.HasPrefix(n, "bad") }) {
				return reply{end: pool.EndUnknown, cause: pool.CauseRegistryClosed}
			}
			return reply{code: 1000}
		}
	}, func(p *play, one *fake) {
		before := p.later(p.t.Context(), Request{Names: []string{"before.example"}})
		time.Sleep(time.Millisecond)
		evil := p.later(p.t.Context(), Request{User: &carry.User{Name: "evil", Client: "10.0.0.1:1"}, Names: mixed(5, 1)})
		others := p.later(p.t.Context(), Request{User: &carry.User{Name: "good"}, Names: namesOf("good", 5)})
		if got := <-others; good(got) != 5 {
			t.Errorf("got %s", kinds(got))
		}
		if got := <-evil; strings.Count(kinds(got), NoAnswer) != 5 || got[0].Problem.Detail != "registry_closed" {
			t.Errorf("got %s", kinds(got))
		}
		<-before
		if n := len(one.got); n != 4 {
			t.Errorf("%d commands, want 4: %+v", n, one.got)
		}
		for _, a := range one.got[2:] {
			if want := map[int]string{5: "evil"}[len(a.names)]; a.names[0] == "goodn0.example" && a.from.Identity != "good" || a.names[0] == "n0.example" && a.from.Identity != want {
				t.Errorf("%v were asked by %+v", a.names, a.from)
			}
		}
		now := p.later(p.t.Context(), Request{Names: []string{"now.example"}})
		evil = p.later(p.t.Context(), Request{User: &carry.User{Name: "evil"}, Names: namesOf("e", 5)})
		others = p.later(p.t.Context(), Request{User: &carry.User{Name: "good"}, Names: namesOf("g", 5)})
		<-now
		<-evil
		<-others
		for _, a := range one.got[4:] {
			if strings.HasPrefix(a.names[0], "e") && (len(a.names) != 5 || a.from.Identity != "evil") {
				t.Errorf("%v were asked by %+v", a.names, a.from)
			}
		}
		time.Sleep(strikesMost * forgive)
		first := p.later(p.t.Context(), Request{Names: []string{"first.example"}})
		time.Sleep(time.Millisecond)
		evil = p.later(p.t.Context(), Request{User: &carry.User{Name: "evil"}, Names: namesOf("e", 5)})
		others = p.later(p.t.Context(), Request{User: &carry.User{Name: "good"}, Names: namesOf("g", 5)})
		<-first
		<-evil
		<-others
		if last := one.got[len(one.got)-1]; len(last.names) != 10 {
			t.Errorf("got %+v, want the names of both users", last)
		}
	})
}

// TestAnswersMatch: an answer finds its name in any order and form, and a name without one is told so.
func TestAnswersMatch(t *testing.T) {
	inPlay(t, 50, func(f *fake) {
		f.decide = func(a asked) reply {
			slices.Reverse(a.names)
			return reply{code: 1000, skip: func(n string) bool { return n == "lost.example" }, shown: func(n string) string {
				if n == "xn--kisk-6qa.example" {
					return "KIÖSK.Example"
				}
				if n == "odd.example" {
					return "nobody-asked.example"
				}
				return strings.ToUpper(n)
			}}
		}
	}, func(p *play, one *fake) {
		got := p.check(p.t.Context(), Request{Names: []string{"a.example", "kiösk.example", "lost.example", "odd.example", "b.example"}})
		if want := "free free no_answer no_answer free"; kinds(got) != want {
			t.Errorf("got %s, want %s", kinds(got), want)
		}
	})
}

// TestUnwritable: a name that cannot be written into a command costs the others nothing.
func TestUnwritable(t *testing.T) {
	inPlay(t, 50, nil, func(p *play, one *fake) {
		names := namesOf("n", 30)
		names[11] = "unwritable.example"
		got := p.check(p.t.Context(), Request{Names: names})
		if good(got) != 29 || got[11].Problem == nil || got[11].Problem.Kind != Refused || got[11].Code != 0 {
			t.Errorf("got %s", kinds(got))
		}
	})
}

var euros = &mapping.FeeCheck{Currency: "EUR", Commands: []mapping.FeeCommand{{Command: "create"}}}

// TestPrices: they are asked for where the greeting offers them, and the answer says where it does not.
func TestPrices(t *testing.T) {
	inPlay(t, 50, func(f *fake) { f.greeting, f.interval = greetingOf(feeNamespace), time.Second/10 }, func(p *play, one *fake) {
		first := p.later(p.t.Context(), Request{Names: namesOf("a", 2)})
		second := p.later(p.t.Context(), Request{Names: namesOf("b", 2), Fee: euros})
		third := p.later(p.t.Context(), Request{Names: namesOf("c", 2), Fee: &mapping.FeeCheck{Currency: "EUR", Commands: euros.Commands}})
		for _, a := range <-first {
			if a.Fees != nil || a.NoFees != "" {
				t.Errorf("got %+v", a)
			}
		}
		for _, a := range append(<-second, <-third...) {
			if a.Fees == nil || a.NoFees != "" || a.Fees.Name != a.Name {
				t.Errorf("got %+v", a)
			}
		}
		for _, a := range one.got {
			if a.fees != (a.names[0][0] != 'a') {
				t.Errorf("got %+v", a)
			}
		}
		for _, g := range one.watch {
			g([]byte(greetingOf("other"))) // it offers them no more
		}
		time.Sleep(time.Second)
		before := len(one.got)
		for _, a := range p.check(p.t.Context(), Request{Names: namesOf("d", 2), Fee: euros}) {
			if a.Check == nil || a.Fees != nil || a.NoFees != FeesUnsupported {
				t.Errorf("got %+v", a)
			}
		}
		if len(one.got) != before+1 || one.got[before].fees {
			t.Errorf("got %+v", one.got[before:])
		}
	})
}

// TestPricesRefused: a registry that refuses a question about prices still says which names are free, and is
// not asked it for a while.
func TestPricesRefused(t *testing.T) {
	inPlay(t, 50, func(f *fake) {
		f.greeting = greetingOf(feeNamespace)
		f.decide = func(a asked) reply {
			if a.fees {
				return reply{code: 2004}
			}
			return refuses(2005, "bad")(a)
		}
	}, func(p *play, one *fake) {
		for i := range 5 {
			for _, a := range p.check(p.t.Context(), Request{Names: namesOf("a", 50), Fee: euros}) {
				if a.Check == nil || a.NoFees != FeesRefused {
					t.Errorf("got %+v", a)
				}
			}
			if want := min(2*(i+1), i+1+feeTries); len(one.got) != want {
				t.Errorf("%d commands, want %d", len(one.got), want)
			}
		}
	})
	inPlay(t, 50, func(f *fake) { f.greeting, f.decide = greetingOf(feeNamespace), refuses(2005, "bad") }, func(p *play, one *fake) {
		got := p.check(p.t.Context(), Request{Names: mixed(50, 7), Fee: euros})
		for i, a := range got {
			if (a.Fees != nil) != (i != 7) || a.NoFees != "" {
				t.Errorf("got %+v", a)
			}
		}
		if n := len(one.got); n > 14 {
			t.Errorf("%d commands", n)
		}
	})
}

// TestFailure: an error of which nobody knows the reason is tried once more, and no more.
func TestFailure(t *testing.T) {
	for _, code := range []int{2400, 2500} {
		inPlay(t, 50, func(f *fake) { f.decide = refuses(code, "n") }, func(p *play, one *fake) {
			got := p.check(p.t.Context(), Request{Names: namesOf("n", 50)})
			if strings.Count(kinds(got), Refused) != 50 || len(one.got) != 3 {
				t.Errorf("%d: got %s after %d commands", code, kinds(got), len(one.got))
			}
		})
	}
}

// TestStrikes: they are bounded, and go with time.
func TestStrikes(t *testing.T) {
	var c care
	now := time.Now()
	for i := range 3 * usersKept {
		c.strike(fmt.Sprint(i), lostStrikes, now)
	}
	if len(c.users) > usersKept {
		t.Errorf("%d users are kept", len(c.users))
	}
	for range 100 {
		c.strike("evil", lostStrikes, now)
	}
	if !c.isApart("evil", now) || c.isApart("good", now) || c.isApart("evil", now.Add(strikesMost*forgive)) {
		t.Error("the wrong user is apart")
	}
}
