package rpp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/keys"
	"eppmux/sandbox"
)

const kioskCreate = `{"@type":"domainName","name":"kiosk.example","registrant":{"id":"ALICE"},"nameservers":[{"hostName":"ns1.example.example"}],"authInfo":{"method":"authinfo","authdata":"2fooBAR"}}`

// identical checks that a repeat got what the first got.
func identical(t *testing.T, what string, first, again answer) {
	t.Helper()
	for name := range first.Header {
		if a, b := first.Header.Get(name), again.Header.Get(name); a != b {
			t.Errorf("%s: %s was %q, is %q", what, name, a, b)
		}
	}
	if first.StatusCode != again.StatusCode || first.body != again.body {
		t.Errorf("%s: was %d %s, is %d %s", what, first.StatusCode, first.body, again.StatusCode, again.body)
	}
}

// openKeys opens a file of keys until the test ends, or close is called.
func openKeys(t *testing.T, file string) (table *keys.Table, shut func()) {
	t.Helper()
	table, err := keys.Open(keys.Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	shut = sync.OnceFunc(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(shut)
	return table, shut
}

// TestRPPRepeat: a repeat of a change is not sent again and gets the same answer, also where the object has
// changed since, and in the next process.
func TestRPPRepeat(t *testing.T) {
	r := start(t, func(sc *sandbox.Config, c *Config) { sc.Record, c.SetsStatus = true, true })
	file := filepath.Join(t.TempDir(), "keys")
	table, shut := openKeys(t, file)
	r.rebuild(table)
	const path = "/domainNames/kiosk.example"
	calls := []struct {
		request
		verb string
	}{
		{request{"POST", "/domainNames", kioskCreate, nil}, "create"},
		{request{"PATCH", path, `[{"op":"add","path":"/contacts","value":{"label":"tech","object":{"id":"TECH-1"}}},{"op":"add","path":"/contacts","value":{"label":"admin","object":{"id":"ALICE"}}}]`, nil}, "update"},
		// It needs a look at the domain, where a repeat would find nothing.
		{request{"PATCH", path, `[{"op":"remove","path":"/contacts","match":{"label":"tech"}}]`, nil}, "update"},
		{request{"PATCH", path, `[{"op":"replace","path":"/status","match":{"label":"ok"},"value":{"label":"clientHold"}}]`, nil}, "update"},
		{request{"POST", "/domainNames/example.example/processes/renewProcesses", "", nil}, "renew"},
		{request{"DELETE", path, "", nil}, "delete"},
		{request{"POST", "/domainNames/taken.example/processes/transferProcesses", `{"@type":"transferProcess","transferDir":"pull"}`, []string{pw("auth-taken.example")}}, "transfer"},
	}
	a := r.do("GET", "/domainNames/example.example", "")
	calls[4].body = `{"@type":"renewProcess","expiryDate":"` + a.json["expiryDate"].(string) + `"}`
	var firsts []answer
	repeat := func(i int) answer {
		c := calls[i]
		return r.do(c.method, c.path, c.body, append(c.header, "RPP-Cltrid: repeat-"+string(rune('a'+i)))...)
	}
	for i := range calls {
		first := repeat(i)
		if first.StatusCode >= 300 {
			t.Fatalf("call %d: got %d %s", i, first.StatusCode, first.body)
		}
		firsts = append(firsts, first)
		identical(t, calls[i].path, first, repeat(i))
	}
	r.frames.take()
	for i := range calls {
		identical(t, "later: "+calls[i].path, firsts[i], repeat(i))
	}
	shut()
	table, _ = openKeys(t, file)
	r.rebuild(table)
	for i := range calls {
		identical(t, "next process: "+calls[i].path, firsts[i], repeat(i))
	}
	if sent := r.frames.take(); len(sent) > 0 {
		t.Errorf("repeats were sent: %s", sent)
	}
	for _, verb := range []string{"create", "delete"} {
		if n := r.sandbox.Executions(verb, "kiosk.example"); n.Received != 1 {
			t.Errorf("%s came %d times", verb, n.Received)
		}
	}

	// The same id for another thing.
	for _, q := range []request{
		{"POST", "/domainNames", strings.Replace(kioskCreate, "ALICE", "TECH-1", 1), nil},
		{"POST", "/domainNames?registry=test", kioskCreate, nil},
		{"DELETE", path, "", nil},
	} {
		r.want(r.do(q.method, q.path, q.body, "RPP-Cltrid: repeat-a"), 409, "02002")
	}
	if sent := r.frames.take(); len(sent) > 0 {
		t.Errorf("refused ones were sent: %s", sent)
	}
	// A query has no key.
	r.do("GET", "/contacts/ALICE", "", "RPP-Cltrid: repeat-a")
	r.do("GET", "/contacts/ALICE", "", "RPP-Cltrid: repeat-a")
	if sent := r.frames.take(); len(sent) != 2 {
		t.Errorf("sent %d", len(sent))
	}
}

// TestRPPRepeatAtOnce: many who ask for the same change at once are one.
func TestRPPRepeatAtOnce(t *testing.T) {
	r := start(t, func(sc *sandbox.Config, _ *Config) { sc.Record, sc.Latency = true, 5*time.Millisecond })
	answers := make([]answer, 20)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = r.do("POST", "/domainNames", kioskCreate, "RPP-Cltrid: at-once") })
	}
	all.Wait()
	for i := range answers {
		identical(t, "at once", answers[0], answers[i])
	}
	if sent := r.frames.take(); answers[0].StatusCode != 201 || len(sent) != 2 {
		t.Errorf("got %d; sent %d commands: %s", answers[0].StatusCode, len(sent), sent)
	}
}

