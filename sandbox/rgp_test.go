package sandbox

import (
	"strings"
	"testing"
	"time"
)

// TestGracePeriodsShow: RFC 3915 section 3.1: a domain tells the grace periods that run, and only
// the state of its deletion once it is deleted.
func TestGracePeriodsShow(t *testing.T) {
	now := newClock().Now()
	var g gracePeriods
	if got := g.show("infData", now); got != "" {
		t.Errorf("got %s without a state", got)
	}
	g.grant("addPeriod", now.Add(5*day))
	g.grant("renewPeriod", now.Add(3*day))
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{0, "addPeriod renewPeriod"},
		{3*day - 1, "addPeriod renewPeriod"},
		{3 * day, "addPeriod"}, // the period does not hold its end
		{5*day - 1, "addPeriod"},
		{5 * day, ""},
	} {
		at := now.Add(tt.after)
		if got := states(g.show("infData", at)); got != tt.want {
			t.Errorf("after %v: got %q, want %q", tt.after, got, tt.want)
		}
		for _, name := range []string{"addPeriod", "renewPeriod", "transferPeriod"} {
			if got, want := g.has(name, at), strings.Contains(tt.want, name); got != want {
				t.Errorf("after %v: has %s: %v", tt.after, name, got)
			}
		}
	}
	g.grant("renewPeriod", now.Add(9*day)) // anew, not twice
	if got := states(g.show("infData", now)); got != "addPeriod renewPeriod" {
		t.Errorf("got %q", got)
	}
	if !g.has("renewPeriod", now.Add(8*day)) {
		t.Error("the new period is over too soon")
	}
	g.leave = &leaving{state: "redemptionPeriod"}
	if got := g.show("upData", now); states(got) != "redemptionPeriod" || !strings.HasPrefix(got, "<rgp:upData xmlns:rgp=") {
		t.Errorf("got %s", got)
	}
}

// states lists the rgpStatus values of an rgp element.
func states(xml string) string {
	var out []string
	for part := range strings.SplitSeq(xml, `rgpStatus s="`) {
		if name, _, ok := strings.Cut(part, `"/>`); ok {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

// TestDeleteAtTheEdges: within the add period a delete is done at once, from its end on it is
// pending; then 30 days of redemption and 5 of pending delete, to the second.
func TestDeleteAtTheEdges(t *testing.T) {
	name := "D:<name>young.com</name>"
	play(t, Config{}, []step{
		{verb: "create", body: name + pw, code: 1000},
		{wait: 5*day - 3*time.Second}, // play lets a second pass at each step
		{verb: "delete", body: name, code: 1000},
		{verb: "create", body: name + pw, code: 1000},
		{wait: 5*day - 2*time.Second},
		{verb: "delete", body: name, code: 1001},
		{verb: "create", body: name + pw, code: 2302},
		{wait: 30*day - 4*time.Second},
		{verb: "info", body: name, code: 1000, has: `rgpStatus s="redemptionPeriod"|status s="pendingDelete"`},
		{wait: 0, verb: "info", body: name, code: 1000, has: `rgpStatus s="pendingDelete"|!redemptionPeriod`},
		{wait: 5*day - 4*time.Second},
		{verb: "info", body: name, code: 1000, has: `rgpStatus s="pendingDelete"`},
		{wait: time.Second},
		{verb: "info", body: name, code: 2303},
		{verb: "create", body: name + pw, code: 1000},
	})
}

// TestRestoreStopsTheClock: a domain that was restored is not purged by its first deletion, also if
// it is deleted again: the second has times of its own.
func TestRestoreStopsTheClock(t *testing.T) {
	name := "D:<name>served.com</name>"
	play(t, Config{}, []step{
		{verb: "delete", body: name, code: 1001},
		{wait: 20 * day},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("request", ""), code: 1000},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("request", ""), code: 2304, has: "not in redemptionPeriod"},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("report", report), code: 1000},
		{verb: "update", body: name + "<chg/>", ext: restoreXML("report", report), code: 2304, has: "not in pendingRestore"},
		{verb: "delete", body: name, code: 1001},
		{wait: 11 * day}, // the first would be in pendingDelete now
		{verb: "info", body: name, code: 1000, has: `rgpStatus s="redemptionPeriod"`},
		{wait: 6 * day}, // and gone
		{verb: "info", body: name, code: 1000, has: `rgpStatus s="redemptionPeriod"`},
		{wait: 14 * day},
		{verb: "info", body: name, code: 1000, has: `rgpStatus s="pendingDelete"`},
		{wait: 5 * day},
		{verb: "info", body: name, code: 2303},
	})
}

// TestRestoreChangesNothingElse: RFC 3915 section 4.2.5: the update around a restore has an empty
// chg and nothing more.
func TestRestoreChangesNothingElse(t *testing.T) {
	name := "D:<name>served.com</name>"
	steps := []step{{verb: "delete", body: name, code: 1001}}
	for _, change := range []string{
		"<add><ns><hostObj>ns1.example.com</hostObj></ns></add>",
		`<add><status s="clientHold"/></add>`,
		"<rem><ns><hostObj>ns1.example.com</hostObj></ns></rem>",
		"<chg><registrant>TECH-1</registrant></chg>",
		"<chg><authInfo><pw>another</pw></authInfo></chg>",
	} {
		steps = append(steps, step{verb: "update", body: name + change, ext: restoreXML("request", ""), code: 2306, has: "a restore changes nothing else"})
	}
	play(t, Config{}, append(steps,
		step{verb: "info", body: name, code: 1000, has: `"redemptionPeriod"|!clientHold|!TECH-1`},
		step{verb: "update", body: name, ext: restoreXML("request", ""), code: 1000, has: "<rgp:upData"},
		step{verb: "info", body: name, code: 1000, has: `"pendingRestore"|"pendingDelete"|<domain:upID>demo|<domain:upDate>2031`},
		step{verb: "update", body: name, ext: restoreXML("report", ""), code: 2003, has: "<reason>report<"},
		step{verb: "update", body: name, ext: restoreXML("report", report), code: 1000, has: "!rgp:upData"},
		step{verb: "info", body: name, code: 1000, has: `"ok"|!pendingDelete|!rgp:`},
	))
}

// TestRenewAndTransferPeriods: renew and transfer begin grace periods of five days, which show with
// rgp at login and not without.
func TestRenewAndTransferPeriods(t *testing.T) {
	k := newClock()
	r := start(t, Config{Now: k.Now})
	demo, other := enter(t, r, "demo"), enter(t, r, "other")
	plain := enterWith(t, r, allObjects)
	want := func(states string) {
		t.Helper()
		rp := demo.do("info", "D:<name>taken.com</name>").want(1000)
		for name := range strings.FieldsSeq("addPeriod renewPeriod transferPeriod") {
			if strings.Contains(states, name) {
				rp.has(`rgpStatus s="` + name + `"`)
			} else {
				rp.lacks(name)
			}
		}
		plain.do("info", "D:<name>taken.com</name>").want(1000).lacks("rgp")
	}
	want("")
	other.do("renew", "D:<name>taken.com</name><curExpDate>2032-01-30</curExpDate>").want(1000)
	want("renewPeriod")
	k.step(2 * day)
	demo.do(opRequest, taken+takenAuth).want(1001)
	want("renewPeriod")
	other.do(opApprove, taken).want(1000)
	want("renewPeriod transferPeriod")
	k.step(3 * day)
	want("transferPeriod")
	k.step(2*day - 1)
	want("transferPeriod")
	k.step(1)
	want("")
}
