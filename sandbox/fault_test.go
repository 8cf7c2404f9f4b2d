package sandbox

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// faults reads faults; they must be well-formed.
func faults(t testing.TB, text string) []Fault {
	t.Helper()
	f, err := ParseFaults(text)
	must(t, err)
	return f
}

// quiet checks that the registry says nothing for a time and keeps the connection.
func (c *client) quiet(d time.Duration) {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(d))
	if n, err := c.conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("got %d octets, %v, want silence", n, err)
	}
	c.conn.SetReadDeadline(time.Time{})
}

// octets reads until the registry closes.
func (c *client) octets() []byte {
	c.t.Helper()
	b, err := io.ReadAll(c.conn)
	must(c.t, err)
	return b
}

// answered reads one answer.
func (c *client) answered(code string, parts ...string) {
	c.t.Helper()
	p, err := c.receive()
	if err != nil || !strings.Contains(p, `<result code="`+code+`"`) {
		c.t.Fatalf("got %q, %v, want %s", p, err, code)
	}
	(&reply{t: c.t, text: p}).has(parts...)
}

func (c *client) checks() {
	c.t.Helper()
	c.do("check", "D:<name>a.com</name>").want(1000)
}

var createFrame = epp("<command>" + objectXML("create", "D:<name>New.com</name>"+pw) + "<clTRID>FAULT-1</clTRID></command>")

// TestFaults plays each fault on a create and looks at what its client sees, and whether the create
// was carried out.
func TestFaults(t *testing.T) {
	echo := "<clTRID>FAULT-1</clTRID>"
	header := func(t *testing.T, c *client) uint32 {
		var b [4]byte
		_, err := io.ReadFull(c.conn, b[:])
		must(t, err)
		return binary.BigEndian.Uint32(b[:])
	}
	badLength := func(want uint32) func(*testing.T, *client) {
		return func(t *testing.T, c *client) {
			if got := header(t, c); got != want {
				t.Errorf("got length %d, want %d", got, want)
			}
			b := make([]byte, 10)
			if _, err := io.ReadFull(c.conn, b); err != nil || string(b[:5]) != "<?xml" {
				t.Errorf("got %q, %v behind the header", b, err)
			}
		}
	}
	ended := func(_ *testing.T, c *client) { c.ended() }
	for _, tt := range []struct {
		fault    string
		see      func(t *testing.T, c *client)
		executed int
		code     int // in Observe
	}{
		{"close-before", ended, 0, 0},
		{"close-after", ended, 1, 1000},
		{"reset-before", ended, 0, 0},
		{"reset", ended, 1, 1000},
		{"half", func(t *testing.T, c *client) {
			b := c.octets()
			if n := int(binary.BigEndian.Uint32(b)); len(b) != n/2 {
				t.Errorf("got %d octets of %d", len(b), n)
			}
		}, 1, 1000},
		{"stall", func(t *testing.T, c *client) {
			n := header(t, c)
			_, err := io.ReadFull(c.conn, make([]byte, n/2-4))
			must(t, err)
			c.quiet(time.Hour)
			c.send(checkFrame)
			c.quiet(time.Hour)
		}, 1, 1000},
		{"silent-before", func(t *testing.T, c *client) { c.quiet(time.Hour); c.checks() }, 0, 0},
		{"silent", func(t *testing.T, c *client) { c.quiet(time.Hour); c.checks() }, 1, 1000},
		{"slow=3s", func(t *testing.T, c *client) { c.quiet(3*time.Second - 1); c.answered("1000", echo); c.checks() }, 1, 1000},
		{"wrong-cltrid", func(t *testing.T, c *client) { c.answered("1000", "<clTRID>"); c.checks() }, 1, 1000},
		{"made-up-cltrid", func(t *testing.T, c *client) { c.answered("1000", "<clTRID>WRONG-"); c.checks() }, 1, 1000},
		{"odd-xml", func(t *testing.T, c *client) { c.answered("1000", "\f</msg>"); c.checks() }, 1, 1000},
		{"no-cltrid", func(t *testing.T, c *client) { c.answered("1000", "<trID><svTRID>"); c.checks() }, 1, 1000},
		{"duplicate", func(t *testing.T, c *client) { c.answered("1000", echo); c.answered("1000", echo); c.checks() }, 1, 1000},
		{"unasked=5s", func(t *testing.T, c *client) {
			c.answered("1000", echo)
			c.quiet(5*time.Second - 1)
			c.answered("1000", echo)
			c.quiet(time.Hour)
			c.checks()
		}, 1, 1000},
		{"greeting", func(t *testing.T, c *client) { c.greet(); c.checks() }, 1, 1000},
		{"garbage", func(t *testing.T, c *client) {
			if p, err := c.receive(); err != nil || p != "<<< not XML\x00\xff" {
				t.Errorf("got %q, %v", p, err)
			}
			c.checks()
		}, 1, 1000},
		{"bad-length", badLength(0), 1, 1000},
		{"bad-length=3", badLength(3), 1, 1000},
		{"bad-length=4", badLength(4), 1, 1000},
		{"bad-length=4294967295", badLength(1<<32 - 1), 1, 1000},
		{"huge", func(t *testing.T, c *client) {
			began := time.Now()
			if n := header(t, c); n != 8<<20 {
				t.Errorf("announced %d", n)
			}
			_, err := io.ReadFull(c.conn, make([]byte, 8<<20-4))
			must(t, err)
			if d := time.Since(began); d < 50*time.Second {
				t.Errorf("8 MiB took %v", d)
			}
		}, 1, 1000},
		{"huge=20000", func(t *testing.T, c *client) { header(t, c); c.conn.Close() }, 1, 1000},
		{"2500-close", func(t *testing.T, c *client) { c.answered("2500", echo); c.ended() }, 0, 2500},
		{"x5xx", func(t *testing.T, c *client) {
			c.answered("1500", echo, "Command completed successfully; ending session")
			c.ended()
		}, 1, 1500},
		{"x5xx=2501", func(t *testing.T, c *client) { c.answered("2501", echo); c.ended() }, 1, 2501},
		{"2002", func(t *testing.T, c *client) {
			c.answered("2002", echo, "Registrar is not logged in")
			c.ask(epp("<hello/>")).has("<greeting>")
			c.do("check", "D:<name>a.com</name>").want(2002)
			c.command("<logout/>").want(2002)
		}, 0, 2002},
		{"2201", func(t *testing.T, c *client) {
			c.answered("2201", echo, "Session timeout")
			c.do("check", "D:<name>a.com</name>").want(2201)
			c.login("demo", "demo-secret").want(1000)
			c.checks()
		}, 0, 2201},
		{"2502-command", func(t *testing.T, c *client) { c.answered("2502", echo); c.checks() }, 0, 2502},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var seen []Frame
				r := start(t, Config{Record: true, Observe: func(f Frame) {
					mu.Lock()
					defer mu.Unlock()
					if f.Fault != "" {
						seen = append(seen, f)
					}
				}})
				c := enterWild(t, r, "demo")
				r.SetFaults(faults(t, tt.fault+":cmd=create,first=1"))
				c.checks() // another command is left alone
				name, _, _ := strings.Cut(tt.fault, "=")
				if name == "garbage" || name == "odd-xml" || name == "x5xx" {
					c.invalid = name
				}
				c.send(createFrame)
				tt.see(t, c)
				if n := r.Counters(); n.Faults[name] != 1 || len(n.Faults) != 1 || n.Executed["create"] != uint64(tt.executed) || n.Commands["create"] != 1 {
					t.Errorf("counted %+v", n)
				}
				if got, want := r.Executions("create", "new.COM"), (Times{1, tt.executed}); got != want {
					t.Errorf("recorded %+v, want %+v", got, want)
				}
				mu.Lock()
				defer mu.Unlock()
				if len(seen) != 1 || seen[0].Fault != name || seen[0].Executed != (tt.executed > 0) || seen[0].Code != tt.code {
					t.Errorf("observed %+v", seen)
				}
			})
		})
	}
}

