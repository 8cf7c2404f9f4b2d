package config

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
)

func loadString(t testing.TB, dir, text string) (*Config, error) {
	t.Helper()
	return Load(clitest.WriteFile(t, dir, "c.yaml", text, 0o600))
}

func TestPasswordSources(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "good", "from-file\r\n", 0o600)
	clitest.WriteFile(t, dir, "readonly", "read-only", 0o400)
	t.Setenv("EPPMUX_TEST_PASSWORD", "from-env")
	for _, tt := range []struct{ line, want string }{
		{`login: {client_id: x, password_file: good}`, "from-file"},
		{`login: {client_id: x, password_file: "` + filepath.Join(dir, "readonly") + `"}`, "read-only"},
		{`login: {client_id: x, password_env: EPPMUX_TEST_PASSWORD}`, "from-env"},
		{`login: {client_id: x, password: "in line"}`, "in line"},
		{`login: {client_id: x, password: 001234}`, "001234"},
	} {
		c, err := loadString(t, dir, clitest.RegistryYAML(tt.line))
		if err != nil {
			t.Errorf("%s: got %v", tt.line, err)
			continue
		}
		if got := c.Registries[0].Login.Password.Reveal(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestFileFaults(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a")
	clitest.WritePair(t, dir, "b")
	key, err := os.ReadFile(filepath.Join(dir, "a.key"))
	if err != nil {
		t.Fatal(err)
	}
	clitest.WriteFile(t, dir, "open.key", string(key), 0o640)
	clitest.WriteFile(t, dir, "pw", "secret", 0o600)
	clitest.WriteFile(t, dir, "pw-group", clitest.Canary, 0o640)
	clitest.WriteFile(t, dir, "pw-others", clitest.Canary, 0o604)
	clitest.WriteFile(t, dir, "pw-empty", "\n", 0o600)
	clitest.WriteFile(t, dir, "pw-lines", clitest.Canary+"\n"+clitest.Canary+"\n", 0o600)
	clitest.WriteFile(t, dir, "pw-latin1", clitest.Canary+"\xe9", 0o600)
	clitest.WriteFile(t, dir, "pw-large", strings.Repeat(clitest.Canary, 1000), 0o600)
	clitest.WriteFile(t, dir, "noise", "no PEM here", 0o600)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("EPPMUX_TEST_EMPTY", "")
	const login = "login: {client_id: x, password_file: pw}"
	for _, tt := range []struct {
		lines []string
		want  string
	}{
		{[]string{"login: {client_id: x, password_file: missing}"}, "login.password_file: open " + dir + "/missing: no such file"},
		{[]string{"login: {client_id: x, password_file: pw-group}"}, "login.password_file: pw-group: group or others can reach it (mode 0640); chmod it to 0600"},
		{[]string{"login: {client_id: x, password_file: pw-others}"}, "(mode 0604)"},
		{[]string{"login: {client_id: x, password_file: pw-empty}"}, "password_file: the password there is empty"},
		{[]string{"login: {client_id: x, password_file: pw-lines}"}, "password_file: the password there has more than one line"},
		{[]string{"login: {client_id: x, password_file: pw-latin1}"}, "password_file: the password there is not UTF-8"},
		{[]string{"login: {client_id: x, password_file: pw-large}"}, "larger than 4096 octets"},
		{[]string{"login: {client_id: x, password_file: .}"}, "not a regular file"},
		{[]string{"login: {client_id: x, password_file: pipe}"}, "not a regular file"},
		{[]string{"login: {client_id: x, password_env: EPPMUX_TEST_UNSET}"}, `password_env: there is no environment variable "EPPMUX_TEST_UNSET"`},
		{[]string{"login: {client_id: x, password_env: EPPMUX_TEST_EMPTY}"}, "password_env: the password there is empty"},
		{[]string{login, "tls: {ca_file: missing}"}, "tls.ca_file: open "},
		{[]string{login, "tls: {ca_file: noise}"}, "tls.ca_file: noise holds no certificate in PEM"},
		{[]string{login, "tls: {cert_file: a.pem}"}, "tls.key_file: is missing beside cert_file"},
		{[]string{login, "tls: {key_file: a.key}"}, "tls.cert_file: is missing beside key_file"},
		{[]string{login, "tls: {cert_file: a.pem, key_file: b.key}"}, "tls.key_file: b.key does not go with a.pem: private key does not match public key"},
		{[]string{login, "tls: {cert_file: noise, key_file: a.key}"}, "tls.cert_file: noise holds no certificate in PEM"},
		{[]string{login, "tls: {cert_file: a.pem, key_file: noise}"}, "tls.key_file: noise does not go with a.pem: "},
		{[]string{login, "tls: {cert_file: a.pem, key_file: open.key}"}, "tls.key_file: open.key: group or others can reach it (mode 0640)"},
		{[]string{login, "tls: {cert_file: missing, key_file: a.key}"}, "tls.cert_file: open "},
		{[]string{login, "clients: {tls: {cert_file: a.pem, key_file: open.key}}"}, "clients.tls.key_file: open.key: group or others can reach it"},
	} {
		_, err := loadString(t, dir, clitest.RegistryYAML(tt.lines...))
		if err == nil || !strings.Contains(err.Error(), "registries[0].") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.lines, err, tt.want)
			continue
		}
		if strings.Contains(err.Error(), clitest.Canary) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%q: got %v, want one fault without the password", tt.lines, err)
		}
	}
}

