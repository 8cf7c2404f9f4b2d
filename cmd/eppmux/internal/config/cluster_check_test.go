package config

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// peerFiles stand for FILES in the lines of these tests.
const peerFiles = "ca_file: a.pem, cert_file: a.pem, key_file: a.key"

// clusterFiles returns a folder with the files that these tests name, on a host named "a".
func clusterFiles(t testing.TB) files {
	t.Helper()
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a") // of localhost and 127.0.0.1
	clitest.WritePair(t, dir, "b")
	clitest.WriteFile(t, dir, "pw", clitest.Canary+"\n", 0o600)
	clitest.WriteFile(t, dir, "open", clitest.Canary+"\n", 0o644)
	return files{folder: dir, system: func() (string, error) { return "a", nil }}
}

// sharedYAML is a config with a cluster and a registry that it shares. The lines are keys of the
// cluster, in place of its own, or of the registry, where they begin with "registry ".
func sharedYAML(lines string) string {
	own := []string{"name: prod", `etcd: {endpoints: ["https://127.0.0.1:2379"]}`, `peer: {listen: "127.0.0.1:7070", FILES}`}
	registry, ofRegistry := strings.CutPrefix(lines, "registry ")
	if ofRegistry {
		lines = ""
	} else {
		registry = ""
	}
	given := "\n  " + lines
	given = strings.NewReplacer("\n  redis:", "\n  redis:\n  etcd:", "\n  static:", "\n  static:\n  etcd:").Replace(given)
	text := "cluster:\n"
	for _, l := range own {
		if key, _, _ := strings.Cut(l, ":"); !strings.Contains(given, "\n  "+key+":") {
			text += "  " + l + "\n"
		}
	}
	text += "  " + lines + "\n"
	return strings.ReplaceAll(text, "FILES", peerFiles) + "registries:\n" +
		"  - {name: one, address: \"epp.example:700\", listen: [\"tcp://127.0.0.1:7000\"], login: {client_id: c, password_file: pw},\n" +
		"     sessions: {max: 1}, timeouts: {queue: 20s}, " + registry + "}\n"
}

func TestClusterRules(t *testing.T) {
	long := strings.Repeat("x", 65)
	runRulesIn(t, clusterFiles(t), sharedYAML, []rule{
		{"", ""},
		{`name: ""`, "cluster.name: is missing"},
		{`name: Prod`, `cluster.name: must be 1 to 64 of a-z, 0-9, . and -, got "Prod"`},
		{`name: ` + long, "cluster.name: must be 1 to 64"},
		{`name: ` + long[1:], ""},
		{`name: eu.prod-1`, ""},
		{`host: b.example`, ""},
		{`host: a/b`, `cluster.host: must be 1 to 64 of a-z, 0-9, . and -, got "a/b"`},
		{`host: ""`, "cluster.host: is missing"},

		{`ttl: 5s`, ""},
		{`ttl: 10m`, ""},
		{`ttl: 4999ms`, "cluster.ttl: must be 5s to 10m, got 4.999s"},
		{`ttl: 10m1s`, "cluster.ttl: must be 5s to 10m, got 10m1s"},
		{`ttl: 0s`, "cluster.ttl: must be 5s to 10m, got 0s"},
		{`lanes: 1`, ""},
		{`lanes: 1024`, ""},
		{`lanes: 0`, "cluster.lanes: must be 1 to 1024, got 0"},
		{`lanes: 1025`, "cluster.lanes: must be 1 to 1024, got 1025"},
		{`yield_after: 0s`, "cluster.yield_after: must be above 0"},
		{`max_clock_skew: 100ms`, ""},
		{`max_clock_skew: 15s`, ""},
		{`max_clock_skew: 99ms`, "cluster.max_clock_skew: must be 100ms to ttl (15s), got 99ms"},
		{`max_clock_skew: 16s`, "cluster.max_clock_skew: must be 100ms to ttl (15s), got 16s"},
		{"ttl: 20s\n  max_clock_skew: 16s", ""},

		{`redis: {address: "127.0.0.1:6379"}`, ""},
		{"redis: {address: \"127.0.0.1:6379\"}\n  etcd: {endpoints: [\"https://e:2379\"]}",
			"cluster: needs exactly one of etcd, redis and static, has etcd and redis"},
		{"static: {owner: a}\n  redis: {address: \"127.0.0.1:6379\"}\n  etcd: {endpoints: [\"https://e:2379\"]}",
			"cluster: needs exactly one of etcd, redis and static, has etcd and redis and static"},
		{`etcd:`, "cluster.etcd: has no value"},
		{`etcd: https://e:2379`, "cluster.etcd: must be a mapping, got a text"},
		{`zookeeper: {}`, "cluster.zookeeper: unknown key; known here: "},
	})
}

