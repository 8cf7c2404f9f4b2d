package main

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/sandbox"
)

func itoa(n int) string { return strconv.Itoa(n) }

// turn is what a scripted registry does with one connection, after the TLS handshake.
type turn func(conn net.Conn)

// The parts of turns. greets is before the login is read; answers is after.
func greets(conn net.Conn) { conn.Write(clitest.Unit(clitest.GreetingXML)) }

// answers answers the login, then whatever follows.
func answers(code int, text string) turn {
	return func(conn net.Conn) {
		greets(conn)
		for {
			login, err := clitest.ReadUnit(conn)
			if err != nil {
				return
			}
			conn.Write(clitest.AnswerTo(login, code, text))
		}
	}
}

// after reads the login and then does f with what the answer would be.
func after(f func(conn net.Conn, answer []byte)) turn {
	return func(conn net.Conn) {
		greets(conn)
		if login, err := clitest.ReadUnit(conn); err == nil {
			f(conn, clitest.AnswerTo(login, 1000, "ok"))
		}
	}
}

var (
	cutBeforeGreeting = turn(func(net.Conn) {})
	cutBeforeAnswer   = after(func(net.Conn, []byte) {})
	cutInHeader       = after(func(conn net.Conn, a []byte) { conn.Write(a[:2]) })
	cutInAnswer       = after(func(conn net.Conn, a []byte) { conn.Write(a[:len(a)-9]) })
	notEPP            = after(func(conn net.Conn, a []byte) { conn.Write(clitest.Unit("<html/>")) })
	notItsAnswer      = after(func(conn net.Conn, a []byte) {
		conn.Write(clitest.AnswerTo([]byte("<clTRID>eppmux-passwd-OTHER</clTRID>"), 1000, "ok"))
	})
	oddAnswer = after(func(conn net.Conn, a []byte) {
		conn.Write(clitest.Unit(strings.Replace(string(a[4:]), "<msg>", "<msg>R&D caf\xE9\f", 1) + "\x00"))
	})
	emptyID = after(func(conn net.Conn, a []byte) {
		conn.Write(clitest.Unit(clitest.ClTRIDs.ReplaceAllString(string(a[4:]), "<clTRID/>")))
	})
	madeUpID = after(func(conn net.Conn, a []byte) {
		conn.Write(clitest.AnswerTo([]byte("<clTRID>UNKNOWN</clTRID>"), 1000, "ok"))
	})
	badLength      = after(func(conn net.Conn, a []byte) { conn.Write([]byte{0, 0, 0, 1}) })
	silent         = after(func(conn net.Conn, a []byte) { clitest.ReadUnit(conn) })
	cutAfterAnswer = after(func(conn net.Conn, a []byte) { conn.Write(a) })
)

// startScript serves one turn for each connection, and counts connections; further ones are cut.
func startScript(t *testing.T, made *sandbox.TLS, turns ...turn) (address string, connections func() int) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tl := tls.NewListener(ln, made.ServerMutual)
	ended := make(chan int, 1) // how many connections there were, once
	go func() {
		n := 0
		defer func() { ended <- n }()
		for {
			conn, err := tl.Accept()
			if err != nil {
				return
			}
			if conn.(*tls.Conn).Handshake() == nil && n < len(turns) {
				turns[n](conn)
			}
			n++
			conn.Close()
		}
	}()
	count := -1
	stop := func() int {
		if count < 0 {
			ln.Close()
			count = <-ended
		}
		return count
	}
	t.Cleanup(func() { stop() })
	return ln.Addr().String(), stop
}

