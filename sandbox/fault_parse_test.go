package sandbox

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseFaults(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []Fault
	}{
		{"", nil},
		{" ;\n; ", nil},
		{"half", []Fault{{Kind: Half}}},
		{"close-after:p=0.01,cmd=create;slow=2s:every=10;refuse-login=2502:first=2", []Fault{
			{Kind: CloseAfter, P: 0.01, Commands: []string{"create"}},
			{Kind: Slow, Delay: 2 * time.Second, Every: 10},
			{Kind: RefuseLogin, Code: 2502, First: 2},
		}},
		{" silent : p=1 , cmd=check+info \n stall;", []Fault{{Kind: Silent, P: 1, Commands: []string{"check", "info"}}, {Kind: Stall}}},
		{"unasked;unasked=3s", []Fault{{Kind: Unasked, Delay: 100 * time.Millisecond}, {Kind: Unasked, Delay: 3 * time.Second}}},
		{"bad-length;bad-length=4;bad-length=4294967295", []Fault{{Kind: BadLength}, {Kind: BadLength, Size: 4}, {Kind: BadLength, Size: 1<<32 - 1}}},
		{"huge;huge=5000000", []Fault{{Kind: Huge, Size: 8 << 20}, {Kind: Huge, Size: 5000000}}},
		{"x5xx;x5xx=2500;x5xx=1500", []Fault{{Kind: X5xx}, {Kind: X5xx, Code: 2500}, {Kind: X5xx, Code: 1500}}},
		{"2002;2201;2502-command;2500-close", []Fault{{Kind: LostLogin}, {Kind: LostSession}, {Kind: Throttle}, {Kind: CloseWith2500}}},
		{"no-greeting:p=.5;close-at-accept:every=2", []Fault{{Kind: NoGreeting, P: 0.5}, {Kind: CloseAtAccept, Every: 2}}},
	} {
		got, err := ParseFaults(tt.text)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: got %+v, %v, want %+v", tt.text, got, err, tt.want)
		}
		var back []string
		for _, f := range got {
			back = append(back, f.String())
		}
		if again, err := ParseFaults(strings.Join(back, ";")); err != nil || !reflect.DeepEqual(again, tt.want) {
			t.Errorf("%q: written as %q: got %+v, %v", tt.text, back, again, err)
		}
	}
}

func TestParseFaultsWrong(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"explode", `fault "explode": there is no such fault`},
		{":p=1", `fault ":p=1": there is no such fault`},
		{"=3", `fault "=3": there is no such fault`},
		{"half=3", `fault "half=3": takes no argument`},
		{"slow", `needs a duration, as slow=2s`},
		{"slow=", `"" is not a duration above 0`},
		{"slow=fast", `"fast" is not a duration above 0`},
		{"slow=-1s", `"-1s" is not a duration above 0`},
		{"refuse-login", "needs a code, as refuse-login=2502"},
		{"refuse-login=2002", "the code must be 2200, 2501 or 2502"},
		{"refuse-login=2502:cmd=login", "takes no cmd"},
		{"no-greeting:cmd=check", "takes no cmd"},
		{"x5xx=2400", "the second digit of 2400 is not 5"},
		{"x5xx=9500", `"9500" is not a result code`},
		{"x5xx=one", `"one" is not a result code`},
		{"bad-length=-1", `"-1" is not a number of octets`},
		{"bad-length=4294967296", `"4294967296" is not a number of octets`},
		{"huge=4", `"4" is not a number of octets`},
		{"half:", `"" is none of p=, every=, first= and cmd=`},
		{"half:p=0", "p=0 is not a probability above 0 and at most 1"},
		{"half:p=2", "p=2 is not a probability"},
		{"half:p=NaN", "p=NaN is not a probability"},
		{"half:p", "p= is not a probability"},
		{"half:every=0", "every=0 is not a number above 0"},
		{"half:first=x", "first=x is not a number above 0"},
		{"half:cmd=", `cmd=: "" is none of check, create`},
		{"half:cmd=create+explode", `cmd=create+explode: "explode" is none of`},
		{"half:last=1", `"last=1" is none of p=, every=, first= and cmd=`},
		{"half;explode;slow", "fault \"explode\": there is no such fault\nfault \"slow\": needs"},
	} {
		got, err := ParseFaults(tt.text)
		if err == nil || got != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

// TestFaultKinds: every kind has a name of its own and a line about it, and the name can be read.
func TestFaultKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range FaultKinds() {
		if a.Name == "" || a.About == "" || seen[a.Name] {
			t.Errorf("%+v", a)
		}
		seen[a.Name] = true
		name, arg, _ := strings.Cut(a.Name, "=")
		text := name + map[string]string{"DURATION": "=1s", "OCTETS": "=100", "CODE": "=2502"}[arg]
		if _, err := ParseFaults(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if len(seen) != int(TurnAway) {
		t.Errorf("%d kinds listed, want %d", len(seen), TurnAway)
	}
}
