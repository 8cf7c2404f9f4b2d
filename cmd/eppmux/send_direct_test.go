package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

// directStand is a registry that demands our certificate, and a config for it.
func directStand(t *testing.T, cfg sandbox.Config, more ...string) (r *clitest.Registry, config string) {
	t.Helper()
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Accounts == nil {
		cfg.Accounts = map[string]string{"demo": oldPassword}
	}
	r = clitest.StartRegistry(t, made, cfg)
	config, _ = passwdStand(t, r.Address, made, more...)
	return r, config
}

func TestSendDirect(t *testing.T) {
	r, config := directStand(t, sandbox.Config{MaxSessions: 1})
	create := clitest.WriteFile(t, t.TempDir(), "create.xml", `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create>`+
		`<d:create xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>new.example</d:name><d:authInfo><d:pw>secret-1</d:pw></d:authInfo></d:create>`+
		`</create><clTRID>mine-1</clTRID></command></epp>`, 0o600)
	again := strings.Replace(string(clitest.ReadFile(t, create)), "mine-1", "mine-2", 1)
	logins := 0
	for _, tt := range []struct {
		in   string
		args []string
		code int
		want string
	}{
		{"", []string{"check", "example.com"}, 0, "<clTRID>eppmux-send-"},
		{"", []string{"info", "nowhere.example"}, 6, `<result code="2303">`},
		{"", []string{"poll"}, 0, `<result code="130`},
		{"", []string{create}, 0, "<clTRID>mine-1</clTRID>"},
		{again, []string{"-"}, 5, `<result code="2302">`},
		{"", []string{"--raw", "info", "new.example"}, 0, "new.example"},
		{"", []string{"--registry", "a", "poll", "ack", "nothing"}, 6, `<result code="2303">`},
		{string(command("<logout/>")), nil, 0, `<result code="1500">`},
	} {
		got := eppmuxWith(t, tt.in, append([]string{"send", "--direct", "--config", config}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.out, tt.want) || got.errs != "" {
			t.Errorf("%q: got %+v, want %d, %q", tt.args, got, tt.code, tt.want)
		}
		logins++
	}
	// The greeting needs no login.
	if got := eppmux(t, "send", "--direct", "-c", config, "hello"); got.code != 0 || !strings.Contains(got.out, "<greeting>") {
		t.Errorf("hello: got %+v", got)
	}
	hello := `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>`
	if got := eppmuxWith(t, hello, "send", "--direct", "-c", config); got.code != 0 || !strings.Contains(got.out, "<greeting>") {
		t.Errorf("hello from a file: got %+v", got)
	}
	r.Ended(t, logins)
	if c := r.Counters(); c.Connections != uint64(logins+2) || c.Commands["hello"] != 1 {
		t.Errorf("got %d connections, %d hellos", c.Connections, c.Commands["hello"])
	}
}

// TestSendDirectEndings: after every ending that allows it there is a logout, there is one
// connection, and no password is shown.
func TestSendDirectEndings(t *testing.T) {
	const unknown = "whether it was carried out is not known"
	create := `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create><d:create xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>new.example</d:name></d:create></create></command></epp>`
	for _, tt := range []struct {
		name    string
		faults  string
		args    []string // with none, a create is sent
		code    int
		errs    string
		logouts uint64
		not     string // not in errs
	}{
		{"refused", "2502-command:cmd=check", []string{"check", "a.example"}, 8, "", 1, "x"},
		{"ends", "2500-close:cmd=check", []string{"check", "a.example"}, 8, "", 0, "x"},
		{"closed", "close-after:cmd=check", []string{"check", "a.example"}, 1, "eppmux send: answer: the connection was closed", 0, unknown},
		{"closed, transform", "close-after:cmd=create", nil, 1, "answer: the connection was closed; the message was sent: " + unknown, 0, "x x"},
		{"half", "half:cmd=check", []string{"check", "a.example"}, 1, "answer: the connection was closed", 0, unknown},
		{"silent", "silent:cmd=create", []string{"--timeout", "100ms"}, 1, "answer: nothing within 100ms; the message was sent: " + unknown, 0, "x x"},
		{"another's", "wrong-cltrid:cmd=check", []string{"check", "a.example"}, 1, "got a response that is not its answer", 0, unknown},
		{"no clTRID", "no-cltrid:cmd=check", []string{"check", "a.example"}, 0, "", 1, "x"},
		{"made-up clTRID", "made-up-cltrid:cmd=check", []string{"check", "a.example"}, 0, "", 1, "x"},
		{"no good XML", "odd-xml:cmd=check", []string{"check", "a.example"}, 0, "what came is no good XML: character not allowed in xml", 1, unknown},
		{"no good XML, transform", "odd-xml:cmd=create", nil, 3, "what came is no good XML", 1, unknown},
		{"login, no good XML", "odd-xml:cmd=login", []string{"check", "a.example"}, 0, "", 1, "x"},
		{"a greeting", "greeting:cmd=check", []string{"check", "a.example"}, 1, "got a greeting that is not its answer", 0, unknown},
		{"garbage", "garbage:cmd=check", []string{"check", "a.example"}, 1, "the answer is not EPP: ", 0, unknown},
		{"no frame", "bad-length=3:cmd=check", []string{"check", "a.example"}, 1, "answer: data unit: length below 5 octets", 0, unknown},
		{"huge", "huge=20000000:cmd=check", []string{"check", "a.example"}, 1, "answer: data unit: payload longer than allowed", 0, unknown},
		{"slow", "slow=50ms:cmd=check", []string{"check", "a.example"}, 0, "", 1, "x"},
		{"login full", "refuse-login=2502", []string{"check", "a.example"}, 8, "login: the registry answers 2502 ", 0, unknown},
		{"login refused", "refuse-login=2200", []string{"check", "a.example"}, 4, "login: the registry answers 2200 ", 0, unknown},
		{"login lost", "close-before:cmd=login", []string{"check", "a.example"}, 1, "login: answer: the connection was closed", 0, unknown},
		{"login garbled", "garbage:cmd=login", []string{"check", "a.example"}, 1, "login: the answer is not EPP: ", 0, unknown},
		{"logout lost", "silent:cmd=nothing", nil, 3, "", 1, "x"},
	} {
		faults, err := sandbox.ParseFaults(strings.Replace(tt.faults, "silent:cmd=nothing", "close-after:cmd=logout", 1))
		if err != nil {
			t.Fatal(err)
		}
		r, config := directStand(t, sandbox.Config{MaxSessions: 1, Faults: faults})
		got := eppmuxWith(t, create, append([]string{"send", "--direct", "--config", config}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.errs, tt.errs) || (tt.errs == "") != (got.errs == "") || strings.Contains(got.errs, tt.not) {
			t.Errorf("%s: got %+v, want %d, %q", tt.name, got, tt.code, tt.errs)
		}
		if strings.Contains(got.out+got.errs, clitest.Canary) {
			t.Errorf("%s: got the password in %+v", tt.name, got)
		}
		r.Close()
		c := r.Counters()
		if c.Connections != 1 || c.Executed["logout"] != tt.logouts || c.Breaches.Total() != 0 {
			t.Errorf("%s: got %d connections, %d logouts, breaches %+v, want 1, %d, none", tt.name, c.Connections, c.Executed["logout"], c.Breaches, tt.logouts)
		}
	}
}

// TestSendDirectRefused: what comes before the message, with a registry that tells the password
// back.
func TestSendDirectRefused(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	other, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		turn  turn
		shows *sandbox.TLS
		code  int
		errs  string
	}{
		{"wrong password", answers(2200, "bad "+oldPassword+" \u009b[2J"), made, 4, `login: the registry answers 2200 "bad [redacted] `},
		{"2501", answers(2501, "bad"), made, 4, "login: the registry answers 2501"},
		{"login that ends", answers(1500, "bye"), made, 1, "the server has ended the session"},
		{"closes early", cutBeforeGreeting, made, 1, "greeting: the connection was closed"},
		{"no greeting", func(c net.Conn) { c.Write(clitest.Unit(clitest.OKXML)); clitest.ReadUnit(c) }, made, 1, "greeting: got a response"},
		{"not EPP", func(c net.Conn) { c.Write([]byte("HTTP/1.1 400 Bad Request")); clitest.ReadUnit(c) }, made, 1, "greeting: data unit: payload longer than allowed"},
		{"login cut", cutInAnswer, made, 1, "login: answer: the connection was closed"},
		{"not its answer", notItsAnswer, made, 1, "login: got a response that is not its answer"},
		{"wrong authority", greets, other, 1, "tls: "},
	} {
		address, connections := startScript(t, made, tt.turn)
		config, _ := passwdStand(t, address, tt.shows)
		got := eppmux(t, "send", "--direct", "--config", config, "check", "example.com")
		if got.code != tt.code || !strings.Contains(got.errs, tt.errs) || got.out != "" {
			t.Errorf("%s: got %+v, want %d, %q", tt.name, got, tt.code, tt.errs)
		}
		if strings.Contains(got.errs, clitest.Canary) || strings.Contains(got.errs, "\u009b") {
			t.Errorf("%s: got the password or a control character in %+v", tt.name, got)
		}
		if n := connections(); n != 1 {
			t.Errorf("%s: got %d connections, want 1", tt.name, n)
		}
	}
	// Nobody there, and nobody who speaks.
	config, _ := passwdStand(t, "127.0.0.1:1", made)
	if got := eppmux(t, "send", "--direct", "--config", config, "poll"); got.code != 1 || !strings.Contains(got.errs, "eppmux send: connect: dial tcp 127.0.0.1:1: ") {
		t.Errorf("nobody: got %+v", got)
	}
	mute, _ := startScript(t, made, func(c net.Conn) { clitest.ReadUnit(c) })
	config, _ = passwdStand(t, mute, made, "timeouts: {greeting: 50ms}")
	if got := eppmux(t, "send", "--direct", "--config", config, "poll"); got.code != 1 || !strings.Contains(got.errs, "greeting: nothing within 50ms") {
		t.Errorf("mute: got %+v", got)
	}
}

func TestSendDirectUsage(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	one, _ := passwdStand(t, "127.0.0.1:1", made, "sessions: {max_commands: 9}")
	dir := t.TempDir()
	two := clitest.WriteFile(t, dir, "two.yaml", "registries:\n"+
		"  - {name: a, address: sandbox, listen: [\"tcp://127.0.0.1:7000\", \"unix:///b\"]}\n  - {name: b, address: sandbox, listen: [\"unix:///c\"]}\n", 0o600)
	bad := clitest.WriteFile(t, dir, "bad.yaml", clitest.SandboxYAML("nonsense: 1"), 0o600)
	for _, tt := range []struct {
		config string
		args   []string
		want   string
	}{
		{two, []string{"poll"}, "eppmux send: which one? --registry a or b"},
		{two, []string{"--registry", "c", "poll"}, `eppmux send: --registry: no registry is named "c"`},
		{two, []string{"--registry", "a", "poll"}, "--direct: a is the built-in registry, which lives inside a running eppmux: send to its listener, with --to tcp://127.0.0.1:7000 or unix:///b"},
		{bad, []string{"poll"}, "unknown key"},
		{one, []string{"--repeat", "10", "poll"}, "--repeat: one session of a carries 9 commands (sessions.max_commands), got 10"},
		{one, []string{"--timeout", "-1s", "poll"}, "--timeout: must be above 0"},
	} {
		got := eppmux(t, append([]string{"send", "--direct", "--config", tt.config}, tt.args...)...)
		if got.code != cli.ExitUsage || !strings.Contains(got.errs, tt.want) || got.out != "" {
			t.Errorf("%q: got %+v, want %q", tt.args, got, tt.want)
		}
	}
}

// TestSendDirectInterrupted: Ctrl-C while an answer is under way, and before anything is.
func TestSendDirectInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, config := directStand(t, sandbox.Config{MaxSessions: 1, Observe: func(f sandbox.Frame) {
		if strings.Contains(string(f.Payload), "<check>") {
			cancel()
		}
	}})
	var out, errs bytes.Buffer
	code := run(ctx, []string{"send", "--direct", "--config", config, "check", "example.com"}, nil, &out, &errs)
	if code != 0 || !strings.Contains(out.String(), `<result code="1000">`) {
		t.Errorf("got %d, %s%s, want the answer that was under way", code, out.String(), errs.String())
	}
	out.Reset()
	code = run(ctx, []string{"send", "--direct", "--config", config, "check", "example.com"}, nil, &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "connect: interrupted") {
		t.Errorf("got %d, %s", code, errs.String())
	}
	r.Ended(t, 1)
}

