package config

import (
	"strings"
	"testing"
)

func TestClusterWarnings(t *testing.T) {
	f := clusterFiles(t)
	t.Setenv("STATE_DIRECTORY", "")
	for _, tt := range []struct{ lines, want string }{
		{"", ""},
		{`peer: {listen: "0.0.0.0:7070", advertise: "localhost:7070", FILES}`,
			"c.yaml:4: cluster.peer.advertise: warning: localhost:7070 is a loopback address: every other host finds itself there"},
		{`peer: {listen: "127.0.0.1:7070", advertise: "localhost:7070", FILES}`, ""},
		{`etcd: {endpoints: ["http://127.0.0.1:2379", "http://e:2379"]}`,
			"c.yaml:4: cluster.etcd.endpoints: warning: what goes to e:2379 is plain text: whoever is in between can give an account two owners; use https://"},
		{`etcd: {endpoints: ["http://127.0.0.1:2379"]}`, ""},
		{`etcd: {endpoints: ["https://e:2379"]}`, ""},
		{`redis: {address: "r:6379"}`,
			"c.yaml:4: cluster.redis.tls: warning: what goes to r:6379 is plain text: whoever is in between can give an account two owners; set tls: true"},
		{`redis: {address: "r:6379", tls: true}`, ""},
		{`redis: {address: "127.0.0.1:6379"}`, ""},
		{`redis: {sentinel: {master: m, addresses: ["s:1"]}}`, "c.yaml:4: cluster.redis.tls: warning: what goes to s:1 is plain text"},
		{"static: {owner: a}\n  ttl: 20s\n  max_clock_skew: 1s\n  yield_after: 1s", "c.yaml:5: cluster.ttl: warning: has no effect with static: nobody takes over\n" +
			"c.yaml:6: cluster.max_clock_skew: warning: has no effect with static: nobody takes over\n" +
			"c.yaml:7: cluster.yield_after: warning: has no effect with static: nobody takes over"},

		{`ttl: 30s`, "timeouts.queue: warning: 20s, but a takeover takes up to ttl, 30s: commands that wait longer than the queue are not sent"},
		{`ttl: 20s`, ""},
		{"static: {owner: a}\n  ttl: 30s", "c.yaml:5: cluster.ttl: warning: has no effect"},
		{`registry poll: exclusive`, "registries[0].poll: warning: exclusive holds for the clients of each host alone: two hosts may be given the same message"},
		{`registry poll: exclusive, cluster: off`, ""},
		{`registry rate_limits: [{limit: 9, per: 1s}, {limit: 1, per: 1s, scope: client}, {limit: 5, per: 1m, scope: client}]`,
			"registries[0].rate_limits[1]: warning: all-1-per-1s-client holds on each host alone: a client on two hosts has it twice"},
		{`registry rate_limits: [{limit: 1, per: 1s, scope: client}], cluster: off`, ""},
		{`registry cluster: {prefer: [a]}`, ""},

		// The engine remembers long limits; without one the owner's folder does.
		{`registry rate_limits: [{limit: 9, per: 24h}]`, ""},
		{`registry rate_limits: [{limit: 9, per: 24h}], cluster: off`, "registries[0].rate_limits[0]: warning: a restart forgets"},
	} {
		text := sharedYAML(tt.lines)
		c, err := parseConfig("c.yaml", []byte(text), f)
		if err != nil {
			t.Errorf("%s: %v", tt.lines, err)
			continue
		}
		var got []string
		for _, w := range c.Warnings {
			if !strings.Contains(w, "registries[0].rate_limits: warning: defaults apply") {
				got = append(got, w)
			}
		}
		all := strings.Join(got, "\n")
		if tt.want == "" && all != "" || strings.Count(all, "\n") != strings.Count(tt.want, "\n") || !strings.Contains(all, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.lines, all, tt.want)
		}
	}
}

// TestStaticRemembers: with static, long limits are remembered by the owner's folder alone.
func TestStaticRemembers(t *testing.T) {
	f := clusterFiles(t)
	t.Setenv("STATE_DIRECTORY", "")
	for static, want := range map[string]bool{
		"static: {owner: a}":                            true,
		`static: {owner: b, peer: "b.example:7070"}`:    false,
		`redis: {address: "127.0.0.1:6379", tls: true}`: false,
	} {
		text := strings.Replace(sharedYAML(static), "timeouts: {queue: 20s}", "rate_limits: [{limit: 9, per: 24h}]", 1)
		c, err := parseConfig("c.yaml", []byte(text), f)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Warnings, "\n"); strings.Contains(got, "a restart forgets") != want {
			t.Errorf("%s: got %s, want a warning %v", static, got, want)
		}
	}
}

// TestPreferWithoutEffect: prefer is for accounts that an engine gives to hosts.
func TestPreferWithoutEffect(t *testing.T) {
	f := clusterFiles(t)
	const prefers = "registry cluster: {prefer: [a]}"
	static := strings.Replace(sharedYAML(prefers), `etcd: {endpoints: ["https://127.0.0.1:2379"]}`, "static: {owner: a}", 1)
	_, alone, _ := strings.Cut(sharedYAML(prefers), "registries:")
	for text, want := range map[string]string{
		static:                "registries[0].cluster.prefer: warning: has no effect with static: a owns all accounts",
		"registries:" + alone: "registries[0].cluster.prefer: warning: has no effect without a cluster",
	} {
		c, err := parseConfig("c.yaml", []byte(text), f)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Warnings, "\n"); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	_, off, _ := strings.Cut(sharedYAML("registry cluster: off"), "registries:")
	c, err := parseConfig("c.yaml", []byte("registries:"+off), f)
	if err != nil || strings.Contains(strings.Join(c.Warnings, "\n"), "cluster") {
		t.Errorf("off without a cluster: got %v, %v", c, err)
	}
}