func TestClusterWithoutEngine(t *testing.T) {
	text := strings.Replace(sharedYAML(""), "  etcd: {endpoints: [\"https://127.0.0.1:2379\"]}\n", "", 1)
	_, err := parseConfig("c.yaml", []byte(text), clusterFiles(t))
	if want := "c.yaml:1: cluster: needs one of etcd, redis and static"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestClusterHost: the host is named as the system is, in small letters.
func TestClusterHost(t *testing.T) {
	f := clusterFiles(t)
	for _, tt := range []struct {
		system     string
		err        error
		want, says string
	}{
		{"Web-1.Example", nil, "web-1.example", ""},
		{"web_1", nil, "", `cluster.host: is missing: the name of the system, "web_1", is none of 1 to 64 of a-z, 0-9, . and -`},
		{"", errors.New("no name"), "", "cluster.host: is missing"},
	} {
		f.system = func() (string, error) { return tt.system, tt.err }
		c, err := parseConfig("c.yaml", []byte(sharedYAML("")), f)
		switch {
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
			t.Errorf("%q: got %v, want %s", tt.system, err, tt.says)
		case tt.says == "" && err != nil:
			t.Errorf("%q: got %v", tt.system, err)
		case tt.says == "" && c.Cluster.Host != tt.want:
			t.Errorf("%q: got %q, want %q", tt.system, c.Cluster.Host, tt.want)
		}
	}
}

func TestStaticRules(t *testing.T) {
	f := clusterFiles(t)
	certify(t, f.folder, "server", x509.ExtKeyUsageServerAuth)
	certify(t, f.folder, "client", x509.ExtKeyUsageClientAuth)
	runRulesIn(t, f, sharedYAML, []rule{
		{`static: {owner: a}`, ""},
		{`static: {owner: a, peer: "127.0.0.1:7070"}`, ""},
		{`static: {owner: b, peer: "b.example:7070"}`, ""},
		{`static: {}`, "cluster.static.owner: is missing"},
		{`static: {owner: B, peer: "b.example:7070"}`, `cluster.static.owner: must be 1 to 64 of a-z, 0-9, . and -, got "B"`},
		{`static: {owner: b}`, "cluster.static.peer: is missing: host:port where b takes lanes"},
		{`static: {owner: b, peer: b.example}`, `cluster.static.peer: must be host:port, got "b.example"`},
		{`static: {owner: b, peer: "127.0.0.1:7070"}`,
			"cluster.static.peer: is this host's own address, but b is the owner and this is a"},
		{"static: {owner: b, peer: \"127.0.0.1:7070\"}\n  peer: {listen: \"0.0.0.0:1\", advertise: \"127.0.0.1:7070\", FILES}",
			"cluster.static.peer: is this host's own address, but b is the owner and this is a"},
		{"static: {owner: b, peer: \"b.example:7070\"}\n  peer: {FILES}", ""},
		// Nobody looks for a host that follows: it needs no address, nor a certificate for one.
		{"static: {owner: b, peer: \"b.example:7070\"}\n  peer: {listen: \"0.0.0.0:7070\", FILES}", ""},
		{"static: {owner: b, peer: \"b.example:7070\"}\n  peer: {listen: \"192.0.2.1:7070\", FILES}", ""},
		{"static: {owner: b, peer: \"b.example:7070\"}\n  peer: {listen: \"192.0.2.1:7070\", ca_file: client.pem, cert_file: client.pem, key_file: client.key}", ""},
		{"static: {owner: b, peer: \"b.example:7070\"}\n  peer: {ca_file: server.pem, cert_file: server.pem, key_file: server.key}",
			"cluster.peer.cert_file: server.pem is not certified for a client by ca_file"},
		// The owner is where static finds it.
		{"static: {owner: a, peer: \"localhost:7070\"}\n  peer: {listen: \"0.0.0.0:7070\", FILES}", ""},
		{"static: {owner: a, peer: \"localhost:7070\"}\n  peer: {listen: \"192.0.2.1:7070\", FILES}", ""},
		{"static: {owner: a, peer: \"a.example:7070\"}\n  peer: {listen: \"127.0.0.1:7070\", FILES}",
			"cluster.peer.cert_file: a.pem is not for a.example, where others find this host"},
		{"static: {owner: a}\n  peer: {listen: \"0.0.0.0:7070\", FILES}", "cluster.peer.advertise: is missing: listen is every address"},
		{"static: {owner: a}\n  peer: {listen: \"127.0.0.1:7070\", ca_file: server.pem, cert_file: server.pem, key_file: server.key}", ""},
		{"static: {owner: a}\n  peer: {FILES}", "cluster.peer.listen: is missing: host:port where other hosts reach this one"},
		{"static: {owner: b, peer: \"b.example:7070\"}\n  peer: {advertise: \"127.0.0.1:1\", FILES}", "cluster.peer.advertise: needs listen"},
	})
}

func TestSharingRules(t *testing.T) {
	runRulesIn(t, clusterFiles(t), sharedYAML, []rule{
		{`registry cluster: off`, ""},
		{`registry cluster: "off"`, ""},
		{`registry cluster: {}`, ""},
		{`registry cluster: {prefer: [a, b.example]}`, ""},
		{`registry cluster: on`, "registries[0].cluster: must be off, or a mapping such as {prefer: [a, b]}, got a text"},
		{`registry cluster: false`, "registries[0].cluster: must be off, or a mapping such as {prefer: [a, b]}, got a truth value"},
		{`registry cluster: [a]`, "registries[0].cluster: must be off, or a mapping such as {prefer: [a, b]}, got a list"},
		{`registry cluster: {prefer: [a, A]}`, `registries[0].cluster.prefer[1]: must be 1 to 64 of a-z, 0-9, . and -, got "A"`},
		{`registry cluster: {prefer: ["a:7070"]}`, "registries[0].cluster.prefer[0]: must be 1 to 64"},
		{`registry cluster: {prefer: [""]}`, "registries[0].cluster.prefer[0]: is missing"},
		{`registry cluster: {prefer: [a, b, a]}`, `registries[0].cluster.prefer[2]: "a" stands in the list already`},
		{`registry cluster: {prefer: a}`, "registries[0].cluster.prefer: must be a list, got a text"},
	})
	runRules(t, inRegistry, []rule{
		{`cluster: off`, ""},
		{`cluster: {prefer: [a]}`, "registries[0].cluster: must be left out: the built-in registry is in this process, and never shared"},
	})
}

func TestPreferIsRead(t *testing.T) {
	c, err := parseConfig("c.yaml", []byte(sharedYAML("registry cluster: {prefer: [b, a]}")), clusterFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Registries[0].Cluster; got.Off || !slices.Equal(got.Prefer, []string{"b", "a"}) {
		t.Errorf("got %+v, want b before a", got)
	}
}

// TestOneAccountOneRegistry: two registries of a cluster have one account only where it is shared by
// neither.
func TestOneAccountOneRegistry(t *testing.T) {
	const want = `registries[1].login.client_id: "c" at EPP.example:700 is registries[0] already: in a cluster an account ` +
		"has one owner, so one registry here"
	f := clusterFiles(t)
	for _, tt := range []struct{ one, two, clientID, want string }{
		{"", "", "c", want},
		{"cluster: off", "", "c", want},
		{"", "cluster: off", "c", want},
		{"cluster: off", "cluster: off", "c", ""},
		{"", "", "d", ""},
	} {
		text := sharedYAML("registry "+tt.one) + "  - {name: two, address: \"EPP.example:700\", listen: [\"tcp://127.0.0.1:7002\"], " +
			"login: {client_id: " + tt.clientID + ", password_file: pw}, " + tt.two + "}\n"
		_, err := parseConfig("c.yaml", []byte(text), f)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasSuffix(err.Error(), tt.want)) {
			t.Errorf("%q, %q, %s: got %v, want %q", tt.one, tt.two, tt.clientID, err, tt.want)
		}
		_, alone, _ := strings.Cut(text, "registries:")
		if _, err := parseConfig("c.yaml", []byte("registries:"+alone), f); err != nil {
			t.Errorf("%q, %q, %s: without a cluster got %v", tt.one, tt.two, tt.clientID, err)
		}
	}
}

func TestShared(t *testing.T) {
	cluster := &Cluster{}
	for _, tt := range []struct {
		cluster *Cluster
		r       Registry
		want    bool
	}{
		{cluster, Registry{Address: "x:700"}, true},
		{nil, Registry{Address: "x:700"}, false},
		{cluster, Registry{Address: "x:700", Cluster: Sharing{Off: true}}, false},
		{cluster, Registry{Address: SandboxAddress}, false},
	} {
		if got := tt.r.Shared(&Config{Cluster: tt.cluster}); got != tt.want {
			t.Errorf("%+v with %v: got %v, want %v", tt.r, tt.cluster, got, tt.want)
		}
	}
}

// TestClusterDefaults: a cluster that says no more than it must.
func TestClusterDefaults(t *testing.T) {
	c, err := parseConfig("c.yaml", []byte(sharedYAML("")), clusterFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	cl := c.Cluster
	if cl.Host != "a" || cl.TTL != 15*time.Second || cl.Lanes != 64 || cl.YieldAfter != time.Minute ||
		cl.MaxClockSkew != 5*time.Second || cl.Peer.Advertise != "127.0.0.1:7070" || cl.Redis != nil || cl.Static != nil {
		t.Errorf("got %+v", cl)
	}
	if len(c.Warnings) != 0 && strings.Contains(strings.Join(c.Warnings, "\n"), "cluster") {
		t.Errorf("got the warnings %q", c.Warnings)
	}
}
