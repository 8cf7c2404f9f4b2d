package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/sandbox"
)

const (
	oldPassword = "old-" + clitest.Canary
	newPassword = "new-" + clitest.Canary
)

// script answers logins in its order, and notes what it was asked.
type script struct {
	t       *testing.T
	answers []talk.LoginResult
	asked   []string
}

func (s *script) login(_ context.Context, password, next string) talk.LoginResult {
	names := map[string]string{oldPassword: "old", newPassword: "new", "": ""}
	s.asked = append(s.asked, strings.TrimSuffix(names[password]+">"+names[next], ">"))
	if len(s.asked) > len(s.answers) {
		s.t.Fatalf("asked %q, want no more than %d logins", s.asked, len(s.answers))
	}
	return s.answers[len(s.asked)-1]
}

// TestPasswdDecisions goes through every way in which the logins of a change may end.
func TestPasswdDecisions(t *testing.T) {
	var (
		accepted = talk.LoginResult{Verdict: talk.LoginAccepted}
		refused  = talk.LoginResult{Verdict: talk.LoginRefused, Err: &talk.Refusal{Code: 2200}}
		failed   = talk.LoginResult{Verdict: talk.LoginRefused, Err: &talk.Refusal{Code: 2400}}
		full     = talk.LoginResult{Verdict: talk.LoginFull, Err: &talk.Refusal{Code: 2502}}
		notSent  = talk.LoginResult{Verdict: talk.LoginNotSent, Err: errors.New("connect: refused")}
		unknown  = talk.LoginResult{Verdict: talk.LoginUnknown, Err: errors.New("login: the connection was closed")}
	)
	for _, tt := range []struct {
		name    string
		left    bool // a candidate of an earlier run
		answers []talk.LoginResult
		asked   string
		want    string // of the error; empty: changed
		file    string // the password there afterwards
		kept    bool   // the candidate
	}{
		{"accepted", false, []talk.LoginResult{accepted}, "old>new", "", newPassword, false},
		{"refused", false, []talk.LoginResult{refused}, "old>new", "answers 2200; nothing has changed", oldPassword, false},
		{"full, old valid", false, []talk.LoginResult{full, accepted}, "old>new old", "no session is free; lower sessions.max by one", oldPassword, false},
		{"full, full", false, []talk.LoginResult{full, full}, "old>new old", "with the new one: not tried\n  with the old one: the registry answers 2502", oldPassword, true},
		{"full, new valid", false, []talk.LoginResult{full, refused, accepted}, "old>new old new", "", newPassword, false},
		{"failed, old valid", false, []talk.LoginResult{failed, accepted}, "old>new old", "answers 2400; nothing has changed", oldPassword, false},
		{"failed, new valid", false, []talk.LoginResult{failed, refused, accepted}, "old>new old new", "", newPassword, false},
		{"failed, both refused", false, []talk.LoginResult{failed, refused, refused}, "old>new old new", "it is not known which password is valid", oldPassword, true},
		{"failed again", false, []talk.LoginResult{failed, failed, failed}, "old>new old new", "it is not known which password is valid", oldPassword, true},
		{"failed, away", false, []talk.LoginResult{failed, notSent}, "old>new old", "it is not known which password is valid", oldPassword, true},
		{"failed, no answer", false, []talk.LoginResult{failed, unknown, accepted}, "old>new old new", "", newPassword, false},
		{"not sent", false, []talk.LoginResult{notSent}, "old>new", "connect: refused; nothing has changed", oldPassword, false},
		{"unknown, new valid", false, []talk.LoginResult{unknown, accepted}, "old>new new", "", newPassword, false},
		{"unknown, old valid", false, []talk.LoginResult{unknown, refused, accepted}, "old>new new old", "the registry has kept the old password; nothing has changed", oldPassword, false},
		{"unknown, full, old valid", false, []talk.LoginResult{unknown, full, accepted}, "old>new new old", "has kept the old password", oldPassword, false},
		{"unknown, both refused", false, []talk.LoginResult{unknown, refused, refused}, "old>new new old", "it is not known which password is valid", oldPassword, true},
		{"unknown, full", false, []talk.LoginResult{unknown, full, full}, "old>new new old", "it is not known which password is valid", oldPassword, true},
		{"unknown, away", false, []talk.LoginResult{unknown, notSent, notSent}, "old>new new old", "with the new one: connect: refused\n  with the old one: connect: refused\n", oldPassword, true},
		{"unknown, unknown", false, []talk.LoginResult{unknown, unknown, unknown}, "old>new new old", "it is not known", oldPassword, true},
		{"unknown, refused, away", false, []talk.LoginResult{unknown, refused, notSent}, "old>new new old", "it is not known", oldPassword, true},
		{"left, new valid", true, []talk.LoginResult{accepted}, "new", "", newPassword, false},
		{"left, old valid", true, []talk.LoginResult{refused, accepted}, "new old", "has kept the old password", oldPassword, false},
		{"left, away", true, []talk.LoginResult{notSent, notSent}, "new old", "it is not known", oldPassword, true},
	} {
		path := clitest.WriteFile(t, t.TempDir(), "pw", oldPassword+"\n", 0o400)
		if tt.left {
			clitest.WriteFile(t, filepath.Dir(path), "pw.new", newPassword+"\n", 0o600)
		}
		file, err := openPasswordFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := &script{t: t, answers: tt.answers}
		var said bytes.Buffer
		p := &passwdRun{r: &config.Registry{Login: config.Login{Password: config.NewSecret(oldPassword)}}, file: file, login: s.login, say: &said}
		err = p.work(t.Context(), strings.NewReader(newPassword+"\n"))
		file.close()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if got := strings.Join(s.asked, " "); got != tt.asked {
			t.Errorf("%s: got logins %q, want %q", tt.name, got, tt.asked)
		}
		wantFile(t, tt.name, path, tt.file)
		if _, err := os.Stat(path + ".new"); (err == nil) != tt.kept {
			t.Errorf("%s: got candidate %v, want it there: %v", tt.name, err, tt.kept)
		} else if tt.kept {
			wantFile(t, tt.name, path+".new", newPassword)
		}
		if strings.Contains(said.String(), clitest.Canary) || err != nil && strings.Contains(err.Error(), clitest.Canary) {
			t.Errorf("%s: got a password in %q or %v", tt.name, said.String(), err)
		}
	}
}

