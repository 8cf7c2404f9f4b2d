package sandbox

import (
	"reflect"
	"strings"
	"testing"
)

// play lets messages come and returns what is played on each, "-" for nothing. "+" is a connection.
func (b *book) play(messages string) string {
	var got []string
	for m := range strings.FieldsSeq(messages) {
		var req *request
		if m != "+" {
			verb, op, _ := strings.Cut(m, ":")
			req = &request{kind: kindCommand, verb: verb, op: op}
			if verb == "hello" {
				req.kind = kindHello
			}
		}
		if f := b.strike(req); f != nil {
			got = append(got, f.Kind.String())
		} else {
			got = append(got, "-")
		}
	}
	return strings.Join(got, " ")
}

// TestFaultsInTurn: of several faults that fit one message the first is played, and all count the
// occasion.
func TestFaultsInTurn(t *testing.T) {
	for _, tt := range []struct{ faults, messages, want string }{
		{"", "check + login", "- - -"},
		{"silent;half", "check check", "silent silent"},
		{"silent:first=1;half", "check check check", "silent half half"},
		{"silent:first=1;half:first=1", "check check check", "silent half -"},
		{"silent:every=2;half:every=3", "check check check check check check", "- silent half silent - silent"},
		{"silent:cmd=create;half", "check create check", "half silent half"},
		{"silent:every=2,cmd=create", "create check create check create create", "- - silent - - silent"},
		{"silent:every=2,first=1", "check check check check", "- silent - -"},
		{"silent:cmd=transform", "transfer:query transfer:request poll update", "- silent - silent"},
		{"silent:cmd=hello+logout", "hello check logout login", "silent - silent -"},
		{"silent", "hello login logout check", "- - - silent"},
	} {
		if got := newBook(1, faults(t, tt.faults)).play(tt.messages); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.faults, got, tt.want)
		}
	}
}

// TestFaultStages: faults of connections strike connections, those of logins strike logins, and
// each counts its own occasions.
func TestFaultStages(t *testing.T) {
	for _, tt := range []struct{ faults, messages, want string }{
		{"close-at-accept", "+ check login +", "close-at-accept - - close-at-accept"},
		{"no-greeting:every=2", "+ check + check +", "- - no-greeting - -"},
		{"refuse-login=2200", "+ login check hello logout", "- refuse-login - - -"},
		{"refuse-login=2200:first=1;silent:cmd=login", "login login", "refuse-login silent"},
		{"silent:cmd=login;refuse-login=2200", "login login", "silent silent"},
		{"close-at-accept:first=1;no-greeting", "+ + +", "close-at-accept no-greeting no-greeting"},
	} {
		if got := newBook(1, faults(t, tt.faults)).play(tt.messages); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.faults, got, tt.want)
		}
	}
}

// TestFaultsSetAgain: SetFaults begins counts and chances anew, with the seed of the Config.
func TestFaultsSetAgain(t *testing.T) {
	b := newBook(3, faults(t, "silent:first=1"))
	if got := b.play("check check"); got != "silent -" {
		t.Errorf("got %s", got)
	}
	b.set(faults(t, "silent:first=1"))
	if got := b.play("check check"); got != "silent -" {
		t.Errorf("set again: got %s", got)
	}
	b.set(faults(t, "silent:p=0.5"))
	one := b.play(strings.Repeat("check ", 64))
	b.set(faults(t, "silent:p=0.5"))
	if two := b.play(strings.Repeat("check ", 64)); two != one {
		t.Errorf("with the same seed:\n%s\n%s", one, two)
	}
	b.set(nil)
	if got := b.play("check +"); got != "- -" {
		t.Errorf("without faults: got %s", got)
	}
}

// TestFaultChancesApart: the chance is drawn for a fault only when its other conditions hold, so a
// fault for other commands does not change the run.
func TestFaultChancesApart(t *testing.T) {
	messages := strings.Repeat("check ", 100)
	alone := newBook(5, faults(t, "silent:p=0.3,cmd=check")).play(messages)
	beside := newBook(5, faults(t, "half:p=0.5,cmd=create;stall:p=0.5,every=1000;silent:p=0.3,cmd=check")).play(messages)
	if alone != beside {
		t.Errorf("got\n%s\nwant\n%s", beside, alone)
	}
	if n := strings.Count(alone, "silent"); n < 15 || n > 45 {
		t.Errorf("%d of 100 at p=0.3", n)
	}
}

// TestFaultsAreCopies: neither the caller's slices nor those handed out belong to the registry.
func TestFaultsAreCopies(t *testing.T) {
	mine := []Fault{{Kind: Silent, Commands: []string{"create"}}}
	r := start(t, Config{Faults: mine})
	mine[0].Commands[0] = "check"
	mine[0].Kind = Half
	c := enter(t, r, "demo")
	c.checks()
	got := r.Faults()
	if want := []Fault{{Kind: Silent, Commands: []string{"create"}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	got[0].Kind = CloseBefore
	c.checks()
	if n := r.Counters(); len(n.Faults) != 0 {
		t.Errorf("played %v", n.Faults)
	}
}

// TestFaultsByDialogue: what a client sees of two faults in turn, and what is counted.
func TestFaultsByDialogue(t *testing.T) {
	r := start(t, Config{Record: true, Faults: faults(t, "2502-command:first=2,cmd=create;wrong-cltrid:every=2,cmd=query")})
	c := enterWild(t, r, "demo")
	create := func(code int) { c.do("create", "D:<name>new.com</name>"+pw).want(code) }
	create(2502)
	create(2502)
	create(1000)
	create(2302)
	c.checks()
	c.send(checkWith("MINE-1"))
	c.answered("1000", "<clTRID>MIN0-1")
	c.checks()
	n := r.Counters()
	if n.Faults["2502-command"] != 2 || n.Faults["wrong-cltrid"] != 1 || len(n.Faults) != 2 || n.Codes[2502] != 2 {
		t.Errorf("counted %+v", n)
	}
	if got := r.Executions("create", "new.com"); got != (Times{Received: 4, Executed: 1}) {
		t.Errorf("executions %+v", got)
	}
	breaches(t, r, Breaches{})
}
