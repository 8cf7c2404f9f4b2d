package upstream

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// brokenAnswers are answers that no XML parser takes, each with its kind. % stands for the clTRID.
var brokenAnswers = []struct {
	answer string
	kind   Oddity
}{
	{epp("<response><result code='1000'><msg>page\f1</msg></result>%</response>"), OddCharacter},
	{epp("<response><result code='1000'><msg>caf\xE9</msg></result>%</response>"), OddCharacter},
	{epp("<response><result code='1000'><value><e:poll/></value></result>%</response>"), OddNamespace},
	{epp("<response><result code='1000'/><resData><d:pw>ab<cd</d:pw></resData>%</response>"), OddNamespace},
	{epp("<response><result code='1000'/><resData><pw>ab<cd</pw></resData>%</response>"), OddMarkup},
	{epp("<response><result code='1000'/><extension><a><b></a></b></extension>%</response>"), OddMarkup},
	{epp("<response><result code='1000'/><extension><a b='1' b='1'/></extension>%</response>"), OddMarkup},
	{epp("<response><result code='1000'><msg>R&D</msg></result>%</response>"), OddReference},
	{epp("<response><result code='1000'><msg>a&nbsp;b</msg></result>%</response>"), OddReference},
	{"\n<?xml version='1.0'?>" + epp("<response><result code='1000'/>%</response>"), OddDeclaration},
	{"<?xml version='1.0' encoding='KOI8-R'?>" + epp("<response><result code='1000'><msg>\xE9</msg></result>%</response>"), OddDeclaration},
	{"<!DOCTYPE epp>" + epp("<response><result code='1000'/>%</response>"), OddDeclaration},
	{epp("<response><result code='1000'/>%</response>") + "\x00", OddOutside},
	{epp("<response><result code='1000'/>%</response>") + "junk", OddOutside},
}

// withID puts the trID of an answer in its place.
func withID(answer, id string) string {
	if id != "" {
		id = "<clTRID>" + id + "</clTRID>"
	}
	return strings.Replace(answer, "%", "<trID>"+id+"<svTRID>S-1</svTRID></trID>", 1)
}

// odd returns how many odd answers of a kind were counted, and desyncs.
func (p *play) odd(o Oddity) (odd, desync uint64) {
	var s Snapshot
	p.on(func() { p.account.Snapshot(&s) })
	for _, n := range s.Desync {
		desync += n
	}
	return s.Odd[o], desync
}