// TestPasswdLostAnswers cuts the connection at every point, and holds what the command makes of it.
func TestPasswdLostAnswers(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	busy := answers(2500, "later")
	yes, no, full := answers(1000, "ok"), answers(2200, "bad "+newPassword+" \x1b[2J"), answers(2502, "too many")
	for _, tt := range []struct {
		name  string
		turns []turn
		code  int
		want  string
		file  string
		kept  bool
	}{
		{"before the greeting", []turn{cutBeforeGreeting}, 1, "greeting: the connection was closed; nothing has changed", oldPassword, false},
		{"not a greeting", []turn{func(c net.Conn) { c.Write(clitest.Unit(clitest.OKXML)); clitest.ReadUnit(c) }}, 1, `greeting: got a response in its place: the registry answers 1000 "ok"; nothing has changed`, oldPassword, false},
		{"no XML", []turn{func(c net.Conn) { c.Write(clitest.Unit("x")); clitest.ReadUnit(c) }}, 1, "nothing has changed", oldPassword, false},
		{"before the answer, new", []turn{cutBeforeAnswer, yes}, 0, "is changed", newPassword, false},
		{"before the answer, old", []turn{cutBeforeAnswer, no, yes}, 1, "has kept the old password", oldPassword, false},
		{"in the header, new", []turn{cutInHeader, yes}, 0, "is changed", newPassword, false},
		{"in the answer, new", []turn{cutInAnswer, yes}, 0, "is changed", newPassword, false},
		{"in the answer, old", []turn{cutInAnswer, no, yes}, 1, "has kept the old password", oldPassword, false},
		{"not EPP", []turn{notEPP, yes}, 0, "is changed", newPassword, false},
		{"not its answer", []turn{notItsAnswer, no, yes}, 1, "has kept the old password", oldPassword, false},
		{"no good XML", []turn{oddAnswer}, 0, "is changed", newPassword, false},
		{"an empty clTRID", []turn{emptyID}, 0, "is changed", newPassword, false},
		{"a made-up clTRID", []turn{madeUpID}, 0, "is changed", newPassword, false},
		{"bad length", []turn{badLength, yes}, 0, "is changed", newPassword, false},
		{"silence", []turn{silent, yes}, 0, "is changed", newPassword, false},
		{"right after the answer", []turn{cutAfterAnswer}, 0, "is changed", newPassword, false},
		{"success that closes", []turn{answers(1500, "ok")}, 0, "is changed", newPassword, false},
		{"lost, then refused", []turn{cutInAnswer, no, no}, 1, "it is not known which password is valid", oldPassword, true},
		{"lost, then full", []turn{cutInAnswer, full, full}, 1, "with the new one: the registry answers 2502 \"too many\"", oldPassword, true},
		{"lost for good", []turn{cutInAnswer, cutBeforeAnswer, cutInAnswer}, 1, "it is not known", oldPassword, true},
		{"lost, then away", []turn{cutInAnswer, cutBeforeGreeting, cutBeforeGreeting}, 1, "with the old one: greeting: ", oldPassword, true},
		{"other refusals", []turn{answers(2306, "policy")}, 1, `the registry answers 2306 "policy"; nothing has changed`, oldPassword, false},
		{"ends for good", []turn{answers(2501, "closing"), yes}, 1, `the registry answers 2501 "closing"; nothing has changed`, oldPassword, false},
		{"fails, old", []turn{busy, yes}, 1, `the registry answers 2500 "later"; nothing has changed`, oldPassword, false},
		{"fails, new", []turn{busy, no, yes}, 0, "that does not say which password is valid", newPassword, false},
		{"fails, then full", []turn{busy, full}, 1, `with the old one: the registry answers 2502 "too many"`, oldPassword, true},
		{"fails for good", []turn{busy, busy, busy}, 1, "it is not known which password is valid", oldPassword, true},
	} {
		address, connections := startScript(t, made, tt.turns...)
		var more []string
		if tt.name == "silence" {
			more = []string{"timeouts: {login: 2s}"} // long enough for the logins that are answered
		}
		config, file := passwdStand(t, address, made, more...)
		got := eppmuxWith(t, newPassword, "passwd", "--config", config)
		if got.code != tt.code || !strings.Contains(got.out+got.errs, tt.want) {
			t.Errorf("%s: got %+v, want %d, %q", tt.name, got, tt.code, tt.want)
		}
		if strings.Contains(got.out+got.errs, clitest.Canary) || strings.Contains(got.errs, "\x1b") {
			t.Errorf("%s: got a password or a control character in %+v", tt.name, got)
		}
		wantFile(t, tt.name, file, tt.file)
		if _, err := os.Stat(file + ".new"); (err == nil) != tt.kept {
			t.Errorf("%s: got candidate %v, want it there: %v", tt.name, err, tt.kept)
		}
		if n := connections(); n != len(tt.turns) {
			t.Errorf("%s: got %d connections, want %d", tt.name, n, len(tt.turns))
		}
	}
}

// TestPasswdNextRun: a candidate that was left decides the next run, before anything is asked.
func TestPasswdNextRun(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	r := clitest.StartRegistry(t, made, sandbox.Config{Accounts: map[string]string{"demo": newPassword}})
	config, file := passwdStand(t, r.Address, made)
	clitest.WriteFile(t, filepath.Dir(file), "pw.new", newPassword+"\n", 0o600)
	got := eppmux(t, "passwd", "--config", config)
	if got.code != 0 || !strings.Contains(got.errs, "left from an earlier run") {
		t.Errorf("got %+v", got)
	}
	wantFile(t, "next run", file, newPassword)
}

