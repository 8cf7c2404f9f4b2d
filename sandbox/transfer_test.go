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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
