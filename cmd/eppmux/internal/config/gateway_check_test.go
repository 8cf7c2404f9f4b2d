package config

import (
	"fmt"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
)

// inGateway puts lines into a gateway that has a listener, beside one registry.
func inGateway(line string) string {
	text := clitest.SandboxYAML() + "gateway:\n  " + line + "\n"
	if !strings.HasPrefix(line, "listen:") {
		text += "  listen: [\"tcp://127.0.0.1:7080\"]\n"
	}
	return text
}

// knownToken is the hash of a token.
var knownToken = TokenHash("epx_known")

func TestGatewayRules(t *testing.T) {
	user := func(more string) string { return "users: [{name: shop, token_hash: " + knownToken + ", " + more + "}]" }
	runRules(t, inGateway, []rule{
		{`listen: ["tcp://127.0.0.1:7080", "unix:///run/a.sock", "tcp://[::1]:7080"]`, ""},
		{`listen: [{address: "unix:///run/a.sock", mode: "0600", group: root}]`, ""},
		{`listen: []`, "gateway.listen: needs at least one address"},
		{`max_body: 4096`, ""},
		{`listen: [{}]`, "gateway.listen[0].address: is missing"},
		{`listen: [""]`, "gateway.listen[0].address: is missing"},
		{`listen: ["127.0.0.1:7080"]`, `gateway.listen[0]: must be tcp://host:port, tls://host:port or unix:///path, got "127.0.0.1:7080"`},
		{`listen: ["http://127.0.0.1:7080"]`, "gateway.listen[0]: must be tcp://host:port"},
		{`listen: ["tcp://shop:7080"]`, `gateway.listen[0]: the host must be an IP address or localhost, got "shop"`},
		{`listen: [{address: "tcp://127.0.0.1:7080", mode: "0600"}]`, "gateway.listen[0]: mode and group are of unix:// addresses only"},
		{`listen: [{address: "unix:///a", mode: "0666"}]`, "gateway.listen[0].mode: must not let others in"},
		{`listen: [{address: "unix:///a", group: no-such-group-here}]`, `gateway.listen[0].group: no such group`},
		{`listen: [{address: "unix:///a", weight: 1}]`, "gateway.listen[0].weight: unknown key; known here: address, group, mode"},
		{`listen: ["unix://a"]`, "gateway.listen[0]: the path must be absolute"},

		{`listen: ["tcp://127.0.0.1:7000"]`, "gateway.listen[0]: registries[0].listen[0] listens there already"},
		{`listen: ["tcp://127.0.0.1:7001"]`, "gateway.listen[0]: admin.listen listens there already"},
		{`listen: ["tcp://127.0.0.1:7080", "tcp://localhost:7080"]`, "gateway.listen[1]: gateway.listen[0] listens there already"},

		{`listen: ["tcp://0.0.0.0:7080"]`, "gateway.listen[0]: tcp://0.0.0.0:7080 is not a loopback address: whoever reaches it is the registrar; name the networks that may in gateway.allow_remote"},
		{`listen: ["tls://127.0.0.1:7443"]`, "gateway.tls.cert_file: is missing: tls://127.0.0.1:7443 needs it"},
		{`tls: {cert_file: a.pem}`, "gateway.tls.key_file: is missing beside cert_file"},
		{`allow_remote: [192.0.2.1]`, "gateway.allow_remote[0]: must be a network"},

		{`hosts: [shop.example, "::1", 192.0.2.1]`, ""},
		{`hosts: ["shop.example:7080"]`, `gateway.hosts[0]: must be the name of a host, without a port, got "shop.example:7080"`},
		{`hosts: ["*"]`, "gateway.hosts[0]: must be the name of a host"},
		{`hosts: [a, a]`, `gateway.hosts[1]: "a" stands in the list already`},
		{`origins: ["https://shop.example", "http://localhost:8080", "http://[::1]:3000"]`, ""},
		{`origins: ["*"]`, `gateway.origins[0]: must be the origin of a page, as in https://shop.example, got "*"`},
		{`origins: ["null"]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: [shop.example]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: ["https://shop.example/"]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: ["https://a@shop.example"]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: ["https://Shop.example"]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: ["https://shop.example:443"]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: ["https://shop.example:"]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: ["https://shop.example:08080"]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: ["https://"]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: ["ftp://shop.example"]`, "gateway.origins[0]: must be the origin of a page"},
		{`origins: ["http://a", "http://a"]`, `gateway.origins[1]: "http://a" stands in the list already`},

		{`max_body: 4095`, "gateway.max_body: must be 4096 to 67108864 octets, got 4095"},
		{`timeout: 0s`, "gateway.timeout: must be above 0, got 0s"},
		{`keys: {keep: 0s}`, "gateway.keys.keep: must be above 0, got 0s"},
		{`rpp: {enabled: true, codes: core-00, sets_status: true}`, ""},
		{`rpp: {codes: core-0}`, `gateway.rpp.codes: must be core or core-00, got "core-0"`},
		{`rpp: {enabled: "yes"}`, "gateway.rpp.enabled: must be true or false"},

		{`users: []`, ""},
		{user(`weight: 100`), ""},
		{user(`weight: 101`), "gateway.users[0].weight: must be 1 to 100, got 101"},
		{user(`registries: [a]`), ""},
		{user(`registries: []`), "gateway.users[0].registries: must not be empty; leave the key out for all"},
		{user(`registries: [b]`), `gateway.users[0].registries[0]: no registry is named "b"`},
		{user(`registries: [a, a]`), `gateway.users[0].registries[1]: "a" stands in the list already`},
		{user(`allow: [check, "transfer:query"]`), ""},
		{user(`allow: []`), "gateway.users[0].allow: must not be empty; leave the key out for all"},
		{user(`allow: [chek]`), `gateway.users[0].allow[0]: no such command: "chek" (did you mean "check"?)`},
		{`users: [{name: shop, password_hash: ` + knownHash + `}]`, ""},
		{`users: [{password_hash: ` + knownHash + `}]`, "gateway.users[0].name: is missing"},
		{`users: [{name: "a:b", password_hash: ` + knownHash + `}]`, `gateway.users[0].name: must be 1 to 64 of A-Z, a-z, 0-9, ., _, @ and -, got "a:b"`},
		{`users: [{name: a}]`, "gateway.users[0]: needs a password_hash, a token_hash, or a file with one of them"},
		{`users: [{name: a, token_hash: ""}]`, "gateway.users[0]: needs a password_hash, a token_hash"},
		{`users: [{name: a, token_hash: [x]}]`, "gateway.users[0].token_hash: must be a text, got a list"},
		{`users: [{name: a, password_hash: ` + clitest.Canary + `}]`, "gateway.users[0].password_hash: must be pbkdf2-sha256$ITERATIONS$SALT$HASH"},
		{`users: [{name: a, token_hash: ` + clitest.Canary + `}]`, `gateway.users[0].token_hash: must be sha256$HEX, as "eppmux hash --token" prints it`},
		{`users: [{name: a, token_hash: ` + strings.ToUpper(knownToken) + `}]`, "gateway.users[0].token_hash: must be sha256$HEX"},
		{`users: [{name: a, token_hash: ` + knownToken[:len(knownToken)-2] + `}]`, "gateway.users[0].token_hash: must be sha256$HEX"},
		{`users: [{name: a, token_hash: ` + knownToken[:len(knownToken)-1] + `x}]`, "gateway.users[0].token_hash: must be sha256$HEX"},
		{`users: [{name: a, token_hash: ` + knownToken + `00}]`, "gateway.users[0].token_hash: must be sha256$HEX"},
		{`users: [{name: a, token_hash: ` + knownToken + `, token_hash_file: x}]`, "gateway.users[0]: needs exactly one of token_hash and token_hash_file, has both"},
		{`users: [{name: a, password_hash: ` + knownHash + `, password_hash_file: x}]`, "gateway.users[0]: needs exactly one of password_hash and password_hash_file, has both"},
		{`users: [{name: a, token_hash_file: x}]`, "gateway.users[0].token_hash_file: open /nowhere/x"},
		{`users: [{name: a, token_hash: ` + knownToken + `}, {name: b, token_hash: ` + knownToken + `}]`, "gateway.users[1].token_hash: is that of gateway.users[0]: each user has a token of its own"},
		{`users: [{name: a, token_hash: ` + knownToken + `}, {name: a, token_hash: ` + TokenHash("other") + `}]`, `gateway.users[1].name: "a" is in gateway.users[0] already`},
		{`users: [{name: a, password: x, token_hash: ` + knownToken + `}]`, `gateway.users[0].password: unknown key`},
	})
}