// TestBrokenAnswer: row 11. An answer that fills its frame and has its code and its clTRID is the
// client's, octet for octet, whatever a parser thinks of it; its session goes on.
func TestBrokenAnswer(t *testing.T) {
	for _, b := range brokenAnswers {
		for _, own := range []string{"<clTRID>C-1</clTRID>", ""} {
			inPlay(t, nil, func(p *play) {
				r := p.session()
				r.answered()
				a := p.ask(deleteCommand(own))
				r.want("delete")
				r.send(withID(b.answer, r.id))
				want := withID(b.answer, strings.TrimSuffix(strings.TrimPrefix(own, "<clTRID>"), "</clTRID>"))
				if e := a.end(); e.End != pool.EndAnswered || e.Code != 1000 || e.Answer != want {
					t.Errorf("%q: got %+v", b.answer, e)
				}
				r.answered() // the session goes on
				if odd, desync := p.odd(b.kind); odd != 1 || desync != 0 {
					t.Errorf("%q: counted %d of %v and %d desyncs", b.answer, odd, b.kind, desync)
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				if strings.Contains(p.log.String(), "S-1") || strings.Count(p.log.String(), "odd answers") != 1 {
					t.Errorf("%q: the log has\n%s", b.answer, p.log)
				}
			})
		}
	}
}

// TestBrokenAnswerInDoubt: row 11. Where code or clTRID is in doubt, or something follows, the outcome
// of a transform is unknown and the session ends.
func TestBrokenAnswerInDoubt(t *testing.T) {
	const words = "<response><result code='1000'><msg>\f</msg></result>"
	for name, answer := range map[string]func(id string) string{
		"another id": func(string) string { return withID(epp(words+"%</response>"), "M0123456789ABC-C-1") },
		"foreign id": func(string) string { return withID(epp(words+"%</response>"), "UNKNOWN") },
		"no id":      func(string) string { return withID(epp(words+"%</response>"), "") },
		"two ids":    func(id string) string { return withID(epp(words+"%</response>"), id+"</clTRID><clTRID>"+id) },
		"id in data": func(id string) string {
			return epp(words + "<resData><clTRID>" + id + "</clTRID></resData></response>")
		},
		"no code": func(id string) string { return withID(epp("<response><msg>\f</msg>%</response>"), id) },
		"code in a comment": func(id string) string {
			return withID(epp("<response>\f<!-- <result code='1000'/> -->%</response>"), id)
		},
		"code in data": func(id string) string {
			return withID(epp("<response><resData>\f<result code='1000'/></resData>%</response>"), id)
		},
		"code in a value without an end": func(id string) string {
			return withID(epp("<response><resData><value><result code='1000'></resData>%</response>"), id)
		},
		"two codes": func(id string) string {
			return withID(epp("<response>\f<result code='2005'/><result code='1000'/>%</response>"), id)
		},
		"a greeting":   func(string) string { return epp(testGreeting) + "\x00" },
		"a cut answer": func(id string) string { return strings.TrimSuffix(withID(epp(words+"%</response>"), id), "</epp>") },
		"two answers":  func(id string) string { return strings.Repeat(withID(epp(words+"%</response>"), id), 2) },
	} {
		inPlay(t, nil, func(p *play) {
			r := p.session()
			r.answered()
			a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
			r.want("delete")
			r.send(answer(r.id))
			if e := a.end(); e.End != pool.EndUnknown {
				t.Errorf("%s: got %+v", name, e)
			}
			r.wantEnd()
			if _, desync := p.odd(0); desync != 1 {
				t.Errorf("%s: counted %d desyncs", name, desync)
			}
		})
	}
}

// TestBrokenAnswerIsRead: of a broken answer, too, a code ends its session, and its words tell a lost
// login and a throttle.
func TestBrokenAnswerIsRead(t *testing.T) {
	answer := func(code int, words, id string) string {
		return withID(epp(fmt.Sprintf("<response><result code='%d'><msg>%s\f</msg></result>%%</response>", code, words)), id)
	}
	inPlay(t, func(c *Config) { c.Lost, c.Throttled = DefaultLost, []Pattern{{2502, "too fast"}} }, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
		r.want("delete")
		r.send(answer(2502, "too fast", r.id))
		a.waiting()
		time.Sleep(5 * time.Second)
		r.want("delete")
		r.send(answer(2002, "not logged in", r.id))
		r.lostLogin()
		r.wantEnd()
		r = p.session()
		r.want("delete")
		r.reply(1000)
		a.end()
		r.loggedIn() // the first one behind a lost login is asked
		a = p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
		r.want("delete")
		r.send(answer(2201, "not your object", r.id)) // it is held, and read once more
		r.loggedIn()
		if e := a.end(); e.End != pool.EndAnswered || e.Code != 2201 || !strings.Contains(e.Answer, "<clTRID>C-1</clTRID>") {
			t.Errorf("got %+v", e)
		}
		a = p.ask(deleteCommand("<clTRID>C-2</clTRID>"))
		r.want("delete")
		r.send(answer(2500, "bye", r.id))
		if e := a.end(); e.End != pool.EndAnswered || e.Code != 2500 {
			t.Errorf("got %+v", e)
		}
		r.wantEnd()
	})
}