// TestSendSignal: the program as a process, with a signal in the middle of a series.
func TestSendSignal(t *testing.T) {
	third := make(chan struct{}) // closed when the third check is there
	checks := 0                  // of the one session
	r, config := directStand(t, sandbox.Config{MaxSessions: 1, Observe: func(f sandbox.Frame) {
		if strings.Contains(string(f.Payload), "<check>") {
			if checks++; checks == 3 {
				close(third)
			}
		}
	}}, "rate_limits: []")
	p := startProgram(t, "send", "--direct", "--config", config, "--repeat", "100000", "check", "example.com")
	select {
	case <-third:
	case <-p.ended:
		t.Fatal("got the end of the program")
	case <-time.After(programTimeout):
		t.Fatal("got no third check")
	}
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if log := p.log.Text(); p.err != nil || !strings.Contains(log, " of 100000 answers in ") || !strings.Contains(log, ", interrupted\n") {
		t.Errorf("got %v, %s", p.err, log)
	}
	r.Ended(t, 1)
}

// TestSendThroughServe is the other way, by the listener of a running eppmux.
func TestSendThroughServe(t *testing.T) {
	p, socket, _ := startServing(t)
	defer p.end()
	to := "unix://" + socket
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"check", "example.com"}, 0, "<clTRID>eppmux-send-"},
		{[]string{"info", "nowhere.example"}, 6, `<result code="2303">`},
		{[]string{"hello"}, 0, "<greeting>"},
		{[]string{"--repeat", "3", "info", "nowhere.example"}, 6, "  2303       3  \""},
		{[]string{"--repeat", "3", "hello"}, 0, "  hello       3  greeting\n"},
	} {
		got := eppmux(t, append([]string{"send", "--to", to}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.out, tt.want) || got.errs != "" {
			t.Errorf("%q: got %+v, want %d, %q", tt.args, got, tt.code, tt.want)
		}
	}
}

