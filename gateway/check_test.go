package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"eppmux/gateway/batch"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// openChecks starts a gateway over a registry with the zone it, which serves checks of many names.
func openChecks(t testing.TB, change func(*sandbox.Config, *upstream.Config, *Config)) *registryRig {
	t.Helper()
	return openRegistry(t, func(sc *sandbox.Config, uc *upstream.Config, cfg *Config) {
		sc.Zones = []string{"it"}
		if change != nil {
			change(sc, uc, cfg)
		}
	})
}

// TestCheckMany: the answers come in the order of the names, each with what became of it.
func TestCheckMany(t *testing.T) {
	f := openChecks(t, nil)
	got := f.post("/v1/check", `{"names":["kiosk.it","KIÖSK.it","a_b.it","kiosk.example","kiosk.it"]}`, "X-Request-Id", "shop-17")
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %s: %s", got.Status, got.body)
	}
	want := `{"answers":[{"index":0,"name":"kiosk.it","registry":"it","available":true,"code":1000},` +
		`{"index":1,"name":"KIÖSK.it","registry":"it","available":true,"code":1000},` +
		`{"index":2,"name":"a_b.it","problem":{"kind":"bad_name","detail":"not a domain name"}},` +
		`{"index":3,"name":"kiosk.example","problem":{"kind":"no_registry","detail":"no registry has its zone"}},` +
		`{"index":4,"name":"kiosk.it","registry":"it","available":true,"code":1000}]}`
	if got := compact(t, got.body); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if n := f.registry.Counters().Commands["check"]; n != 1 {
		t.Errorf("%d checks, want 1", n)
	}
	got = f.post("/v1/check", `{"names":["kiosk.it"],"fee":{"currency":"EUR","commands":[{"command":"create","period":{"value":1,"unit":"y"}}]}}`)
	if !strings.Contains(got.body, `"period":{"value":1,"unit":"y"},"fees":[{"amount":"10.00"}]`) {
		t.Errorf("got %s", got.body)
	}
	got = f.post("/v1/check", `{"names":["kiosk.example"],"registry":"it"}`)
	if !strings.Contains(got.body, `"available":false,"reason":`) {
		t.Errorf("got %s", got.body)
	}
}

// TestCheckWithoutFees: a registry that knows no prices is asked all the same.
func TestCheckWithoutFees(t *testing.T) {
	f := openChecks(t, func(sc *sandbox.Config, _ *upstream.Config, _ *Config) { sc.Extensions = []string{} })
	got := f.post("/v1/check", `{"names":["kiosk.it"],"fee":{"commands":[{"command":"create"}]}}`)
	if !strings.Contains(got.body, `"available":true,"fees":{"missing":"unsupported"}`) {
		t.Errorf("got %s", got.body)
	}
}

// TestCheckOne: one name in the path.
func TestCheckOne(t *testing.T) {
	f := openChecks(t, nil)
	for path, want := range map[string]string{
		"/v1/check/kiosk.it":                    `{"index":0,"name":"kiosk.it","registry":"it","available":true,"code":1000}`,
		"/v1/check/ki%C3%B6sk.it":               `{"index":0,"name":"kiösk.it","registry":"it","available":true,"code":1000}`,
		"/v1/check/%3Cb%3E.it":                  `{"index":0,"name":"\u003cb\u003e.it","problem":{"kind":"bad_name","detail":"not a domain name"}}`,
		"/v1/check/kiosk.it?registry=none":      `{"index":0,"name":"kiosk.it","problem":{"kind":"no_registry","detail":"there is no such registry"}}`,
		"/v1/check/kiosk.it?registry=it&more=1": `{"index":0,"name":"kiosk.it","registry":"it","available":true,"code":1000}`,
	} {
		if got := f.ask("GET", path, ""); got.StatusCode != 200 || strings.TrimSpace(got.body) != want {
			t.Errorf("%s: got %s %s\nwant %s", path, got.Status, got.body, want)
		}
	}
}