// TestBrokenOwnAnswers: a login, a poll and a logout of our own that are answered in broken XML are
// answered.
func TestBrokenOwnAnswers(t *testing.T) {
	for _, b := range brokenAnswers {
		inPlay(t, func(c *Config) { c.Pool.Keepalive, c.Pool.KeepaliveCommand = time.Minute, frame.CommandPoll }, func(p *play) {
			r := p.accept()
			r.greet()
			r.want("login")
			r.send(withID(b.answer, r.id))
			for range 2 {
				r.want("poll")
				r.send(withID(b.answer, r.id))
			}
			p.on(func() { p.account.drain(time.Minute) })
			r.want("logout")
			r.send(withID(b.answer, r.id))
			r.wantEnd()
			if odd, desync := p.odd(b.kind); odd != 4 || desync != 0 {
				t.Errorf("%q: counted %d of %v and %d desyncs", b.answer, odd, b.kind, desync)
			}
		})
	}
}

// TestForeignID: row 5. A clTRID that no command of ours can have had is that of the command in flight.
func TestForeignID(t *testing.T) {
	for name, c := range map[string]struct {
		id   func(id string) string
		kind Oddity
	}{
		"cut":         {func(id string) string { return id[:10] }, OddIDCut},
		"cut, lower":  {func(id string) string { return strings.ToLower(id[:14]) }, OddIDCut},
		"one letter":  {func(id string) string { return id[:1] }, OddIDCut},
		"lower case":  {strings.ToLower, OddIDCase},
		"longer":      {func(id string) string { return id + "-00" }, OddIDChanged},
		"other end":   {func(id string) string { return id[:14] + "-X" }, OddIDChanged},
		"own":         {func(string) string { return "C-1" }, OddIDOwn},
		"unknown":     {func(string) string { return "UNKNOWN" }, OddIDForeign},
		"made up":     {func(string) string { return "MSG-0001" }, OddIDForeign},
		"like a head": {func(string) string { return "MARY" }, OddIDForeign},
		"very long":   {func(string) string { return strings.Repeat("x", 300) }, OddIDForeign},
	} {
		inPlay(t, nil, func(p *play) {
			r := p.session()
			r.answered()
			for range 2 {
				a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
				r.want("delete")
				r.send(response(1000, c.id(r.id)))
				if e := a.end(); e.End != pool.EndAnswered || e.Code != 1000 || e.Answer != response(1000, "C-1") {
					t.Errorf("%s: got %+v", name, e)
				}
			}
			r.answered()
			if odd, desync := p.odd(c.kind); odd != 2 || desync != 0 {
				t.Errorf("%s: counted %d of %v and %d desyncs", name, odd, c.kind, desync)
			}
		})
	}
}

// TestAnothersID: row 5. What may have been another command's muxTRID is never taken, whole, cut or in
// another case: it may be a second answer to an earlier command.
func TestAnothersID(t *testing.T) {
	for name, id := range map[string]func(earlier string) string{
		"whole":             func(e string) string { return e },
		"head":              func(e string) string { return e[:14] },
		"lower case":        strings.ToLower,
		"head, lower case":  func(e string) string { return strings.ToLower(e[:14]) },
		"cut to 13":         func(e string) string { return e[:13] },
		"cut to 10":         func(e string) string { return e[:10] },
		"cut to 10, lower":  func(e string) string { return strings.ToLower(e[:10]) },
		"padded":            func(e string) string { return e[:14] + "00000" },
		"of another eppmux": func(string) string { return "M0123456789ABC-C-1" },
	} {
		inPlay(t, nil, func(p *play) {
			r := p.session()
			r.answered()
			earlier := r.id
			time.Sleep(time.Second)
			a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
			r.want("delete")
			r.send(response(1000, id(earlier)))
			if e := a.end(); e.End != pool.EndUnknown {
				t.Errorf("%s: got %+v", name, e)
			}
			r.wantEnd()
		})
	}
}

// TestLoginID: the answer to a login may have any clTRID but another command's.
func TestLoginID(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		r.send(response(1000, "M0123456789ABC"))
		r.wantEnd()
		r = p.accept()
		r.greet()
		r.want("login")
		r.send(response(1000, "UNKNOWN"))
		r.answered()
		if odd, _ := p.odd(OddIDForeign); odd != 1 {
			t.Errorf("counted %d", odd)
		}
	})
}

