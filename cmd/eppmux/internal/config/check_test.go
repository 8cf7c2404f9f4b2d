package config

import (
	"net/netip"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// A rule is one line that a registry's mapping, or the file, gets, and the one fault it must make;
// empty: none.
type rule struct{ line, want string }

func runRules(t *testing.T, file func(line string) string, rules []rule) {
	t.Helper()
	runRulesIn(t, files{folder: "/nowhere"}, file, rules)
}

// runRulesIn is runRules where paths start at the folder of files.
func runRulesIn(t *testing.T, files files, file func(line string) string, rules []rule) {
	t.Helper()
	for _, tt := range rules {
		_, err := parseConfig("c.yaml", []byte(file(tt.line)), files)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: got %v, want no fault", tt.line, err)
		case tt.want != "" && err == nil:
			t.Errorf("%s: got no fault, want %q", tt.line, tt.want)
		case tt.want != "" && !strings.Contains(err.Error(), ": "+tt.want):
			t.Errorf("%s: got %v, want %q", tt.line, err, tt.want)
		case tt.want != "" && strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: got %v, want one fault only", tt.line, err)
		}
	}
}

// inRegistry puts a line into a complete registry, in place of its own key where it has that.
func inRegistry(line string) string {
	lines := []string{"name: a", "listen: [\"tcp://127.0.0.1:7000\"]", "address: sandbox"}
	key, _, _ := strings.Cut(line, ":")
	text := "registries:\n  - " + line + "\n"
	for _, l := range lines {
		if !strings.HasPrefix(l, key+":") {
			text += "    " + l + "\n"
		}
	}
	return text
}

