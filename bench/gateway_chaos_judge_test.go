package main

import (
	"fmt"
	"testing"
	"time"
)

// judge holds what the clients were told against what the registry did.
func (c *gatewayChaos) judge() {
	c.t.Helper()
	var times map[string]struct{ Received, Executed int }
	c.registries[0].get(c.t, "/executed", &times)
	ends := map[string]int{}
	tries, replayed := 0, 0
	for _, ch := range c.changes {
		n := times[ch.verb+" "+ch.name]
		last := ch.tries[len(ch.tries)-1]
		ends[ch.verb+" "+last.outcome]++
		tries += len(ch.tries)
		for _, t := range ch.tries {
			if t.replayed {
				replayed++
			}
		}
		for _, fault := range ch.faults(n.Received, n.Executed) {
			c.t.Errorf("%s of %s, received %d times and executed %d times: %s\n%s", ch.verb, ch.name, n.Received, n.Executed, fault, ch.story())
		}
	}
	c.t.Logf("%d changes, asked for %d times, %d answers replayed; ends %v", len(c.changes), tries, replayed, ends)
	for _, verb := range []string{"create", "renew", "delete", "transfer"} {
		if ends[verb+" answered"] == 0 {
			c.t.Errorf("no %s was answered: nothing was shown", verb)
		}
	}
	if replayed == 0 {
		c.t.Error("no answer was replayed: nothing was shown")
	}
}

// faults says what is wrong with a change that the registry got and carried out so often, and with what its
// tries were told. That a registry would refuse a second create, renew, delete or transfer by itself excuses
// no second sending.
func (c *change) faults(received, executed int) (found []string) {
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if executed > 1 {
		say("carried out more than once")
	}
	if received > 1 {
		say("sent more than once")
	}
	var first *try // the answer
	onlyNotSent := true
	for i := range c.tries {
		t := &c.tries[i]
		onlyNotSent = onlyNotSent && t.outcome == "not_sent"
		switch t.outcome {
		case "answered":
			if first == nil {
				first = t
			} else if first.code != t.code || first.svTRID != t.svTRID {
				say("two answers: %d %s and %d %s", first.code, first.svTRID, t.code, t.svTRID)
			}
			if t.done() && executed == 0 {
				say("answered %d and not carried out", t.code)
			}
		case "strange":
			say("an answer that says nothing: %d %s", t.status, t.text)
		}
	}
	if onlyNotSent && executed > 0 {
		say("said to be not sent, and carried out")
	}
	// What has been told as the end, or as unknown, stays known to all who ask later.
	for i := range c.tries {
		for j := range c.tries {
			a, b := &c.tries[i], &c.tries[j]
			switch {
			case !a.end.Before(b.begin):
			case a.outcome == "answered" && b.outcome != "answered" && b.outcome != "lost":
				say("answered, and later %s", b.outcome)
			case a.outcome == "unknown" && b.outcome == "not_sent":
				say("unknown, and later not sent")
			}
		}
	}
	return found
}

// story lists the tries.
func (c *change) story() (s string) {
	for _, t := range c.tries {
		s += fmt.Sprintf("  %s to %s: %s, HTTP %d, code %d %s %v\n", t.begin.Format("05.000"), t.end.Format("05.000"), t.outcome, t.status, t.code, t.svTRID, t.replayed)
	}
	return s
}

// TestGatewayChaosJudge: the judge sees what it is there for.
func TestGatewayChaosJudge(t *testing.T) {
	at := func(begin, end int, outcome string, code int, sv string) try {
		zero := time.Date(2031, 3, 1, 12, 0, 0, 0, time.UTC)
		return try{begin: zero.Add(time.Duration(begin) * time.Second), end: zero.Add(time.Duration(end) * time.Second), outcome: outcome, code: code, svTRID: sv}
	}
	for _, tt := range []struct {
		name     string
		executed int
		good     bool
		tries    []try
	}{
		{"answered", 1, true, []try{at(0, 1, "lost", 0, ""), at(0, 3, "answered", 1000, "S1"), at(4, 5, "answered", 1000, "S1")}},
		{"not sent, then sent", 1, true, []try{at(0, 1, "not_sent", 0, ""), at(2, 3, "answered", 1000, "S1")}},
		{"unknown", 1, true, []try{at(0, 1, "lost", 0, ""), at(2, 3, "unknown", 0, "")}},
		{"unknown, then found out", 1, true, []try{at(0, 1, "unknown", 0, ""), at(2, 3, "answered", 1000, "S1")}},
		{"unknown beside the answer", 1, true, []try{at(0, 3, "unknown", 0, ""), at(1, 2, "answered", 1000, "S1")}},
		{"refused by the registry", 0, true, []try{at(0, 1, "answered", 2302, "S1"), at(2, 3, "answered", 2302, "S1")}},
		{"carried out twice", 2, false, []try{at(0, 1, "answered", 1000, "S1")}},
		{"missing", 0, false, []try{at(0, 1, "answered", 1001, "S1")}},
		{"another answer", 1, false, []try{at(0, 1, "answered", 1000, "S1"), at(2, 3, "answered", 2302, "S2")}},
		{"another with the same code", 1, false, []try{at(0, 1, "answered", 1000, "S1"), at(2, 3, "answered", 1000, "S2")}},
		{"not sent, and carried out", 1, false, []try{at(0, 1, "not_sent", 0, ""), at(2, 3, "not_sent", 0, "")}},
		{"forgotten", 1, false, []try{at(0, 1, "answered", 1000, "S1"), at(2, 3, "unknown", 0, "")}},
		{"unknown, then not sent", 0, false, []try{at(0, 1, "unknown", 0, ""), at(2, 3, "not_sent", 0, "")}},
		{"strange", 0, false, []try{at(0, 1, "strange", 0, "")}},
	} {
		c := &change{verb: "create", name: "a.com", tries: tt.tries}
		if found := c.faults(1, tt.executed); (len(found) == 0) != tt.good {
			t.Errorf("%s: found %q", tt.name, found)
		}
	}
	c := &change{verb: "create", name: "a.com", tries: []try{at(0, 1, "answered", 1000, "S1")}}
	if len(c.faults(2, 1)) == 0 {
		t.Error("what was sent twice is not seen")
	}
}
