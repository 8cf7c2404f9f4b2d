package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// fullCluster has a value at every key of a cluster with redis, and fullEtcd at those of etcd.
const (
	fullCluster = "host: h\n  redis: {address: \"r:1\", tls: true, server_name: s, ca_file: b.pem, cert_file: b.pem, key_file: b.key, user: u, password_file: pw}\n" +
		"  ttl: 20s\n  lanes: 3\n  yield_after: 3s\n  max_clock_skew: 3s\n" +
		"  peer: {listen: \"0.0.0.0:7070\", advertise: \"localhost:7070\", FILES}"
	fullEtcd = `etcd: {endpoints: ["https://e:1"], server_name: s, ca_file: b.pem, cert_file: b.pem, key_file: b.key, user: u, password_file: pw}`
)

func TestSameCluster(t *testing.T) {
	f := clusterFiles(t)
	load := func(text string) *Config {
		t.Helper()
		c, err := parseConfig("c.yaml", []byte(text), f)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return c
	}
	none := load(clitest.SandboxYAML())
	full, etcd := sharedYAML(fullCluster), sharedYAML(fullEtcd)
	for _, text := range []string{full, etcd, sharedYAML("static: {owner: a}"), clitest.SandboxYAML()} {
		if !SameCluster(load(text), load(text)) {
			t.Errorf("%s: got another cluster when read again", text)
		}
	}
	if SameCluster(none, load(full)) || SameCluster(load(full), none) || SameCluster(load(full), load(etcd)) {
		t.Error("got the same cluster with and without one, or with another engine")
	}
	// What is behind the names of files, and each key.
	for _, tt := range []struct{ base, old, other string }{
		{full, "name: prod", "name: test"},
		{full, "host: h", "host: i"},
		{full, "r:1", "r:2"},
		{full, "server_name: s", "server_name: t"},
		{full, "user: u", "user: v"},
		{full, "ca_file: b.pem", "ca_file: a.pem"},
		{full, "cert_file: b.pem, key_file: b.key", "cert_file: a.pem, key_file: a.key"},
		{full, "password_file: pw", "password: other"},
		{full, "ttl: 20s", "ttl: 21s"},
		{full, "lanes: 3", "lanes: 4"},
		{full, "yield_after: 3s", "yield_after: 4s"},
		{full, "max_clock_skew: 3s", "max_clock_skew: 4s"},
		{full, "0.0.0.0:7070", "0.0.0.0:7071"},
		{full, "localhost:7070", "localhost:7071"},
		{full, peerFiles, strings.ReplaceAll(peerFiles, "a.", "b.")},
		{etcd, "e:1", "e:2"},
		{etcd, "user: u", "user: v"},
		{etcd, "ca_file: b.pem", "ca_file: a.pem"},
		{sharedYAML("static: {owner: a}"), "owner: a", `owner: a, peer: "localhost:1"`},
		{sharedYAML(`redis: {sentinel: {master: m, addresses: ["s:1"]}}`), "s:1", "s:2"},
	} {
		if !strings.Contains(tt.base, tt.old) {
			t.Fatalf("%s is not in\n%s", tt.old, tt.base)
		}
		other := strings.Replace(tt.base, tt.old, tt.other, 1)
		if SameCluster(load(tt.base), load(other)) {
			t.Errorf("%s for %s: got the same cluster", tt.other, tt.old)
		}
	}
	for _, registry := range []string{"cluster: {prefer: [b]}", "cluster: off", "poll: exclusive"} {
		if !SameCluster(load(sharedYAML("")), load(sharedYAML("registry "+registry))) {
			t.Errorf("%s: got another cluster for what a registry says", registry)
		}
	}
	// What the files hold.
	before := load(full)
	clitest.WritePair(t, f.folder, "b")
	if SameCluster(before, load(full)) {
		t.Error("got the same cluster with another authority of the engine")
	}
	before = load(full)
	clitest.WriteFile(t, f.folder, "pw", "other", 0o600)
	if SameCluster(before, load(full)) {
		t.Error("got the same cluster with another password")
	}
	before = load(full)
	clitest.WritePair(t, f.folder, "a")
	if SameCluster(before, load(full)) {
		t.Error("got the same cluster with another authority of the peers")
	}
}

// TestClusterIsRead: every key of the section has a value that is not its default here, and comes
// out as it stands.
func TestClusterIsRead(t *testing.T) {
	f := clusterFiles(t)
	c, err := parseConfig("c.yaml", []byte(sharedYAML(fullCluster)), f)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Cluster.withoutLoaded()
	want := Cluster{
		Name: "prod", Host: "h", TTL: 20 * time.Second, Lanes: 3, YieldAfter: 3 * time.Second, MaxClockSkew: 3 * time.Second,
		Redis: &Redis{Address: "r:1", TLS: true, EngineAccess: EngineAccess{ServerName: "s", CAFile: "b.pem", CertFile: "b.pem",
			KeyFile: "b.key", User: "u", Password: NewSecret(clitest.Canary), PasswordFile: "pw"}},
		Peer: Peer{Listen: "0.0.0.0:7070", Advertise: "localhost:7070", CAFile: "a.pem", CertFile: "a.pem", KeyFile: "a.key"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c.Cluster.Redis.Roots == nil || c.Cluster.Redis.Certificate == nil || c.Cluster.Peer.Certificate == nil {
		t.Error("got files that are not loaded, or a copy that has taken them away")
	}
}

func TestStanding(t *testing.T) {
	f := clusterFiles(t)
	for _, tt := range []struct{ lines, want string }{
		{"", "cluster prod: this host is a, reached at 127.0.0.1:7070; etcd decides who owns an account; shares one"},
		{"registry cluster: off", "cluster prod: this host is a, reached at 127.0.0.1:7070; etcd decides who owns an account; alone has one"},
		{`redis: {address: "r:1", tls: true}`, "cluster prod: this host is a, reached at 127.0.0.1:7070; redis decides who owns an account; shares one"},
		{"static: {owner: a}", "cluster prod: this host is a, reached at 127.0.0.1:7070; owns all accounts; shares one"},
		{"static: {owner: b, peer: \"b.example:7070\"}\n  peer: {FILES}", "cluster prod: this host is a; follows b at b.example:7070; shares one"},
	} {
		c, err := parseConfig("c.yaml", []byte(sharedYAML(tt.lines)), f)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Standing(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.lines, got, tt.want)
		}
	}
	if got := new(Config).Standing(); got != "" {
		t.Errorf("without a cluster: got %q", got)
	}
}