func TestRegistryRules(t *testing.T) {
	runRules(t, inRegistry, []rule{
		{`name: a-1`, ""},
		{`name: ""`, "registries[0].name: is missing"},
		{`name: A`, `registries[0].name: must be 1 to 63 of a-z, 0-9 and -, got "A"`},
		{`name: a_b`, "registries[0].name: must be"},
		{`name: [a]`, "registries[0].name: must be a text, got a list"},
		{`name: true`, "registries[0].name: must be a text, got a truth value; put a text in quotes"},
		{`name: !x a`, "registries[0].name: must be a text without a tag"},
		{`name:`, "registries[0].name: has no value"},

		{`address: epp.example`, `registries[0].address: must be host:port or sandbox, got "epp.example"`},
		{`address: "tcp://epp.example:700"`, "registries[0].address: must be host:port or sandbox"},
		{`address: ":700"`, "registries[0].address: must be host:port or sandbox"},
		{`address: ""`, "registries[0].address: is missing"},
		{`source_address: 127.0.0.2`, ""},
		{`source_address: "2001:db8::1"`, ""},
		{`source_address: ""`, ""},
		{`source_address: localhost`, `registries[0].source_address: must be an IP address, got "localhost"`},

		{`tls: {server_name: epp.example}`, ""},
		{`tls: {server_name: "epp example"}`, `registries[0].tls.server_name: must be a host name, got "epp example"`},
		{`tls: {min_version: 1.2}`, ""},
		{`tls: {min_version: "1.0"}`, `registries[0].tls.min_version: must be 1.2 or 1.3, got "1.0"`},
		{`tls: {verify: false}`, "registries[0].tls.verify: unknown key"},

		{`login: {password: x}`, ""},
		{`login: {client_id: x}`, ""},
		{`login: {password: x, password_env: PATH}`, "registries[0].login: needs exactly one of password, password_file and password_env, has password and password_env"},
		{`login: {password: "a\nb"}`, "registries[0].login.password: the password there has more than one line"},
		{`login: {language: ""}`, ""},
		{`login: {object_uris: ["urn:a", "urn:b"], extension_uris: ["urn:a"]}`, ""},
		{`login: {object_uris: [domain]}`, `registries[0].login.object_uris[0]: must be a namespace URI, got "domain"`},
		{`login: {object_uris: ["urn:a", "urn:a"]}`, `registries[0].login.object_uris[1]: "urn:a" stands in the list already`},
		{`login: {extension_uris: ["urn: b"]}`, "registries[0].login.extension_uris[0]: must be a namespace URI"},
		{`login: {security: always}`, ""},
		{`login: {security: always, extension_uris: ["urn:b", "urn:ietf:params:xml:ns:epp:loginSec-1.0"]}`, ""},
		{`login: {security: never, extension_uris: ["urn:b"]}`, ""},
		{`login: {security: always, extension_uris: ["urn:b"]}`, "registries[0].login.security: needs urn:ietf:params:xml:ns:epp:loginSec-1.0 in extension_uris, or none there"},
		{`login: {security: alway}`, `registries[0].login.security: must be auto, always or never, got "alway" (did you mean "always"?)`},
		{`login: {extension_uris: urn:b}`, "registries[0].login.extension_uris: must be a list, got a text"},

		{`sessions: {min: 1, max: 1}`, ""},
		{`sessions: {min: 0}`, "registries[0].sessions.min: must be at least 1, got 0"},
		{`sessions: {min: 4}`, "registries[0].sessions.max: must be at least min (4), got 3"},
		{`sessions: {max: 0}`, "registries[0].sessions.max: must be at least min (1), got 0"},
		{`sessions: {max: 3.5}`, `registries[0].sessions.max: must be a whole number, got "3.5"`},
		{`sessions: {max: "3"}`, `registries[0].sessions.max: must be a whole number, got "3"`},
		{`sessions: {max: 010}`, `registries[0].sessions.max: must be a whole number, got "010"`},
		{`sessions: {max: 99999999999999999999}`, "registries[0].sessions.max: must be a whole number"},
		{`sessions: {keepalive: 0s}`, "registries[0].sessions.keepalive: must be above 0, got 0s"},
		{`sessions: {keepalive: 0s, keepalive_command: none}`, ""},
		{`sessions: {keepalive: -1s, keepalive_command: none}`, "registries[0].sessions.keepalive: must not be below 0, got -1s"},
		{`sessions: {keepalive_command: info}`, `registries[0].sessions.keepalive_command: must be hello, poll or none, got "info"`},
		{`sessions: {max_age: 0s}`, ""},
		{`sessions: {max_age: -1s}`, "registries[0].sessions.max_age: must not be below 0"},
		{`sessions: {equal_errors: 1}`, "registries[0].sessions.equal_errors: must be 0 (no bound) or at least 2, got 1"},
		{`sessions: {max_commands: -1}`, "registries[0].sessions.max_commands: must be 0 (no bound) or more, got -1"},

		{`timeouts: {connect: 0s}`, "registries[0].timeouts.connect: must be above 0"},
		{`timeouts: {login: 0s}`, "registries[0].timeouts.login: must be above 0"},
		{`timeouts: {command: -1s}`, "registries[0].timeouts.command: must be above 0, got -1s"},
		{`timeouts: {queue: 0}`, "registries[0].timeouts.queue: must be above 0"},
		{`timeouts: {greeting: 0s}`, "registries[0].timeouts.greeting: must be above 0"},
		{`timeouts: {command: 2562047h47m16s}`, `registries[0].timeouts.command: must be 87600h (ten years) at most, got "2562047h47m16s"`},
		{`timeouts: {connect: 10}`, `registries[0].timeouts.connect: must be a duration such as 30s, 4m or 1h30m, got "10"`},
		{`timeouts: []`, "registries[0].timeouts: must be a mapping, got a list"},

		{`rate_limits: []`, ""},
		{`rate_limits: [{limit: 1, per: 1s}]`, ""},
		{`rate_limits: [{limit: 5, per: 1s, burst: 0}]`, ""},
		{`rate_limits: [{limit: 5, per: 1s, burst: 5}]`, ""},
		{`rate_limits: [{per: 1s}]`, "registries[0].rate_limits[0].limit: is missing"},
		{`rate_limits: [{limit: 1}]`, "registries[0].rate_limits[0].per: is missing"},
		{`rate_limits: [{limit: 0, per: 1s}]`, "registries[0].rate_limits[0].limit: must be at least 1, got 0"},
		{`rate_limits: [{limit: 1, per: 0s}]`, "registries[0].rate_limits[0].per: must be above 0, got 0s"},
		{`rate_limits: [{limit: 5, per: 1s, burst: 6}]`, "registries[0].rate_limits[0].burst: must be 0 (as limit) to limit (5), got 6"},
		{`rate_limits: [{limit: 5, per: 1s, burst: -1}]`, "registries[0].rate_limits[0].burst: must be"},
		{`rate_limits: [{limit: 5, per: 1ns}]`, "registries[0].rate_limits[0]: limit: more than one command in a nanosecond"},
		{`rate_limits: [{limit: 5, per: 1s, scope: account}]`, `registries[0].rate_limits[0].scope: must be registry, session or client, got "account"`},
		{`rate_limits: [{limit: 5, per: 1s, commands: []}]`, "registries[0].rate_limits[0].commands: must not be empty"},
		{`rate_limits: [{limit: 5, per: 1s, commands: all}]`, "registries[0].rate_limits[0].commands: must be a list, got a text"},
		{`rate_limits: [{limit: 5, per: 1s, commands: [hello, login, extension, other, "poll:req"]}]`, ""},
		{`rate_limits: [{limit: 5, per: 1s, commands: [chek]}]`, `registries[0].rate_limits[0].commands[0]: no such command: "chek" (did you mean "check"?)`},
		{`rate_limits: [{limit: 5, per: 1s, shadow: true}]`, ""},
		{`rate_limits: [{limit: 5, per: 1s, shadow: "yes"}]`, "registries[0].rate_limits[0].shadow: must be true or false"},
		{`rate_limits: [{name: day-2, limit: 5, per: 1s}, {name: night, limit: 5, per: 1s}]`, ""},
		{`rate_limits: [{name: all-5-per-1s, limit: 9, per: 1s}, {limit: 5, per: 1s}]`, ""},
		{`rate_limits: [{name: "", limit: 5, per: 1s}]`, "registries[0].rate_limits[0].name: is missing"},
		{`rate_limits: [{name: A_1, limit: 5, per: 1s}]`, `registries[0].rate_limits[0].name: must be 1 to 63 of a-z, 0-9 and -, got "A_1"`},
		{`rate_limits: [{name: day, limit: 5, per: 1s}, {name: day, limit: 6, per: 1s}]`, `registries[0].rate_limits[1].name: "day" is the name of registries[0].rate_limits[0].name already`},
		{`rate_limits: [` + strings.Repeat("{limit: 5, per: 1s}, ", 64) + `]`, ""},
		{`rate_limits: [` + strings.Repeat("{limit: 5, per: 1s}, ", 65) + `]`, "registries[0].rate_limits: must be 64 at most, got 65"},
		{`rate_limits: [5]`, "registries[0].rate_limits[0]: must be a mapping, got a number"},

		{`clients: {max: 0}`, "registries[0].clients.max: must be at least 1, got 0"},
		{`clients: {max_frame: 4095}`, "registries[0].clients.max_frame: must be 4096 to 1073741824 octets, got 4095"},
		{`clients: {max_frame: 4096, max_ahead: 4100}`, ""},
		{`clients: {max_frame: 4096, max_ahead: 4099}`, "registries[0].clients.max_ahead: must be at least max_frame + 4 (4100), got 4099"},
		{`clients: {idle_timeout: -1s}`, "registries[0].clients.idle_timeout: must not be below 0"},
		{`clients: {frame_timeout: 0s}`, "registries[0].clients.frame_timeout: must be above 0"},
		{`clients: {login: verify}`, "registries[0].clients.users: needs at least one: login is verify"},
		{`clients: {login: never}`, `registries[0].clients.login: must be accept or verify, got "never"`},
		{`clients: {services: enforce}`, ""},
		{`clients: {services: strict}`, `registries[0].clients.services: must be accept or enforce, got "strict"`},
		{`clients: {encodings: refuse}`, ""},
		{`clients: {encodings: utf-8}`, `registries[0].clients.encodings: must be accept or refuse, got "utf-8"`},
		{`clients: {allow_remote: [192.0.2.0/24]}`, ""},
		{`clients: {allow_remote: [192.0.2.1]}`, `registries[0].clients.allow_remote[0]: must be a network such as 192.0.2.0/24, got "192.0.2.1"`},
		{`clients: {allow_remote: [192.0.2.1/24]}`, "registries[0].clients.allow_remote[0]: has host bits set: 192.0.2.1 is in the network 192.0.2.0/24"},
		{`clients: {allow_remote: true}`, "registries[0].clients.allow_remote: must be a list, got a truth value"},

		{`query_extensions: ["urn:a", "http://b.example/c-1.0"]`, ""},
		{`query_extensions: [fee]`, `registries[0].query_extensions[0]: must be a namespace URI, got "fee"`},
		{`query_extensions: ["urn:a", "urn:a"]`, `registries[0].query_extensions[1]: "urn:a" stands in the list already`},
		{`unknown_outcome: fail`, ""},
		{`unknown_outcome: retry`, `registries[0].unknown_outcome: must be close or fail, got "retry"`},
		{`poll: exclusive`, ""},
		{`poll: mine`, `registries[0].poll: must be shared or exclusive, got "mine"`},
		{`poll_lease: 0s`, "registries[0].poll_lease: must be above 0"},
		{`poll_others: wait`, ""},
		{`poll_others: 1300`, `registries[0].poll_others: must be empty or wait, got "1300"`},
		{`profile: ""`, ""},
		{`profile: nomulus`, ""},
		{`profile: nomulos`, `registries[0].profile: no such profile: "nomulos" (did you mean "nomulus"?); known are au, brussels, ca, co, cz,`},
		{`profile: [no]`, "registries[0].profile: must be a text, got a list"},
		{`profile: false`, "registries[0].profile: must be a text, got a truth value"},
		{`zone: {}`, `registries[0].zone: unknown key (did you mean "zones"?)`},
		{`zebra: {}`, "registries[0].zebra: unknown key; known here: address, check_max, clients, cluster, gateway, listen, login"},

		{`gateway: false`, ""},
		{`gateway: off`, "registries[0].gateway: must be true or false"},
		{`zones: [it, co.uk, xn--p1ai, 0-9.example]`, ""},
		{`zones: []`, ""},
		{`zones: it`, "registries[0].zones: must be a list, got a text"},
		{`zones: [.it]`, `registries[0].zones[0]: must be the end of domain names, as in co.uk: small letters, no dot in front, A-labels (xn--…) for others; got ".it"`},
		{`zones: [it, CO.UK]`, "registries[0].zones[1]: must be the end of domain names"},
		{`zones: [рф]`, "registries[0].zones[0]: must be the end of domain names"},
		{`zones: ["it."]`, "registries[0].zones[0]: must be the end of domain names"},
		{`zones: ["-it"]`, "registries[0].zones[0]: must be the end of domain names"},
		{`zones: ["*.it"]`, "registries[0].zones[0]: must be the end of domain names"},
		{`zones: [""]`, "registries[0].zones[0]: must be the end of domain names"},
		{`zones: ["` + strings.Repeat("x", 64) + `"]`, "registries[0].zones[0]: must be the end of domain names"},
		{`zones: ["` + strings.Repeat("x.", 126) + `x"]`, "registries[0].zones[0]: must be the end of domain names"},
		{`zones: [it, uk, it]`, `registries[0].zones[2]: "it" is in registries[0].zones[0] already`},
		{`check_max: 1`, ""},
		{`check_max: 0`, "registries[0].check_max: must be 1 to 1000 names, got 0"},
		{`check_max: 1001`, "registries[0].check_max: must be 1 to 1000 names, got 1001"},
		{`nameservers: attributes`, ""},
		{`nameservers: attribute`, `registries[0].nameservers: must be objects or attributes, got "attribute" (did you mean "attributes"?)`},
		{`reconcile: true`, ""},
	})
}

