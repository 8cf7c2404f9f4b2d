package carry

import (
	"context"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"eppmux/gateway/mapping"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// settling is a registry that loses the answer to each transform, and answers looks as a test says.
type settling struct {
	looks   int
	answers map[string]string // by a word in the look: a result code, or resData
}

func (s *settling) says(_ context.Context, call upstream.Call) (upstream.Result, error) {
	p := string(call.Payload)
	if !strings.Contains(p, "<info>") && !strings.Contains(p, `op="query"`) {
		return upstream.Result{End: pool.EndUnknown, Cause: pool.CauseRegistryClosed, MuxTRID: "M-1"}, nil
	}
	s.looks++
	for word, a := range s.answers {
		if !strings.Contains(p, word) {
			continue
		}
		code := 1000
		if len(a) == 4 {
			_, _ = fmt.Sscan(a, &code)
			a = ""
		}
		return upstream.Result{End: pool.EndAnswered, Code: code, Payload: fmt.Appendf(nil,
			`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="%d"><msg>m</msg></result><resData>%s</resData>`+
				`<trID><svTRID>S-LOOK</svTRID></trID></response></epp>`, code, a)}, nil
	}
	return upstream.Result{End: pool.EndNotSent, Cause: pool.CauseQueueTimeout}, nil
}

func command(verb, attributes, ns, content string) string {
	return fmt.Sprintf(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><%[1]s%[2]s><o:%[1]s xmlns:o="%[3]s">%[4]s</o:%[1]s></%[1]s>`+
		`<clTRID>own-17</clTRID></command></epp>`, verb, attributes, ns, content)
}

func infData(ns, content string) string {
	return fmt.Sprintf(`<o:infData xmlns:o="%s">%s</o:infData>`, ns, content)
}

// in is a registry's time, so long from now.
func in(d time.Duration) string { return time.Now().Add(d).UTC().Format("2006-01-02T15:04:05.0Z") }

const kiosk = "<o:name>kiosk.example</o:name>"

// made is a domain as it is after its create.
func made(with ...string) string {
	s := kiosk + "<o:roid>R</o:roid><o:registrant>c1</o:registrant><o:contact type=\"admin\">c2</o:contact>" +
		"<o:ns><o:hostObj>NS1.example</o:hostObj><o:hostObj>ns2.example</o:hostObj></o:ns><o:clID>demo</o:clID><o:crID>demo</o:crID>" +
		"<o:crDate>" + in(0) + "</o:crDate><o:exDate>" + time.Now().UTC().AddDate(2, 0, 0).Format("2006-01-02T15:04:05.0Z") + "</o:exDate>"
	for i := 0; i < len(with); i += 2 {
		s = strings.Replace(s, with[i], with[i+1], 1)
	}
	return infData(domainNS, s)
}

// held is a domain that was there for long.
func held(with string) string {
	return infData(domainNS, kiosk+"<o:roid>R</o:roid><o:clID>demo</o:clID><o:crID>demo</o:crID><o:crDate>2020-01-01T00:00:00Z</o:crDate>"+with)
}

var (
	createDomain = command("create", "", domainNS, kiosk+`<o:period unit="y">2</o:period><o:ns><o:hostObj>ns2.example</o:hostObj>`+
		`<o:hostObj>ns1.example</o:hostObj></o:ns><o:registrant>c1</o:registrant><o:contact type="admin">c2</o:contact>`+
		`<o:authInfo><o:pw>sesame-17</o:pw></o:authInfo>`)
	createHost    = command("create", "", hostNS, `<o:name>ns1.kiosk.example</o:name><o:addr>192.0.2.1</o:addr>`)
	createContact = command("create", "", contactNS, `<o:id>c-9</o:id><o:email>A@b.example</o:email>`)
	expiry        = time.Now().UTC().AddDate(0, 1, 0)
	renewDomain   = command("renew", "", domainNS, kiosk+"<o:curExpDate>"+expiry.Format(time.DateOnly)+`</o:curExpDate><o:period unit="y">1</o:period>`)
	deleteDomain  = command("delete", "", domainNS, kiosk)
	deleteHost    = command("delete", "", hostNS, `<o:name>ns1.kiosk.example</o:name>`)
	deleteContact = command("delete", "", contactNS, `<o:id>c-9</o:id>`)
	transfer      = command("transfer", ` op="request"`, domainNS, kiosk)
)

func renewed(years int, with string) string {
	return held("<o:upDate>" + in(0) + "</o:upDate><o:exDate>" + expiry.AddDate(years, 0, 0).Format(time.DateOnly) + "T00:00:00Z</o:exDate>" + with)
}

func host(crID, crDate, addr string) string {
	return infData(hostNS, `<o:name>ns1.kiosk.example</o:name><o:addr>`+addr+`</o:addr><o:clID>demo</o:clID><o:crID>`+crID+`</o:crID><o:crDate>`+crDate+`</o:crDate>`)
}

func contact(crID, crDate, email string) string {
	return infData(contactNS, `<o:id>c-9</o:id><o:email>`+email+`</o:email><o:clID>demo</o:clID><o:crID>`+crID+`</o:crID><o:crDate>`+crDate+`</o:crDate>`)
}

func trnData(status, reID, reDate string) string {
	return fmt.Sprintf(`<o:trnData xmlns:o="%s">%s<o:trStatus>%s</o:trStatus><o:reID>%s</o:reID><o:reDate>%s</o:reDate></o:trnData>`,
		domainNS, kiosk, status, reID, reDate)
}

// TestSettle holds the rules to cases: each rule once as it settles, and once for each condition that fails.
func TestSettle(t *testing.T) {
	for _, tt := range []struct {
		name    string
		command string
		looks   map[string]string
		want    int // code; 0: it stays unknown
	}{
		{"create", createDomain, map[string]string{"info": made()}, 1000},
		{"create, pending", createDomain, map[string]string{"info": made("<o:clID>", `<o:status s="pendingCreate"/><o:clID>`)}, 1001},
		{"create by another", createDomain, map[string]string{"info": made("<o:crID>demo", "<o:crID>other")}, 0},
		{"create, gone to another", createDomain, map[string]string{"info": made("<o:clID>demo", "<o:clID>other")}, 0},
		{"create, crDate too early", createDomain, map[string]string{"info": made(in(0), in(-3*time.Minute))}, 0},
		{"create, crDate too late", createDomain, map[string]string{"info": made(in(0), in(3*time.Minute))}, 0},
		{"create, no crDate", createDomain, map[string]string{"info": made(in(0), "")}, 0},
		{"create, crDate without a zone", createDomain, map[string]string{"info": made(in(0), time.Now().Format("2006-01-02T15:04:05"))}, 0},
		{"create, other server", createDomain, map[string]string{"info": made("ns2", "ns3")}, 0},
		{"create, server more", createDomain, map[string]string{"info": made("<o:ns>", "<o:ns><o:hostObj>ns3.example</o:hostObj>")}, 0},
		{"create, other registrant", createDomain, map[string]string{"info": made("c1", "c5")}, 0},
		{"create, other contact", createDomain, map[string]string{"info": made("c2", "c5")}, 0},
		{"create, other period", createDomain, map[string]string{"info": made(time.Now().UTC().AddDate(2, 0, 0).Format("2006"), "2099")}, 0},
		{"create, other name", createDomain, map[string]string{"info": made("kiosk", "shop")}, 0},
		{"create, not there", createDomain, map[string]string{"info": "2303"}, 0},
		{"create, look fails", createDomain, map[string]string{"info": "2400"}, 0},
		{"create, no look", createDomain, nil, 0},
		{"create, was there", createDomain, map[string]string{"info": held("")}, 2302},
		{"create with an extension", strings.Replace(createDomain, "<clTRID>",
			`<extension><l:create xmlns:l="urn:ietf:params:xml:ns:launch-1.0"/></extension><clTRID>`, 1), map[string]string{"info": made()}, 0},

		{"host create", createHost, map[string]string{"info": host("demo", in(0), "192.0.2.1")}, 1000},
		{"host create, other address", createHost, map[string]string{"info": host("demo", in(0), "192.0.2.2")}, 0},
		{"host create by another", createHost, map[string]string{"info": host("other", in(0), "192.0.2.1")}, 0},
		{"host create, was there", createHost, map[string]string{"info": host("demo", "2020-01-01T00:00:00Z", "192.0.2.1")}, 2302},
		{"contact create", createContact, map[string]string{"info": contact("demo", in(0), "a@b.example")}, 1000},
		{"contact create, other email", createContact, map[string]string{"info": contact("demo", in(0), "c@b.example")}, 0},
		{"contact create by another", createContact, map[string]string{"info": contact("other", in(0), "a@b.example")}, 0},
		{"contact create, too late", createContact, map[string]string{"info": contact("demo", in(time.Hour), "a@b.example")}, 0},
		{"contact create, was there", createContact, map[string]string{"info": contact("other", "2020-01-01T00:00:00Z", "")}, 2302},

		{"renew", renewDomain, map[string]string{"info": renewed(1, "")}, 1000},
		{"renew, as it was", renewDomain, map[string]string{"info": renewed(0, "")}, 0},
		{"renew, more", renewDomain, map[string]string{"info": renewed(2, "")}, 0},
		{"renew, transferred", renewDomain, map[string]string{"info": renewed(1, "<o:trDate>"+in(0)+"</o:trDate>")}, 0},
		{"renew, not ours", renewDomain, map[string]string{"info": strings.Replace(renewed(1, ""), "<o:clID>demo", "<o:clID>other", 1)}, 0},
		{"renew, upDate before", renewDomain, map[string]string{"info": strings.Replace(renewed(1, ""), in(0), in(-time.Hour), 1)}, 0},
		{"renew without a period", strings.Replace(renewDomain, `<o:period unit="y">1</o:period>`, "", 1), map[string]string{"info": renewed(1, "")}, 0},
		{"renew at its expiry", strings.Replace(renewDomain, expiry.Format(time.DateOnly), time.Now().UTC().Format(time.DateOnly), 1),
			map[string]string{"info": held("<o:upDate>" + in(0) + "</o:upDate><o:exDate>" + time.Now().UTC().AddDate(1, 0, 0).Format(time.RFC3339) + "</o:exDate>")}, 0},

		{"delete", deleteDomain, map[string]string{"info": "2303"}, 1000},
		{"delete, pending", deleteDomain, map[string]string{"info": held(`<o:status s="pendingDelete"/><o:upDate>` + in(0) + "</o:upDate>")}, 1001},
		{"delete, was pending", deleteDomain, map[string]string{"info": held(`<o:status s="pendingDelete"/><o:upDate>` + in(-time.Hour) + "</o:upDate>")}, 0},
		{"delete, there", deleteDomain, map[string]string{"info": held("")}, 0},
		{"delete, look refused", deleteDomain, map[string]string{"info": "2201"}, 0},
		{"host delete", deleteHost, map[string]string{"info": "2303"}, 1000},
		{"host delete, there", deleteHost, map[string]string{"info": host("demo", in(0), "192.0.2.1")}, 0},
		{"contact delete", deleteContact, map[string]string{"info": "2303"}, 1000},

		{"transfer", transfer, map[string]string{"query": trnData("pending", "demo", in(0))}, 1001},
		{"transfer, approved", transfer, map[string]string{"query": trnData("serverApproved", "demo", in(0))}, 1000},
		{"transfer, refused", transfer, map[string]string{"query": trnData("clientRejected", "demo", in(0))}, 0},
		{"transfer of another", transfer, map[string]string{"query": trnData("pending", "other", in(0))}, 0},
		{"transfer of long ago", transfer, map[string]string{"query": trnData("pending", "demo", in(-time.Hour))}, 0},
		{"transfer at once", transfer, map[string]string{"query": "2301", "info": held("<o:trDate>" + in(0) + "</o:trDate>")}, 1000},
		{"transfer, not ours", transfer, map[string]string{"query": "2301", "info": "2201"}, 0},
		{"transfer, ours before", transfer, map[string]string{"query": "2301", "info": held("<o:trDate>" + in(-time.Hour) + "</o:trDate>")}, 0},
		{"approval", strings.Replace(transfer, "request", "approve", 1), map[string]string{"query": trnData("clientApproved", "demo", in(0))}, 0},
		{"update", command("update", "", domainNS, kiosk), map[string]string{"info": held("<o:upDate>" + in(0) + "</o:upDate>")}, 0},
	} {
		for _, k := range []*Key{nil, keyA} {
			r := newRig(t)
			r.at.Reconcile = true
			s := &settling{answers: tt.looks}
			r.registry.says = s.says
			a := r.do(r.raw(tt.command, k))
			wantSettled(t, tt.name, a, tt.want)
			if k == nil {
				continue
			}
			again := r.do(r.raw(tt.command, k))
			wantSettled(t, tt.name+", again", again, tt.want)
			if !again.Replayed || string(again.Payload) != string(a.Payload) {
				t.Errorf("%s: got %+v, then %+v", tt.name, a, again)
			}
			if sent := strings.Count(strings.Join(r.registry.carried(), ""), "own-17"); sent != 1 {
				t.Errorf("%s: the transform was sent %d times", tt.name, sent)
			}
		}
	}
}

// wantSettled fails unless the answer is settled with that code; 0: unless it is unknown.
func wantSettled(t *testing.T, name string, a Answer, code int) {
	t.Helper()
	if code == 0 {
		if a.Outcome != Unknown || a.Settled || a.Payload != nil {
			t.Errorf("%s: got %+v, want unknown", name, a)
		}
		return
	}
	if a.Outcome != Answered || !a.Settled || a.Response.Results[0].Code != code || a.Response.SvTRID != "S-LOOK" ||
		a.Response.ClTRID != "own-17" || a.MuxTRID != "M-1" || xml.Unmarshal(a.Payload, new(struct{})) != nil {
		t.Errorf("%s: got %+v %+v %s, want %d", name, a, a.Response, a.Payload, code)
	}
}

// TestSettledData: what is settled says what an answer would.
func TestSettledData(t *testing.T) {
	r := newRig(t)
	r.at.Reconcile = true
	s := &settling{answers: map[string]string{"info": made()}}
	r.registry.says = s.says
	a := r.do(r.raw(createDomain, nil))
	if c, ok := a.Response.Data.(*mapping.Created); !ok || c.Name != "kiosk.example" || c.CrDate == "" || c.ExDate == "" {
		t.Errorf("got %+v", a.Response.Data)
	}
	s.answers = map[string]string{"query": trnData("pending", "demo", in(0))}
	a = r.do(r.raw(strings.ReplaceAll(transfer, "own-17", "a&lt;b"), nil))
	if tr, ok := a.Response.Data.(*mapping.Transfer); !ok || tr.Status != "pending" || tr.ReID != "demo" || a.Response.ClTRID != "a<b" {
		t.Errorf("got %+v %+v", a.Response, a.Response.Data)
	}
}

// TestSettleOthers: the deed of another change of the same object is not taken for that of an unknown one.
func TestSettleOthers(t *testing.T) {
	r := newRig(t)
	r.at.Reconcile = true
	s := &settling{}
	r.registry.says = s.says
	r.do(r.raw(createDomain, keyA)) // unknown
	r.do(r.raw(createDomain, &Key{Name: "B"}))
	s.answers = map[string]string{"info": made()}
	for _, k := range []*Key{keyA, {Name: "B"}} {
		a := r.do(r.raw(createDomain, k))
		if k.Name == "B" {
			wantSettled(t, k.Name, a, 1000) // whichever did it, it is told of one of them only
			continue
		}
		wantSettled(t, k.Name, a, 0)
	}
	if s.looks != 3 {
		t.Errorf("%d looks, want 3", s.looks)
	}
}

// TestSettleOff: nothing is looked at where that is not asked for, or our own name is not known.
func TestSettleOff(t *testing.T) {
	for _, at := range []Registry{{Name: "it", ClID: "demo"}, {Name: "it", Reconcile: true}} {
		r := newRig(t)
		r.at = &at
		s := &settling{answers: map[string]string{"info": made()}}
		r.registry.says = s.says
		wantSettled(t, "off", r.do(r.raw(createDomain, keyA)), 0)
		wantSettled(t, "off", r.do(r.raw(createDomain, keyA)), 0)
		if s.looks != 0 {
			t.Errorf("%d looks", s.looks)
		}
	}
}

func TestPeriod(t *testing.T) {
	for _, tt := range []struct {
		value, unit, from, to string
		want                  bool
	}{
		{"1", "y", "2026-11-30", "2027-11-30T10:00:00Z", true},
		{"1", "", "2026-11-30", "2027-11-30", true},
		{"6", "m", "2026-11-30", "2027-05-30", true},
		{"1", "y", "2028-02-29", "2029-02-28", true},
		{"1", "y", "2028-02-29", "2029-03-01", true},
		{"3", "m", "2026-11-30", "2027-02-28", true},
		{"3", "m", "2026-11-30", "2027-03-02", true},
		{"1", "y", "2026-11-30", "2027-11-29", false},
		{"1", "y", "2026-11-30", "2028-11-30", false},
		{"0", "y", "2026-11-30", "2026-11-30", false},
		{"x", "y", "2026-11-30", "2027-11-30", false},
		{"1", "y", "", "2027-11-30", false},
		{"1", "y", "2026-11-30", "soon", false},
	} {
		p := period{Value: tt.value, Unit: tt.unit}
		if got := p.leads(tt.from, tt.to); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
}

// TestRecent: what is forgotten is doubted.
func TestRecent(t *testing.T) {
	r, began := newRecent(), time.Now()
	w := &wish{namespace: domainNS, object: wishObject{Name: "Kiosk.example"}}
	r.note("it", w, "A")
	if r.othersSince("it", w, "A", began) || !r.othersSince("it", w, "B", began) || r.othersSince("fr", w, "B", began) {
		t.Error("another's deed is not told from one's own")
	}
	for i := range recentKept + 1 {
		r.note("it", &wish{object: wishObject{Name: fmt.Sprint(i)}}, "C")
	}
	if !r.othersSince("it", w, "A", began) || r.othersSince("it", w, "A", time.Now()) {
		t.Error("what is forgotten is trusted")
	}
}
