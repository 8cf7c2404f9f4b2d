package sandbox

import (
	"testing"
	"time"
)

const (
	taken     = "D:<name>taken.com</name>"
	takenAuth = "<authInfo><pw>auth-taken.com</pw></authInfo>"
	opRequest = `transfer op="request"`
	opQuery   = `transfer op="query"`
	opApprove = `transfer op="approve"`
	opReject  = `transfer op="reject"`
	opCancel  = `transfer op="cancel"`
)

func TestTransferApproved(t *testing.T) {
	play(t, Config{}, []step{
		{who: "other", verb: "create", body: "H:<name>ns.taken.com</name><addr>192.0.2.1</addr>", code: 1000},
		{who: "demo", verb: opQuery, body: taken + takenAuth, code: 2301},
		{verb: opQuery, body: taken, code: 2201},
		{verb: opRequest, body: taken, code: 2003},
		{verb: opRequest, body: taken + "<authInfo><pw>wrong</pw></authInfo>", code: 2202},
		{verb: opRequest, body: "D:<name>example.com</name><authInfo><pw>auth-example.com</pw></authInfo>", code: 2106},
		{verb: opRequest, body: "D:<name>none.com</name>" + takenAuth, code: 2303},
		{verb: opApprove, body: taken, code: 2301},
		{verb: opRequest, body: taken + `<period unit="y">10</period>` + takenAuth, code: 2306},
		{verb: opRequest, body: taken + takenAuth, code: 1001, has: "trStatus>pending<|reID>demo<|acID>other<|<domain:exDate>2033-01-30"},
		{verb: opRequest, body: taken + takenAuth, code: 2300},
		{verb: opQuery, body: taken, code: 1000, has: "pending"},
		{verb: opApprove, body: taken, code: 2201},
		{verb: opReject, body: taken, code: 2201},
		{who: "other", verb: "info", body: taken, code: 1000, has: `"pendingTransfer"|<msgQ count="1"`},
		{body: `<poll op="req"/>`, code: 1301, has: "Transfer requested|<domain:trStatus>pending"},
		{verb: "update", body: taken + "<chg/>", code: 2304},
		{verb: "delete", body: taken, code: 2304},
		{verb: opCancel, body: taken, code: 2201},
		{verb: opApprove, body: taken + "<authInfo><pw>wrong</pw></authInfo>", code: 2202},
		{verb: opApprove, body: taken, code: 1000, has: "clientApproved"},
		{verb: "update", body: taken + "<chg/>", code: 2201},
		{verb: opQuery, body: taken, code: 1000, has: "clientApproved"},
		{who: "demo", verb: "info", body: taken, code: 1000, has: `clID>demo<|crID>other<|<domain:trDate>2031|exDate>2033-01-30|"transferPeriod"|!pendingTransfer`},
		{verb: "info", body: "H:<name>ns.taken.com</name>", code: 1000, has: "clID>demo<|<host:trDate>"},
		{verb: opApprove, body: taken, code: 2301},
	})
}

func TestTransferEnds(t *testing.T) {
	play(t, Config{Accounts: map[string]string{"demo": "demo-secret", "other": "other-secret", "third": "third-secret"}, AutoApprove: time.Hour}, []step{
		{who: "demo", verb: opRequest, body: taken + takenAuth, code: 1001},
		{who: "other", verb: opReject, body: taken, code: 1000, has: "clientRejected|!exDate"},
		{who: "demo", verb: opRequest, body: taken + takenAuth, code: 1001},
		{verb: opCancel, body: taken, code: 1000, has: "clientCancelled"},
		{verb: opQuery, body: taken, code: 1000, has: "clientCancelled"},
		{who: "third", verb: opQuery, body: taken, code: 2201},
		{verb: opRequest, body: taken + takenAuth, code: 1001},
		{who: "demo", verb: opRequest, body: taken + takenAuth, code: 2300},
		{wait: time.Hour},
		{who: "third", verb: opQuery, body: taken, code: 1000, has: "serverApproved|acID>other"},
		{verb: "info", body: taken, code: 1000, has: "clID>third<"},
		{verb: `transfer op="seize"`, body: taken, code: 2005},
		{verb: "transfer", body: taken, code: 2003},
	})
}