func TestListenRules(t *testing.T) {
	long := strings.Repeat("x", longestSocketPath)
	runRules(t, inRegistry, []rule{
		{`listen: ["tcp://127.0.0.1:7000", "tcp://[::1]:7000", "tcp://localhost:7002", "tcp://127.8.8.8:7000", "unix:///a"]`, ""},
		{`listen: [{address: "tcp://127.0.0.1:7000"}]`, ""},
		{`listen: ["tcp://127.0.0.1:0", "tcp://127.0.0.1:0"]`, ""},
		{`listen: []`, "registries[0].listen: needs at least one address"},
		{`listen: tcp://127.0.0.1:7000`, "registries[0].listen: must be a list, got a text"},
		{`listen: [{}]`, "registries[0].listen[0].address: is missing"},
		{`listen: [""]`, "registries[0].listen[0].address: is missing"},
		{`listen: [7000]`, `registries[0].listen[0]: must be tcp://host:port, tls://host:port or unix:///path, got "7000"`},
		{`listen: ["127.0.0.1:7000"]`, "registries[0].listen[0]: must be tcp://host:port"},
		{`listen: ["http://127.0.0.1:7000"]`, "registries[0].listen[0]: must be tcp://host:port"},
		{`listen: ["tcp://127.0.0.1"]`, `registries[0].listen[0]: must be host:port, got "127.0.0.1"`},
		{`listen: ["tcp://127.0.0.1:65536"]`, `registries[0].listen[0]: the port must be 0 to 65535, got "65536"`},
		{`listen: ["tcp://127.0.0.1:epp"]`, "registries[0].listen[0]: the port must be"},
		{`listen: ["tcp://myhost:7000"]`, `registries[0].listen[0]: the host must be an IP address or localhost, got "myhost"`},
		{`listen: ["tcp://0.0.0.0:7000"]`, "registries[0].listen[0]: tcp://0.0.0.0:7000 is not a loopback address"},
		{`listen: ["tcp://:7000"]`, "registries[0].listen[0]: tcp://:7000 is not a loopback address"},
		{`listen: ["tcp://[::]:7000"]`, "registries[0].listen[0]: tcp://[::]:7000 is not a loopback address"},
		{`listen: ["tcp://192.0.2.1:7000"]`, "registries[0].listen[0]: tcp://192.0.2.1:7000 is not a loopback address"},
		{`listen: ["tls://127.0.0.1:7700"]`, "registries[0].clients.tls.cert_file: is missing: tls://127.0.0.1:7700 needs it"},
		{`listen: ["tcp://127.0.0.1:7000", "tcp://127.0.0.1:7000"]`, "registries[0].listen[1]: registries[0].listen[0] listens there already"},
		{`listen: ["tcp://127.0.0.1:7000", "tcp://localhost:7000"]`, "registries[0].listen[1]: registries[0].listen[0] listens there already"},
		{`listen: ["tcp://127.0.0.1:7000", "tcp://[::ffff:127.0.0.1]:7000"]`, "registries[0].listen[1]: registries[0].listen[0] listens there already"},
		{`listen: ["tcp://127.0.0.1:7001"]`, "admin.listen: registries[0].listen[0] listens there already"},
		{`listen: ["unix:///a/b", "unix:///a//b"]`, "registries[0].listen[1]: registries[0].listen[0] listens there already"},
		{`listen: ["unix://a.sock"]`, "registries[0].listen[0]: the path must be absolute"},
		{`listen: ["unix://@a"]`, "registries[0].listen[0]: the path must be absolute"},
		{`listen: ["unix:///a\0b"]`, "registries[0].listen[0]: the path holds a NUL"},
		{`listen: ["unix:///` + long[1:] + `"]`, ""},
		{`listen: ["unix:///` + long + `"]`, "registries[0].listen[0]: the path must not be longer than 107 octets, got 108"},
		{`listen: [{address: "unix:///a", mode: "0600"}]`, ""},
		{`listen: [{address: "unix:///a", mode: 0660}]`, ""},
		{`listen: [{address: "unix:///a", mode: "0661"}]`, "registries[0].listen[0].mode: must not let others in"},
		{`listen: [{address: "unix:///a", mode: "0666"}]`, "registries[0].listen[0].mode: must not let others in"},
		{`listen: [{address: "unix:///a", mode: rw}]`, `registries[0].listen[0].mode: must be permissions such as "0660", got "rw"`},
		{`listen: [{address: "unix:///a", mode: 0}]`, "registries[0].listen[0].mode: must be permissions"},
		{`listen: [{address: "unix:///a", mode: "4755"}]`, "registries[0].listen[0].mode: must be permissions"},
		{`listen: [{address: "unix:///a", group: no-such-group-here}]`, `registries[0].listen[0].group: no such group: "no-such-group-here"`},
		{`listen: [{address: "tcp://127.0.0.1:7000", mode: "0600"}]`, "registries[0].listen[0]: mode and group are of unix:// addresses only"},
		{`listen: [{address: "tcp://127.0.0.1:7000", allow: [check, info, "transfer:query", login, all]}]`, ""},
		{`listen: [{address: "tcp://127.0.0.1:7000", allow: []}]`, "registries[0].listen[0].allow: must not be empty; leave the key out for all"},
		{`listen: [{address: "tcp://127.0.0.1:7000", allow: check}]`, "registries[0].listen[0].allow: must be a list, got a text"},
		{`listen: [{address: "tcp://127.0.0.1:7000", allow: [transfer:qery]}]`, `registries[0].listen[0].allow[0]: no such command: "transfer:qery" (did you mean "transfer:query"?)`},
		{`listen: [{address: "tcp://127.0.0.1:7000", weight: 1}]`, ""},
		{`listen: [{address: "unix:///a", weight: 100}]`, ""},
		{`listen: [{address: "unix:///a", weight: 0}]`, "registries[0].listen[0].weight: must be 1 to 100, got 0"},
		{`listen: [{address: "unix:///a", weight: 101}]`, "registries[0].listen[0].weight: must be 1 to 100, got 101"},
		{`listen: [{address: "unix:///a", weight: -1}]`, "registries[0].listen[0].weight: must be 1 to 100, got -1"},
		{`listen: [{adress: "tcp://127.0.0.1:7000", address: "unix:///a"}]`, `registries[0].listen[0].adress: unknown key (did you mean "address"?)`},
	})
}

