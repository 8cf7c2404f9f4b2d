package serve

import (
	"strings"
	"testing"
	"time"

	"eppmux/audit"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

// registryOf loads a config of one real registry with these keys, beside ca.pem, one.pem and two.pem
// with their keys, and two passwords.
func registryOf(t *testing.T, dir string, more ...string) *config.Registry {
	t.Helper()
	cfg, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", clitest.RegistryYAML(more...), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return &cfg.Registries[0]
}

// TestSameRegistry: a member is left alone if nothing of its registry differs, whatever the values
// are read from; and its TLS is kept unless that differs.
func TestSameRegistry(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ca", "one", "two"} {
		clitest.WritePair(t, dir, name)
	}
	clitest.WriteFile(t, dir, "pw", "first\n", 0o600)
	clitest.WriteFile(t, dir, "other", "second\n", 0o600)
	clitest.WriteFile(t, dir, "copy", "first\n", 0o600)
	const login, own = "login: {client_id: a, password_file: pw}", "tls: {ca_file: ca.pem, cert_file: one.pem, key_file: one.key}"
	before := registryOf(t, dir, login, own)
	for _, tt := range []struct {
		name    string
		more    []string
		same    bool
		sameTLS bool
	}{
		{"nothing", []string{login, own}, true, true},
		{"order", []string{own, login}, true, true},
		{"a default written out", []string{login, own, "sessions: {min: 1}"}, true, true},
		{"sessions", []string{login, own, "sessions: {max: 4}"}, false, true},
		{"password", []string{"login: {client_id: a, password_file: other}", own}, false, true},
		{"the same password elsewhere", []string{"login: {client_id: a, password_file: copy}", own}, false, true},
		{"certificate", []string{login, "tls: {ca_file: ca.pem, cert_file: two.pem, key_file: two.key}"}, false, false},
		{"no certificate", []string{login, "tls: {ca_file: ca.pem}"}, false, false},
		{"authority", []string{login, "tls: {ca_file: two.pem, cert_file: one.pem, key_file: one.key}"}, false, false},
		{"authorities of the system", []string{login, "tls: {cert_file: one.pem, key_file: one.key}"}, false, false},
		{"server name", []string{login, "tls: {ca_file: ca.pem, cert_file: one.pem, key_file: one.key, server_name: b.example}"}, false, false},
		{"certificate for clients", []string{login, own, "clients: {tls: {cert_file: two.pem, key_file: two.key}}"}, false, true},
	} {
		after := registryOf(t, dir, tt.more...)
		if got := sameRegistry(before, after); got != tt.same {
			t.Errorf("%s: got same %v, want %v", tt.name, got, tt.same)
		}
		if got := sameUpstreamTLS(before, after); got != tt.sameTLS {
			t.Errorf("%s: got the same TLS %v, want %v", tt.name, got, tt.sameTLS)
		}
	}
	clitest.WriteFile(t, dir, "pw", "third\n", 0o600)
	if sameRegistry(before, registryOf(t, dir, login, own)) {
		t.Error("another password in the same file passes for the same registry")
	}
	clitest.WritePair(t, dir, "one")
	if after := registryOf(t, dir, login, own); sameRegistry(before, after) || sameUpstreamTLS(before, after) {
		t.Error("another certificate in the same file passes for the same")
	}
}

// TestSameAccount: what counts against one allowance of sessions.
func TestSameAccount(t *testing.T) {
	registry := func(address, id string) *config.Registry {
		return &config.Registry{Address: address, Login: config.Login{ClientID: id}}
	}
	for _, tt := range []struct {
		a, b *config.Registry
		want bool
	}{
		{registry("epp.example:700", "x"), registry("epp.example:700", "x"), true},
		{registry("epp.example:700", "x"), registry("epp.example:700", "y"), false},
		{registry("epp.example:700", "x"), registry("epp.example:701", "x"), false},
		{registry("sandbox", "x"), registry("sandbox", "x"), false}, // each has one of its own
		{registry("sandbox", "x"), registry("epp.example:700", "x"), false},
	} {
		if got, back := sameAccount(tt.a, tt.b), sameAccount(tt.b, tt.a); got != tt.want || back != tt.want {
			t.Errorf("%s %s, %s %s: got %v, %v, want %v", tt.a.Address, tt.a.Login.ClientID, tt.b.Address, tt.b.Login.ClientID, got, back, tt.want)
		}
	}
}

