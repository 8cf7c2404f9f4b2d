package config

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// What each key holds, for TestWrongTypes. A key that is added without its line here fails
// TestEveryKeyHasAType.
var keyTypes = map[string]string{
	"registries":                                        "list",
	"registries[0]":                                     "mapping",
	"registries[0].name":                                "text",
	"registries[0].listen":                              "list",
	"registries[0].listen[0].address":                   "text",
	"registries[0].listen[0].mode":                      "mode",
	"registries[0].listen[0].group":                     "text",
	"registries[0].listen[0].allow":                     "list",
	"registries[0].listen[0].weight":                    "integer",
	"registries[0].address":                             "text",
	"registries[0].source_address":                      "text",
	"registries[0].tls":                                 "mapping",
	"registries[0].tls.server_name":                     "text",
	"registries[0].tls.ca_file":                         "text",
	"registries[0].tls.cert_file":                       "text",
	"registries[0].tls.key_file":                        "text",
	"registries[0].tls.min_version":                     "word",
	"registries[0].login":                               "mapping",
	"registries[0].login.client_id":                     "text",
	"registries[0].login.password":                      "text",
	"registries[0].login.password_file":                 "text",
	"registries[0].login.password_env":                  "text",
	"registries[0].login.language":                      "text",
	"registries[0].login.object_uris":                   "list",
	"registries[0].login.extension_uris":                "list",
	"registries[0].login.security":                      "word",
	"registries[0].sessions":                            "mapping",
	"registries[0].sessions.min":                        "integer",
	"registries[0].sessions.max":                        "integer",
	"registries[0].sessions.keepalive":                  "duration",
	"registries[0].sessions.keepalive_command":          "word",
	"registries[0].sessions.max_age":                    "duration",
	"registries[0].sessions.max_commands":               "integer",
	"registries[0].sessions.equal_errors":               "integer",
	"registries[0].timeouts":                            "mapping",
	"registries[0].timeouts.connect":                    "duration",
	"registries[0].timeouts.login":                      "duration",
	"registries[0].timeouts.command":                    "duration",
	"registries[0].timeouts.queue":                      "duration",
	"registries[0].timeouts.greeting":                   "duration",
	"registries[0].rate_limits":                         "list",
	"registries[0].rate_limits[0]":                      "mapping",
	"registries[0].rate_limits[0].name":                 "text",
	"registries[0].rate_limits[0].limit":                "integer",
	"registries[0].rate_limits[0].per":                  "duration",
	"registries[0].rate_limits[0].burst":                "integer",
	"registries[0].rate_limits[0].scope":                "word",
	"registries[0].rate_limits[0].commands":             "list",
	"registries[0].rate_limits[0].shadow":               "boolean",
	"registries[0].clients":                             "mapping",
	"registries[0].clients.max":                         "integer",
	"registries[0].clients.max_frame":                   "integer",
	"registries[0].clients.max_ahead":                   "integer",
	"registries[0].clients.idle_timeout":                "duration",
	"registries[0].clients.frame_timeout":               "duration",
	"registries[0].clients.login":                       "word",
	"registries[0].clients.users":                       "list",
	"registries[0].clients.users[0]":                    "mapping",
	"registries[0].clients.users[0].client_id":          "text",
	"registries[0].clients.users[0].password_hash":      "text",
	"registries[0].clients.users[0].password_hash_file": "text",
	"registries[0].clients.encodings":                   "word",
	"registries[0].clients.services":                    "word",
	"registries[0].clients.allow_remote":                "list",
	"registries[0].clients.tls":                         "mapping",
	"registries[0].clients.tls.cert_file":               "text",
	"registries[0].clients.tls.key_file":                "text",
	"registries[0].query_extensions":                    "list",
	"registries[0].unknown_outcome":                     "word",
	"registries[0].poll":                                "word",
	"registries[0].poll_lease":                          "duration",
	"registries[0].poll_others":                         "word",
	"registries[0].profile":                             "text",
	"registries[0].cluster":                             "mapping", // or a word
	"registries[0].cluster.prefer":                      "list",
	"registries[0].gateway":                             "boolean",
	"registries[0].zones":                               "list",
	"registries[0].check_max":                           "integer",
	"registries[0].nameservers":                         "word",
	"registries[0].reconcile":                           "boolean",
	"gateway":                                           "mapping",
	"gateway.listen":                                    "list",
	"gateway.listen[0].address":                         "text",
	"gateway.listen[0].mode":                            "mode",
	"gateway.listen[0].group":                           "text",
	"gateway.allow_remote":                              "list",
	"gateway.tls":                                       "mapping",
	"gateway.tls.cert_file":                             "text",
	"gateway.tls.key_file":                              "text",
	"gateway.hosts":                                     "list",
	"gateway.origins":                                   "list",
	"gateway.users":                                     "list",
	"gateway.users[0]":                                  "mapping",
	"gateway.users[0].name":                             "text",
	"gateway.users[0].password_hash":                    "text",
	"gateway.users[0].password_hash_file":               "text",
	"gateway.users[0].token_hash":                       "text",
	"gateway.users[0].token_hash_file":                  "text",
	"gateway.users[0].weight":                           "integer",
	"gateway.users[0].registries":                       "list",
	"gateway.users[0].allow":                            "list",
	"gateway.max_body":                                  "integer",
	"gateway.timeout":                                   "duration",
	"gateway.keys":                                      "mapping",
	"gateway.keys.keep":                                 "duration",
	"gateway.rpp":                                       "mapping",
	"gateway.rpp.enabled":                               "boolean",
	"gateway.rpp.codes":                                 "word",
	"gateway.rpp.sets_status":                           "boolean",
	"cluster":                                           "mapping",
	"cluster.name":                                      "text",
	"cluster.host":                                      "text",
	"cluster.etcd":                                      "mapping",
	"cluster.etcd.endpoints":                            "list",
	"cluster.etcd.server_name":                          "text",
	"cluster.etcd.ca_file":                              "text",
	"cluster.etcd.cert_file":                            "text",
	"cluster.etcd.key_file":                             "text",
	"cluster.etcd.user":                                 "text",
	"cluster.etcd.password":                             "text",
	"cluster.etcd.password_file":                        "text",
	"cluster.etcd.password_env":                         "text",
	"cluster.redis":                                     "mapping",
	"cluster.redis.address":                             "text",
	"cluster.redis.sentinel":                            "mapping",
	"cluster.redis.sentinel.master":                     "text",
	"cluster.redis.sentinel.addresses":                  "list",
	"cluster.redis.tls":                                 "boolean",
	"cluster.redis.server_name":                         "text",
	"cluster.redis.ca_file":                             "text",
	"cluster.redis.cert_file":                           "text",
	"cluster.redis.key_file":                            "text",
	"cluster.redis.user":                                "text",
	"cluster.redis.password":                            "text",
	"cluster.redis.password_file":                       "text",
	"cluster.redis.password_env":                        "text",
	"cluster.static":                                    "mapping",
	"cluster.static.owner":                              "text",
	"cluster.static.peer":                               "text",
	"cluster.ttl":                                       "duration",
	"cluster.lanes":                                     "integer",
	"cluster.yield_after":                               "duration",
	"cluster.max_clock_skew":                            "duration",
	"cluster.peer":                                      "mapping",
	"cluster.peer.listen":                               "text",
	"cluster.peer.advertise":                            "text",
	"cluster.peer.ca_file":                              "text",
	"cluster.peer.cert_file":                            "text",
	"cluster.peer.key_file":                             "text",
	"admin":                                             "mapping",
	"admin.listen":                                      "text",
	"control":                                           "mapping",
	"control.socket":                                    "text",
	"state":                                             "mapping",
	"state.dir":                                         "text",
	"state.on_error":                                    "word",
	"log":                                               "mapping",
	"log.level":                                         "word",
	"log.format":                                        "word",
	"audit":                                             "mapping",
	"audit.file":                                        "text",
	"audit.commands":                                    "word",
	"audit.frames":                                      "boolean",
	"audit.on_error":                                    "word",
	"audit.rotate":                                      "mapping",
	"audit.rotate.max_size":                             "integer",
	"audit.rotate.keep":                                 "integer",
	"drain_timeout":                                     "duration",
}

