package gateway

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/proxy"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// TestBadInput: what is not in order is refused with its place, and nothing reaches the registry.
func TestBadInput(t *testing.T) {
	g := openRegistry(t, nil)
	commands := func() map[string]uint64 {
		all := g.registry.Counters().Commands
		maps.DeleteFunc(all, func(name string, _ uint64) bool { return name == "login" || name == "hello" }) // sessions of ours
		return all
	}
	for _, tt := range []struct{ call, body, location string }{
		{"domain-info", ``, "body"},
		{"domain-info", `[]`, "body"},
		{"domain-info", `null`, "body"},
		{"domain-info", `"it"`, "body"},
		{"domain-info", `{"host":"it","domain":"a.it"} {}`, "body"},
		{"domain-info", `{"host":"it","domain":"a.it"`, "body"},
		{"domain-info", `{"host":"it","domain":5}`, "body.domain"},
		{"domain-info", `{"host":"it","domain":null}`, "body.domain"},
		{"domain-info", `{"host":"it","domain":""}`, "body.domain"},
		{"domain-info", `{"host":"it"}`, "body.domain"},
		{"domain-info", `{"domain":"a.it"}`, "body.host"},
		{"domain-info", `{"host":"it","domain":"a.it","colour":"red"}`, "body.colour"},
		{"domain-info", `{"host":"it","Domain":"a.it"}`, "body.Domain"},
		{"domain-info", `{"host":"it","domain":"a.it","domain":"b.it"}`, "body.domain"},
		{"domain-info", `{"host":"it","domain":"a.it","port":70000}`, "body.port"},
		{"domain-info", `{"host":"it","domain":"a.it","port":1e3}`, "body.port"},
		{"domain-info", `{"host":"it","domain":"a.it","port":"700"}`, "body.port"},
		{"domain-info", `{"host":"it","domain":"a.it","hosts":"few"}`, "body.hosts"},
		{"domain-info", "{\"host\":\"it\",\"domain\":\"\xff.it\"}", "body"},
		{"domain-info", `{"host":"it","domain":"\u0000.it"}`, "body.domain"},
		{"domain-info", `{"host":"it","domain":"` + strings.Repeat("a.", 200) + `it"}`, "body.domain"},
		{"domain-info", `{"host":"it","domain":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "body.domain"},
		{"domain-check", `{"host":"it"}`, "body.domain"},
		{"domain-check", `{"host":"it","domains":[]}`, "body.domain"},
		{"domain-check", `{"host":"it","domain":"a.it","domains":["b.it"]}`, "body.domain"},
		{"domain-check", `{"host":"it","domains":["a.it",7]}`, "body.domains[1]"},
		{"domain-check", `{"host":"it","domains":["a.it",""]}`, "body.domains[1]"},
		{"domain-check", `{"host":"it","domains":["a.it","-.it"]}`, "body.domains[1]"},
		{"domain-check", `{"host":"it","domains":["1.it","2.it","3.it","4.it","5.it","6.it"]}`, "body.domains"},
		{"domain-create", `{"host":"it","domain":"a.it"}`, "body.password"},
		{"domain-create", `{"host":"it","domain":"a.it","password":"x","years":100}`, "body.years"},
		{"domain-create", `{"host":"it","domain":"a.it","password":"x","years":-1}`, "body.years"},
		{"domain-create", `{"host":"it","domain":"a.it","password":"x","years":1,"period":2}`, "body.period"},
		{"domain-create", `{"host":"it","domain":"a.it","password":"x","period":1,"unit":"d"}`, "body.unit"},
		{"domain-create", `{"host":"it","domain":"a.it","password":"x","nameservers":"ns1.it"}`, "body.nameservers"},
		{"domain-create", `{"host":"it","domain":"a.it","password":"x","nameservers":["n.it",{"name":"m.it","addressez":[]}]}`,
			"body.nameservers[1].addressez"},
		{"domain-create", `{"host":"it","domain":"a.it","password":"x","nameservers":[7]}`, "body.nameservers[0]"},
		{"domain-create", `{"host":"it","domain":"a.it","password":"x","nameservers":[{"name":"m.it","addresses":["1.2.3.4"]}]}`,
			"body.nameservers[0].addresses"},
		{"domain-create", `{"host":"it","domain":"a.it","password":"x","secDNS":{"ds":[{"keyTag":70000}]}}`, "body.secDNS.ds[0].keyTag"},
		{"domain-update", `{"host":"it","domain":"a.it"}`, "body.domain"},
		{"domain-renew", `{"host":"it","domain":"a.it","years":1}`, "body.curExpDate"},
		{"domain-renew", `{"host":"it","domain":"a.it","years":1,"curExpDate":"soon"}`, "body.curExpDate"},
		{"domain-renew", `{"host":"it","domain":"a.it","years":1,"curExpDate":"2027-11-30T19:03:43"}`, "body.curExpDate"},
		{"domain-renew", `{"host":"it","domain":"a.it","years":1,"curExpDate":"2027-11-30T19:03:43+02:00"}`, "body.curExpDate"},
	} {
		res := g.post("/api/epp/"+tt.call, tt.body)
		p := res.problem(t)
		switch {
		case p.Type != "urn:eppmux:problem:bad-request" || p.Status != 400 || p.Outcome != "refused" || len(p.Errors) == 0:
			t.Errorf("%s %.80s: got %s", tt.call, tt.body, res.body)
		case p.Errors[0].Location != tt.location:
			t.Errorf("%s %.80s: got %q %q, want %q", tt.call, tt.body, p.Errors[0].Location, p.Errors[0].Message, tt.location)
		}
	}
	for _, tt := range []struct{ name, value string }{
		{"Idempotency-Key", `""`}, {"Idempotency-Key", `"abc`}, {"Idempotency-Key", "a, b"},
		{"Idempotency-Key", strings.Repeat("a", 256)}, {"Idempotency-Key", "ä"},
		{"Prefer", "wait=soon"}, {"Prefer", "wait=0"}, {"Prefer", "wait=-1"},
	} {
		res := g.post("/api/epp/domain-delete", `{"host":"it","domain":"a.it"}`, tt.name, tt.value)
		res.want(t, 400, "bad-request", "header."+tt.name)
	}
	for _, body := range []string{"", "<epp", `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>`, `{}`,
		`<?xml version="1.0"?><!DOCTYPE a><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><poll op="req"/></command></epp>`} {
		g.ask("POST", "/v1/it/epp", body, "Content-Type", "application/epp+xml").want(t, 400, "bad-request", "body")
	}
	g.ask("POST", "/v1/it/epp", `<a/>`, "Content-Type", "application/json").want(t, 415, "media-type", "")
	g.ask("POST", "/v1/none/epp", `<a/>`, "Content-Type", "text/xml").want(t, 404, "no-registry", "")
	if n := commands(); len(n) != 0 {
		t.Errorf("something reached the registry: %+v", n)
	}
	if g.post("/api/epp/domain-info", `{"host":"it","domain":"a.it"}`); commands()["info"] != 1 {
		t.Errorf("the counter does not count: %+v", commands())
	}
}

// TestCallsOfADomain is the life of a domain over JSON, at a registry.
func TestCallsOfADomain(t *testing.T) {
	g := openRegistry(t, func(_ *sandbox.Config, _ *upstream.Config, c *Config) { c.KeyFile = t.TempDir() + "/keys" })
	call := func(name, body string, header ...string) (r Reply[json.RawMessage]) {
		t.Helper()
		res := g.post("/api/epp/"+name, body, header...)
		if err := json.Unmarshal([]byte(res.body), &r); err != nil || res.StatusCode != 200 || r.Outcome != "answered" {
			t.Fatalf("%s: got %s: %s", name, res.Status, res.body)
		}
		if strings.Contains(res.body, "s3cret") {
			t.Errorf("%s: a password is in %s", name, res.body)
		}
		return r
	}
	await(t, "a session", g.account.Up)
	if r := call("connect", `{"host":"it"}`); !strings.Contains(string(r.Data), `"up":true,"server":"eppmux sandbox"`) {
		t.Errorf("got %s", r.Data)
	}
	r := call("domain-check", `{"host":"it","domains":["kiosk.example","bücher.example"]}`, "X-Request-Id", "shop-0001")
	if got := string(r.Data); got != `[{"name":"kiosk.example","available":true},{"name":"xn--bcher-kva.example","available":true}]` {
		t.Errorf("got %s", got)
	}
	if r.ClTRID != "shop-0001" || !strings.HasSuffix(r.MuxTRID, "-shop-0001") || r.SvTRID == "" {
		t.Errorf("got ids %q %q %q", r.ClTRID, r.MuxTRID, r.SvTRID)
	}
	create := `{"host":"it","domain":"kiosk.example","years":2,"password":"s3cret-77"}`
	r = call("domain-create", create, "Idempotency-Key", `"k-1"`)
	again := call("domain-create", create, "Idempotency-Key", "k-1")
	if !again.Replayed || string(again.Data) != string(r.Data) || r.Replayed {
		t.Errorf("got %+v, and again %+v", r, again)
	}
	g.post("/api/epp/domain-create", strings.Replace(create, "2", "3", 1), "Idempotency-Key", "k-1").want(t, 409, "key-reused", "")
	if p := g.post("/api/epp/domain-create", create).want(t, 409, "registry", ""); p.Code != 2302 || p.MuxTRID == "" || p.Outcome != "answered" {
		t.Errorf("got %+v", p)
	}
	var d mapping.Domain
	r = call("domain-info", `{"host":"it","domain":"kiosk.example"}`)
	if json.Unmarshal(r.Data, &d) != nil || d.Name != "kiosk.example" || d.ExDate == "" {
		t.Fatalf("got %s", r.Data)
	}
	renew := `{"host":"it","domain":"kiosk.example","period":1,"curExpDate":"` + d.ExDate + `"}`
	call("domain-renew", renew)
	if p := g.post("/api/epp/domain-renew", renew).problem(t); p.Code < 2000 {
		t.Errorf("a repeat of a renewal: got %+v", p)
	}
	call("domain-update", `{"host":"it","domain":"kiosk.example","addStatus":["clientHold"],"authPw":"s3cret-78"}`)
	call("domain-update", `{"host":"it","domain":"kiosk.example","remStatus":["clientHold"]}`)
	call("domain-delete", `{"host":"it","domain":"kiosk.example"}`)
	if p := g.post("/api/epp/domain-info", `{"host":"it","domain":"none.example"}`).want(t, 404, "registry", ""); p.Code != 2303 {
		t.Errorf("got %+v", p)
	}
}

// TestRawAnswer: XML goes in and comes out as it is.
func TestRawAnswer(t *testing.T) {
	g := openRegistry(t, nil)
	check := `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check>` +
		`<domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>a.example</domain:name></domain:check></check>` +
		`<clTRID>mine-1</clTRID></command></epp>`
	res := g.ask("POST", "/v1/it/epp", check, "Content-Type", "text/xml; charset=utf-8")
	if res.StatusCode != 200 || res.Header.Get("Epp-Code") != "1000" || res.Header.Get("Epp-Outcome") != "answered" ||
		!strings.HasSuffix(res.Header.Get("Epp-Muxtrid"), "-mine-1") || res.Header.Get("Content-Type") != "application/epp+xml" ||
		!strings.Contains(res.body, "<clTRID>mine-1</clTRID>") {
		t.Errorf("got %s %v: %s", res.Status, res.Header, res.body)
	}
	res = g.ask("POST", "/v1/it/epp", strings.Replace(check, "a.example", "", 1), "Content-Type", "application/xml")
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Epp-Code"), "2") {
		t.Errorf("an error of the registry: got %s %v: %s", res.Status, res.Header, res.body)
	}
}

