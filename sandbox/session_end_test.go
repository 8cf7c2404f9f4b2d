package sandbox

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// logBook keeps what a registry logs.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (lb *logBook) Write(p []byte) (int, error) {
	lb.mu.Lock()
	defer lb.mu.Unlock()
	return lb.buf.Write(p)
}

func (lb *logBook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(lb, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines returns the attributes of the lines with a message.
func (lb *logBook) lines(t *testing.T, msg string) []map[string]any {
	t.Helper()
	lb.mu.Lock()
	defer lb.mu.Unlock()
	var out []map[string]any
	for line := range bytes.Lines(lb.buf.Bytes()) {
		var m map[string]any
		must(t, json.Unmarshal(line, &m))
		if m["msg"] == msg {
			out = append(out, m)
		}
	}
	return out
}

// TestSessionEnds: each end of a session has a reason of its own in the log, once, and leaves
// neither session nor slot.
func TestSessionEnds(t *testing.T) {
	login := func(c *client) { c.greet(); c.login("demo", "demo-secret").want(1000) }
	for _, tt := range []struct {
		name, reason, account string
		cfg                   Config
		faults                string
		live                  func(r *Registry, c *client)
	}{
		{"hang up", clientClosed, "demo", Config{}, "", func(_ *Registry, c *client) { login(c); c.conn.Close() }},
		{"hang up before login", clientClosed, "", Config{}, "", func(_ *Registry, c *client) { c.greet(); c.conn.Close() }},
		{"hang up with a command under way", clientClosed, "demo", Config{Latency: time.Minute}, "",
			func(_ *Registry, c *client) { login(c); c.send(checkFrame); c.conn.Close(); time.Sleep(time.Hour) }},
		{"logout", "answered Command completed successfully; ending session", "demo", Config{}, "",
			func(_ *Registry, c *client) { login(c); c.command("<logout/>").want(1500); c.ended() }},
		{"failed logins", "answered Authentication error; server closing connection", "", Config{Rules: Rules{LoginErrors: 1}}, "",
			func(_ *Registry, c *client) { c.greet(); c.login("demo", "wrong-secret").want(2501); c.ended() }},
		{"bad length", "answered Command failed; server closing connection", "demo", Config{}, "",
			func(_ *Registry, c *client) {
				login(c)
				c.conn.Write([]byte("\x00\x00\x00\x00x"))
				c.answered("2500")
				c.ended()
			}},
		{"too many commands", "answered Session limit exceeded; server closing connection", "demo", Config{MaxCommands: 1}, "",
			func(_ *Registry, c *client) { login(c); c.checks(); c.send(checkFrame); c.answered("2502"); c.ended() }},
		{"idle", "idle", "demo", Config{IdleTimeout: time.Minute}, "", func(_ *Registry, c *client) { login(c); c.ended() }},
		{"age", "age", "demo", Config{MaxAge: time.Minute}, "", func(_ *Registry, c *client) { login(c); c.ended() }},
		{"no login", "no login", "", Config{LoginTimeout: time.Minute}, "", func(_ *Registry, c *client) { c.greet(); c.ended() }},
		{"age before idle", "age", "demo", Config{MaxAge: time.Minute, IdleTimeout: time.Minute + 1}, "", func(_ *Registry, c *client) { login(c); c.ended() }},
		{"greeting not read", "greeting not taken", "", Config{LoginTimeout: time.Minute}, "", func(*Registry, *client) { time.Sleep(time.Hour) }},
		{"Close", "registry closed", "demo", Config{}, "", func(r *Registry, c *client) { login(c); r.Close() }},
		{"Close during a delay", "registry closed", "demo", Config{Latency: time.Second}, "",
			func(r *Registry, c *client) { login(c); c.send(checkFrame); synctest.Wait(); r.Close() }},
		{"no answer", "closed without an answer", "demo", Config{}, "close-after", func(_ *Registry, c *client) { login(c); c.send(checkFrame); c.ended() }},
		{"half an answer", "fault half", "demo", Config{}, "half", func(_ *Registry, c *client) { login(c); c.send(checkFrame); c.octets() }},
		{"at accept", "fault close-at-accept", "", Config{}, "close-at-accept", func(_ *Registry, c *client) { c.ended() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var lb logBook
				cfg := tt.cfg
				cfg.Logger, cfg.Faults = lb.logger(), faults(t, tt.faults)
				r := start(t, cfg)
				c := connect(t, r)
				tt.live(r, c)
				synctest.Wait()
				lines := lb.lines(t, "session closed")
				if len(lines) != 1 || lines[0]["reason"] != tt.reason || lines[0]["account"] != tt.account || lines[0]["session"] != 1.0 {
					t.Errorf("logged %v, want %q of %q", lines, tt.reason, tt.account)
				}
				if n := r.Counters(); len(n.Sessions) != 0 || len(r.Sessions()) != 0 || n.Connections != 1 {
					t.Errorf("left %v, %d connections", n.Sessions, n.Connections)
				}
			})
		})
	}
}

