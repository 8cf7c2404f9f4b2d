package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	idleAccounts = 100
	idleHosts    = 3
	// idleMost is how many requests a second such a cluster may ask its engine, with a ttl of 15 s.
	idleMost = 100
)

// TestClusterIdle: how often an idle cluster of 100 accounts asks its engine, as that counts, and what
// such a host costs beside one that is alone.
func TestClusterIdle(t *testing.T) {
	costRounds(t)
	var b strings.Builder
	fmt.Fprintf(&b, "%d accounts on %d hosts, ttl 15 s, no command:\n\n", idleAccounts, idleHosts)
	b.WriteString("| engine | requests a second | of a host: processor ms a second | memory MiB | processor ms a second of one host alone | its memory MiB |\n")
	b.WriteString("| --- | --: | --: | --: | --: | --: |\n")
	for _, engine := range []string{"etcd", "redis"} {
		t.Run(engine, func(t *testing.T) { playIdle(t, engine, &b) })
	}
	t.Log("\n" + b.String())
}

func playIdle(t *testing.T, engine string, b *strings.Builder) {
	dir, bin := shortDir(t), build(t)
	flags := []string{"sandbox", "--listen", "127.0.0.1:0", "--tls", dir, "--mutual"}
	for i := range idleAccounts {
		flags = append(flags, "--account", fmt.Sprintf("acc%d=demo-secret", i))
	}
	s := launch(t, bin, flags...)
	c := &costHosts{t: t, dir: dir, registry: s.find(`(127\.0\.0\.1:\d+)`), engine: startEngine(t, engine)}
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("demo-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	peerCerts(t, dir, "a", "b", "c")
	var members []*host
	for i := range idleHosts {
		h := newHost(t, bin, dir, i, func(h *host) string { return idleConfig(h, dir, c.registry) + c.section(h) })
		members = append(members, h)
		h.start()
	}
	alone := newHost(t, bin, dir, idleHosts, func(h *host) string { return idleConfig(h, dir, c.registry) })
	alone.start()
	waitUntil(t, "an owner of each account, and lanes to it", func() bool {
		m := totals(members)
		return m["owner"] == idleAccounts && m["lanes"] >= idleAccounts*(idleHosts-1) && m["sessions"] == idleAccounts
	})
	// The host that came first has most accounts. A minute later the others take theirs over, one by one.
	time.Sleep(75 * time.Second)
	for last, n := -1.0, 0.0; last != n; time.Sleep(15 * time.Second) {
		last, n = n, totals(members)["changes"]
	}
	before, begun, use := c.engineRequests(), time.Now(), usages(t, append(members, alone))
	changes := totals(members)["changes"]
	time.Sleep(60 * time.Second)
	after, took, used := c.engineRequests(), time.Since(begun).Seconds(), usages(t, append(members, alone))
	if n := totals(members)["changes"] - changes; n != 0 {
		t.Errorf("ownership has changed %v times", n)
	}
	asked := float64(after-before) / took
	var cpu, memory []float64
	for i := range members {
		cpu = append(cpu, (used[i].cpu-use[i].cpu).Seconds()*1000/took)
		memory = append(memory, float64(used[i].resident)/(1<<20))
	}
	last := len(used) - 1
	fmt.Fprintf(b, "| %s | %.1f | %v | %v | %s | %s |\n", engine, asked, figureOf(cpu), figureOf(memory),
		short((used[last].cpu-use[last].cpu).Seconds()*1000/took), short(float64(used[last].resident)/(1<<20)))
	if asked > idleMost {
		t.Errorf("%.1f requests a second, want at most %d", asked, idleMost)
	}
}

// idleConfig is that of a host with all accounts, a session each.
func idleConfig(h *host, dir, registry string) string {
	var b strings.Builder
	b.WriteString("registries:\n")
	for i := range idleAccounts {
		fmt.Fprintf(&b, `  - name: r%d
    listen: ["tcp://127.0.0.1:0"]
    address: %s
    tls: {server_name: localhost, ca_file: ca.pem, cert_file: client.pem, key_file: client.key}
    login: {client_id: acc%[1]d, password_file: password}
    sessions: {min: 1, max: 1}
`, i, registry)
	}
	fmt.Fprintf(&b, "admin: {listen: \"127.0.0.1:0\"}\ncontrol: {socket: %s}\nstate: {dir: %s}\n", h.socket, filepath.Join(dir, h.name))
	return b.String()
}

// totals sums some metrics over hosts and accounts.
func totals(hosts []*host) map[string]float64 {
	sum := map[string]float64{}
	for _, h := range hosts {
		for name, v := range h.scrape() {
			switch {
			case strings.HasPrefix(name, "eppmux_cluster_owner{"):
				sum["owner"] += v
			case strings.HasPrefix(name, "eppmux_cluster_lanes{") && strings.Contains(name, `state="idle"`):
				sum["lanes"] += v
			case strings.HasPrefix(name, "eppmux_sessions{") && strings.Contains(name, `state="idle"`):
				sum["sessions"] += v
			case strings.HasPrefix(name, "eppmux_cluster_changes_total{"):
				sum["changes"] += v
			}
		}
	}
	return sum
}

func usages(t *testing.T, hosts []*host) (all []usage) {
	t.Helper()
	for _, h := range hosts {
		u, err := usageOf(h.pid())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

// engineRequests is how many requests the engine has had, by its own count.
func (c *costHosts) engineRequests() int {
	c.t.Helper()
	if c.engine.Kind == "etcd" {
		return c.etcdRequests()
	}
	// Commands within a script are counted as well, so only those that hosts send are taken.
	text, err := c.engine.Redis("INFO", "commandstats")
	if err != nil {
		c.t.Fatal(err)
	}
	sum := 0
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":calls=")
		switch name {
		case "cmdstat_eval", "cmdstat_evalsha", "cmdstat_hgetall", "cmdstat_ping", "cmdstat_subscribe":
			n, _ := strconv.Atoi(rest[:strings.IndexByte(rest, ',')])
			sum += n
		}
	}
	return sum
}

// etcdRequests sums the messages of clients over all methods.
func (c *costHosts) etcdRequests() int {
	c.t.Helper()
	resp, err := http.Get(c.engine.URL() + "/metrics")
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	sum := 0.0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "grpc_server_msg_received_total{") {
			v, _ := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
			sum += v
		}
	}
	return int(sum)
}