func TestFaultsOfLogin(t *testing.T) {
	for _, tt := range []struct {
		code string
		ends bool
	}{{"2200", false}, {"2501", true}, {"2502", true}} {
		r := start(t, Config{Faults: faults(t, "refuse-login="+tt.code+":first=1")})
		c := connect(t, r)
		c.greet()
		c.send(epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "</command>"))
		c.answered(tt.code)
		if tt.ends {
			c.ended()
			c = connect(t, r)
			c.greet()
		}
		c.login("demo", "demo-secret").want(1000)
		if n := r.Counters(); n.LoginsRefused != 1 || n.Logins != 1 || n.Faults["refuse-login"] != 1 {
			t.Errorf("%s: counted %+v", tt.code, n)
		}
	}
}

// TestFaultsOfLoginByCommand: other faults strike a login when they name it.
func TestFaultsOfLoginByCommand(t *testing.T) {
	r := start(t, Config{Faults: faults(t, "close-after:cmd=login,first=1")})
	c := connect(t, r)
	c.greet()
	c.send(epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "</command>"))
	c.ended()
	if n := r.Counters(); n.Logins != 1 || n.Executed["login"] != 1 || n.Sessions["demo"] != 0 {
		t.Errorf("counted %+v", n)
	}
	enter(t, r, "demo").checks()
}

func TestFaultsOfConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{LoginTimeout: time.Minute, Faults: faults(t, "close-at-accept:first=1;no-greeting:every=2")})
		connect(t, r).ended()
		c := connect(t, r)
		c.quiet(time.Second)
		c.send(epp("<hello/>"))
		c.quiet(58 * time.Second)
		c.ended()
		enter(t, r, "demo").checks()
		if n := r.Counters(); n.Faults["close-at-accept"] != 1 || n.Faults["no-greeting"] != 1 {
			t.Errorf("counted %v", n.Faults)
		}
	})
}