// TestHandshakeFails: a connection that is no TLS ends before its greeting and counts as a
// connection only.
func TestHandshakeFails(t *testing.T) {
	certs, err := NewTLS()
	must(t, err)
	var lb logBook
	r := New(Config{Logger: lb.logger()})
	near, far := net.Pipe()
	defer near.Close()
	go drain(near)
	go near.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	r.ServeConn(tls.Server(far, certs.Server))
	must(t, r.Close())
	if lines := lb.lines(t, "session closed"); len(lines) != 1 || lines[0]["reason"] != "handshake failed" {
		t.Errorf("logged %v", lines)
	}
	if lines := lb.lines(t, "handshake"); len(lines) != 1 || lines[0]["level"] != "DEBUG" || lines[0]["err"] == nil {
		t.Errorf("logged %v", lines)
	}
	if n := r.Counters(); n.Connections != 1 || len(n.Commands) != 0 || n.Breaches != (Breaches{}) {
		t.Errorf("counted %+v", n)
	}
}

// TestLog: a line for the login and, at debug level, one for each message, with ids and code, and
// never a password or an authInfo.
func TestLog(t *testing.T) {
	var lb logBook
	r := start(t, Config{Logger: lb.logger(), Faults: faults(t, "2502-command:cmd=delete")})
	c := enter(t, r, "demo")
	rp := c.ask(epp("<command>" + objectXML("create", "D:<name>new.com</name>"+pw) + "<clTRID>LOG-1</clTRID></command>")).want(1000)
	c.do("delete", "D:<name>new.com</name>").want(2502)
	c.ask(epp("<hello/>"))
	c.ask("<no").want(2001)
	if lines := lb.lines(t, "login"); len(lines) != 1 || lines[0]["account"] != "demo" || lines[0]["level"] != "INFO" {
		t.Errorf("logged %v", lines)
	}
	lines := lb.lines(t, "answered")
	if len(lines) != 5 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, want := range []map[string]any{
		{"command": "login", "code": 1000.0, "fault": ""},
		{"command": "create", "code": 1000.0, "cltrid": "LOG-1", "svtrid": rp.text1("trID", "svTRID"), "account": "demo"},
		{"command": "delete", "code": 2502.0, "fault": "2502-command"},
		{"command": "hello", "code": 0.0, "svtrid": ""},
		{"command": "unparseable", "code": 2001.0, "cltrid": ""},
	} {
		for key, value := range want {
			if lines[i][key] != value {
				t.Errorf("line %d: %s is %v, want %v", i, key, lines[i][key], value)
			}
		}
		if lines[i]["level"] != "DEBUG" {
			t.Errorf("line %d is of level %v", i, lines[i]["level"])
		}
	}
	lb.mu.Lock()
	defer lb.mu.Unlock()
	for _, secret := range []string{"demo-secret", "2fooBAR"} {
		if strings.Contains(lb.buf.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}

// TestObserveWhatIsNotWritten: Observe sees a withheld answer as none, its code only if the command
// was carried out, and never a payload that cannot be cut from the stream.
func TestObserveWhatIsNotWritten(t *testing.T) {
	for _, tt := range []struct {
		fault    string
		answer   bool
		code     int
		executed bool
	}{
		{"silent", false, 1000, true},
		{"silent-before", false, 0, false},
		{"2502-command", true, 2502, false},
		{"greeting", true, 1000, true}, // a fault of writing spoils it later
		{"garbage", true, 1000, true},
	} {
		var mu sync.Mutex
		var seen []Frame
		r := start(t, Config{Observe: func(f Frame) {
			mu.Lock()
			defer mu.Unlock()
			f.Answer = bytes.Clone(f.Answer)
			seen = append(seen, f)
		}})
		c := enterInvalid(t, r, "demo", "faults")
		r.SetFaults(faults(t, tt.fault+":cmd=check,first=1"))
		c.send(checkWith("SEEN-1"))
		if tt.answer {
			if _, err := c.receive(); err != nil {
				t.Fatal(err)
			}
		}
		c.ask(checkWith("SEEN-2")).want(1000)
		c.conn.Write([]byte("\x00\x00\x00\x01x"))
		c.answered("2500")
		c.ended()
		mu.Lock()
		if len(seen) != 3 {
			t.Fatalf("%s: %d frames", tt.fault, len(seen))
		}
		f := seen[1]
		if (f.Answer != nil) != tt.answer || f.Code != tt.code || f.Executed != tt.executed || f.Fault != tt.fault || string(f.Payload) != checkWith("SEEN-1") {
			t.Errorf("%s: observed %+v", tt.fault, f)
		}
		if tt.answer && !strings.Contains(string(f.Answer), "<clTRID>SEEN-1<") {
			t.Errorf("%s: answer %s", tt.fault, f.Answer)
		}
		if seen[2].Fault != "" || !seen[2].Executed {
			t.Errorf("%s: then observed %+v", tt.fault, seen[2])
		}
		mu.Unlock()
	}
}

// TestObserveBlocks: an observer that takes its time holds up its own session and no other.
func TestObserveBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Observe: func(f Frame) {
			if f.Account == "demo" {
				time.Sleep(time.Minute)
			}
		}})
		c, d := connect(t, r), connect(t, r)
		c.greet()
		d.greet()
		c.send(epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "</command>"))
		took(t, 0, func() { d.login("other", "other-secret").want(1000); d.checks() })
		took(t, time.Minute, func() { c.answered("1000") })
		took(t, time.Minute, c.checks)
	})
}