// TestClearRefusals: what other codes say of the new password is not known.
func TestClearRefusals(t *testing.T) {
	clear := []int{2001, 2002, 2003, 2004, 2005, 2100, 2101, 2102, 2103, 2200, 2306}
	for code := 1000; code < 3000; code++ {
		if got := clearlyRefused(fmt.Errorf("login: %w", &talk.Refusal{Code: code})); got != slices.Contains(clear, code) {
			t.Errorf("%d: got %v", code, got)
		}
	}
	if clearlyRefused(errors.New("x")) {
		t.Error("an error that is no refusal is one")
	}
}

func wantFile(t *testing.T, name, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || strings.TrimSuffix(string(got), "\n") != want {
		t.Errorf("%s: got %q in %s, %v, want %q", name, got, path, err, want)
	}
}

func TestCheckNewPassword(t *testing.T) {
	for _, tt := range []struct{ profile, password, want string }{
		{"", "abcdef", ""},
		{"", "abcde", "at least 6 characters"},
		{"", "äöüäöü", ""},
		{"", "äöü", "at least 6 characters"},
		{"", "this is a long one, of more than sixteen", ""}, // the registry's greeting decides
		{"", oldPassword, "is the old one"},
		{"", " abcdef", "blank"},
		{"", "abc  def", "blank"},
		{"", "abc\u00a0\u00a0def", "blank"},
		{"brussels", "abcdefg", "at least 8 characters (" + config.ProfileOf("brussels").Password.From + ")"},
		{"brussels", "abcdefghijklmnopq", "at most 16 characters"},
		{"nz", "abcdefghijklmno", "at least 16 characters"},
		{"nz", "abcdefghijklmn&p", `must not have any of "&" (` + config.ProfileOf("nz").Password.From + ")"},
		{"nz", "abcdefghijklmnop", ""},
	} {
		err := checkNewPassword(config.NewSecret(tt.password), config.NewSecret(oldPassword), &config.Registry{Profile: tt.profile})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q: got %v, want %q", tt.profile, tt.password, err, tt.want)
		}
	}
}