// Values that are wrong for a type. A text may be written as a number, a duration may not.
var wrongValues = map[string][]string{
	"text":     {"[x]", "{x: y}", "true", "~", "!!binary eA==", "!t x"},
	"word":     {"[x]", "{x: y}", "true", "~", "nonsense", "7"},
	"mode":     {"[x]", "{x: y}", "true", "~", "nonsense", "999", "-1", "07777"},
	"integer":  {"[1]", "{x: 1}", "true", "~", "one", `"1"`, "1.5", "0x10", "1e3", "1_000", ".inf", "2001-01-01"},
	"duration": {"[1s]", "{x: 1s}", "true", "~", "soon", "60", "1.5", "10 s", "1d", ".nan", "2562047h47m16s"},
	"boolean":  {"[true]", "{x: true}", "~", "1", "yes", `"true"`},
	"list":     {"{x: y}", "x", "1", "true", "~"},
	"mapping":  {"[x]", "x", "1", "true", "~"},
}

// nested is a file in which only path is written, in flow style.
func nested(path, value string) string {
	steps := regexp.MustCompile(`\[0\]|[a-z_]+`).FindAllString(path, -1)
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i] == "[0]" {
			value = "[" + value + "]"
		} else {
			value = "{" + steps[i] + ": " + value + "}"
		}
	}
	return value + "\n"
}