func TestRemoteListeners(t *testing.T) {
	remote := func(line string) string {
		return inRegistry(line) + "    clients: {allow_remote: [192.0.2.0/24]}\n"
	}
	runRules(t, remote, []rule{
		{`listen: ["tcp://0.0.0.0:7000"]`, ""},
		{`listen: ["tcp://:7000"]`, ""},
		{`listen: ["tcp://192.0.2.1:7000", "tcp://127.0.0.1:7000"]`, ""},
		{`listen: ["tcp://0.0.0.0:7000", "tcp://127.0.0.1:7000"]`, "registries[0].listen[1]: registries[0].listen[0] listens there already"},
		{`listen: ["tcp://0.0.0.0:7001"]`, "admin.listen: registries[0].listen[0] listens there already"},
	})
}

// TestRealRegistryRules is about what a registry that is not the sandbox needs.
func TestRealRegistryRules(t *testing.T) {
	t.Setenv("EPPMUX_TEST_PASSWORD", "secret")
	real := func(line string) string {
		address := "    address: epp.example:700\n"
		if strings.HasPrefix(line, "address:") {
			return "registries:\n  - name: a\n    listen: [\"unix:///a\"]\n    " + line + "\n    login: {client_id: x, password: y}\n"
		}
		return "registries:\n  - name: a\n    listen: [\"unix:///a\"]\n" + address + "    " + line + "\n"
	}
	runRules(t, real, []rule{
		{`login: {client_id: x, password: y}`, ""},
		{`login: {client_id: x, password_env: EPPMUX_TEST_PASSWORD}`, ""},
		{`login: {password: y}`, "registries[0].login.client_id: is missing"},
		{`login: {client_id: x}`, "registries[0].login: needs one of password_file, password_env and password"},
		{`login: {client_id: x, password: ""}`, "registries[0].login: needs one of"},
		{`login: {client_id: x, password: [y]}`, "registries[0].login.password: must be a text, got a list"},
		{`login: {client_id: x, password_file: [y]}`, "registries[0].login.password_file: must be a text, got a list"},
		{`address: "[2001:db8::1]:700"`, ""},
		{`address: 192.0.2.1:700`, ""},
		{`address: "epp.example:0"`, `registries[0].address: the port must be 1 to 65535, got "0"`},
		{`address: "epp.example:epp"`, "registries[0].address: the port must be"},
		{`address: "-:700"`, "registries[0].address: must be host:port"},
	})
}

