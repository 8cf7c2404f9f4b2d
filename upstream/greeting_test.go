package upstream

import (
	"strings"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// oddGreetings are greetings that no XML parser takes, each with its kind.
var oddGreetings = []struct {
	greeting string
	kind     Oddity
}{
	{epp(strings.Replace(testGreeting, "play", "caf\xE9", 1)), OddCharacter},
	{epp(strings.Replace(testGreeting, "play", "a\fb", 1)), OddCharacter},
	{epp(strings.Replace(testGreeting, "play", "R&D &nbsp;", 1)), OddReference},
	{"<?xml version='1.0' encoding='ISO-8859-1'?>" + epp(strings.Replace(testGreeting, "play", "caf\xE9", 1)), OddDeclaration},
	{"\n<?xml version='1.0'?>" + epp(testGreeting), OddDeclaration},
	{epp(testGreeting) + "\x00", OddOutside},
}

// TestOddGreeting: row 44. A session is opened behind a greeting that is no good XML, with its services,
// and lives on where a hello gets such a one. Clients get good XML.
func TestOddGreeting(t *testing.T) {
	for _, g := range oddGreetings {
		inPlay(t, func(c *Config) { c.Pool.Keepalive, c.Pool.KeepaliveCommand = time.Minute, frame.CommandHello }, func(p *play) {
			var learned []string
			p.on(func() { p.account.OnGreeting(func(payload []byte) { learned = append(learned, string(payload)) }) })
			r := p.accept()
			r.send(g.greeting)
			if login := r.want("login"); !strings.Contains(login, "secDNS-1.1") {
				t.Errorf("%q: got %s", g.greeting, login)
			}
			r.reply(1000)
			for range 2 {
				r.want("hello")
				r.send(g.greeting)
			}
			r.answered()
			if odd, desync := p.odd(g.kind); odd != 3 || desync != 0 {
				t.Errorf("%q: counted %d of %v and %d desyncs", g.greeting, odd, g.kind, desync)
			}
			if len(learned) != 3 {
				t.Fatalf("%q: learned %q", g.greeting, learned)
			}
			if m, err := frame.NewScanner().Scan([]byte(learned[2])); err != nil || m.Kind != frame.KindGreeting || learned[0] != learned[2] {
				t.Errorf("%q: learned %q, %v", g.greeting, learned, err)
			}
			if log := p.logged(); strings.Count(log, "greeting is no good XML") != 1 || strings.Contains(log, "caf") {
				t.Errorf("%q: the log has\n%s", g.greeting, log)
			}
		})
	}
}

// TestOddGreetingInDoubt: row 44. A greeting whose tags are wrong is none, nor is one with another message
// behind it.
func TestOddGreetingInDoubt(t *testing.T) {
	for _, greeting := range []string{
		epp(strings.Replace(testGreeting, "play", "a<b", 1)),
		epp(testGreeting) + epp(testGreeting),
		strings.TrimSuffix(epp(testGreeting), "</epp>") + "\x00",
	} {
		inPlay(t, nil, func(p *play) {
			r := p.accept()
			r.send(greeting)
			r.wantEnd()
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			if s.Logins[loginResult(pool.CauseGreeting)] != 1 {
				t.Errorf("%q: counted %v", greeting, s.Logins)
			}
		})
	}
}
