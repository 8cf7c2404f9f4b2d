package rpp

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/upstream/pool"
)

// codesOfEPP are all of RFC 5730 section 3, and one that no text lists in each class.
var codesOfEPP = []int{1000, 1001, 1300, 1301, 1500, 2000, 2001, 2002, 2003, 2004, 2005, 2100, 2101, 2102, 2103, 2104, 2105, 2106,
	2200, 2201, 2202, 2300, 2301, 2302, 2303, 2304, 2305, 2306, 2307, 2308, 2400, 2500, 2501, 2502, 1999, 2099, 2199, 2299, 2399, 2499, 2599}

// TestRPPCodes: both tables are complete, and as the texts have them.
func TestRPPCodes(t *testing.T) {
	want := map[string]string{
		CodesCore: "1000:200 1001:200 1300:200 1301:200 1500:200 2000:400 2001:400 2002:409 2003:400 2004:400 2005:400 2100:400 2101:501 " +
			"2102:501 2103:501 2104:402 2105:409 2106:409 2200:401 2201:403 2202:401 2300:409 2301:409 2302:409 2303:404 2304:409 2305:409 " +
			"2306:422 2307:501 2308:422 2400:500 2500:500 2501:401 2502:429 1999:200 2099:400 2199:400 2299:400 2399:400 2499:500 2599:500",
		CodesCore00: "1000:200 1001:202 1300:200 1301:200 1500:200 2000:400 2001:400 2002:400 2003:400 2004:400 2005:400 2100:501 2101:501 " +
			"2102:501 2103:501 2104:400 2105:400 2106:400 2200:403 2201:403 2202:403 2300:400 2301:400 2302:409 2303:404 2304:400 2305:400 " +
			"2306:400 2307:400 2308:400 2400:500 2500:500 2501:500 2502:500 1999:200 2099:400 2199:400 2299:400 2399:400 2499:500 2599:500",
	}
	for name, text := range want {
		var got []string
		for _, code := range codesOfEPP {
			got = append(got, fmt.Sprintf("%d:%d", code, tableNamed(name).status(effectNone, code)))
		}
		if s := strings.Join(got, " "); s != text {
			t.Errorf("%s: got\n%s\nwant\n%s", name, s, text)
		}
	}
	for _, tt := range []struct {
		name       string
		effect     effect
		code, want int
	}{
		{CodesCore, effectCreated, 1000, 201}, {CodesCore, effectCreated, 1001, 201}, {CodesCore, effectDeleted, 1000, 200},
		{CodesCore, effectDeleted, 1001, 200}, {CodesCore, effectNone, 1001, 200},
		{CodesCore00, effectCreated, 1000, 201}, {CodesCore00, effectCreated, 1001, 202}, {CodesCore00, effectDeleted, 1000, 204},
		{CodesCore00, effectDeleted, 1001, 202}, {CodesCore00, effectNone, 1001, 202},
	} {
		if got := tableNamed(tt.name).status(tt.effect, tt.code); got != tt.want {
			t.Errorf("%s, effect %d, %d: got %d, want %d", tt.name, tt.effect, tt.code, got, tt.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a table without a name that is known is taken")
		}
	}()
	tableNamed("core-01")
}

// TestRPPRefusals: each code of a registry comes through with the table's status, but for those about our
// account with it.
func TestRPPRefusals(t *testing.T) {
	for _, name := range []string{CodesCore, CodesCore00} {
		r, f := faked(t, Config{Codes: name})
		for _, code := range codesOfEPP {
			if code < 2000 {
				continue
			}
			f.says = answered(code, nil)
			want := code
			if code == 2200 || code == 2501 {
				want = 2400
			}
			a := r.want(r.do("GET", "/domainNames/kiosk.example", ""), tableNamed(name).status(effectNone, want), fmt.Sprintf("%05d", want))
			if a.json["outcome"] != "answered" || a.Header.Get("RPP-Svtrid") != "SV-1" || a.json["muxTRID"] != "M-1" {
				t.Errorf("%d: got %s with %v", code, a.body, a.Header)
			}
			if a.StatusCode == 401 && code != 2202 {
				t.Errorf("%d: 401 has the client throw its credentials away", code)
			}
		}
	}
}

// TestRPPResults: each result of an answer is an error of the problem, without passwords.
func TestRPPResults(t *testing.T) {
	r, f := faked(t, Config{})
	f.says = func(carry.Order) (carry.Answer, error) {
		return carry.Answer{Outcome: carry.Answered, Response: &mapping.Response{SvTRID: "SV-1", MsgQ: &mapping.MsgQ{Count: 7}, Results: []mapping.Result{
			{Code: 2304, Message: "Object status prohibits operation", Reasons: []string{"locked"}, Values: []string{`<status s="serverUpdateProhibited"/>`}},
			{Code: 2202, Message: "Invalid authorization", Reasons: []string{"s3-cr3t is wrong"}, Values: []string{`<domain:pw>s3-cr3t</domain:pw>`, `<x>s3-cr3t</x>`}},
		}}}, nil
	}
	a := r.want(r.do("GET", "/domainNames/kiosk.example", "", pw("s3-cr3t"), "RPP-Cltrid: kiosk-r"), 409, "02304")
	if strings.Contains(a.body, "s3-cr3t") || a.Header.Get("RPP-Queue-Size") != "7" || a.Header.Get("RPP-Cltrid") != "kiosk-r" {
		t.Errorf("got %s with %v", a.body, a.Header)
	}
	same(t, "problem", a.body, `{"type":"urn:ietf:params:rpp:error","title":"RPP Error","status":409,"outcome":"answered","code":"02304",
		"clTRID":"kiosk-r","svTRID":"SV-1","errors":[
		{"type":"urn:eppmux:problem:result:02304","result":"02304","reason":"Object status prohibits operation; locked","value":"<status s=\"serverUpdateProhibited\"/>"},
		{"type":"urn:eppmux:problem:result:02202","result":"02202","reason":"Invalid authorization; … is wrong","value":"<x>…</x>"}]}`)
}

// TestRPPNoAnswer: what has no answer is told apart: 503 may be repeated by libraries, 500 not.
func TestRPPNoAnswer(t *testing.T) {
	const path = "/domainNames/kiosk.example"
	for _, tt := range []struct {
		name, method string
		answer       carry.Answer
		err          error
		status       int
		code, retry  string
		typ, outcome string
	}{
		{"not sent", "DELETE", carry.Answer{Outcome: carry.NotSent, Cause: pool.CausePaused, RetryAfter: 1500e6}, nil, 503, "02400", "2", typeNotSent, "not_sent"},
		{"not sent, no time", "DELETE", carry.Answer{Outcome: carry.NotSent}, nil, 503, "02400", "1", typeNotSent, "not_sent"},
		{"unknown", "DELETE", carry.Answer{Outcome: carry.Unknown, MuxTRID: "M-9"}, nil, 500, "02400", "", typeUnknown, "unknown"},
		{"query unknown", "GET", carry.Answer{Outcome: carry.Unknown, MuxTRID: "M-9"}, nil, 500, "02400", "", typeUnknown, "unknown"},
		{"no results", "DELETE", carry.Answer{Outcome: carry.Answered, Response: &mapping.Response{}}, nil, 500, "02400", "", typeUnknown, "unknown"},
		{"forbidden", "DELETE", carry.Answer{}, fmt.Errorf("x: %w", carry.ErrForbidden), 403, "02201", "", typeError, "refused"},
		{"reused", "DELETE", carry.Answer{}, fmt.Errorf("x: %w", carry.ErrKeyReused), 409, "02002", "", typeError, "refused"},
		{"in flight", "DELETE", carry.Answer{}, fmt.Errorf("x: %w", carry.ErrKeyInFlight), 409, "02002", "1", typeError, "refused"},
		{"no keys", "DELETE", carry.Answer{}, fmt.Errorf("x: %w", carry.ErrKeyStorage), 503, "02400", "5", typeNotSent, "not_sent"},
		{"fault", "DELETE", carry.Answer{}, &mapping.Fault{Member: "name", Why: "too long"}, 400, "02005", "", typeError, "refused"},
		{"odd", "DELETE", carry.Answer{}, fmt.Errorf("odd"), 503, "02400", "5", typeNotSent, "not_sent"},
	} {
		for _, codes := range []string{CodesCore, CodesCore00} {
			r, f := faked(t, Config{Codes: codes})
			f.says = func(carry.Order) (carry.Answer, error) { return tt.answer, tt.err }
			a := r.want(r.do(tt.method, path, ""), tt.status, tt.code)
			if a.Header.Get("Retry-After") != tt.retry || a.json["type"] != tt.typ || a.json["outcome"] != tt.outcome {
				t.Errorf("%s: got %s, Retry-After %q", tt.name, a.body, a.Header.Get("Retry-After"))
			}
		}
	}
}

// TestRPPNoUser: who is not known is answered in the form of the protocol.
func TestRPPNoUser(t *testing.T) {
	r, f := faked(t, Config{})
	r.user = nil
	a := r.want(r.do("GET", "/domainNames/kiosk.example", ""), http.StatusUnauthorized, "02200")
	if len(a.Header.Values("WWW-Authenticate")) != 2 || len(f.orders) > 0 {
		t.Errorf("got %v, %d orders", a.Header, len(f.orders))
	}
}