// TestSendKeepsLimits: the registry counts no command as too fast, though login and logout are
// counted too.
func TestSendKeepsLimits(t *testing.T) {
	r, config := directStand(t, sandbox.Config{MaxSessions: 1, RateLimit: 4, RatePer: 200 * time.Millisecond}, "rate_limits: [{limit: 4, per: 200ms}]")
	got := eppmux(t, "send", "--direct", "--config", config, "--repeat", "9", "check", "example.com")
	if got.code != 0 || !strings.Contains(got.out, "9 of 9 answers in ") {
		t.Errorf("got %+v", got)
	}
	r.Ended(t, 1)
	// A limit that admits nothing for long ends it, and the logout has no slot either.
	r, config = directStand(t, sandbox.Config{MaxSessions: 1}, "rate_limits: [{limit: 3, per: 1h}]")
	got = eppmux(t, "send", "--direct", "--config", config, "--repeat", "9", "check", "example.com")
	if want := "message 3 of 9: rate_limits[0] (3/1h0m0s) admits no check before "; got.code != 1 || !strings.Contains(got.errs, want) ||
		!strings.Contains(got.out, "2 of 9 answers") || !strings.Contains(got.errs, "closed without a logout: rate_limits[0] (3/1h0m0s) admits no logout") {
		t.Errorf("got %+v, want %q", got, want)
	}
	r.Close()
	if c := r.Counters(); c.Commands["check"] != 2 || c.Commands["logout"] != 0 {
		t.Errorf("got commands %v", c.Commands)
	}
}