func TestTransferContact(t *testing.T) {
	bob := "C:<id>BOB</id>"
	auth := "<authInfo><pw>auth-BOB</pw></authInfo>"
	play(t, Config{}, []step{
		{verb: opRequest, body: bob, code: 2003},
		{verb: opRequest, body: bob + pw, code: 2202},
		{verb: opRequest, body: bob + auth, code: 1001, has: "<contact:trStatus>pending|!exDate"},
		{verb: opQuery, body: bob, code: 1000},
		{who: "other", verb: opApprove, body: bob, code: 1000, has: "<contact:trStatus>clientApproved"},
		{verb: "info", body: bob, code: 2201},
		{who: "demo", verb: "info", body: bob, code: 1000, has: "clID>demo|<contact:trDate>"},
		{verb: "update", body: bob + `<add><status s="clientTransferProhibited"/></add>`, code: 1000},
		{who: "other", verb: opRequest, body: bob + auth, code: 2304},
	})
}

// TestTransferMessages: both registrars hear of each step, with trnData.
func TestTransferMessages(t *testing.T) {
	r := start(t, Config{Empty: true})
	must(t, r.AddDomain(Domain{Name: "taken.com", Client: "other", AuthInfo: "auth-taken.com"}))
	demo, other := enter(t, r, "demo"), enter(t, r, "other")
	demo.do(opRequest, taken+takenAuth).want(1001)
	other.do(opReject, taken).want(1000)
	for _, c := range []*client{demo, other} {
		for _, state := range []string{"pending", "clientRejected"} {
			rp := c.command(`<poll op="req"/>`).want(1301)
			if got := rp.text1("trnData", "trStatus"); got != state {
				t.Errorf("trStatus %q, want %q", got, state)
			}
			c.command(`<poll op="ack" msgID="` + rp.attr("msgQ", "id") + `"/>`).want(1000)
		}
		c.command(`<poll op="req"/>`).want(1300)
	}
}

// TestTransferParties: RFC 5730 section 2.9.3.4: approve and reject are for the losing registrar,
// cancel for the gaining one, query for both and for any with the authInfo.
func TestTransferParties(t *testing.T) {
	accounts := map[string]string{"demo": "demo-secret", "other": "other-secret", "third": "third-secret"}
	for _, tt := range []struct {
		op                   string
		gaining, losing, any int
		outcome              string
	}{
		{opQuery, 1000, 1000, 2201, "pending"},
		{opApprove, 2201, 1000, 2201, "clientApproved"},
		{opReject, 2201, 1000, 2201, "clientRejected"},
		{opCancel, 1000, 2201, 2201, "clientCancelled"},
	} {
		for who, code := range map[string]int{"demo": tt.gaining, "other": tt.losing, "third": tt.any} {
			want := tt.outcome
			if code != 1000 {
				want = "pending"
			}
			play(t, Config{Accounts: accounts}, []step{
				{who: "demo", verb: opRequest, body: taken + takenAuth, code: 1001},
				{who: who, verb: tt.op, body: taken, code: code},
				{who: "demo", verb: opQuery, body: taken, code: 1000, has: "<domain:trStatus>" + want + "<|reID>demo<|acID>other<"},
				{who: "third", verb: opQuery, body: taken + takenAuth, code: 1000, has: want},
				{verb: opQuery, body: taken + "<authInfo><pw>wrong</pw></authInfo>", code: 2202},
			})
		}
	}
}