// TestBrokenAnswerOverDo: one who carries a command by Do gets such an answer, too.
func TestBrokenAnswerOverDo(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		ended := make(chan Result, 1)
		go func() {
			got, _ := p.carry(context.Background(), []byte(deleteCommand("<clTRID>C-1</clTRID>")))
			ended <- got
		}()
		r.want("delete")
		r.send(withID(brokenAnswers[0].answer, r.id))
		want := withID(brokenAnswers[0].answer, "C-1")
		if got := <-ended; got.Code != 1000 || !bytes.Equal(got.Payload, []byte(want)) || got.SvTRID != "S-1" {
			t.Errorf("got %+v", got)
		}
	})
}

// TestEmptyID: row 5. An empty clTRID is as one that is made up: it is the command's in flight, and the
// client's own takes its place. What has none stays as it is.
func TestEmptyID(t *testing.T) {
	for _, junk := range []string{"", "\x00"} { // in broken XML, too
		for empty, filled := range map[string]string{
			"<clTRID/>":                "<clTRID>C-1</clTRID>",
			"<clTRID></clTRID>":        "<clTRID>C-1</clTRID>",
			"<clTRID a='1'> </clTRID>": "<clTRID a='1'>C-1</clTRID>",
			"<clTRID a='1' />":         "<clTRID a='1' >C-1</clTRID>",
		} {
			inPlay(t, nil, func(p *play) {
				answer := func(id string) string {
					return epp("<response><result code='1000'/><trID>"+id+"<svTRID>S-1</svTRID></trID></response>") + junk
				}
				r := p.session()
				for own, want := range map[string]string{"<clTRID>C-1</clTRID>": filled, "": ""} {
					r.answered() // its answers have their clTRID
					a := p.ask(deleteCommand(own))
					r.want("delete")
					r.send(answer(empty))
					if e := a.end(); e.End != pool.EndAnswered || e.Code != 1000 || e.Answer != answer(want) {
						t.Errorf("%s: got %+v, want %s", empty, e, answer(want))
					}
				}
				r.answered()
				if odd, desync := p.odd(OddIDEmpty); odd != 2 || desync != 0 {
					t.Errorf("%s: counted %d and %d desyncs", empty, odd, desync)
				}
			})
		}
	}
}

// TestEmptyOwnIDs: in answers to commands of our own an empty clTRID is counted, and nothing else. The
// goodbye of a registry may have one.
func TestEmptyOwnIDs(t *testing.T) {
	empty := func(code int) string {
		return strings.Replace(response(code, "X"), "<clTRID>X</clTRID>", "<clTRID/>", 1)
	}
	inPlay(t, func(c *Config) { c.Pool.Keepalive, c.Pool.KeepaliveCommand = time.Minute, frame.CommandPoll }, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		r.send(empty(1000))
		r.want("poll")
		r.send(empty(1300))
		if odd, desync := p.odd(OddIDEmpty); odd != 2 || desync != 0 {
			t.Errorf("counted %d and %d desyncs", odd, desync)
		}
		r.send(empty(2500))
		r.wantEnd()
		if _, desync := p.odd(OddIDEmpty); desync != 0 {
			t.Errorf("a goodbye counts as %d desyncs", desync)
		}
	})
}

// TestBrokenAnswerHeld: rows 11 and 13. An answer in broken XML that is held while the session is asked for
// its login goes to its client, or the command goes again.
func TestBrokenAnswerHeld(t *testing.T) {
	const refusal = "<response><result code='2201'><msg>R&D\f</msg></result>%</response>"
	for _, lost := range []bool{false, true} {
		inPlay(t, nil, func(p *play) {
			r := p.session()
			a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
			r.want("delete")
			r.send(withID(epp(refusal), r.id))
			a.waiting()
			want := withID(epp(refusal), "C-1")
			if lost {
				r.want("poll")
				r.send(withID(epp(refusal), r.id))
				r.wantEnd()
				r = p.session()
				r.want("delete")
				r.reply(1000)
				want = response(1000, "C-1")
			} else {
				r.loggedIn()
			}
			if e := a.end(); e.End != pool.EndAnswered || e.Answer != want {
				t.Errorf("lost %v: got %+v, want %s", lost, e, want)
			}
		})
	}
}