// TestSessionInfos: the list has the open connections in the order of their opening, with what they
// have sent, and forgets those that ended.
func TestSessionInfos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{MaxSessions: 5})
		began := time.Now()
		var all []*client
		for range 4 {
			all = append(all, enter(t, r, "demo"))
			time.Sleep(time.Second)
		}
		all[1].checks()
		all[1].ask(epp("<hello/>"))
		all[1].ask("<no").want(2001)
		all[2].command("<logout/>").want(1500)
		all[2].ended()
		synctest.Wait()
		got := r.Sessions()
		if len(got) != 3 {
			t.Fatalf("got %+v", got)
		}
		for i, want := range []struct {
			id       uint64
			commands uint64
			since    time.Duration
		}{{1, 1, 0}, {2, 4, time.Second}, {4, 1, 3 * time.Second}} {
			g := got[i]
			if g.ID != want.id || g.Commands != want.commands || g.Since.Sub(began) != want.since || g.Account != "demo" || g.Remote != "pipe" {
				t.Errorf("got %+v, want %+v", g, want)
			}
		}
	})
}

// TestNothingBehindHangup: what a client sent ahead of a hangup by the registry is not carried out.
func TestNothingBehindHangup(t *testing.T) {
	r := start(t, Config{Record: true, Faults: faults(t, "close-after:cmd=check,first=1")})
	c := enterWild(t, r, "demo")
	create := epp("<command>" + objectXML("create", "D:<name>behind.com</name>"+pw) + "</command>")
	go c.conn.Write(append(unit(checkFrame), unit(create)...))
	if b := c.octets(); len(b) != 0 {
		t.Errorf("got %d octets", len(b))
	}
	if got := r.Executions("create", "behind.com"); got != (Times{}) {
		t.Errorf("executions %+v", got)
	}
}