// TestTransferPeriod: RFC 5731 section 3.2.4: a transfer adds a year unless period says otherwise,
// never beyond ten years ahead, and only once it is approved.
func TestTransferPeriod(t *testing.T) {
	for _, tt := range []struct {
		period, expires string // empty: refused
	}{
		{"", "2033-01-30"},
		{`<period unit="y">1</period>`, "2033-01-30"},
		{`<period unit="y">3</period>`, "2035-01-30"},
		{`<period unit="m">24</period>`, "2034-01-30"},
		{`<period unit="y">9</period>`, "2041-01-30"},
		{`<period unit="y">10</period>`, ""},
		{`<period unit="m">7</period>`, ""},
	} {
		if tt.expires == "" {
			play(t, Config{}, []step{
				{verb: opRequest, body: taken + tt.period + takenAuth, code: 2306},
				{verb: opQuery, body: taken + takenAuth, code: 2301},
				{verb: "info", body: taken, code: 1000, has: "!pendingTransfer"},
			})
			continue
		}
		for op, expires := range map[string]string{opApprove: tt.expires, opReject: "2032-01-30"} {
			play(t, Config{}, []step{
				{verb: opRequest, body: taken + tt.period + takenAuth, code: 1001, has: "<domain:exDate>" + tt.expires},
				{who: "other", verb: "info", body: taken, code: 1000, has: `"pendingTransfer"|<domain:exDate>2032-01-30`},
				{verb: op, body: taken, code: 1000},
				{verb: "info", body: taken, code: 1000, has: "!pendingTransfer|<domain:exDate>" + expires},
			})
		}
	}
}

// TestTransferToTheLimit: a transfer may lead to ten years ahead of the request, to the instant.
func TestTransferToTheLimit(t *testing.T) {
	k := newClock()
	r := start(t, Config{Empty: true, Now: k.Now})
	must(t, r.AddDomain(Domain{Name: "edge.com", Client: "other", AuthInfo: "2fooBAR", Expires: k.Now().AddDate(9, 0, 0)}))
	must(t, r.AddDomain(Domain{Name: "over.com", Client: "other", AuthInfo: "2fooBAR", Expires: k.Now().AddDate(9, 0, 0).Add(1)}))
	c := enter(t, r, "demo")
	c.do(opRequest, "D:<name>over.com</name>"+pw).want(2306).has("at most 10 years ahead")
	c.do(opRequest, "D:<name>edge.com</name>"+pw).want(1001).has("<domain:exDate>2041-03-01T12:00:00.0Z<")
}

// TestTransferHosts: RFC 5731 section 3.2.4: the hosts below a domain go with it, and others do
// not.
func TestTransferHosts(t *testing.T) {
	r := play(t, Config{}, []step{
		{who: "other", verb: "create", body: "H:<name>ns1.taken.com</name>" + addrs(1), code: 1000},
		{verb: "create", body: "H:<name>taken.com</name>" + addrs(1), code: 1000},
		{verb: "create", body: "H:<name>ns.elsewhere.invalid</name>", code: 1000},
		{verb: "create", body: "D:<name>another.com</name>" + pw, code: 1000},
		{verb: "create", body: "H:<name>ns1.another.com</name>" + addrs(1), code: 1000},
		{who: "demo", verb: opRequest, body: taken + takenAuth, code: 1001},
		{verb: "info", body: "H:<name>ns1.taken.com</name>", code: 1000, has: "clID>other<|!trDate"},
		{who: "other", verb: opApprove, body: taken, code: 1000},
		{verb: "info", body: "H:<name>ns1.taken.com</name>", code: 1000, has: "clID>demo<|crID>other<|<host:trDate>2031-03-01"},
		{verb: "info", body: "H:<name>taken.com</name>", code: 1000, has: "clID>demo<|<host:trDate>2031-03-01"},
		{verb: "info", body: "H:<name>ns.elsewhere.invalid</name>", code: 1000, has: "clID>other<|!trDate"},
		{verb: "info", body: "H:<name>ns1.another.com</name>", code: 1000, has: "clID>other<|!trDate"},
		{verb: "update", body: "H:<name>ns1.taken.com</name><add><addr>198.51.100.1</addr></add>", code: 2201},
		{who: "demo", verb: "update", body: "H:<name>ns1.taken.com</name><add><addr>198.51.100.1</addr></add>", code: 1000},
		{verb: "create", body: "H:<name>ns2.taken.com</name>" + addrs(1), code: 1000},
	})
	must(t, r.store.consistent())
}