// TestOutcomes: each outcome has its status and its problem.
func TestOutcomes(t *testing.T) {
	g := open(t, nil)
	var a carry.Answer
	var fail error
	g.carrier.do = func(context.Context, carry.Order) (carry.Answer, error) { return a, fail }
	ask := func() *response { return g.post("/api/epp/domain-delete", `{"host":"it","domain":"a.it"}`) }
	a = carry.Answer{Outcome: carry.NotSent, Cause: pool.CauseRegistryAway, RetryAfter: 1500 * time.Millisecond}
	res := ask()
	if p := res.want(t, 503, "not-sent", ""); p.Outcome != "not_sent" || p.Cause != pool.CauseRegistryAway.String() ||
		p.RetryAfter != 2 || res.Header.Get("Retry-After") != "2" || p.ClTRID == "" {
		t.Errorf("got %s", res.body)
	}
	a = carry.Answer{Outcome: carry.Unknown, Cause: pool.CauseCommandTimeout, MuxTRID: "M-1"}
	res = ask()
	if p := res.want(t, 500, "unknown", ""); p.Outcome != "unknown" || p.MuxTRID != "M-1" || res.Header.Get("Retry-After") != "" {
		t.Errorf("got %s", res.body)
	}
	a.Cause = pool.CauseClientGone
	if p := ask().want(t, 500, "unknown", ""); !strings.HasPrefix(p.Detail, "the time of the request was over") {
		t.Errorf("a deadline: got %+v", p)
	}
	for code, status := range map[int]int{2000: 501, 2001: 422, 2002: 422, 2003: 422, 2004: 422, 2005: 422, 2100: 501, 2101: 501,
		2102: 501, 2103: 501, 2104: 402, 2105: 409, 2106: 409, 2200: 502, 2201: 403, 2202: 403, 2300: 409, 2301: 409, 2302: 409,
		2303: 404, 2304: 409, 2305: 409, 2306: 422, 2307: 501, 2308: 422, 2400: 502, 2500: 502, 2501: 502, 2502: 502, 2999: 502} {
		a = carried(code, nil)
		if p := ask().want(t, status, "registry", ""); p.Code != code || p.Outcome != "answered" || p.SvTRID != "SV-1" {
			t.Errorf("%d: got %+v", code, p)
		}
	}
	a = carried(1001, nil)
	if res := ask(); res.StatusCode != 200 || !strings.Contains(res.body, `"code":1001`) {
		t.Errorf("got %s: %s", res.Status, res.body)
	}
	for err, want := range map[error]struct {
		status int
		name   string
	}{carry.ErrForbidden: {403, "forbidden"}, carry.ErrKeyReused: {409, "key-reused"}, carry.ErrKeyInFlight: {409, "key-in-flight"},
		carry.ErrKeyStorage: {503, "no-keys"}} {
		fail = err
		if p := ask().want(t, want.status, want.name, ""); p.Outcome != "refused" || p.Detail == "" {
			t.Errorf("%v: got %+v", err, p)
		}
	}
}

