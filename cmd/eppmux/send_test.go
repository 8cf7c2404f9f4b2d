package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
	"eppmux/sandbox"
)

// listener answers one connection: greeting, then answer after one message, as raw octets; then it
// closes. What it got is sent on received.
type listener struct {
	net.Listener
	received chan string // the payload of the one message; never closed
}

func listen(t *testing.T, network, where string, config *tls.Config, greeting, answer []byte) *listener {
	t.Helper()
	ln, err := net.Listen(network, where)
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		ln = tls.NewListener(ln, config)
	}
	l := &listener{ln, make(chan string, 1)}
	done := make(chan struct{}) // closed when serve has ended
	go func() {
		defer close(done)
		l.serve(greeting, answer)
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
	return l
}

func (l *listener) serve(greeting, answer []byte) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	c.Write(greeting)
	payload, err := clitest.ReadUnit(c)
	if err != nil {
		return
	}
	l.received <- string(payload)
	c.Write(answer)
	if answer == nil {
		clitest.ReadUnit(c) // until the other side gives up
	}
}

func TestSend(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		raw          bool
		code         int
		out, errs    string
	}{
		{"success", clitest.OKXML, false, 0, `    <result code="1000">`, ""},
		{"raw", clitest.OKXML, true, 0, clitest.OKXML, ""},
		{"refused", clitest.RefusedXML, false, 6, `    <result code="2303">`, ""},
		{"greeting", clitest.GreetingXML, false, 0, "  <greeting>\n", ""},
		{"not EPP", "\x1b[2J", false, 1, "", "eppmux send: the answer is not EPP"},
		{"not EPP, told", "<html>\u009b2J", false, 1, "", "--raw prints it"},
		{"C1 controls", strings.Replace(clitest.OKXML, ">ok<", ">\u009b2Jok\u202e<", 1), false, 0, "<msg>&#x9B;2Jok&#x202E;</msg>", ""},
		{"not EPP, raw", "junk", true, 1, "junk", "the answer is not EPP"},
		{"a command", `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>`, false, 1, "<hello/>", "got a hello that is not its answer"},
	} {
		l := listen(t, "tcp", "127.0.0.1:0", nil, clitest.Unit(clitest.GreetingXML), clitest.Unit(tt.answer))
		args := []string{"send", "--to", l.Addr().String(), fmt.Sprintf("--raw=%v", tt.raw), "-"}
		got := eppmuxWith(t, "<any octets\n", args...)
		if got.code != tt.code || !strings.Contains(got.out, tt.out) || !strings.Contains(got.errs, tt.errs) || (tt.errs == "") != (got.errs == "") {
			t.Errorf("%s: got %+v, want %d %q %q", tt.name, got, tt.code, tt.out, tt.errs)
		}
		if strings.Contains(got.out+got.errs, "\x1b") {
			t.Errorf("%s: got an escape character", tt.name)
		}
		if got := <-l.received; got != "<any octets\n" {
			t.Errorf("%s: got sent %q", tt.name, got)
		}
	}
}

func TestSendOverUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	l := listen(t, "unix", path, nil, clitest.Unit(clitest.GreetingXML), clitest.Unit(clitest.OKXML))
	if got := eppmux(t, "send", "--to", "unix://"+path, "check", "example.com"); got.code != 0 || got.errs != "" {
		t.Errorf("got %+v", got)
	}
	if got := <-l.received; !strings.Contains(got, "<obj:name>example.com</obj:name>") {
		t.Errorf("got sent %q", got)
	}
}

func TestSendOverTLS(t *testing.T) {
	dir := t.TempDir()
	clitest.WritePair(t, dir, "a")
	clitest.WritePair(t, dir, "other")
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		ca   string
		code int
		errs string
	}{
		{"a.pem", 0, ""},
		{"other.pem", 1, "certificate signed by unknown authority"},
		{"a.key", 1, "holds no certificate in PEM"},
		{"missing", 1, "no such file"},
	} {
		l := listen(t, "tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}}, clitest.Unit(clitest.GreetingXML), clitest.Unit(clitest.OKXML))
		got := eppmux(t, "send", "--to", "tls://"+l.Addr().String(), "--ca", filepath.Join(dir, tt.ca), "hello")
		if got.code != tt.code || !strings.Contains(got.errs, tt.errs) {
			t.Errorf("%s: got %+v, want %d %q", tt.ca, got, tt.code, tt.errs)
		}
	}
}

