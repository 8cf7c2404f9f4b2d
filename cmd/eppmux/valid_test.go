package main

import (
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
	"eppmux/sandbox"
)

// validate holds payloads against the schemas of the RFCs, at least so many of them that differ. The
// schemas are a part of the test of their own, which alone is skipped where they are not there.
func validate(t *testing.T, atLeast int, payloads []string) {
	t.Helper()
	if payloads = slices.Compact(slices.Sorted(slices.Values(payloads))); len(payloads) < atLeast {
		t.Errorf("got %d documents, want %d at least: %q", len(payloads), atLeast, payloads)
	}
	t.Run("schemas", func(t *testing.T) { lint(t, payloads) })
}

// lint has xmllint hold payloads against the schemas.
func lint(t *testing.T, payloads []string) {
	t.Helper()
	schema := filepath.Join(root, "..", "shared", "schemas", "all.xsd")
	if _, err := os.Stat(schema); err != nil {
		lacking(t, "the schemas of the RFCs, to hold what is sent against", err)
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		lacking(t, "xmllint", err)
	}
	dir := t.TempDir()
	args := []string{"--noout", "--nonet", "--schema", schema}
	for i, p := range payloads {
		args = append(args, clitest.WriteFile(t, dir, strconv.Itoa(i)+".xml", p, 0o600))
	}
	out, err := exec.Command("xmllint", args...).CombinedOutput()
	if err == nil {
		return
	}
	t.Errorf("%v\n%s", err, out)
	for line := range strings.Lines(string(out)) {
		if file, why, ok := strings.Cut(line, ":"); ok && strings.Contains(why, "error") {
			doc, _ := os.ReadFile(file)
			t.Errorf("%s%s", why, doc)
		}
	}
}

// note is a registry that takes all, and keeps what came.
type note struct {
	address string
	more    chan struct{} // holds a token when something has come; never closed

	mu   sync.Mutex
	came []string // guarded by mu
}

// startNote runs a note until the test ends. It offers RFC 8807.
func startNote(t *testing.T, made *sandbox.TLS) *note {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", made.ServerMutual)
	if err != nil {
		t.Fatal(err)
	}
	n := &note{address: ln.Addr().String(), more: make(chan struct{}, 1)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { n.talk(conn) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		all.Wait()
	})
	return n
}

// talk ends when the client closes the connection.
func (n *note) talk(conn net.Conn) {
	defer conn.Close()
	greeting := clitest.Unit(parrotGreeting)
	conn.Write(greeting)
	for {
		payload, err := clitest.ReadUnit(conn)
		if err != nil {
			return
		}
		n.mu.Lock()
		n.came = append(n.came, string(payload))
		n.mu.Unlock()
		select {
		case n.more <- struct{}{}:
		default:
		}
		if strings.Contains(string(payload), "<hello/>") {
			conn.Write(greeting)
			continue
		}
		conn.Write(clitest.AnswerTo(payload, 1000, "ok"))
	}
}

// all is what has come.
func (n *note) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.came)
}

// wait waits until a message with that text has come.
func (n *note) wait(p *program, text string) {
	p.t.Helper()
	for !strings.Contains(strings.Join(n.all(), ""), text) {
		select {
		case <-n.more:
		case <-p.ended:
			p.t.Fatalf("eppmux has ended before it sent %s:\n%s", text, p.log.Text())
		}
	}
}

// sendWords are arguments of send for messages that it builds.
var sendWords = [][]string{
	{"check", "example.com"}, {"check", "example.com", "b.example", "xn--bcher-kva.example"}, {"check", "host:ns1.example.com", "host:ns2.example.com"},
	{"check", "contact:ALICE", "contact:B&B <1>"}, {"info", "example.com"}, {"info", "domain:a&b.example"}, {"info", "host:ns1.example.com"},
	{"info", "contact:A'\"B"}, {"poll"}, {"poll", "req"}, {"poll", "ack", "12345"}, {"poll", "ack", `a"b<c>&'d`}, {"hello"},
}

// TestSentIsValid holds against the schemas all that eppmux sends to a registry of its own accord
// (login, keepalive, logout, changes of the password) and what send builds, as it is and as it goes
// on to the registry.
func TestSentIsValid(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	var built []string
	for _, words := range sendWords {
		payload, err := buildPayload(words, strings.NewReader(""))
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		built = append(built, string(payload))
	}
	validate(t, len(sendWords)-1, built) // poll and poll req are the same

	for _, tt := range []struct{ name, password, keepalive, sends string }{
		{"short, poll", `a&b<c>"d'e`, "poll", `standalone="no"?>` + "\n" + `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><poll op="req"/>`},
		{"long, hello", secretPassword, "hello", "<hello/>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := startNote(t, made)
			config, _ := passwdStand(t, n.address, made)
			folder := filepath.Dir(config)
			text, err := os.ReadFile(config)
			if err != nil {
				t.Fatal(err)
			}
			more := "    sessions: {min: 1, max: 1, keepalive: 1s, keepalive_command: " + tt.keepalive + "}\n    clients: {max: 50}\nadmin: {listen: \"\"}\n"
			clitest.WriteFile(t, folder, "c.yaml", strings.Replace(string(text), "unix:///a", "tcp://127.0.0.1:0", 1)+more, 0o600)
			clitest.WriteFile(t, folder, "pw", tt.password+"\n", 0o600)
			p := startProgram(t, "serve", "--config", config)
			to := p.find(`msg=listening .*listener=tcp://(\S+)`)
			for i, words := range sendWords {
				if got := eppmux(t, append([]string{"send", "--to", to}, words...)...); got.code != 0 {
					t.Errorf("%q: got %+v", words, got)
				}
				// Also with a clTRID, which is part of ours.
				file := clitest.WriteFile(t, folder, "own.xml", strings.Replace(built[i], "</command>", "<clTRID>A&amp;B-1 <![CDATA[<]]></clTRID></command>", 1), 0o600)
				if got := eppmux(t, "send", "--to", to, file); got.code != 0 {
					t.Errorf("%q: got %+v", words, got)
				}
			}
			sent := len(n.all())
			n.wait(p, tt.sends)
			p.end()
			for _, next := range []string{"new-&<>\"'", "new-" + secretPassword} {
				if got := eppmuxWith(t, next, "passwd", "--config", config); got.code != 0 {
					t.Errorf("passwd: got %+v", got)
				}
			}
			came := n.all()
			for _, want := range []string{"<login>", "<newPW>", "<loginSec:newPW>", "<logout/>", tt.sends, "<poll op=\"ack\"", "<obj:check", "<obj:info"} {
				if !slices.ContainsFunc(came, func(s string) bool { return strings.Contains(s, want) }) {
					t.Errorf("nothing with %s came", want)
				}
			}
			if got := strings.Contains(came[0], "<loginSec:pw>"); got != (tt.password == secretPassword) {
				t.Errorf("got a login %s", came[0])
			}
			for _, payload := range came {
				if m, err := frame.NewScanner().Scan([]byte(payload)); err != nil || m.Kind == frame.KindCommand && !m.ClTRID.Present() {
					t.Errorf("got %v, or no clTRID, in %s", err, payload)
				}
			}
			if once := regexp.MustCompile(`<clTRID>[^<]*`).FindAllString(strings.Join(came, ""), -1); len(slices.Compact(slices.Sorted(slices.Values(once)))) != len(once) {
				t.Errorf("got a clTRID twice in %q", once)
			}
			validate(t, sent, came)
		})
	}
}
