package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// change is one transform that an HTTP client wants once, under one key, however often it asks. Each has an
// object of its own, so the registry's counts by object are those by key.
type change struct {
	verb, name string
	path       string
	kind       string // of the body
	body       []byte

	mu    sync.Mutex
	tries []try // guarded by mu
}

// try is one request for a change, and how it ended.
type try struct {
	begin, end time.Time
	outcome    string // of the answer; lost: there was none
	status     int
	code       int
	svTRID     string
	replayed   bool
	text       string // of the answer
}

func (c *change) key() string { return c.verb + "-" + c.name }

// ask sends the change once more.
func (c *change) ask(g *gatewayClient) try {
	t := try{begin: time.Now(), outcome: "lost"}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	resp, err := g.post(ctx, c.path, c.kind, c.body, map[string]string{"Idempotency-Key": `"` + c.key() + `"`})
	if err == nil {
		var b []byte
		b, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil {
			t.read(resp, b)
		}
	}
	t.end = time.Now()
	c.mu.Lock()
	c.tries = append(c.tries, t)
	c.mu.Unlock()
	return t
}

// read takes what counts of an answer: that of a call in JSON, a problem, or an answer of EPP with its
// outcome in the header.
func (t *try) read(resp *http.Response, body []byte) {
	t.status, t.text = resp.StatusCode, string(body)
	if m := resultForm.FindSubmatch(body); m != nil && resp.Header.Get("Epp-Outcome") != "" {
		t.outcome = resp.Header.Get("Epp-Outcome")
		_, _ = fmt.Sscan(string(m[1]), &t.code)
		if m := svTRIDForm.FindSubmatch(body); m != nil {
			t.svTRID = string(m[1])
		}
		return
	}
	var a struct {
		Outcome  string
		Code     int
		SvTRID   string
		Replayed bool
	}
	if json.Unmarshal(body, &a) != nil || a.Outcome == "" {
		t.outcome = "strange"
		return
	}
	t.outcome, t.code, t.svTRID, t.replayed = a.Outcome, a.Code, a.SvTRID, a.Replayed
}

var svTRIDForm = regexp.MustCompile(`<svTRID>([^<]*)</svTRID>`)

// done reports whether the answer says that the change was carried out.
func (t *try) done() bool { return t.outcome == "answered" && t.code >= 1000 && t.code < 2000 }

// createChange, renewChange, deleteChange and transferChange make changes of a registry's domains.
func createChange(registry, name string) *change {
	return jsonChange("create", name, map[string]any{"host": registry, "domain": name, "password": "secret-1", "years": 1})
}

func renewChange(registry, name string) *change {
	until := time.Now().UTC().AddDate(1, 0, 0).Format(time.DateOnly)
	return jsonChange("renew", name, map[string]any{"host": registry, "domain": name, "curExpDate": until, "years": 1})
}

func deleteChange(registry, name string) *change {
	return jsonChange("delete", name, map[string]any{"host": registry, "domain": name})
}

func jsonChange(verb, name string, in map[string]any) *change {
	body, err := json.Marshal(in)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return &change{verb: verb, name: name, path: "/api/epp/domain-" + verb, kind: "application/json", body: body}
}

// transferChange goes as XML: there is no call in JSON for it.
func transferChange(registry, name string) *change {
	return &change{verb: "transfer", name: name, path: "/v1/" + registry + "/epp", kind: "application/epp+xml",
		body: []byte(`<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><transfer op="request">` +
			`<domain:transfer xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>` + name + `</domain:name>` +
			`<domain:authInfo><domain:pw>secret-1</domain:pw></domain:authInfo></domain:transfer></transfer></command></epp>`)}
}

// gatewayChaos is HTTP clients that repeat what they want, over a gateway that is killed.
type gatewayChaos struct {
	*gatewayRig
	client  *gatewayClient
	stop    atomic.Bool
	wg      sync.WaitGroup
	mu      sync.Mutex
	changes []*change // guarded by mu
}

const (
	// foreignEach is how many domains of the other registrar each client may ask to be transferred, and
	// ownedEach how many of ours it may renew and delete each.
	foreignEach = 6
	ownedEach   = 6
)

func newGatewayChaos(t *testing.T, clients int, faults string) *gatewayChaos {
	t.Helper()
	c := &gatewayChaos{gatewayRig: newGatewayRig(t, gatewayKeys{registries: 1,
		flags: []string{"--record", "--sessions", "5", "--latency", "5ms"},
		registry: `    sessions: {min: 2, max: 4, keepalive: 2s}
    timeouts: {command: 2s, queue: 8s, greeting: 2s, login: 2s}
    rate_limits: [{limit: 200, per: 1s}]
`})}
	c.client = newGatewayClient(c.url())
	c.stock(clients)
	c.setFaults(faults)
	return c
}