func TestSendFailures(t *testing.T) {
	long := frame.AppendHeader(nil, 16<<20+1)
	for _, tt := range []struct {
		name             string
		greeting, answer []byte
		timeout          string
		want             string
	}{
		{"no greeting", []byte{}, []byte{}, "60s", "greeting: the connection was closed"},
		{"half a greeting", []byte{0, 0, 0, 9, 'x'}, []byte{}, "60s", "greeting: the connection was closed"},
		{"no answer", clitest.Unit(clitest.GreetingXML), []byte{}, "60s", "answer: the connection was closed"},
		{"too short", clitest.Unit(clitest.GreetingXML), []byte{0, 0, 0, 4}, "60s", "answer: data unit: length below 5 octets"},
		{"too long", clitest.Unit(clitest.GreetingXML), long, "60s", "answer: data unit: payload longer than allowed"},
		{"silence", clitest.Unit(clitest.GreetingXML), nil, "50ms", "answer: nothing within 50ms"},
	} {
		l := listen(t, "tcp", "127.0.0.1:0", nil, tt.greeting, tt.answer)
		if len(tt.greeting) < len(clitest.GreetingXML) {
			// The listener waits for a message that does not come: close its end of the connection.
			l = closing(t, tt.greeting)
		}
		got := eppmux(t, "send", "--to", l.Addr().String(), "--timeout", tt.timeout, "hello")
		if got.code != 1 || got.out != "" || !strings.HasPrefix(got.errs, "eppmux send: "+tt.want) {
			t.Errorf("%s: got %+v, want %q", tt.name, got, tt.want)
		}
	}
	l := listen(t, "tcp", "127.0.0.1:0", nil, nil, nil)
	l.Close()
	if got := eppmux(t, "send", "--to", l.Addr().String(), "hello"); got.code != 1 || !strings.Contains(got.errs, "connection refused") {
		t.Errorf("nobody there: got %+v", got)
	}
}

// TestSendOverMutualTLS shows a certificate to a server that demands one.
func TestSendOverMutualTLS(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	r := clitest.StartRegistry(t, made, sandbox.Config{})
	_, file := passwdStand(t, r.Address, made) // for the certificates beside it
	in := func(name string) string { return filepath.Join(filepath.Dir(file), name) }
	open := clitest.WriteFile(t, t.TempDir(), "open.key", string(made.ClientKeyPEM), 0o644)
	for _, tt := range []struct {
		name string
		args []string
		code int
		errs string
	}{
		{"shown", []string{"--cert", in("client.pem"), "--key", in("client.key")}, 0, ""},
		{"none", nil, 1, "the server wants a certificate of ours, see tls.cert_file: remote error: tls: certificate required"},
		{"of others", []string{"--cert", in("client.pem"), "--key", open}, 1, "group or others can reach it"},
		{"swapped", []string{"--cert", in("ca.pem"), "--key", in("client.key")}, 1, "private key does not match"},
		{"missing", []string{"--cert", in("x"), "--key", in("client.key")}, 1, "no such file"},
	} {
		got := eppmux(t, append([]string{"send", "--to", "tls://" + r.Address, "--ca", in("ca.pem"), "hello"}, tt.args...)...)
		if got.code != tt.code || !strings.Contains(got.errs, tt.errs) || (tt.errs == "") != (got.errs == "") {
			t.Errorf("%s: got %+v, want %d, %q", tt.name, got, tt.code, tt.errs)
		}
	}
}

// closing writes some octets to one connection and closes it.
func closing(t *testing.T, octets []byte) *listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		c, err := ln.Accept()
		if err == nil {
			c.Write(octets)
			c.Close()
		}
	}()
	return &listener{Listener: ln}
}

func TestSendUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--to", "localhost", "hello"}, "eppmux send: --to: "},
		{[]string{"--timeout", "0s", "hello"}, "eppmux send: --timeout: must be above 0"},
		{[]string{"--timeout", "soon", "hello"}, "invalid argument"},
		{[]string{"--ca", "x", "hello"}, "eppmux send: --ca: is for tls:// only"},
		{[]string{"--cert", "x", "--key", "x", "hello"}, "eppmux send: --cert: is for tls:// only"},
		{[]string{"--cert", "x", "--to", "tls://a:1", "hello"}, "eppmux send: --cert and --key go together"},
		{[]string{"--key", "x", "--to", "tls://a:1", "hello"}, "eppmux send: --cert and --key go together"},
		{[]string{"--config", "x", "hello"}, "eppmux send: --config: is for --direct only"},
		{[]string{"--registry", "x", "hello"}, "eppmux send: --registry: is for --direct only"},
		{[]string{"--direct", "--to", "127.0.0.1:1", "hello"}, "eppmux send: --to: does not go with --direct"},
		{[]string{"--direct", "--cert", "x", "hello"}, "eppmux send: --cert: does not go with --direct"},
		{[]string{"--direct", "--config", "/nonexistent/c.yaml", "hello"}, "open /nonexistent/c.yaml: "},
		{[]string{"--interval", "1s", "hello"}, "eppmux send: --interval: is for --repeat only"},
		{[]string{"--repeat", "2", "--interval", "-1s", "hello"}, "eppmux send: --interval: must not be below 0"},
		{[]string{"--repeat", "2", "--raw", "hello"}, "eppmux send: --raw: does not go with --repeat"},
		{[]string{"--repeat", "0", "hello"}, "eppmux send: --repeat: must be 1 to 100000, got 0"},
		{[]string{"--repeat", "100001", "hello"}, "eppmux send: --repeat: must be 1 to 100000, got 100001"},
		{[]string{"--repeat", "2", "poll", "ack", "1"}, "eppmux send: --repeat: is for queries only"},
		{[]string{"check"}, "eppmux send: check needs a name"},
		{[]string{"--what"}, "unknown flag"},
	} {
		if got := eppmux(t, append([]string{"send"}, tt.args...)...); got.code != 2 || !strings.Contains(got.errs, tt.want) || got.out != "" {
			t.Errorf("%q: got %+v, want %q", tt.args, got, tt.want)
		}
	}
	if got := eppmux(t, "send", "/nonexistent/file"); got.code != 1 || !strings.Contains(got.errs, "no such file") {
		t.Errorf("missing file: got %+v", got)
	}
}
