package sandbox

import (
	"testing"
	"time"
)

// TestPendingAtTheEdge: a create is pending for Config.PendingDelay, to the second, and the add
// period begins with its approval.
func TestPendingAtTheEdge(t *testing.T) {
	name := "D:<name>pending-a.com</name>"
	play(t, Config{Empty: true, PendingDelay: time.Hour}, []step{
		{verb: "create", body: name + pw, code: 1001, has: "<domain:crDate>2031-03-01T12:00:01.0Z<"},
		{verb: "create", body: name + pw, code: 2302},
		{verb: "check", body: name, code: 1000, has: `avail="0"`},
		{wait: time.Hour - 5*time.Second}, // play lets a second pass at each step
		{verb: "info", body: name, code: 1000, has: `"pendingCreate"|!addPeriod`},
		{verb: "info", body: name, code: 1000, has: `"inactive"|!"pendingCreate"|"addPeriod"|<domain:crDate>2031-03-01T12:00:01.0Z<`},
		{wait: 5*day - 2*time.Second},
		{verb: "delete", body: name, code: 1001}, // five days after the approval
	})
}

// TestPendingProhibits: RFC 5731 section 2.3: with pendingCreate no transform is possible, and info
// and check are.
func TestPendingProhibits(t *testing.T) {
	name := "D:<name>pending-a.com</name>"
	play(t, Config{PendingDelay: time.Hour}, []step{
		{verb: "create", body: name + pw, code: 1001},
		{verb: "update", body: name + "<chg/>", code: 2304},
		{verb: "renew", body: name + "<curExpDate>2032-03-01</curExpDate>", code: 2304},
		{verb: "delete", body: name, code: 2304},
		{who: "other", verb: opRequest, body: name + pw, code: 2304, has: "pendingCreate"},
		{verb: "info", body: name, code: 1000, has: `"pendingCreate"|!registrant`},
		{who: "demo", verb: "update", body: name + "<chg/>", ext: restoreXML("request", ""), code: 2304},
		{wait: time.Hour},
		{verb: "update", body: name + "<chg/>", code: 1000},
		{who: "other", verb: opRequest, body: name + pw, code: 1001},
	})
}

// TestPendingRefused: a create that is refused leaves nothing: no name, no use of contacts and
// hosts.
func TestPendingRefused(t *testing.T) {
	name := "D:<name>pending-refuse-a.com</name>"
	r := play(t, Config{PendingDelay: time.Minute}, []step{
		{verb: "create", body: "C:<id>NEW-1</id>" + aliceClone, code: 1000},
		{verb: "create", body: "H:<name>ns.elsewhere.invalid</name>", code: 1000},
		{verb: "create", body: name + "<ns><hostObj>ns.elsewhere.invalid</hostObj></ns><registrant>NEW-1</registrant>" + pw, code: 1001},
		{verb: "delete", body: "C:<id>NEW-1</id>", code: 2305},
		{verb: "delete", body: "H:<name>ns.elsewhere.invalid</name>", code: 2305},
		{wait: time.Minute},
		{verb: "info", body: name, code: 2303},
		{verb: "delete", body: "C:<id>NEW-1</id>", code: 1000},
		{verb: "delete", body: "H:<name>ns.elsewhere.invalid</name>", code: 1000},
		{verb: "create", body: name + pw, code: 1001}, // the name is free again
	})
	must(t, r.store.consistent())
}

// TestPendingTold: RFC 5731 section 3.3: the message names the transaction by the ids of its
// answer, and is for the registrar that asked, in each of its sessions.
func TestPendingTold(t *testing.T) {
	k := newClock()
	r := start(t, Config{Empty: true, Now: k.Now, PendingDelay: time.Minute})
	c, other := enter(t, r, "demo"), enter(t, r, "other")
	var asked []*reply
	for _, name := range []string{"pending-a.com", "pending-refuse-b.com", "pending-c.com"} {
		asked = append(asked, c.do("create", "D:<name>"+name+"</name>"+pw).want(1001))
		k.step(time.Second)
	}
	k.step(time.Minute)
	other.command(`<poll op="req"/>`).want(1300)
	c.command("<logout/>").want(1500)
	c = enter(t, r, "demo")
	for i, want := range []struct{ result, name, text, date string }{
		{"1", "pending-a.com", "Create approved: domain pending-a.com", "2031-03-01T12:01:00.0Z"},
		{"0", "pending-refuse-b.com", "Create refused: domain pending-refuse-b.com", "2031-03-01T12:01:01.0Z"},
		{"1", "pending-c.com", "Create approved: domain pending-c.com", "2031-03-01T12:01:02.0Z"},
	} {
		rp := c.command(`<poll op="req"/>`).want(1301)
		result, _ := rp.find("panData", "name").attr("paResult")
		if result != want.result || rp.text1("panData", "name") != want.name || rp.text1("msgQ", "msg") != want.text {
			t.Errorf("message %d: %s", i, rp.text)
		}
		if rp.text1("panData", "paDate") != want.date || rp.text1("msgQ", "qDate") != want.date {
			t.Errorf("message %d is of another time: %s", i, rp.text)
		}
		for _, id := range []string{"clTRID", "svTRID"} {
			if got, want := rp.text1("paTRID", id), asked[i].text1("trID", id); got != want || got == "" {
				t.Errorf("message %d: %s %q, want %q", i, id, got, want)
			}
		}
		c.command(`<poll op="ack" msgID="` + rp.attr("msgQ", "id") + `"/>`).want(1000)
	}
	c.command(`<poll op="req"/>`).want(1300)
}