func TestFileRules(t *testing.T) {
	top := func(line string) string { return clitest.SandboxYAML() + line + "\n" }
	runRules(t, top, []rule{
		{`admin: {listen: ""}`, ""},
		{`admin: {listen: "localhost:0"}`, ""},
		{`admin: {listen: "0.0.0.0:7001"}`, `admin.listen: must be a loopback address, got "0.0.0.0:7001"`},
		{`admin: {listen: ":7001"}`, "admin.listen: must be a loopback address"},
		{`admin: {listen: "127.0.0.1"}`, `admin.listen: must be host:port, got "127.0.0.1"`},
		{`admin: {listen: "127.0.0.1:7000"}`, "admin.listen: registries[0].listen[0] listens there already"},
		{`admin: 127.0.0.1:7001`, "admin: must be a mapping, got a text"},
		{`log: {level: debug}`, ""},
		{`log: {level: trace}`, `log.level: must be debug, info, warn or error, got "trace"`},
		{`log: {format: xml}`, `log.format: must be text or json, got "xml"`},
		{`state: {dir: ""}`, ""},
		{`state: {dir: /}`, ""},
		{`state: {dir: state}`, "state.dir: there is no folder /nowhere/state"},
		{`state: {dir: /dev/null}`, "state.dir: there is no folder /dev/null"},
		{`audit: {file: ""}`, ""},
		{`audit: {file: a.log}`, "audit.file: there is no folder /nowhere"},
		{`audit: {file: /dev/null}`, "audit.file: /dev/null: not a regular file"},
		{`audit: {file: /dev/full/a}`, "audit.file: there is no folder /dev/full"},
		{`audit: {rotate: {max_size: 0, keep: 0}}`, ""},
		{`audit: {rotate: {max_size: 1000}}`, "audit.rotate.max_size: must be 0 (never) or at least 65536 octets, got 1000"},
		{`audit: {rotate: {max_size: -1}}`, "audit.rotate.max_size: must be 0 (never) or at least"},
		{`audit: {rotate: {keep: -1}}`, "audit.rotate.keep: must be 0 (all) or more, got -1"},
		{`audit: {commands: transform, frames: false, on_error: warn}`, ""},
		{`audit: {commands: some}`, `audit.commands: must be transform or all, got "some"`},
		{`audit: {frames: "yes"}`, "audit.frames: must be true or false"},
		{`audit: {on_error: stop}`, `audit.on_error: must be warn or block, got "stop"`},
		{`drain_timeout: 0s`, ""},
		{`drain_timeout: -1s`, "drain_timeout: must not be below 0, got -1s"},
		{`drain_timeout: {}`, "drain_timeout: must be a duration such as 30s, got a mapping"},
		{`drain_timout: 1s`, `drain_timout: unknown key (did you mean "drain_timeout"?)`},
		{`1: x`, "1: unknown key"},
		{`[a]: x`, "?: unknown key"},
	})
}