// TestInTheWay: what a member that ends still holds.
func TestInTheWay(t *testing.T) {
	registry := func(address string, listen ...string) *config.Registry {
		r := &config.Registry{Address: address, Login: config.Login{ClientID: "x"}}
		for _, l := range listen {
			r.Listen = append(r.Listen, config.Listen{Network: "tcp", Address: l})
		}
		return r
	}
	for _, tt := range []struct {
		old, next *config.Registry
		want      bool
	}{
		{registry("a:700", "127.0.0.1:1"), registry("b:700", "127.0.0.1:2"), false},
		{registry("a:700", "127.0.0.1:1"), registry("a:700", "127.0.0.1:2"), true},
		{registry("a:700", "127.0.0.1:1"), registry("b:700", "127.0.0.1:2", "127.0.0.1:1"), true},
		{registry("a:700"), registry("b:700", "127.0.0.1:1"), false},
	} {
		if got := inTheWay(tt.old, tt.next); got != tt.want {
			t.Errorf("%+v, %+v: got %v, want %v", tt.old.Listen, tt.next.Listen, got, tt.want)
		}
	}
}

// TestOutgrown: a change that the built-in registry does not follow is told.
func TestOutgrown(t *testing.T) {
	b := &builtIn{sessions: 3, login: demoLogin}
	for _, tt := range []struct {
		sessions     int
		id, password string
		want         string
	}{
		{3, "", "", ""},
		{2, "", "", ""},
		{3, "demo", "demo-secret", ""},
		{4, "", "", "granting as many sessions"},
		{3, "other", "", "knowing the login of its start"},
		{3, "", clitest.Canary, "knowing the login of its start"},
	} {
		r := &config.Registry{Sessions: config.Sessions{Max: tt.sessions},
			Login: config.Login{ClientID: tt.id, Password: config.NewSecret(tt.password)}}
		if got := b.outgrown(r); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) || strings.Contains(got, clitest.Canary) {
			t.Errorf("%+v: got %q, want %q", tt, got, tt.want)
		}
	}
}

// TestRecorderState: the status page learns how the audit log is, and whether transforms wait for it.
func TestRecorderState(t *testing.T) {
	for _, block := range []bool{false, true} {
		st := &reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}
		policy := "warn"
		if block {
			policy = "block"
		}
		st.begin("audit: {file: audit.jsonl, on_error: "+policy+"}", "a")
		state, blocks := st.s.record.state()
		if blocks != block || state.Why != "" || !state.Failing.IsZero() || !strings.HasSuffix(state.File, "/audit.jsonl") {
			t.Errorf("%s: got %+v, %v", policy, state, blocks)
		}
		if err := st.s.record.close(); err != nil {
			t.Fatal(err)
		}
		st.s.record.log = (*audit.Log)(nil)
		if err := st.s.record.close(); err != nil {
			t.Errorf("%s: got %v without a log", policy, err)
		}
		st.s.record.reopen()
	}
}

// TestExpiries: the status page shows every certificate of ours, by whom it is seen, and which comes
// near its end.
func TestExpiries(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	clitest.WritePairFor(t, dir, "far", now.Add(-day), now.Add(365*day))
	clitest.WritePairFor(t, dir, "near", now.Add(-360*day), now.Add(5*day))
	cfg, err := config.Load(clitest.WriteFile(t, dir, "c.yaml", clitest.SandboxYAML(
		"tls: {cert_file: far.pem, key_file: far.key}", "clients: {tls: {cert_file: near.pem, key_file: near.key}}"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	got := expiries(cfg.Registries[0].Certificates(), now)
	if len(got) != 2 || !got[0].Ours || got[0].What != "our certificate for the registry" || got[0].File != "far.pem" || !got[0].At.Equal(now.Add(365*day)) ||
		got[1].What != "our certificate for clients" || got[1].File != "near.pem" || !got[1].At.Equal(now.Add(5*day)) {
		t.Errorf("got %+v", got)
	}
	if got[0].Near >= got[1].Near {
		t.Errorf("got %v for the far one, %v for the near one", got[0].Near, got[1].Near)
	}
	if got := expiries(nil, now); got != nil {
		t.Errorf("got %+v of no certificates", got)
	}
}