// TestTransferStopsAll: while a transfer is pending nobody can change the object, and a second
// request is 2300. Afterwards all is as before, or the new sponsor's.
func TestTransferStopsAll(t *testing.T) {
	for _, tt := range []struct{ object, auth, change, renew string }{
		{"D:<name>taken.com</name>", takenAuth, "<chg/>", "<curExpDate>2032-01-30</curExpDate>"},
		{"C:<id>BOB</id>", "<authInfo><pw>auth-BOB</pw></authInfo>", "<chg/>", ""},
	} {
		steps := []step{
			{verb: opRequest, body: tt.object + tt.auth, code: 1001},
			{verb: opRequest, body: tt.object + tt.auth, code: 2300},
			{who: "other", verb: "update", body: tt.object + tt.change, code: 2304, has: "pendingTransfer"},
			{verb: "delete", body: tt.object, code: 2304},
			{verb: opRequest, body: tt.object + tt.auth, code: 2106, has: "the object is yours"},
		}
		if tt.renew != "" {
			steps = append(steps, step{verb: "renew", body: tt.object + tt.renew, code: 2304})
		}
		play(t, Config{}, append(steps,
			step{verb: opReject, body: tt.object, code: 1000, has: "clientRejected"},
			step{verb: opReject, body: tt.object, code: 2301},
			step{verb: "update", body: tt.object + tt.change, code: 1000},
			step{who: "demo", verb: "update", body: tt.object + tt.change, code: 2201},
			step{verb: opCancel, body: tt.object, code: 2301},
			step{verb: opRequest, body: tt.object + tt.auth, code: 1001},
			step{who: "other", verb: opApprove, body: tt.object, code: 1000},
			step{verb: "update", body: tt.object + tt.change, code: 2201},
			step{who: "demo", verb: "update", body: tt.object + tt.change, code: 1000},
		))
	}
}

// TestTransferAutoApproved: after Config.AutoApprove the registry decides, to the second, and tells
// both. A transfer that ended before is left alone.
func TestTransferAutoApproved(t *testing.T) {
	play(t, Config{AutoApprove: time.Hour}, []step{
		{verb: opRequest, body: taken + takenAuth, code: 1001, has: "<domain:acDate>2031-03-01T13:00:0"},
		{verb: opCancel, body: taken, code: 1000},
		{wait: 30 * time.Minute},
		{verb: opRequest, body: taken + takenAuth, code: 1001}, // at T
		{wait: 30 * time.Minute},                               // the first would be approved now
		{verb: opQuery, body: taken, code: 1000, has: "pending"},
		{wait: 30*time.Minute - 5*time.Second}, // T + 1 h - 2 s
		{who: "other", verb: opQuery, body: taken, code: 1000, has: "trStatus>pending<"},
		{verb: opReject, body: taken, code: 2301}, // T + 1 h
		{verb: "info", body: taken, code: 1000, has: "clID>demo<"},
		{verb: opQuery, body: taken, code: 1000, has: "trStatus>serverApproved<|reID>demo<|exDate>2033-01-30"},
	})
}

// TestTransferToldInOrder: the messages of a contact's transfer, for both registrars, with the
// state at their time. RFC 5733 section 3.2.4.
func TestTransferToldInOrder(t *testing.T) {
	k := newClock()
	r := start(t, Config{Empty: true, Now: k.Now, AutoApprove: day})
	must(t, r.AddContact("other", "BOB", "auth-BOB"))
	demo, other := enter(t, r, "demo"), enter(t, r, "other")
	demo.do(opRequest, "C:<id>BOB</id><authInfo><pw>auth-BOB</pw></authInfo>").want(1001)
	k.step(day)
	demo.checks() // any command lets happen what is due
	for _, c := range []*client{demo, other} {
		for i, want := range []struct{ text, status, date string }{
			{"Transfer requested: contact BOB", "pending", "2031-03-01T12:00:00.0Z"},
			{"Transfer serverApproved: contact BOB", "serverApproved", "2031-03-02T12:00:00.0Z"},
		} {
			rp := c.command(`<poll op="req"/>`).want(1301)
			if rp.text1("msgQ", "msg") != want.text || rp.text1("trnData", "trStatus") != want.status || rp.text1("msgQ", "qDate") != want.date {
				t.Errorf("message %d: %s", i, rp.text)
			}
			if rp.text1("trnData", "reID") != "demo" || rp.text1("trnData", "acID") != "other" || rp.text1("trnData", "id") != "BOB" {
				t.Errorf("message %d: %s", i, rp.text)
			}
			c.command(`<poll op="ack" msgID="` + rp.attr("msgQ", "id") + `"/>`).want(1000)
		}
		c.command(`<poll op="req"/>`).want(1300)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