func TestChoosePasswdRegistry(t *testing.T) {
	registry := func(name string, l config.Login) config.Registry {
		return config.Registry{Name: name, Address: "epp.example:700", Login: l}
	}
	file := config.Login{PasswordFile: "pw"}
	for _, tt := range []struct {
		name       string
		registries []config.Registry
		want       string // a name, or a part of the error
	}{
		{"", []config.Registry{registry("a", file)}, "a"},
		{"", []config.Registry{registry("a", config.Login{PasswordEnv: "X"}), registry("b", file)}, "b"},
		{"", []config.Registry{registry("a", file), registry("b", file)}, "which one? --registry a or b"},
		{"b", []config.Registry{registry("a", file), registry("b", file)}, "b"},
		{"c", []config.Registry{registry("a", file)}, `no registry is named "c"`},
		{"", []config.Registry{registry("a", config.Login{PasswordEnv: "X"})}, "a has its password in the environment variable X: move it to a password_file"},
		{"a", []config.Registry{registry("a", config.Login{Password: config.NewSecret(clitest.Canary)})}, "a has its password in the config file: move it to a password_file"},
		{"", []config.Registry{{Name: "a", Address: config.SandboxAddress}}, "a is the built-in registry"},
		{"", []config.Registry{{Name: "a", Address: config.SandboxAddress, Login: file}}, "a is the built-in registry"},
	} {
		r, err := choosePasswdRegistry(&config.Config{Registries: tt.registries}, tt.name)
		switch {
		case err != nil && !strings.Contains(err.Error(), tt.want), err == nil && r.Name != tt.want:
			t.Errorf("%q of %d: got %v, %v, want %q", tt.name, len(tt.registries), r, err, tt.want)
		case err != nil && strings.Contains(err.Error(), clitest.Canary):
			t.Errorf("got the password in %v", err)
		}
	}
}

// passwdStand is a config for a registry, with a password_file, beside what the sandbox needs to be
// trusted.
func passwdStand(t *testing.T, address string, made *sandbox.TLS, more ...string) (config, file string) {
	t.Helper()
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "ca.pem", string(made.CAPEM), 0o600)
	clitest.WriteFile(t, dir, "client.pem", string(made.ClientCertPEM), 0o600)
	clitest.WriteFile(t, dir, "client.key", string(made.ClientKeyPEM), 0o600)
	file = clitest.WriteFile(t, dir, "pw", oldPassword+"\n", 0o600)
	text := "registries:\n  - name: a\n    listen: [\"unix:///a\"]\n    address: \"" + address + "\"\n" +
		"    login: {client_id: demo, password_file: pw}\n    tls: {ca_file: ca.pem, cert_file: client.pem, key_file: client.key}\n"
	for _, m := range more {
		text += "    " + m + "\n"
	}
	return clitest.WriteFile(t, dir, "c.yaml", text, 0o600), file
}