// TestSendRepeatStops at the first message without an answer, and where the registry ends the
// session.
func TestSendRepeatStops(t *testing.T) {
	for _, tt := range []struct {
		faults, args string
		code         int
		out, errs    string
		logouts      uint64
	}{
		{"close-after:every=3,cmd=check", "check a.example", 1, "2 of 9 answers", "message 3 of 9: answer: the connection was closed", 0},
		{"2500-close:every=3,cmd=check", "check a.example", 8, "  2500       1  \"", "", 0},
		{"2502-command:every=3,cmd=check", "check a.example", 8, "  2502       1  \"", "", 1},
		{"wrong-cltrid:every=1,cmd=check", "check a.example", 1, "no answers\n", "message 1 of 9: got a response that is not its answer", 0},
		{"duplicate:first=1,cmd=check", "check a.example", 1, "1 of 9 answers", "message 2 of 9: got a response that is not its answer", 0},
		{"slow=1ms", "info nowhere.example", 6, "  2303       9  \"", "", 1},
	} {
		faults, err := sandbox.ParseFaults(tt.faults)
		if err != nil {
			t.Fatal(err)
		}
		r, config := directStand(t, sandbox.Config{MaxSessions: 1, Faults: faults}, "rate_limits: []")
		got := eppmux(t, append([]string{"send", "--direct", "--config", config, "--repeat", "9"}, strings.Fields(tt.args)...)...)
		if got.code != tt.code || !strings.Contains(got.out, tt.out) || !strings.Contains(got.errs, tt.errs) || (tt.errs == "") != (got.errs == "") {
			t.Errorf("%s: got %+v, want %d, %q, %q", tt.faults, got, tt.code, tt.out, tt.errs)
		}
		r.Close()
		if c := r.Counters(); c.Connections != 1 || c.Executed["logout"] != tt.logouts {
			t.Errorf("%s: got %d connections, %d logouts, want 1, %d", tt.faults, c.Connections, c.Executed["logout"], tt.logouts)
		}
	}
}