// TestGatewayHasRegistries: a gateway without a registry, and users of registries that it does not offer.
func TestGatewayHasRegistries(t *testing.T) {
	file := func(line string) string {
		return "registries:\n  - {name: a, address: sandbox, listen: ['unix:///a']}\n" +
			"  - {name: b, address: sandbox, listen: ['unix:///b'], gateway: false}\n" +
			"gateway: {listen: ['unix:///c'], users: [{name: shop, token_hash: " + knownToken + ", registries: " + line + "}]}\n"
	}
	runRules(t, file, []rule{
		{"[a]", ""},
		{"[a, b]", `gateway.users[0].registries[1]: "b" has gateway: false`},
		{"[aa]", `gateway.users[0].registries[0]: no registry is named "aa"`},
	})
	runRules(t, func(line string) string { return clitest.SandboxYAML(line) + "gateway: {listen: ['unix:///c']}\n" }, []rule{
		{"gateway: true", ""},
		{"gateway: false", "gateway: needs a registry: all have gateway: false"},
	})
	cfg, err := parse(file("[a]"))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Offered(); len(got) != 1 || got[0].Name != "a" {
		t.Errorf("got %v offered, want a", got)
	}
	cfg.Gateway = nil
	if got := cfg.Offered(); got != nil {
		t.Errorf("got %v offered without a gateway", got)
	}
}

