package gateway

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"eppmux/gateway/carry"
)

func TestRequestIDs(t *testing.T) {
	g := open(t, nil)
	for id, kept := range map[string]bool{"abc": true, "shop-00017": true, "a!\"#$%'()*+,-./:;=?@[]^_`{|}~": true,
		strings.Repeat("a", 64): true, "": false, "ab": false, strings.Repeat("a", 65): false, "a b": false, "a<b": false, "a&b": false,
		"a>b": false, "äää": false} {
		res := g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`, "X-Request-Id", id)
		got := res.Header.Get("X-Request-Id")
		if kept != (got == id) || !fitID(got) {
			t.Errorf("%q: got %q", id, got)
		}
		if all := g.carrier.seen(); all[len(all)-1].RequestID != got {
			t.Errorf("%q: the order has %q", id, all[len(all)-1].RequestID)
		}
	}
	res := g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`, "X-Request-Id", "one-1", "X-Request-Id", "two-2")
	if got := res.Header.Get("X-Request-Id"); got == "one-1" || got == "two-2" {
		t.Errorf("of two, got %q", got)
	}
}

// TestPrefer: the time of a request is the client's, or the operator's.
func TestPrefer(t *testing.T) {
	g := open(t, func(c *Config) { c.Timeout = 20 * time.Second })
	var within time.Duration
	g.carrier.do = func(ctx context.Context, _ carry.Order) (carry.Answer, error) {
		by, _ := ctx.Deadline()
		within = time.Until(by).Round(time.Second)
		return carried(1000, nil), nil
	}
	for _, tt := range []struct {
		prefer, applied string
		want            time.Duration
	}{
		{"", "", 20 * time.Second},
		{"wait=5", "wait=5", 5 * time.Second},
		{`respond-async, Wait="7"; a=b`, "wait=7", 7 * time.Second},
		{"wait=8, wait=9", "wait=8", 8 * time.Second},
		{"wait=60", "wait=60", time.Minute},
		{"wait=100000", "", 20 * time.Second}, // longer than anybody may wait
		{"handling=strict", "", 20 * time.Second},
	} {
		res := g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`, "Prefer", tt.prefer)
		if got := res.Header.Get("Preference-Applied"); got != tt.applied || within != tt.want || res.StatusCode != 200 {
			t.Errorf("%q: got %q, %v, %s", tt.prefer, got, within, res.Status)
		}
	}
}

// TestKeys: a key has the digest of all that makes the request, and queries have none.
func TestKeys(t *testing.T) {
	g := open(t, nil)
	key := func(call, body string, header ...string) *carry.Key {
		t.Helper()
		if res := g.post("/api/epp/"+call, body, header...); res.StatusCode != 200 {
			t.Fatalf("got %s: %s", res.Status, res.body)
		}
		all := g.carrier.seen()
		return all[len(all)-1].Key
	}
	body := `{"host":"it","domain":"a.it"}`
	first := key("domain-delete", body, "Idempotency-Key", `"8e03978e-40d5"`)
	if first == nil || first.Name != "8e03978e-40d5" {
		t.Fatalf("got %+v", first)
	}
	if k := key("domain-delete", body, "Idempotency-Key", "8e03978e-40d5"); *k != *first {
		t.Errorf("without quotes: got %+v", k)
	}
	if k := key("domain-delete", body+" ", "Idempotency-Key", "8e03978e-40d5"); k.Digest == first.Digest {
		t.Error("another body has the same digest")
	}
	if k := key("domain-update", `{"host":"it","domain":"a.it","addStatus":["clientHold"]}`, "Idempotency-Key", `"a\"b\\c"`); k.Name != `a"b\c` {
		t.Errorf("got %+v", k)
	}
	if k := key("domain-delete", body); k != nil {
		t.Errorf("no key: got %+v", k)
	}
	if k := key("domain-info", body, "Idempotency-Key", "x"); k != nil {
		t.Errorf("a query: got %+v", k)
	}
}

// TestClientGone: the context of the order ends with the client's connection, also when the body has come long ago.
func TestClientGone(t *testing.T) {
	g := open(t, nil)
	begun, gone := make(chan struct{}), make(chan error, 1)
	g.carrier.do = func(ctx context.Context, _ carry.Order) (carry.Answer, error) {
		close(begun)
		<-ctx.Done()
		gone <- ctx.Err()
		return carry.Answer{Outcome: carry.Unknown}, nil
	}
	nc, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(nc, "POST /api/epp/domain-check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Content-Length: 29\r\n\r\n{\"host\":\"it\",\"domain\":\"a.it\"}")
	<-begun
	nc.Close()
	if err := <-gone; err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// TestBodyTime: the time for a body ends a slow one, and not a request that waits for its answer.
func TestBodyTime(t *testing.T) {
	const short = 50 * time.Millisecond
	s, err := New(testConfig())
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeCarrier{do: func(ctx context.Context, _ carry.Order) (carry.Answer, error) {
		select {
		case <-ctx.Done():
		case <-time.After(4 * short):
		}
		return carried(1000, nil), ctx.Err()
	}}
	s.carrier, s.http.ReadTimeout = f, short
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	defer s.Close()
	_, address, _ := strings.Cut(s.Addresses()[0], "://")
	g := &rig{t: t, srv: s, carrier: f, url: "http://" + address, client: &http.Client{Transport: &http.Transport{}}}
	defer g.client.CloseIdleConnections()
	if res := g.post("/api/epp/domain-check", `{"host":"it","domain":"a.it"}`); res.StatusCode != 200 {
		t.Errorf("got %s: %s", res.Status, res.body)
	}
	g.raw("POST /api/epp/domain-check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Content-Length: 29\r\n\r\n{").want(t, 408, "timeout", "")
}

// TestNoGoroutineStays: nothing is left of servers that were closed, whatever their clients were doing.
func TestNoGoroutineStays(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		cfg := testConfig()
		cfg.Users, cfg.KeyFile = []User{{Name: "ann", Password: hashOf(t, "a")}}, t.TempDir()+"/keys"
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Listen(); err != nil {
			t.Fatal(err)
		}
		s.Serve()
		_, address, _ := strings.Cut(s.Addresses()[0], "://")
		idle, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		half, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(half, "POST /api/epp/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n")
		tr := &http.Transport{}
		if res, err := (&http.Client{Transport: tr}).Get("http://" + address + "/v1/registries"); err != nil || res.StatusCode != 401 {
			t.Errorf("got %v %v", res, err)
		} else {
			res.Body.Close()
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		tr.CloseIdleConnections()
		idle.Close()
		half.Close()
	}
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
}