// TestFaultReset: over TCP it is a reset, no orderly end, with TLS as without.
func TestFaultReset(t *testing.T) {
	certs, err := NewTLS()
	must(t, err)
	for _, kind := range []string{"reset", "reset-before"} {
		for _, secure := range []bool{false, true} {
			r := start(t, Config{Faults: faults(t, kind)})
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			conn, err := net.Dial("tcp", ln.Addr().String())
			must(t, err)
			defer conn.Close()
			if secure {
				ln, conn = tls.NewListener(ln, certs.Server), tls.Client(conn, certs.Client)
			}
			go r.Serve(ln)
			c := &client{t: t, conn: conn, name: "tcp", wild: true}
			c.greet()
			c.login("demo", "demo-secret").want(1000)
			c.send(checkFrame)
			if n, err := conn.Read(make([]byte, 10)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s, TLS %v: got %d octets, %v", kind, secure, n, err)
			}
		}
	}
}

// TestFaultTiming: each condition by itself and together.
func TestFaultTiming(t *testing.T) {
	for _, tt := range []struct{ when, want string }{ // x where it is played, over ten checks
		{"", "xxxxxxxxxx"},
		{"first=3", "xxx......."},
		{"every=3", "..x..x..x."},
		{"every=3,first=2", "..x..x...."},
		{"every=6,first=1", ".....x...."},
		{"p=1", "xxxxxxxxxx"},
		{"cmd=create", ".........."},
		{"cmd=query", "xxxxxxxxxx"},
		{"cmd=transform", ".........."},
		{"cmd=any", "xxxxxxxxxx"},
		{"cmd=create+check,first=1", "x........."},
	} {
		b := newBook(1, faults(t, strings.TrimSuffix("silent:"+tt.when, ":")))
		if got := strikes(b, 10); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.when, got, tt.want)
		}
	}
}

func strikes(b *book, n int) string {
	var got strings.Builder
	for range n {
		if b.strike(&request{kind: kindCommand, verb: "check"}) != nil {
			got.WriteByte('x')
		} else {
			got.WriteByte('.')
		}
	}
	return got.String()
}

// TestFaultChance: a probability is about that, and the seed repeats it.
func TestFaultChance(t *testing.T) {
	f := faults(t, "silent:p=0.1")
	one := strikes(newBook(7, f), 10000)
	if n := strings.Count(one, "x"); n < 800 || n > 1200 {
		t.Errorf("%d of 10000 at p=0.1", n)
	}
	if again := strikes(newBook(7, f), 10000); again != one {
		t.Error("the same seed decides otherwise")
	}
	if other := strikes(newBook(8, f), 10000); other == one {
		t.Error("another seed decides the same")
	}
}

// TestFaultClasses says which messages a fault is for.
func TestFaultClasses(t *testing.T) {
	for _, tt := range []struct {
		cmd  string
		want string
	}{
		{"", "check create delete info poll renew transfer transfer-query update extension unknown"},
		{"query", "check info poll transfer-query"},
		{"transform", "create delete renew transfer update extension unknown"},
		{"any", "check create delete hello info login logout poll renew transfer transfer-query update extension unknown"},
		{"hello+logout", "hello logout"},
		{"transfer", "transfer transfer-query"},
	} {
		text := "silent"
		if tt.cmd != "" {
			text += ":cmd=" + tt.cmd
		}
		f := faults(t, text)[0]
		var got []string
		for name := range strings.FieldsSeq("check create delete hello info login logout poll renew transfer transfer-query update extension unknown") {
			verb, op, _ := strings.Cut(name, "-")
			req := request{kind: kindCommand, verb: verb, op: op}
			if verb == "unknown" {
				req.kind = kindUnknown
			}
			if f.isFor(&req) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%q: got %q, want %q", tt.cmd, got, tt.want)
		}
	}
}

// TestFaultsChanged: SetFaults holds from the next message on, also for sessions that are there.
func TestFaultsChanged(t *testing.T) {
	r := start(t, Config{})
	c := enter(t, r, "demo")
	c.checks()
	r.SetFaults(faults(t, "2502-command"))
	c.do("check", "D:<name>a.com</name>").want(2502)
	if got := r.Faults(); len(got) != 1 || got[0].Kind != Throttle {
		t.Errorf("got %v", got)
	}
	r.SetFaults(nil)
	c.checks()
	if n := r.Counters(); n.Faults["2502-command"] != 1 {
		t.Errorf("counted %v", n.Faults)
	}
	breaches(t, r, Breaches{})
}

// TestFaultBeforeLogin: a client that is not logged in is refused as ever, and no fault counts as
// played.
func TestFaultBeforeLogin(t *testing.T) {
	r := start(t, Config{Faults: faults(t, "close-before;close-after:cmd=check")})
	c := connect(t, r)
	c.greet()
	c.do("check", "D:<name>a.com</name>").want(2002)
	if n := r.Counters(); len(n.Faults) != 0 {
		t.Errorf("counted %v", n.Faults)
	}
}