// TestSecretsInAnswers: a registry may repeat what it was sent; we do not.
func TestSecretsInAnswers(t *testing.T) {
	g := open(t, nil)
	g.carrier.do = func(context.Context, carry.Order) (carry.Answer, error) {
		a := carried(2202, nil)
		a.Response.Results[0] = mapping.Result{Code: 2202, Message: "wrong <Tr0ub&dor", Reasons: []string{"x <Tr0ub&dor y"},
			Values: []string{"<domain:pw>else</domain:pw>", "<v>&lt;Tr0ub&amp;dor</v>"}}
		return a, nil
	}
	for _, call := range []string{`domain-info {"host":"it","domain":"a.it","authPw":"<Tr0ub&dor"}`,
		`domain-create {"host":"it","domain":"a.it","password":"<Tr0ub&dor"}`,
		`domain-update {"host":"it","domain":"a.it","authPw":"<Tr0ub&dor"}`,
		`domain-delete {"host":"it","domain":"a.it","pw":"<Tr0ub&dor"}`} {
		name, body, _ := strings.Cut(call, " ")
		res := g.post("/api/epp/"+name, body)
		if res.want(t, 403, "registry", ""); strings.Contains(res.body, "dor") || strings.Contains(res.body, "else") {
			t.Errorf("%s: got %s", name, res.body)
		}
	}
}

