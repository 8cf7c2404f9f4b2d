package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gatewayRig is some registries and eppmux with a gateway over all of them, each a process.
type gatewayRig struct {
	t          *testing.T
	dir        string // certificates, config
	config     string
	registries []*gatewayRegistry
	http       string // host:port of the gateway
	mux        *program
}

// gatewayRegistry is one of them. Its zone is its name.
type gatewayRegistry struct {
	name    string
	address string
	stats   string // HTTP
	epp     string // host:port of eppmux's listener for it
}

// gatewayZones are the zones of the registries, of which the sandbox has as many.
var gatewayZones = []string{"com", "net", "org", "example", "test"}

// gatewayKeys is what the config of a rig's registries and eppmux has beyond the needed.
type gatewayKeys struct {
	registries int
	flags      []string // of the sandboxes
	registry   string   // keys of each registry, indented by four
	rest       string   // top-level keys
}

// newGatewayRig starts the registries and writes the config.
func newGatewayRig(t *testing.T, k gatewayKeys) *gatewayRig {
	t.Helper()
	g := &gatewayRig{t: t, dir: t.TempDir(), http: freeAddress()}
	g.config = filepath.Join(g.dir, "config.yaml")
	bin := build(t)
	var text strings.Builder
	text.WriteString("registries:\n")
	for _, zone := range gatewayZones[:k.registries] {
		tlsDir := filepath.Join(g.dir, zone)
		s := launch(t, bin, append([]string{"sandbox", "--listen", "127.0.0.1:0", "--tls", tlsDir, "--mutual", "--stats-listen", "127.0.0.1:0"}, k.flags...)...)
		r := &gatewayRegistry{name: zone, address: s.find(`(127\.0\.0\.1:\d+)`), epp: freeAddress()}
		r.stats = s.find(`(127\.0\.0\.1:\d+)`)
		g.registries = append(g.registries, r)
		fmt.Fprintf(&text, `  - name: %s
    listen: ["tcp://%s"]
    address: %s
    tls: {server_name: localhost, ca_file: %[4]s/ca.pem, cert_file: %[4]s/client.pem, key_file: %[4]s/client.key}
    login: {client_id: demo, password_file: %[5]s/password}
    zones: [%[1]s]
    check_max: 50
%[6]s`, zone, r.epp, r.address, tlsDir, g.dir, k.registry)
	}
	state := filepath.Join(g.dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&text, "gateway: {listen: [\"tcp://%s\"]}\nadmin: {listen: \"\"}\nstate: {dir: %s}\n%s", g.http, state, k.rest)
	for name, content := range map[string]string{"password": "demo-secret\n", "config.yaml": text.String()} {
		if err := os.WriteFile(filepath.Join(g.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// serve starts eppmux and waits until it can send commands to all registries.
func (g *gatewayRig) serve() {
	g.t.Helper()
	g.mux = launch(g.t, build(g.t), "serve", "--config", g.config)
	g.ready()
}

func (g *gatewayRig) ready() {
	g.t.Helper()
	waitUntil(g.t, "the gateway to be ready", func() bool {
		resp, err := http.Get("http://" + g.http + "/v1/registries")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var all struct{ Registries []struct{ Up bool } }
		if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&all) != nil {
			return false
		}
		for _, r := range all.Registries {
			if !r.Up {
				return false
			}
		}
		return len(all.Registries) == len(g.registries)
	})
}

// url is the gateway's.
func (g *gatewayRig) url() string { return "http://" + g.http }

// counters are what a registry has counted.
type gatewayCounters struct {
	Logins   int
	Commands map[string]int
	Executed map[string]int
}

func (r *gatewayRegistry) counters(t *testing.T) (c gatewayCounters) {
	t.Helper()
	r.get(t, "/", &c)
	return c
}

func (r *gatewayRegistry) get(t *testing.T, path string, into any) {
	t.Helper()
	resp, err := http.Get("http://" + r.stats + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// orderly fails the test where a registry has counted a breach.
func (g *gatewayRig) orderly() {
	g.t.Helper()
	for _, r := range g.registries {
		if b := breaches(g.t, r.stats); b != "" {
			g.t.Errorf("the registry of %s counts breaches: %s", r.name, b)
		}
	}
}

// registryTLS is how a client speaks TLS with the registry whose certificates lie in dir.
func registryTLS(t *testing.T, dir string) *tls.Config {
	t.Helper()
	c, err := clientTLS(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// gatewayClient asks a gateway, from any goroutine.
type gatewayClient struct {
	url string
	c   *http.Client
}

func newGatewayClient(url string) *gatewayClient {
	return &gatewayClient{url: url, c: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}}}
}

// post sends a body, and returns the answer with its body unread.
func (g *gatewayClient) post(ctx context.Context, path, contentType string, body []byte, header map[string]string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	return g.c.Do(req)
}

// single asks about one name by domain-check. registry is its name; the usual gateway has only one.
func (g *gatewayClient) single(ctx context.Context, registry, name string) (free bool, err error) {
	in := map[string]any{"domain": name}
	if registry != "" {
		in["host"] = registry
	}
	body, err := json.Marshal(in)
	if err != nil {
		return false, err
	}
	resp, err := g.post(ctx, "/api/epp/domain-check", "application/json", body, nil)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, err
	}
	var out struct {
		Code int
		Data []struct {
			Name      string
			Available bool
		}
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(b, &out) != nil || out.Code != 1000 || len(out.Data) != 1 || out.Data[0].Name != name {
		return false, fmt.Errorf("%s: %s", resp.Status, b)
	}
	return out.Data[0].Available, nil
}

// name asks about one name by GET /v1/check/{name}.
func (g *gatewayClient) name(ctx context.Context, name string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/v1/check/"+name, nil)
	if err != nil {
		return err
	}
	resp, err := g.c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var out struct {
		Name      string
		Available *bool
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(b, &out) != nil || out.Name != name || out.Available == nil {
		return fmt.Errorf("%s: %s", resp.Status, b)
	}
	return nil
}

// search asks about many names by /v1/check, as lines. It returns how many are said to be free, and an
// error unless each name is answered once.
func (g *gatewayClient) search(ctx context.Context, names []string) (free int, err error) {
	body, err := json.Marshal(map[string]any{"names": names})
	if err != nil {
		return 0, err
	}
	resp, err := g.post(ctx, "/v1/check", "application/json", body, map[string]string{"Accept": "application/x-ndjson"})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return 0, fmt.Errorf("%s: %s", resp.Status, b)
	}
	left := make(map[string]bool, len(names))
	for _, n := range names {
		left[n] = true
	}
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		var line struct {
			Name      string
			Available *bool
		}
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			return free, fmt.Errorf("%w in %q", err, s.Text())
		}
		if line.Available == nil || !left[line.Name] {
			return free, fmt.Errorf("got %s", s.Text())
		}
		delete(left, line.Name)
		if *line.Available {
			free++
		}
	}
	if len(left) > 0 {
		return free, fmt.Errorf("%d of %d names are not answered", len(left), len(names))
	}
	return free, nil
}

// searchNames are n names of their own for a search, in turns of all zones.
func searchNames(run string, search, n, zones int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("shop-%s-%d-%d.%s", run, search, i, gatewayZones[i%zones])
	}
	return names
}

// peakResident watches the memory of a process until the test calls stop, which returns the most.
func peakResident(pid int) (stop func() int64) {
	quit, most := make(chan struct{}), make(chan int64, 1) // closed by stop; the most, once
	go func() {
		var peak int64
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-tick.C:
				if u, err := usageOf(pid); err == nil {
					peak = max(peak, u.resident)
				}
			case <-quit:
				tick.Stop()
				most <- peak
				return
			}
		}
	}()
	return func() int64 {
		close(quit)
		return <-most
	}
}