// TestRPPRepeatUnknown: what may have been carried out is unknown for all repeats; what was not sent is
// sent by the next.
func TestRPPRepeatUnknown(t *testing.T) {
	faults, err := sandbox.ParseFaults("close-after:cmd=create,first=1")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, func(sc *sandbox.Config, _ *Config) { sc.Record, sc.Faults = true, faults })
	for range 3 {
		a := r.want(r.do("POST", "/domainNames", kioskCreate, "RPP-Cltrid: unknown-1"), 500, "02400")
		if a.json["type"] != typeUnknown || a.json["muxTRID"] == "" || a.Header.Get("Retry-After") != "" {
			t.Errorf("got %s with %v", a.body, a.Header)
		}
	}
	if n := r.sandbox.Executions("create", "kiosk.example"); n.Received != 1 {
		t.Errorf("came %d times", n.Received)
	}
	if err := r.registry.Account.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	h := httptest.NewRequestWithContext(ctx, "DELETE", prefix+"/domainNames/kiosk.example", http.NoBody)
	h.Header.Set("RPP-Cltrid", "paused-1")
	if a := r.want(r.serve(h), 503, "02400"); a.json["type"] != typeNotSent || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %s with %v", a.body, a.Header)
	}
	if err := r.registry.Account.Resume(); err != nil {
		t.Fatal(err)
	}
	r.want(r.do("DELETE", "/domainNames/kiosk.example", "", "RPP-Cltrid: paused-1"), 200, "01000")
}

// TestRPPClientGone: a change ends for the next who asks, whoever has gone meanwhile.
func TestRPPClientGone(t *testing.T) {
	r := start(t, func(sc *sandbox.Config, _ *Config) { sc.Record, sc.Latency = true, 300*time.Millisecond })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	h := httptest.NewRequestWithContext(ctx, "POST", prefix+"/domainNames", strings.NewReader(kioskCreate))
	h.Header.Set("Content-Type", mediaRPP)
	h.Header.Set("RPP-Cltrid", "gone-1")
	// Whether it was sent by then depends on the login, which is as slow.
	if a := r.serve(h); a.StatusCode < 500 {
		t.Errorf("got %d", a.StatusCode)
	}
	a := r.want(r.do("POST", "/domainNames", kioskCreate, "RPP-Cltrid: gone-1"), 201, "01000")
	if !strings.Contains(a.body, `"repositoryId"`) {
		t.Errorf("got %s", a.body)
	}
	if n := r.sandbox.Executions("create", "kiosk.example"); n.Received != 1 {
		t.Errorf("came %d times", n.Received)
	}
}

// TestRPPNoKeys: without a place for keys no change is sent.
func TestRPPNoKeys(t *testing.T) {
	r := start(t, nil)
	r.carrier = carry.New(nil)
	rc := r.config
	rc.Registries = func() []*carry.Registry { return []*carry.Registry{r.registry} }
	r.handler = newHandler(rc, r.carrier, checks{r.carrier, r.registry})
	a := r.want(r.do("POST", "/domainNames", kioskCreate), 503, "02400")
	if a.Header.Get("Retry-After") == "" {
		t.Errorf("got %v", a.Header)
	}
	r.want(r.do("GET", "/domainNames/example.example", ""), 200, "01000")
	if sent := r.frames.take(); len(sent) != 1 {
		t.Errorf("sent %s", sent)
	}
}