// TestCheckRefused: what is not in order is refused with its place, and the registry is not asked.
func TestCheckRefused(t *testing.T) {
	f := openChecks(t, func(_ *sandbox.Config, _ *upstream.Config, cfg *Config) { cfg.MaxBody = 1 << 20 })
	many := strings.Repeat(`"a.it",`, batch.MaxNames) + `"a.it"`
	for _, tt := range []struct{ body, location string }{
		{``, "body"}, {`[]`, "body"}, {`{}`, "body.names"}, {`{"names":[]}`, "body.names"}, {`{"names":"a.it"}`, "body.names"},
		{`{"names":["a.it",7]}`, "body.names[1]"}, {`{"names":["a.it"],"more":1}`, "body.more"}, {`{"Names":["a.it"]}`, "body.Names"},
		{`{"names":["a.it"],"names":["b.it"]}`, "body.names"}, {`{"names":["a.it"]} x`, "body"}, {`{"names":[` + many + `]}`, "body.names"},
		{`{"names":["a.it"],"fee":{}}`, "body.fee.commands"}, {"{\"names\":[\"a\xff.it\"]}", "body"},
		{`{"names":["a.it"],"fee":{"currency":"euro","commands":[{"command":"create"}]}}`, "body.fee.currency"},
		{`{"names":["a.it"],"fee":{"commands":[{"command":"steal"}]}}`, "body.fee.commands[0].command"},
		{`{"names":["a.it"],"fee":{"commands":[{"command":"create","period":{"value":0,"unit":"y"}}]}}`, "body.fee.commands[0].period.value"},
		{`{"names":["a.it"],"fee":{"commands":[` + strings.Repeat(`{"command":"create"},`, 16) + `{"command":"create"}]}}`, "body.fee.commands"},
	} {
		p := f.post("/v1/check", tt.body).problem(t)
		if p.Status != 400 || len(p.Errors) != 1 || p.Errors[0].Location != tt.location {
			t.Errorf("%.80s: got %+v, want %s", tt.body, p, tt.location)
		}
	}
	f.ask("POST", "/v1/check", `{"names":["a.it"]}`, "Content-Type", "text/plain").want(t, 415, "media-type", "")
	f.post("/v1/check", `{"names":["`+strings.Repeat("a", 1<<20)+`.it"]}`).want(t, 413, "too-large", "")
	if n := f.registry.Counters().Commands["check"]; n != 0 {
		t.Errorf("%d checks", n)
	}
}

// TestCheckStream: each answer is a line, which comes while others are still waited for.
func TestCheckStream(t *testing.T) {
	f := openChecks(t, func(sc *sandbox.Config, _ *upstream.Config, _ *Config) { sc.Latency = 200 * time.Millisecond })
	var names []string
	for i := range 40 { // five in a check, three sessions at the most
		names = append(names, fmt.Sprintf("%q", fmt.Sprint("n", i, ".it")))
	}
	body := `{"names":["a_b.it",` + strings.Join(names, ",") + `]}`
	r, err := http.NewRequest("POST", f.url+"/v1/check", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json;q=0.5, application/x-ndjson")
	res, err := f.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if ct := res.Header.Get("Content-Type"); ct != "application/x-ndjson" {
		t.Errorf("got %s", ct)
	}
	seen := make(map[int]bool)
	lines := bufio.NewScanner(res.Body)
	asked := uint64(0) // by the time of the first line with an answer
	for lines.Scan() {
		var a CheckAnswer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err, lines.Text())
		}
		if seen[a.Index] || (a.Available == nil) != (a.Index == 0) {
			t.Errorf("got %s", lines.Text())
		}
		seen[a.Index] = true
		if len(seen) == 2 {
			asked = f.registry.Counters().Executed["check"]
		}
	}
	if len(seen) != 41 || lines.Err() != nil {
		t.Errorf("%d lines, %v", len(seen), lines.Err())
	}
	if all := f.registry.Counters().Executed["check"]; asked >= all {
		t.Errorf("the first line came after %d of %d checks", asked, all)
	}
}

// TestCheckGivenUp: the names of a client that has gone are not asked for.
func TestCheckGivenUp(t *testing.T) {
	f := openChecks(t, func(sc *sandbox.Config, uc *upstream.Config, _ *Config) {
		sc.Latency = 100 * time.Millisecond
		uc.Pool.MaxSessions = 1
	})
	f.ask("GET", "/v1/check/first.it", "") // the session is there
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprintf("%q", fmt.Sprint("n", i, ".it")))
	}
	r, err := http.NewRequestWithContext(ctx, "POST", f.url+"/v1/check", strings.NewReader(`{"names":[`+strings.Join(names, ",")+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if res, err := f.client.Do(r); err == nil {
		res.Body.Close()
		t.Error("there was an answer")
	}
	// A command that is sent after this one is behind all that were on their way.
	if got := f.ask("GET", "/v1/check/last.it", ""); !strings.Contains(got.body, `"available":true`) {
		t.Errorf("got %s", got.body)
	}
	if n := f.registry.Counters().Commands["check"]; n > 30 {
		t.Errorf("%d checks for a client that waited for three of them", n)
	}
}

// TestCheckDeadline: names without an answer in time say so, with status 200.
func TestCheckDeadline(t *testing.T) {
	f := openChecks(t, func(sc *sandbox.Config, uc *upstream.Config, _ *Config) {
		sc.Latency = 5 * time.Second
		uc.Pool.Grant = pool.Grant{MinSessions: 1, MaxSessions: 1}
		uc.Pool.QueueTimeout = time.Minute
	})
	got := f.post("/v1/check", `{"names":["a.it","b.it","c.it","d.it","e.it","f.it","g.it"]}`, "Prefer", "wait=1")
	if got.StatusCode != 200 || strings.Count(got.body, `"kind":"not_sent"`)+strings.Count(got.body, `"kind":"no_answer"`) != 7 {
		t.Errorf("got %s %s", got.Status, got.body)
	}
}
