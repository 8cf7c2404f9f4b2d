package config

import (
	"crypto/tls"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

func TestEtcdRules(t *testing.T) {
	t.Setenv("EPPMUX_TEST_PASSWORD", clitest.Canary)
	runRulesIn(t, clusterFiles(t), sharedYAML, []rule{
		{`etcd: {endpoints: ["https://e1:2379", "https://[2001:db8::1]:2379"]}`, ""},
		{`etcd: {endpoints: ["http://e1:2379"]}`, ""}, // a warning
		{`etcd: {}`, "cluster.etcd.endpoints: needs at least one, such as https://etcd.example:2379"},
		{`etcd: {endpoints: ["e1:2379"]}`, `cluster.etcd.endpoints[0]: must be https://host:port, got "e1:2379"`},
		{`etcd: {endpoints: ["https://e1"]}`, `cluster.etcd.endpoints[0]: must be https://host:port, got "https://e1"`},
		{`etcd: {endpoints: ["https://:2379"]}`, "cluster.etcd.endpoints[0]: must be https://host:port"},
		{`etcd: {endpoints: ["https://e1:2379/v3"]}`, "cluster.etcd.endpoints[0]: must be https://host:port"},
		{`etcd: {endpoints: ["https://e1:0"]}`, `cluster.etcd.endpoints[0]: the port must be 1 to 65535, got "0"`},
		{`etcd: {endpoints: ["https://e%zz:1"]}`, "cluster.etcd.endpoints[0]: must be https://host:port"},
		{`etcd: {endpoints: ["unix:///etcd"]}`, "cluster.etcd.endpoints[0]: must be https://host:port"},
		{`etcd: {endpoints: ["https://root:` + clitest.Canary + `@e1:2379"]}`,
			"cluster.etcd.endpoints[0]: must not hold a user; use user and password_file"},
		{`etcd: {endpoints: ["https://e1:2379", "https://e1:2379"]}`, `cluster.etcd.endpoints[1]: "https://e1:2379" stands in the list already`},
		{`etcd: {endpoints: ["https://e1:2379", "http://e2:2379"]}`, "cluster.etcd.endpoints[1]: must be https:// as endpoints[0], or none of them"},
		{`etcd: {endpoints: ["http://e1:2379", "https://e2:2379"]}`, "cluster.etcd.endpoints[1]: must be https:// as endpoints[0], or none of them"},

		{`etcd: {endpoints: ["https://e1:2379"], ca_file: a.pem, cert_file: a.pem, key_file: a.key, server_name: etcd.example}`, ""},
		{`etcd: {endpoints: ["https://e1:2379"], server_name: "a b"}`, `cluster.etcd.server_name: must be a host name, got "a b"`},
		{`etcd: {endpoints: ["https://e1:2379"], ca_file: none.pem}`, "cluster.etcd.ca_file: open "},
		{`etcd: {endpoints: ["https://e1:2379"], cert_file: a.pem}`, "cluster.etcd.key_file: is missing beside cert_file"},
		{`etcd: {endpoints: ["https://e1:2379"], cert_file: a.pem, key_file: b.key}`, "cluster.etcd.key_file: b.key does not go with a.pem"},
		{`etcd: {endpoints: ["http://e1:2379"], ca_file: a.pem}`, "cluster.etcd.ca_file: is for https:// endpoints"},
		{`etcd: {endpoints: ["http://e1:2379"], server_name: x}`, "cluster.etcd.server_name: is for https:// endpoints"},

		{`etcd: {endpoints: ["https://e1:2379"], user: u, password_file: pw}`, ""},
		{`etcd: {endpoints: ["https://e1:2379"], user: u, password_env: EPPMUX_TEST_PASSWORD}`, ""},
		{`etcd: {endpoints: ["https://e1:2379"], user: u, password: x}`, ""},
		{`etcd: {endpoints: ["https://e1:2379"], user: u}`, "cluster.etcd: needs one of password_file, password_env and password beside user"},
		{`etcd: {endpoints: ["https://e1:2379"], password_file: pw}`, "cluster.etcd.user: is missing: etcd knows no password without a user"},
		{`etcd: {endpoints: ["https://e1:2379"], user: u, password: x, password_file: pw}`,
			"cluster.etcd: needs exactly one of password, password_file and password_env, has password and password_file"},
		{`etcd: {endpoints: ["https://e1:2379"], user: u, password_file: open}`, "cluster.etcd.password_file: open: "},
		{`etcd: {endpoints: ["http://e1:2379"], user: u, password_file: pw}`, "cluster.etcd: the password would go to e1:2379 in plain text: use https://"},
		{`etcd: {endpoints: ["http://127.0.0.1:2379", "http://e1:2379"], user: u, password_file: pw}`,
			"cluster.etcd: the password would go to e1:2379 in plain text: use https://"},
		{`etcd: {endpoints: ["http://[::1]:2379", "http://localhost:1"], user: u, password_file: pw}`, ""},
	})
}

func TestRedisRules(t *testing.T) {
	const sentinel = `sentinel: {master: m, addresses: ["s1:26379", "s2:26379"]}`
	runRulesIn(t, clusterFiles(t), sharedYAML, []rule{
		{`redis: {address: "r:6379"}`, ""}, // a warning
		{`redis: {address: "[::1]:6379"}`, ""},
		{`redis: {` + sentinel + `}`, ""},
		{`redis: {}`, "cluster.redis: needs one of address and sentinel"},
		{`redis: {address: "r:6379", ` + sentinel + `}`, "cluster.redis: needs exactly one of address and sentinel, has both"},
		{`redis: {address: r}`, `cluster.redis.address: must be host:port, got "r"`},
		{`redis: {address: "r:x"}`, `cluster.redis.address: the port must be 1 to 65535, got "x"`},
		{`redis: {address: "rediss://r:6379"}`, `cluster.redis.address: must be host:port, and tls: true where it was rediss://, got "rediss://r:6379"`},
		{`redis: {address: "redis://:` + clitest.Canary + `@r:6379"}`, "cluster.redis.address: must not hold a user; use user and password_file"},
		{`redis: {sentinel: {addresses: ["s1:26379"]}}`, "cluster.redis.sentinel.master: is missing"},
		{`redis: {sentinel: {master: m}}`, "cluster.redis.sentinel.addresses: needs at least one, such as redis.example:26379"},
		{`redis: {sentinel: {master: m, addresses: [s1]}}`, `cluster.redis.sentinel.addresses[0]: must be host:port, got "s1"`},
		{`redis: {sentinel: {master: m, addresses: ["s1:1", "s1:1"]}}`, `cluster.redis.sentinel.addresses[1]: "s1:1" stands in the list already`},

		{`redis: {address: "r:6379", tls: true, ca_file: a.pem, cert_file: a.pem, key_file: a.key, server_name: redis.example}`, ""},
		{`redis: {address: "r:6379", tls: yes}`, "cluster.redis.tls: must be true or false"},
		{`redis: {address: "r:6379", ca_file: a.pem}`, "cluster.redis.ca_file: needs tls: true"},
		{`redis: {address: "r:6379", tls: true, ca_file: pw}`, "cluster.redis.ca_file: pw holds no certificate in PEM"},

		{`redis: {address: "r:6379", tls: true, password_file: pw}`, ""},
		{`redis: {address: "r:6379", tls: true, user: u, password_file: pw}`, ""},
		{`redis: {address: "r:6379", tls: true, user: u}`, "cluster.redis: needs one of password_file, password_env and password beside user"},
		{`redis: {address: "localhost:6379", password_file: pw}`, ""},
		{`redis: {address: "r:6379", password_file: pw}`, "cluster.redis: the password would go to r:6379 in plain text: set tls: true"},
		{`redis: {sentinel: {master: m, addresses: ["localhost:1", "s1:26379"]}, password_file: pw}`,
			"cluster.redis: the password would go to s1:26379 in plain text: set tls: true"},
		{`redis: {address: "r:6379", tls: true, password_env: EPPMUX_NONE_SUCH}`, "cluster.redis.password_env: there is no environment variable"},
	})
}

// TestEngineFaultsHideThePassword: no fault about an engine shows what may be a password.
func TestEngineFaultsHideThePassword(t *testing.T) {
	f := clusterFiles(t)
	for _, line := range []string{
		`etcd: {endpoints: ["https://root:` + clitest.Canary + `@e1:2379"]}`,
		`etcd: {endpoints: ["https://root:` + clitest.Canary + `@e 1"]}`,
		`etcd: {endpoints: ["` + "x@" + clitest.Canary + `"]}`,
		`redis: {address: "redis://:` + clitest.Canary + `@r:6379"}`,
		`redis: {sentinel: {master: m, addresses: ["u:` + clitest.Canary + `@s:1"]}}`,
		`redis: {address: "r:1", password: "` + clitest.Canary + `"}`,
		`redis: {address: "r:1", tls: true, password: "` + clitest.Canary + `\n"}`,
		`redis: {address: "r:1", password: {` + clitest.Canary + `: 1}}`,
		`redis: {address: "r:1", tls: true, password_file: open}`,
		`static: {owner: a, peer: "u:` + clitest.Canary + `@s:1"}`,
	} {
		_, err := parseConfig("c.yaml", []byte(sharedYAML(line)), f)
		if err == nil || strings.Contains(err.Error(), clitest.Canary) {
			t.Errorf("%s: got %v, want a fault without the password", line, err)
		}
	}
}

// TestEngineTLS: what an engine's config says of TLS and credentials is what its client gets.
func TestEngineTLS(t *testing.T) {
	f := clusterFiles(t)
	load := func(line string) *Cluster {
		t.Helper()
		c, err := parseConfig("c.yaml", []byte(sharedYAML(line)), f)
		if err != nil {
			t.Fatal(err)
		}
		return c.Cluster
	}
	if c := load(`etcd: {endpoints: ["http://127.0.0.1:2379"]}`); c.Etcd.TLSConfig() != nil || c.Engine() != "etcd" {
		t.Errorf("%s without TLS: got %+v, want none", c.Engine(), c.Etcd.TLSConfig())
	}
	if c := load(`redis: {address: "127.0.0.1:6379", user: u, password_file: pw}`); c.Redis.TLSConfig() != nil ||
		c.Engine() != "redis" || c.Redis.User != "u" || c.Redis.Password.Reveal() != clitest.Canary {
		t.Errorf("%s without TLS: got %+v", c.Engine(), c.Redis)
	}
	if c := load(`static: {owner: a}`); c.Engine() != "static" {
		t.Errorf("got %s, want static", c.Engine())
	}
	plain := load(`etcd: {endpoints: ["https://e:2379"]}`).Etcd.TLSConfig()
	if plain.ServerName != "" || plain.RootCAs != nil || plain.MinVersion != tls.VersionTLS12 || plain.GetClientCertificate != nil {
		t.Errorf("got %+v, want the authorities of the system and no certificate", plain)
	}
	const all = `ca_file: a.pem, cert_file: b.pem, key_file: b.key, server_name: x.example`
	for name, of := range map[string]*tls.Config{
		"etcd":  load(`etcd: {endpoints: ["https://e:2379"], ` + all + `}`).Etcd.TLSConfig(),
		"redis": load(`redis: {address: "r:1", tls: true, ` + all + `}`).Redis.TLSConfig(),
	} {
		own, err := of.GetClientCertificate(nil)
		if err != nil || own.Leaf.Subject.CommonName != "b" || of.ServerName != "x.example" || of.RootCAs == nil {
			t.Errorf("%s: got %+v, %v", name, of, err)
		}
	}
}