func TestRegistriesRules(t *testing.T) {
	runRules(t, func(line string) string { return line }, []rule{
		{"registries: []", "registries: needs at least one registry"},
		{"drain_timeout: 1s", "registries: needs at least one registry"},
		{"registries: {}", "registries: must be a list, got a mapping"},
		{"registries: [a]", "registries[0]: must be a mapping, got a text"},
		{"registries:\n - {name: a, address: sandbox, listen: ['unix:///a']}\n - {name: a, address: sandbox, listen: ['unix:///b']}", `registries[1].name: "a" is the name of registries[0].name already`},
		{"registries:\n - {name: a, address: sandbox, listen: ['unix:///a'], zones: [uk]}\n - {name: b, address: sandbox, listen: ['unix:///b'], zones: [co.uk, uk]}", `registries[1].zones[1]: "uk" is in registries[0].zones[0] already`},
		{"registries:\n - {name: a, address: sandbox, listen: ['unix:///a']}\n - {name: b, address: sandbox, listen: ['unix:///a']}", "registries[1].listen[0]: registries[0].listen[0] listens there already"},
	})
}

func TestCollides(t *testing.T) {
	tcp := func(text string) takenAddress { return takenAddress{tcp: netip.MustParseAddrPort(text)} }
	socket := func(path string) takenAddress { return takenAddress{socket: path} }
	for _, tt := range []struct {
		a, b takenAddress
		want bool
	}{
		{tcp("127.0.0.1:7000"), tcp("127.0.0.1:7000"), true},
		{tcp("127.0.0.1:7000"), tcp("127.0.0.2:7000"), false},
		{tcp("127.0.0.1:7000"), tcp("127.0.0.1:7001"), false},
		{tcp("127.0.0.1:7000"), tcp("0.0.0.0:7000"), true},
		{tcp("127.0.0.1:7000"), tcp("[::]:7000"), true},
		{tcp("0.0.0.0:7000"), tcp("[::]:7000"), true},
		{tcp("0.0.0.0:0"), tcp("[::]:0"), false},
		{tcp("127.0.0.1:0"), tcp("127.0.0.1:0"), false},
		{socket("/a"), socket("/a"), true},
		{socket("/a"), socket("/b"), false},
		{socket("/a"), tcp("127.0.0.1:7000"), false},
	} {
		if tt.a.collides(tt.b) != tt.want || tt.b.collides(tt.a) != tt.want {
			t.Errorf("%+v, %+v: got %v and %v, want %v", tt.a, tt.b, tt.a.collides(tt.b), tt.b.collides(tt.a), tt.want)
		}
	}
}