func TestLongPasswordNeedsTheExtension(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	address, connections := startScript(t, made, answers(1000, "ok"))
	config, file := passwdStand(t, address, made)
	got := eppmuxWith(t, strings.Repeat("x", 17), "passwd", "--config", config)
	if got.code != 1 || !strings.Contains(got.errs, "more than 16 characters, and the registry does not offer RFC 8807") {
		t.Errorf("got %+v", got)
	}
	wantFile(t, "long", file, oldPassword)
	if n := connections(); n != 1 {
		t.Errorf("got %d connections", n)
	}
}

// TestLongPasswordByProfile: where the registry's published rule allows more than 16 characters, as
// many go into the login itself.
func TestLongPasswordByProfile(t *testing.T) {
	made := clitest.NewTLS(t)
	for _, tt := range []struct {
		profile string
		length  int
		code    int // of the exit
	}{{"dk", 20, 0}, {"dk", 64, 0}, {"dk", 65, 1}, {"brussels", 17, 1}, {"no", 17, 1}} {
		address, connections := startScript(t, made, answers(1000, "ok"))
		file, pw := passwdStand(t, address, made, "profile: "+tt.profile)
		long := strings.Repeat("x", tt.length)
		got := eppmuxWith(t, long, "passwd", "--config", file)
		if got.code != tt.code {
			t.Errorf("%+v: got %+v", tt, got)
		}
		if tt.code == 0 {
			wantFile(t, tt.profile, pw, long)
			if n := connections(); n != 1 {
				t.Errorf("%+v: got %d connections", tt, n)
			}
		} else {
			wantFile(t, tt.profile, pw, oldPassword)
		}
	}
}

// TestLoginSecurity: a registry that takes passwords in the login security extension only is logged in
// to by serve, send, and passwd with security: always, however short the password is.
func TestLoginSecurity(t *testing.T) {
	made := clitest.NewTLS(t)
	r := clitest.StartRegistry(t, made, sandbox.Config{Accounts: map[string]string{"demo": "short1"}, Quirks: sandbox.Quirks{LoginSecOnly: true}})
	for _, tt := range []struct {
		security string
		code     int // of the exit
		want     string
	}{
		{"", 1, "2200"}, {", security: auto", 1, "2200"}, {", security: never", 1, "2200"}, {", security: always", 0, "is changed"},
	} {
		file, pw := passwdStand(t, r.Address, made)
		clitest.WriteFile(t, filepath.Dir(pw), "pw", "short1", 0o600)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		edit := strings.NewReplacer("password_file: pw", "password_file: pw"+tt.security, "unix:///a", "unix://"+filepath.Dir(file)+"/a")
		clitest.WriteFile(t, filepath.Dir(file), "c.yaml", edit.Replace(string(text))+"    clients: {max: 50}\nadmin: {listen: \"\"}\n"+
			"state: {dir: "+t.TempDir()+"}\n", 0o600) // each is to try a login that was refused before
		got := eppmux(t, "send", "--direct", "--config", file, "check", "example.com")
		if (got.code == 0) != (tt.code == 0) {
			t.Errorf("send%s: got %+v", tt.security, got)
		}
		p := startProgram(t, "serve", "--config", file)
		if tt.code == 0 {
			p.find(`(msg="session opened")`)
		} else {
			p.find(`(reason=login_refused)`)
		}
		p.end()
		got = eppmuxWith(t, "short2", "passwd", "--config", file)
		if got.code != tt.code || !strings.Contains(got.out+got.errs, tt.want) {
			t.Errorf("passwd%s: got %+v, want %d, %q", tt.security, got, tt.code, tt.want)
		}
	}
	if n := r.Counters().Breaches; n.Total() != 0 {
		t.Errorf("breaches: %+v", n)
	}
}

// TestLoginClientSource: where an address to connect from is configured, it is used.
func TestLoginClientSource(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	from := make(chan string, 1) // the one client's address
	address, _ := startScript(t, made, func(c net.Conn) {
		from <- c.RemoteAddr().String()
		answers(1000, "ok")(c)
	})
	configFile, _ := passwdStand(t, address, made, "source_address: 127.0.0.7")
	c, err := config.Load(configFile)
	if err != nil {
		t.Fatal(err)
	}
	c.Registries[0].Timeouts.Connect = time.Minute
	if res := (&loginClient{&c.Registries[0]}).login(t.Context(), oldPassword, ""); res.Verdict != talk.LoginAccepted {
		t.Errorf("got %+v", res)
	}
	if got := <-from; !strings.HasPrefix(got, "127.0.0.7:") {
		t.Errorf("got a client at %s", got)
	}
}