// TestSendRepeatNamesEach: a clTRID of its own for each, also for a file that has one.
func TestSendRepeatNamesEach(t *testing.T) {
	r, config := directStand(t, sandbox.Config{MaxSessions: 1})
	check := fmt.Sprintf(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check><d:check xmlns:d=%q><d:name>a.example</d:name></d:check></check><clTRID>same</clTRID></command></epp>`,
		objects["domain"].uri)
	if got := eppmuxWith(t, check, "send", "--direct", "--config", config, "--repeat", "5", "--interval", "1ms"); got.code != 0 || !strings.Contains(got.out, "5 of 5 answers") {
		t.Errorf("got %+v", got)
	}
	r.Ended(t, 1) // a repeated clTRID is a breach
	if c := r.Counters(); c.Executed["check"] != 5 {
		t.Errorf("got %d checks, want 5", c.Executed["check"])
	}
}

// TestSendOwnNamespace: what is built from words, and login and logout, are in the namespace in
// which the registry greets. A file is sent as it is.
func TestSendOwnNamespace(t *testing.T) {
	const own = "https://registry.example/schema/epp-own-1.0.xsd"
	_, config := directStand(t, sandbox.Config{Quirks: sandbox.Quirks{OwnNamespace: true}})
	for _, tt := range []struct {
		in   string
		args []string
		code int
		want string
	}{
		{"", []string{"check", "example.com"}, 0, "<clTRID>eppmux-send-"},
		{"", []string{"poll"}, 0, `<result code="130`},
		{"", []string{"hello"}, 0, `<greeting>`},
		{string(command("<logout/>")), nil, 3, `<result code="2001">`},
		{strings.Replace(string(command("<logout/>")), "urn:ietf:params:xml:ns:epp-1.0", own, 1), nil, 0, `<result code="1500">`},
	} {
		got := eppmuxWith(t, tt.in, append([]string{"send", "--direct", "--config", config}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.out, tt.want) || !strings.Contains(got.out, own) {
			t.Errorf("%q: got %+v, want %d, %q", tt.args, got, tt.code, tt.want)
		}
	}
}