func TestIsHost(t *testing.T) {
	for host, want := range map[string]bool{
		"epp.example":               true,
		"epp-1.example.":            true,
		"_epp.example":              true,
		"x":                         true,
		"192.0.2.1":                 true,
		"2001:db8::1":               true,
		"":                          false,
		"-":                         false,
		"epp example":               false,
		"epp.example-":              false,
		"https://epp.example":       false,
		strings.Repeat("x", 253):    true,
		strings.Repeat("x", 254):    false,
		"epp.example\u00e9.example": false,
	} {
		if got := isHost(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}

// TestFirst: a name is taken within its own list only.
func TestFirst(t *testing.T) {
	c := new(checker)
	for _, tt := range []struct{ path, name, want string }{
		{"registries[0].name", "a", ""},
		{"registries[1].name", "b", ""},
		{"registries[2].name", "a", "registries[0].name"},
		{"registries[0].rate_limits[0].name", "a", ""},
		{"registries[0].rate_limits[1].name", "a", "registries[0].rate_limits[0].name"},
		{"registries[1].rate_limits[0].name", "a", ""},
		{"registries[0].clients.users[0]", "a", ""},
		{"registries[0].clients.users[1]", "a", "registries[0].clients.users[0]"},
		{"registries[0].clients.users[2]", "a", "registries[0].clients.users[0]"},
	} {
		if got := c.first(tt.path, tt.name); got != tt.want {
			t.Errorf("%s %s: got %q, want %q", tt.path, tt.name, got, tt.want)
		}
	}
}

// TestNamesOfTwoRegistries: limits and users of one registry may be named as those of another.
func TestNamesOfTwoRegistries(t *testing.T) {
	registry := func(name string) string {
		return "  - {name: " + name + ", address: sandbox, listen: ['unix:///" + name + "'],\n" +
			"     rate_limits: [{name: day, limit: 1, per: 1s}],\n" +
			"     clients: {login: verify, users: [{client_id: web, password_hash: " + knownHash + "}]}}\n"
	}
	if _, err := parse("registries:\n" + registry("a") + registry("b")); err != nil {
		t.Errorf("got %v, want no fault", err)
	}
}

// TestNetworksThatCannotBeRead open no listener.
func TestNetworksThatCannotBeRead(t *testing.T) {
	_, err := parse(inRegistry(`listen: ["tcp://0.0.0.0:7000"]`) + "    clients: {allow_remote: [all]}\n")
	want := []string{
		"registries[0].listen[0]: tcp://0.0.0.0:7000 is not a loopback address",
		"registries[0].clients.allow_remote[0]: must be a network",
	}
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Fatalf("got %v, want two faults", err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want %q", err, w)
		}
	}
}