// TestRemoteGateway: who listens beyond this machine needs networks, TLS and users.
func TestRemoteGateway(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a")
	remote := func(line string) string {
		text := clitest.SandboxYAML() + "gateway:\n  tls: {cert_file: a.pem, key_file: a.key}\n"
		for _, l := range strings.Split(line, "; ") {
			text += "  " + l + "\n"
		}
		return text
	}
	users := "users: [{name: a, token_hash: " + knownToken + "}]"
	networks := "allow_remote: [192.0.2.0/24]"
	runRulesIn(t, files{folder: dir}, remote, []rule{
		{`listen: ["tls://0.0.0.0:7443"]; ` + networks + "; " + users, ""},
		{`listen: ["tls://:7443", "tcp://127.0.0.1:7080"]; ` + networks + "; " + users, ""},
		{`listen: ["tls://127.0.0.1:7443"]`, ""},
		{`listen: ["tls://0.0.0.0:7443"]; ` + networks, "gateway.users: needs at least one: tls://0.0.0.0:7443 is not a loopback address"},
		{`listen: ["tls://0.0.0.0:7443"]; ` + users, "gateway.listen[0]: tls://0.0.0.0:7443 is not a loopback address: whoever reaches it"},
		{`listen: ["tcp://0.0.0.0:7080"]; ` + networks + "; " + users, "gateway.listen[0]: tcp://0.0.0.0:7080 is not a loopback address, and what goes there is plain text; use tls://"},
		{`listen: ["tls://0.0.0.0:7000"]; ` + networks + "; " + users, "gateway.listen[0]: registries[0].listen[0] listens there already"},
	})
	// A network that cannot be read opens no listener.
	_, err := parseConfig("c.yaml", []byte(remote(`listen: ["tls://0.0.0.0:7443"]; allow_remote: [all]; `+users)), files{folder: dir})
	if err == nil || !strings.Contains(err.Error(), "gateway.listen[0]: tls://0.0.0.0:7443 is not a loopback address: whoever") {
		t.Errorf("got %v, want the listener refused", err)
	}
}

// TestGatewaySecrets: files with hashes are for their owner only, and nothing shows what is in them.
func TestGatewaySecrets(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "token", knownToken+"\r\n", 0o600)
	clitest.WriteFile(t, dir, "open", knownToken+"\n", 0o640)
	clitest.WriteFile(t, dir, "empty", "\n", 0o600)
	clitest.WriteFile(t, dir, "canary", clitest.Canary, 0o600)
	clitest.WriteFile(t, dir, "long", strings.Repeat("x", 5000), 0o600)
	for _, key := range []string{"token_hash_file", "password_hash_file"} {
		runRulesIn(t, files{folder: dir}, func(file string) string { return inGateway("users: [{name: a, " + key + ": " + file + "}]") }, []rule{
			{"open", "gateway.users[0]." + key + ": open: group or others can reach it (mode 0640); chmod it to 0600"},
			{"empty", "gateway.users[0]." + key + ": empty is empty"},
			{"canary", "gateway.users[0]." + key + ": must be "},
			{"long", "gateway.users[0]." + key + ": " + dir + "/long: larger than 4096 octets"},
			{"$CREDENTIALS_DIRECTORY/x", "gateway.users[0]." + key + ": $CREDENTIALS_DIRECTORY/x: CREDENTIALS_DIRECTORY is not set"},
		})
	}
	cfg, err := parseConfig("c.yaml", []byte(inGateway("users: [{name: a, token_hash_file: token}]")), files{folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	want, err := ParseTokenHash(knownToken)
	if u := cfg.Gateway.Users[0]; err != nil || u.Token() != want || u.Allows(frame.CommandCreate, frame.OpNone) != true {
		t.Errorf("got %x, %v, want %x", u.Token(), err, want)
	}
	for _, line := range []string{"password_hash: " + clitest.Canary, "token_hash: " + clitest.Canary, "token_hash_file: canary", "password_hash_file: canary"} {
		_, err := parseConfig("c.yaml", []byte(inGateway("users: [{name: a, "+line+"}]")), files{folder: dir})
		if err == nil || clitest.FindSecret(err.Error()) != "" {
			t.Errorf("%s: got %v, want a fault without the secret", line, err)
		}
	}
	u := GatewayUser{PasswordHash: NewSecret(clitest.Canary), TokenHash: NewSecret(clitest.Canary)}
	if text := fmt.Sprintf("%v %+v %#v", u, u, u); clitest.FindSecret(text) != "" {
		t.Errorf("got %s", text)
	}
}

func TestGatewayUserAllows(t *testing.T) {
	u := GatewayUser{Allow: []LimitedCommand{{Command: frame.CommandCheck}, {Command: frame.CommandTransfer, Op: frame.OpQuery}}}
	for _, tt := range []struct {
		command frame.Command
		op      frame.Op
		want    bool
	}{
		{frame.CommandCheck, frame.OpNone, true},
		{frame.CommandTransfer, frame.OpQuery, true},
		{frame.CommandTransfer, frame.OpRequest, false},
		{frame.CommandCreate, frame.OpNone, false},
	} {
		if got := u.Allows(tt.command, tt.op); got != tt.want {
			t.Errorf("%v %v: got %v, want %v", tt.command, tt.op, got, tt.want)
		}
	}
}
