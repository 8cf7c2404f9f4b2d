package config

import (
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

// warned returns the warnings of a file in a folder, in which state.dir may be.
func warned(t *testing.T, dir, text string) []string {
	t.Helper()
	cfg, err := parseConfig("c.yaml", []byte(text), files{folder: dir})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return cfg.Warnings
}

// TestGatewayWarnings: each of the files has just the warning that is wanted.
func TestGatewayWarnings(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	dir := t.TempDir()
	registry := func(more string) string {
		return "registries:\n  - {name: a, address: sandbox, listen: ['unix:///a'], " + more + "}\nstate: {dir: .}\n"
	}
	gateway := "gateway: {listen: ['unix:///g']}\n"
	users := func(allow string) string {
		return "gateway: {listen: ['unix:///g'], users: [{name: u, token_hash: " + knownToken + ", " + allow + "}]}\n"
	}
	for _, tt := range []struct{ text, want string }{
		{registry(""), ""},
		{registry("") + gateway, ""},
		{registry("gateway: true") + gateway, ""},
		{registry("zones: [it], check_max: 20, nameservers: attributes, reconcile: true") + gateway, ""},
		{registry("zones: [it]"), "registries[0].zones: warning: has no effect without a gateway"},
		{registry("check_max: 20"), "registries[0].check_max: warning: has no effect without a gateway"},
		{registry("nameservers: objects"), "registries[0].nameservers: warning: has no effect without a gateway"},
		{registry("reconcile: true"), "registries[0].reconcile: warning: has no effect without a gateway"},
		{strings.Replace(registry("reconcile: true"), "state: {dir: .}\n", "", 1) + gateway + "", "registries[0].reconcile: warning: has no effect without a state folder"},
		{strings.Replace(registry(""), "state: {dir: .}\n", "", 1) + gateway, "gateway: warning: there is no state folder for keys, so requests with one are refused"},
		{registry("poll: exclusive") + gateway, "registries[0].poll: warning: exclusive holds for EPP clients alone"},
		{registry("poll: exclusive") + users("registries: [a]"), "registries[0].poll: warning: exclusive holds for EPP clients alone"},
		{registry("poll: exclusive") + users("allow: [poll]"), "registries[0].poll: warning: exclusive holds for EPP clients alone"},
		{registry("poll: exclusive") + users("allow: [check, create]"), ""},
		{registry("poll: exclusive"), ""},
		{registry("clients: {login: verify, users: [{client_id: web, password_hash: "+knownHash+"}]}") + gateway, "gateway: warning: has no users: whoever reaches its listeners needs no password, although EPP clients need one"},
		{registry("clients: {login: verify, users: [{client_id: web, password_hash: "+knownHash+"}]}") + users("weight: 1"), ""},
		{registry("") + "gateway: {listen: ['unix:///g'], rpp: {codes: core-00}}\n", "gateway.rpp.codes: warning: has no effect while gateway.rpp.enabled is false"},
		{registry("") + "gateway: {listen: ['unix:///g'], rpp: {sets_status: true}}\n", "gateway.rpp.sets_status: warning: has no effect"},
		{registry("") + "gateway: {listen: ['unix:///g'], rpp: {enabled: true, codes: core-00}}\n", ""},
		{registry("profile: co, check_max: 51") + gateway, "registries[0].check_max: warning: 51, but co takes 50 names in a check (https://support.registry.co/"},
		{registry("profile: co, check_max: 50") + gateway, ""},
	} {
		got := warned(t, dir, tt.text)
		if strings.Contains(tt.text, "reconcile: true") && strings.Contains(tt.want, "state folder") && len(got) == 2 {
			got = got[:1] // the other one is about keys
		}
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%s: got %q, want %q", tt.text, got, tt.want)
		}
	}
	t.Setenv("STATE_DIRECTORY", "/var/lib/eppmux")
	if got := warned(t, dir, strings.Replace(registry("reconcile: true"), "state: {dir: .}\n", "", 1)+gateway); len(got) > 0 {
		t.Errorf("got %q with a folder of the service manager", got)
	}
}

// TestGatewayTLSWarnings: a certificate that ends soon, and one that nobody sees.
func TestGatewayTLSWarnings(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "/var/lib/eppmux")
	dir := t.TempDir()
	now := time.Now()
	clitest.WritePairFor(t, dir, "a", now.Add(-time.Hour), now.Add(24*time.Hour*400))
	clitest.WritePairFor(t, dir, "soon", now.Add(-24*time.Hour*90), now.Add(24*time.Hour*3))
	for _, tt := range []struct{ line, want string }{
		{"{listen: ['tls://127.0.0.1:7443'], tls: {cert_file: a.pem, key_file: a.key}}", ""},
		{"{listen: ['tcp://127.0.0.1:7080'], tls: {cert_file: a.pem, key_file: a.key}}", "gateway.tls: warning: has no effect: no listener of the gateway is tls://"},
		{"{listen: ['tls://127.0.0.1:7443'], tls: {cert_file: soon.pem, key_file: soon.key}}", "gateway.tls.cert_file: warning: soon.pem expires in "},
	} {
		got := warned(t, dir, clitest.SandboxYAML()+"gateway: "+tt.line+"\n")
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%s: got %q, want %q", tt.line, got, tt.want)
		}
	}
	cfg, err := parseConfig("c.yaml", []byte(clitest.SandboxYAML()+"gateway: {listen: ['tls://127.0.0.1:7443'], tls: {cert_file: a.pem, key_file: a.key}}\n"), files{folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	own := cfg.Gateway.Certificates()
	if len(own) != 1 || own[0].ShownTo() != "gateway" || cfg.Gateway.TLSConfig() == nil {
		t.Errorf("got %+v, want the one of the gateway", own)
	}
	if none := (*Gateway)(nil).Certificates(); none != nil {
		t.Errorf("got %v without a gateway", none)
	}
}

// TestWeakHashInTheFile: the file with the hash of a password that others can read.
func TestWeakHashInTheFile(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "/var/lib/eppmux")
	dir := t.TempDir()
	for mode, want := range map[uint32]int{0o600: 0, 0o644: 1} {
		text := inGateway("users: [{name: a, password_hash: " + knownHash + "}, {name: b, token_hash: " + knownToken + "}]")
		path := clitest.WriteFile(t, dir, "c.yaml", text, 0o600)
		if mode != 0o600 {
			path = clitest.WriteFile(t, dir, "c.yaml", text, 0o644)
		}
		cfg, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(cfg.Warnings) != want || want > 0 && !strings.Contains(cfg.Warnings[0], "gateway.users[0].password_hash: warning: stands in this file, and group or others can reach it") {
			t.Errorf("%o: got %q, want %d warnings", mode, cfg.Warnings, want)
		}
	}
}