func TestPasswordInAFileThatOthersRead(t *testing.T) {
	dir := t.TempDir()
	text := clitest.RegistryYAML("login: {client_id: x, password: " + clitest.Canary + "}")
	_, err := Load(clitest.WriteFile(t, dir, "c.yaml", text, 0o644))
	want := "c.yaml:5: registries[0].login.password: stands in this file, and group or others can reach it (mode 0644); chmod it to 0600; or use password_file"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	// Without a password in it the file may be open to all.
	if _, err := Load(clitest.WriteFile(t, dir, "d.yaml", clitest.SandboxYAML(), 0o644)); err != nil {
		t.Errorf("no password: got %v", err)
	}
}

func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give a file away")
	}
	dir := t.TempDir()
	path := clitest.WriteFile(t, dir, "pw", clitest.Canary, 0o600)
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Skip(err)
	}
	_, err := loadString(t, dir, clitest.RegistryYAML("login: {client_id: x, password_file: pw}"))
	if err == nil || !strings.Contains(err.Error(), "belongs to another user (uid 12345)") {
		t.Errorf("got %v, want a fault about the owner", err)
	}
}

func TestLoadedCertificates(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a")
	clitest.WriteFile(t, dir, "pw", "secret", 0o600)
	c, err := loadString(t, dir, clitest.RegistryYAML(
		"login: {client_id: x, password_file: pw}",
		"tls: {ca_file: a.pem, cert_file: a.pem, key_file: a.key, min_version: 1.3}",
		"clients: {tls: {cert_file: a.pem, key_file: a.key}}",
	))
	if err != nil {
		t.Fatal(err)
	}
	r := &c.Registries[0]
	up := r.TLSConfig()
	if up.ServerName != "epp.registry.example" || up.RootCAs == nil || up.GetClientCertificate == nil || up.MinVersion != tls.VersionTLS13 || up.InsecureSkipVerify {
		t.Errorf("registry: got %+v", up)
	}
	down := r.Clients.TLSConfig()
	if down == nil || down.GetCertificate == nil || down.MinVersion != tls.VersionTLS12 || down.ClientAuth != tls.NoClientCert {
		t.Errorf("clients: got %+v", down)
	}
}

func TestTLSConfigDefaults(t *testing.T) {
	r := defaultRegistry()
	r.Address, r.TLS.ServerName = "192.0.2.1:700", "epp.example"
	up := r.TLSConfig()
	if up.ServerName != "epp.example" || up.RootCAs != nil || up.GetClientCertificate != nil || up.MinVersion != tls.VersionTLS12 {
		t.Errorf("got %+v", up)
	}
	if got := r.Clients.TLSConfig(); got != nil {
		t.Errorf("without a certificate: got %+v, want nil", got)
	}
}

func TestConfigFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir + "/missing.yaml", dir, clitest.WriteFile(t, dir, "large", strings.Repeat("#", maxConfigFile+1), 0o600)} {
		_, err := Load(path)
		var faults *Faults
		if err == nil || errors.As(err, &faults) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error that names the file", path, err)
		}
	}
}

func TestShippedConfig(t *testing.T) {
	c, err := Load("../../../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := c.Registries[0]
	if !r.Sandbox() || r.Listen[0].String() != "tcp://127.0.0.1:7000" || r.Sessions.Max != 3 || c.Admin.Listen != "127.0.0.1:7001" {
		t.Errorf("got %+v", c)
	}
}

// TestLoadValues: it needs neither what the file refers to nor that the rules are kept.
func TestLoadValues(t *testing.T) {
	dir := t.TempDir()
	text := clitest.RegistryYAML("login: {client_id: x, password_file: missing}", "tls: {cert_file: missing}",
		"sessions: {min: 9, max: 2}", "profile: lv")
	file := clitest.WriteFile(t, dir, "c.yaml", text, 0o644)
	c, err := LoadValues(file)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Registries[0]
	if r.Login.PasswordFile != "missing" || !r.Login.Password.Empty() || r.TLS.Certificate != nil {
		t.Errorf("got %+v, want the values and nothing loaded", r)
	}
	if r.Sessions.Min != 9 || r.Sessions.Max != 2 || r.Sessions.MaxAge != 115*time.Hour {
		t.Errorf("got %+v, want the file's numbers and the profile's", r.Sessions)
	}
	if got, want := c.Resolve("missing"), filepath.Join(dir, "missing"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := Load(file); err == nil {
		t.Error("Load: got no fault")
	}
	file = clitest.WriteFile(t, dir, "d.yaml", text+"    nonsense: 1\n", 0o644)
	var faults *Faults
	if _, err := LoadValues(file); !errors.As(err, &faults) || len(faults.List) != 1 || faults.File != file {
		t.Errorf("got %v, want the one fault of reading", err)
	}
	if _, err := LoadValues(filepath.Join(dir, "none.yaml")); err == nil || errors.As(err, &faults) {
		t.Errorf("got %v, want an error that is no fault of the file", err)
	}
}
