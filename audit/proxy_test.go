package audit_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eppmux/audit"
	"eppmux/frame"
	"eppmux/loop/gnetloop"
	"eppmux/proxy"
	"eppmux/sandbox"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// service is a proxy in front of a sandbox, with an audit log on a disk that can be stuck.
type service struct {
	t        *testing.T
	socket   string
	file     string
	log      *audit.Log
	disk     *audit.StuckDisk
	registry *sandbox.Registry
}

func serve(t *testing.T, record pool.Record) *service {
	t.Helper()
	dir := t.TempDir()
	s := &service{t: t, socket: filepath.Join(dir, "s"), file: filepath.Join(dir, "audit.jsonl")}
	s.log, s.disk = audit.OpenOn(t, audit.Config{File: s.file})
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.registry = sandbox.New(sandbox.Config{})
	served := make(chan error, 1) // the one result of Serve
	go func() { served <- s.registry.Serve(tls.NewListener(ln, certs.ServerMutual)) }()
	l, err := gnetloop.New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	account := upstream.NewAccount(upstream.Config{
		Name: "test", Address: ln.Addr().String(), TLS: certs.Client, Audit: s.log,
		Login: frame.Login{ClientID: "demo", Password: "demo-secret", Language: "en"},
		Pool: pool.Config{Grant: pool.Grant{MinSessions: 3, MaxSessions: 3}, QueueTimeout: 20 * time.Second,
			CommandTimeout: 20 * time.Second, KeepaliveCommand: frame.CommandHello, Record: record},
	}, l)
	p := proxy.New(proxy.Config{Listeners: []proxy.Listener{{Address: "unix://" + s.socket, Mode: 0o600}}}, account)
	if err := p.Listen(); err != nil {
		t.Fatal(err)
	}
	account.Start()
	p.Serve()
	t.Cleanup(func() {
		s.disk.Unstick()
		p.Close()
		account.Close()
		if err := l.Stop(); err != nil {
			t.Errorf("close: %v", err)
		}
		if err := s.registry.Close(); err != nil {
			t.Errorf("close sandbox: %v", err)
		}
		<-served
		_ = s.log.Close(time.Minute)
	})
	return s
}

// client is one connection.
type client struct {
	t  *testing.T
	nc net.Conn
}

func (s *service) dial() *client {
	s.t.Helper()
	nc, err := net.Dial("unix", s.socket)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	c := &client{s.t, nc}
	c.read()
	return c
}

func (c *client) read() string {
	c.t.Helper()
	_ = c.nc.SetReadDeadline(time.Now().Add(60 * time.Second))
	var head [4]byte
	if _, err := io.ReadFull(c.nc, head[:]); err != nil {
		c.t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(c.nc, b); err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

func (c *client) ask(verb, name string) string {
	c.t.Helper()
	inner := ""
	if verb == "create" {
		inner = "<d:authInfo><d:pw>secret-1</d:pw></d:authInfo>"
	}
	payload := `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><` + verb + `><d:` + verb + ` xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>` +
		name + `</d:name>` + inner + `</d:` + verb + `></` + verb + `><clTRID>C-` + name + `</clTRID></command></epp>`
	if _, err := c.nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4)), payload...)); err != nil {
		c.t.Fatal(err)
	}
	return c.read()
}

func (c *client) want(verb, name, code, words string) {
	c.t.Helper()
	if a := c.ask(verb, name); !strings.Contains(a, `code="`+code+`"`) || !strings.Contains(a, words) {
		c.t.Errorf("%s %s: got %s, want %s %s", verb, name, a, code, words)
	}
}

// TestStuckDiskServes: while the disk is stuck queries go on, transforms as the policy says, and no
// client waits for longer than a note may take (faults.md row 34).
func TestStuckDiskServes(t *testing.T) {
	for name, record := range map[string]pool.Record{"block": pool.RecordAlways, "warn": pool.RecordIfCan} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, record)
			c, q := s.dial(), s.dial()
			c.want("create", "before.example", "1000", "C-before.example")
			s.disk.Stick()
			stuck := make(chan struct{}) // closed when the transforms have ended
			go func() {
				defer close(stuck)
				for _, name := range []string{"one.example", "two.example", "three.example"} {
					if record == pool.RecordAlways {
						c.want("create", name, "2400", "not sent to registry; safe to retry; the audit log cannot be written")
					} else {
						c.want("create", name, "1000", "C-"+name)
					}
				}
			}()
			began, slowest, queries := time.Now(), time.Duration(0), 0
			for waiting := true; waiting; queries++ {
				select {
				case <-stuck:
					waiting = false
				default:
				}
				asked := time.Now()
				q.want("check", "any.example", "1000", "any.example")
				slowest = max(slowest, time.Since(asked))
			}
			// Two notes could take a second each; of these three only the first does, and
			// no query any of it.
			if all := time.Since(began); slowest > all*3/4 || queries < 5 {
				t.Errorf("%d queries, the slowest took %v of %v", queries, slowest, all)
			}
			s.disk.Unstick()
			for range 1000 { // the log finds out by itself
				if a := c.ask("create", "after.example"); strings.Contains(a, `code="1000"`) {
					break
				}
			}
			wantExecuted := record != pool.RecordAlways
			for _, name := range []string{"before.example", "one.example", "after.example"} {
				if got := strings.Contains(c.ask("info", name), `code="1000"`); got != (wantExecuted || name != "one.example") {
					t.Errorf("%s: registered: %v", name, got)
				}
			}
			s.wantStories(map[bool]string{true: "answered", false: "not_sent"}[wantExecuted])
		})
	}
}

// wantStories: every command of the test has its end in the log, those from when the disk was stuck
// too.
func (s *service) wantStories(stuck string) {
	s.t.Helper()
	if err := s.log.Close(time.Minute); err != nil {
		s.t.Error(err)
	}
	r, err := audit.OpenLog(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	ends := map[string]string{}
	var j audit.Joiner
	for {
		raw, l, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			s.t.Fatal(err)
		}
		if story := j.Add(raw, l); story != nil {
			ends[story.Names[0]] = story.End
		}
	}
	for name, want := range map[string]string{"before.example": "answered", "one.example": stuck, "two.example": stuck, "three.example": stuck, "after.example": "answered"} {
		if ends[name] != want {
			s.t.Errorf("%s: got %q, want %q", name, ends[name], want)
		}
	}
	if rest := j.Rest(); len(rest) > 0 {
		s.t.Errorf("without an end: %+v", rest)
	}
}