// TestPasswd changes the password of a real account, at a registry that demands our certificate.
func TestPasswd(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	r := clitest.StartRegistry(t, made, sandbox.Config{Accounts: map[string]string{"demo": oldPassword}, MaxSessions: 1})
	config, file := passwdStand(t, r.Address, made)
	got := eppmuxWith(t, newPassword+"\n", "passwd", "--config", config)
	if got.code != 0 || !strings.Contains(got.out, "the password of a is changed, and in "+file+"\nsend SIGHUP") || got.errs != "" {
		t.Errorf("got %+v", got)
	}
	wantFile(t, "done", file, newPassword)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	// With the new one in the file the next change works too: to a long one, which needs RFC 8807,
	// and by a link.
	link := filepath.Join(filepath.Dir(file), "link")
	if err := os.Rename(file, link+".real"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(link+".real", file); err != nil {
		t.Fatal(err)
	}
	long := "long-" + clitest.Canary + "-beyond-sixteen"
	got = eppmuxWith(t, long, "passwd", "--config", config, "--registry", "a")
	if got.code != 0 || strings.Contains(got.out+got.errs, clitest.Canary) {
		t.Errorf("got %+v", got)
	}
	wantFile(t, "by a link", link+".real", long)
	if c := r.Counters(); c.Logins != 2 || c.Logouts != 2 || c.LoginsRefused != 0 || c.Breaches.Total() != 0 {
		t.Errorf("got %d logins, %d logouts, %d refused, breaches %+v", c.Logins, c.Logouts, c.LoginsRefused, c.Breaches)
	}
}

func TestPasswdRefused(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	r := clitest.StartRegistry(t, made, sandbox.Config{Accounts: map[string]string{"demo": "something-else"}, MaxSessions: 1})
	config, file := passwdStand(t, r.Address, made)
	got := eppmuxWith(t, newPassword, "passwd", "-c", config)
	if got.code != 1 || !strings.Contains(got.errs, "eppmux passwd: the registry answers 2200 ") || !strings.Contains(got.errs, "nothing has changed") {
		t.Errorf("got %+v", got)
	}
	wantFile(t, "refused", file, oldPassword)
	if c := r.Counters(); c.LoginsRefused != 1 || c.Connections != 1 {
		t.Errorf("got %d refused of %d, want one attempt only", c.LoginsRefused, c.Connections)
	}
	if _, err := os.Stat(file + ".new"); err == nil {
		t.Error("got the candidate left")
	}
}

// TestPasswdFull: all sessions are taken.
func TestPasswdFull(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	r := clitest.StartRegistry(t, made, sandbox.Config{Accounts: map[string]string{"demo": oldPassword}, MaxSessions: 1})
	config, file := passwdStand(t, r.Address, made)
	r.Occupy(t, made, "demo", oldPassword)
	got := eppmuxWith(t, newPassword, "passwd", "--config", config)
	if got.code != 1 || !strings.Contains(got.errs, "2502") || !strings.Contains(got.errs, "no session is free; lower sessions.max") {
		t.Errorf("got %+v", got)
	}
	wantFile(t, "full", file, oldPassword)
	wantFile(t, "full", file+".new", newPassword)
}

func TestPasswdUsage(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	config, file := passwdStand(t, "127.0.0.1:1", made)
	outOfBand, _ := passwdStand(t, "127.0.0.1:1", made, "profile: nomulus")
	for _, tt := range []struct {
		in   string
		args []string
		code int
		want string
	}{
		{newPassword, []string{"--config", config}, 1, "connect: dial tcp 127.0.0.1:1: "},
		{"short", []string{"--config", config}, 1, "at least 6 characters"},
		{"", []string{"--config", config}, 1, "read the new password: EOF"},
		{clitest.Canary + "\x00", []string{"--config", config}, 1, "control characters"},
		{clitest.Canary + "\xff", []string{"--config", config}, 1, "not UTF-8"},
		{newPassword, []string{"--config", config, "--pid", "0"}, 2, "--pid: must be above 0"},
		{newPassword, []string{"--config", config, "--pid", "-5"}, 2, "--pid: must be above 0"},
		{newPassword, []string{"--config", config, "--registry", "b"}, 2, `no registry is named "b"`},
		{newPassword, []string{"--config", config, newPassword}, 2, "eppmux: "},
		{newPassword, []string{"--config", config + "x"}, 2, "no such file"},
		{newPassword, []string{"--config", outOfBand}, 1, "nomulus: the registry does not support newPW"},
	} {
		got := eppmuxWith(t, tt.in, append([]string{"passwd"}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.errs, tt.want) {
			t.Errorf("%q: got %+v, want %d, %q", tt.args, got, tt.code, tt.want)
		}
		if got.errs = strings.ReplaceAll(got.errs, strings.Join(tt.args[len(tt.args)-1:], ""), ""); strings.Contains(got.out+got.errs, clitest.Canary) {
			t.Errorf("%q: got the password in %+v", tt.args, got)
		}
	}
	wantFile(t, "usage", file, oldPassword)
}

// TestPasswdTellsEppmux: --pid makes a running eppmux reread the file.
func TestPasswdTellsEppmux(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	r := clitest.StartRegistry(t, made, sandbox.Config{Accounts: map[string]string{"demo": oldPassword}, MaxSessions: 4})
	dir := t.TempDir()
	config, _ := passwdStand(t, r.Address, made)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	running := strings.Replace(string(text), "unix:///a", "unix://"+dir+"/a", 1) + "    clients: {max: 50}\nadmin: {listen: \"\"}\n"
	clitest.WriteFile(t, filepath.Dir(config), "c.yaml", running, 0o600)
	p := startProgram(t, "serve", "--config", config)
	p.find(`(msg="session opened")`)
	got := eppmuxWith(t, newPassword, "passwd", "--config", config, "--pid", itoa(p.cmd.Process.Pid))
	if got.code != 0 || !strings.Contains(got.out, "sent SIGHUP to process "+itoa(p.cmd.Process.Pid)) {
		t.Fatalf("got %+v", got)
	}
	p.find(`(msg=reloaded changed=a)`)
	if log := p.end(); strings.Contains(log, clitest.Canary) {
		t.Errorf("got a password in %s", log)
	}
	if got := r.Counters().LoginsRefused; got != 0 {
		t.Errorf("got %d logins refused", got)
	}
}