func TestWrongTypes(t *testing.T) {
	for path, kind := range keyTypes {
		for _, value := range wrongValues[kind] {
			text := nested(path, value)
			_, err := parse(text)
			want := fmt.Sprintf("c.yaml:1: %s: ", path)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want a fault at %s", text, err, path)
			}
		}
	}
}

// TestUnknownKeysEverywhere: each mapping refuses a key it does not know, by its path.
func TestUnknownKeysEverywhere(t *testing.T) {
	for path, kind := range keyTypes {
		if kind != "mapping" {
			continue
		}
		_, err := parse(nested(path, "{zzzzz: 1}"))
		if want := path + ".zzzzz: unknown key; known here: "; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

// TestEveryKeyHasAType takes the known keys from what the program itself says is known.
func TestEveryKeyHasAType(t *testing.T) {
	known := regexp.MustCompile(`unknown key; known here: (.*)`)
	seen := map[string]bool{}
	for _, path := range []string{
		"", "registries[0]", "registries[0].listen[0]", "registries[0].tls", "registries[0].login", "registries[0].sessions",
		"registries[0].timeouts", "registries[0].rate_limits[0]", "registries[0].clients", "registries[0].clients.users[0]", "registries[0].clients.tls", "admin", "control", "state", "log", "audit",
		"audit.rotate",
		"registries[0].cluster", "cluster", "cluster.etcd", "cluster.redis", "cluster.redis.sentinel", "cluster.static", "cluster.peer",
		"gateway", "gateway.listen[0]", "gateway.tls", "gateway.users[0]", "gateway.keys", "gateway.rpp",
	} {
		_, err := parse(nested(join(path, "zzzzz"), "1"))
		if err == nil {
			t.Fatalf("%s: got no fault", path)
		}
		for _, key := range strings.Split(known.FindStringSubmatch(err.Error())[1], ", ") {
			at := join(path, key)
			seen[at] = true
			if keyTypes[at] == "" {
				t.Errorf("got key %s, want it in keyTypes", at)
			}
		}
	}
	for path := range keyTypes {
		if !seen[path] && !strings.HasSuffix(path, "[0]") {
			t.Errorf("%s is in keyTypes, but is not known", path)
		}
	}
}