// TestWhichRegistry: host is a name, or an address of the config, and nothing else is reached.
func TestWhichRegistry(t *testing.T) {
	hash, err := proxy.HashPassword("pw-1234", proxy.HashIterationsMin)
	if err != nil {
		t.Fatal(err)
	}
	g := open(t, func(c *Config) {
		c.Registries = []Registry{
			{Registry: carry.Registry{Name: "it", Address: "EPP.example:700"}},
			{Registry: carry.Registry{Name: "a", Address: "two.example:7001"}, Logins: map[string]proxy.PasswordHash{"ann": hash}},
			{Registry: carry.Registry{Name: "b", Address: "two.example:7001"}, Logins: map[string]proxy.PasswordHash{"bob": hash}},
			{Registry: carry.Registry{Name: "six", Address: "[2001:db8::1]:700"}},
		}
	})
	for body, want := range map[string]string{
		`{"host":"it"}`:                                                  "it",
		`{"host":"it","port":700}`:                                       "it",
		`{"host":"it","port":701}`:                                       "",
		`{"host":"epp.example"}`:                                         "it",
		`{"host":"epp.EXAMPLE","port":700}`:                              "it",
		`{"host":"epp.example","port":701}`:                              "",
		`{"host":"epp.example:700"}`:                                     "",
		`{"host":"2001:db8::1"}`:                                         "six",
		`{"host":"127.0.0.1","port":22}`:                                 "",
		`{"host":"two.example","port":7001}`:                             "",
		`{"host":"two.example","port":7001,"clid":"bob","pw":"pw-1234"}`: "b",
		`{"host":"a","clid":"ann","pw":"pw-1234"}`:                       "a",
		`{"host":"a","clid":"ann","pw":"pw-1235"}`:                       "!",
		`{"host":"a","clid":"bob","pw":"pw-1234"}`:                       "!",
		`{"host":"a"}`:                                                   "!",
	} {
		res := g.post("/api/epp/login", body)
		switch {
		case want == "":
			res.want(t, 404, "no-registry", "")
		case want == "!":
			if p := res.want(t, 403, "login-refused", ""); p.Code != 2200 || strings.Contains(res.body, "pw-12") {
				t.Errorf("%s: got %s", body, res.body)
			}
		case res.StatusCode != 200 || !strings.Contains(res.body, `"registry":"`+want+`"`):
			t.Errorf("%s: got %s: %s", body, res.Status, res.body)
		}
	}
	res := g.post("/api/epp/domain-delete", `{"host":"a","clid":"ann","pw":"pw-1234","domain":"a.it"}`)
	if o := g.carrier.seen(); res.StatusCode != 200 || len(o) != 1 || o[0].User.Name != "ann" || o[0].Registry.Name != "a" {
		t.Errorf("got %s: %s, orders %+v", res.Status, res.body, o)
	}
}