// stock registers what is to be transferred, renewed and deleted, before anything goes wrong.
func (c *gatewayChaos) stock(clients int) {
	c.t.Helper()
	r := c.registries[0]
	for _, owner := range []struct {
		user, pw, kinds string
		n               int
	}{{"other", "other-secret", "t", foreignEach}, {"demo", "demo-secret", "rd", ownedEach}} {
		s, err := openSession(r.address, registryTLS(c.t, filepath.Join(c.dir, r.name)), owner.user, owner.pw)
		if err != nil {
			c.t.Fatal(err)
		}
		for i := range clients {
			for _, kind := range owner.kinds {
				for n := range owner.n {
					a, err := s.command(`<create><domain:create xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>` + stocked(kind, i, n) +
						`</domain:name><domain:authInfo><domain:pw>secret-1</domain:pw></domain:authInfo></domain:create></create>`)
					if err != nil || a.code != 1000 {
						c.t.Fatalf("create: %v: %s", err, a.payload)
					}
				}
			}
		}
		if err := s.logout(); err != nil {
			c.t.Fatal(err)
		}
		s.close()
	}
}

func stocked(kind rune, client, n int) string {
	return fmt.Sprintf("stock-%c-%d-%d.com", kind, client, n)
}

// setFaults has the registry play faults from now on.
func (c *gatewayChaos) setFaults(faults string) {
	c.t.Helper()
	resp, err := http.Post("http://"+c.registries[0].stats+"/faults", "text/plain", strings.NewReader(faults))
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		b, _ := io.ReadAll(resp.Body)
		c.t.Fatalf("faults: %s: %s", resp.Status, b)
	}
}

// play runs a client: one change after another, each asked for up to five times at random moments, some
// of them at the same time.
func (c *gatewayChaos) play(id int) {
	for n := 0; !c.stop.Load(); n++ {
		ch := c.next(id, n)
		if ch == nil {
			return
		}
		c.mu.Lock()
		c.changes = append(c.changes, ch)
		c.mu.Unlock()
		var wg sync.WaitGroup
		for range 1 + rand.IntN(5) {
			wg.Go(func() {
				time.Sleep(rand.N(1200 * time.Millisecond))
				ch.ask(c.client)
			})
		}
		wg.Wait()
	}
}

// next is the n-th change of a client. Creates never end.
func (c *gatewayChaos) next(id, n int) *change {
	registry, k := c.registries[0].name, n/4
	switch {
	case n%4 == 1 && k < ownedEach:
		return renewChange(registry, stocked('r', id, k))
	case n%4 == 2 && k < ownedEach:
		return deleteChange(registry, stocked('d', id, k))
	case n%4 == 3 && k < foreignEach:
		return transferChange(registry, stocked('t', id, k))
	}
	return createChange(registry, fmt.Sprintf("chaos-%d-%d.com", id, n))
}

// run has so many clients work for so long, while eppmux is killed every second to fourth second. Behind
// it nothing goes wrong any more, and each change is asked for once more.
func (c *gatewayChaos) run(clients, kills int) {
	c.t.Helper()
	for i := range clients {
		c.wg.Go(func() { c.play(i) })
	}
	for range kills {
		cmd := exec.Command(build(c.t), "serve", "--config", c.config)
		if err := cmd.Start(); err != nil {
			c.t.Fatal(err)
		}
		c.ready()
		time.Sleep(500*time.Millisecond + rand.N(2500*time.Millisecond))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	c.stop.Store(true)
	c.setFaults("")
	c.serve()
	c.wg.Wait()
	var wg sync.WaitGroup
	turns := make(chan struct{}, clients)
	for _, ch := range c.changes {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			for range 20 { // what is still under way, or has no session yet, says that it may come again
				if t := ch.ask(c.client); t.outcome == "answered" || t.outcome == "unknown" {
					return
				}
				time.Sleep(500 * time.Millisecond)
			}
		})
	}
	wg.Wait()
}

// TestGatewayChaos: sixty HTTP clients ask for each change up to five times, sessions end at random and
// eppmux is killed: each change is carried out once at most, none that was answered is missing, and all
// who ask are told the same.
func TestGatewayChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	const clients = 60
	// A registry that has lost a login has not carried out what it refuses: eppmux sends that again, and may.
	// Only queries meet that here, so that whatever comes twice was sent twice.
	c := newGatewayChaos(t, clients, strings.NewReplacer("2002:", "2002:cmd=query,", "2201:", "2201:cmd=query,").Replace(everyFault))
	c.run(clients, int(chaosTime()/(3*time.Second)))
	c.judge()
	c.orderly()
}
