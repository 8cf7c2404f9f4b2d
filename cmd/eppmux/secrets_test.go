package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
	"eppmux/proxy"
	"eppmux/sandbox"
)

// secretPassword is eppmux's own. It has what quoting and escaping change, and needs RFC 8807.
const secretPassword = clitest.Canary + `"&'<99> is long`

// TestSecretForms: the search finds what it is there to find.
func TestSecretForms(t *testing.T) {
	text := "some " + clitest.Canary + "42 text"
	for _, shown := range []string{
		text, fmt.Sprintf("%q", text), fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), fmt.Sprintf("% x", text), fmt.Sprint([]byte(text)),
		fmt.Sprintf("%#v", []byte(text)), fmt.Sprintf("%+q", text), inUTF16(text, 0), inUTF16(text, 1), fmt.Sprintf("%q", inUTF16(text, 0)),
		clitest.References(text, "&#%d;"), clitest.References(text, "&#x%x;"), clitest.References(text, "%%%02X"), clitest.References(text, "\\u%04x"), text[:12], text[9:],
		"0x3766372d59724166, 0x372d5972416e4163", // octets of it in registers
	} {
		if clitest.FindSecret(shown) == "" {
			t.Errorf("not found in %q", shown)
		}
	}
	for i := range 3 {
		for _, encoding := range []string{base64Of(text[i:]), base64Of("user:" + text)} {
			if clitest.FindSecret(encoding) == "" {
				t.Errorf("not found in %s", encoding)
			}
		}
	}
	if got := clitest.FindSecret("M0123456789ABC-SAFE-1 0xc0007f3d20 demo-secret can any"); got != "" {
		t.Errorf("found %s", got)
	}
}

// TestSecrets lets a real eppmux, in both formats of its log and at the level debug, meet every
// spelling of every secret, with registries that repeat them and break off in every way. Nothing
// that any process prints or shows may have one.
func TestSecrets(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			testSecrets(t, format)
		})
	}
}

func testSecrets(t *testing.T, format string) {
	s := newSecretStand(t, format)
	s.mux.find(`(session opened.{1,20}fickle)`)
	s.mux.find(`(session opened.{1,20}parrot)`)
	for _, document := range []int{0, secretCommand} { // first of all: complaints are limited
		s.send(s.listeners[3], secretUnit(s.random, document, 0, secretTexts[0]))
	}
	s.tell()
	// On a slow machine many wait in vain: then some more, until each way to answer has been taken.
	for end := time.Now().Add(time.Minute); s.parrot.heard.Load() < parrotEvery*parrotWays; {
		if time.Now().After(end) {
			t.Fatalf("got %d commands at the registry", s.parrot.heard.Load())
		}
		s.send(s.listeners[1], secretUnit(s.random, s.random.IntN(len(secretDocuments)), 0, secretTexts[0]))
	}
	s.garbage()
	s.reload()
	shown := s.get("/metrics") + s.get("/healthz") + s.get("/readyz") + s.get("/?pw="+clitest.Canary)
	if !strings.Contains(shown, "eppmux_commands_total") || !strings.Contains(shown, "result code 2200") {
		t.Errorf("got %s, want metrics, and what the registry says", shown)
	}
	// A dump of all stacks, as of a crash.
	if err := s.mux.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-s.mux.ended
	log := s.mux.log.Text()
	// It has had much to say.
	for _, want := range []string{"a client's login lists services", "outcome of a transform is unknown", "session could not be opened", "[redacted]",
		"out of step", "does not parse", "registry ends a session by its answer", "client closed for a fault of its own", "client's login refused", "command before login refused", "reload refused", "SIGQUIT", "goroutine "} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q", want)
		}
	}
	for name, text := range map[string]string{"eppmux": log, "admin listener": shown, "sandbox": s.registry.end()} {
		if found := clitest.FindSecret(text); found != "" {
			t.Errorf("%s shows %s", name, found)
		}
	}
}

// secretStand is eppmux with four registries: a sandbox with faults, one that repeats what it
// hears, one that does so when it refuses the login, and one where clients must log in.
type secretStand struct {
	t         *testing.T
	random    *rand.Rand
	config    string
	registry  *program
	parrot    *parrot
	mux       *program
	listeners []string // tcp, host:port
	secure    string   // tls
	admin     string
}

// secretFaultsAtRegistry comes upon about every third command.
const secretFaultsAtRegistry = "close-after:every=17;half:every=19;garbage:every=23;wrong-cltrid:every=29;greeting:every=31;bad-length=4:every=37;" +
	"2500-close:every=41;x5xx=2502:every=43;no-cltrid:every=11;duplicate:every=47;reset:every=53;2002:every=59;2201:every=61"

func newSecretStand(t *testing.T, format string) *secretStand {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	dir, certs := t.TempDir(), t.TempDir()
	s := &secretStand{t: t, random: rand.New(rand.NewPCG(8807, uint64(len(format))))}
	s.registry = startProgram(t, "sandbox", "--listen", "127.0.0.1:0", "--sessions", "20", "--tls", certs, "--mutual", "--seed", "1",
		"--account", "demo="+secretPassword, "--faults", secretFaultsAtRegistry)
	for name, pem := range map[string][]byte{"ca.pem": made.CAPEM, "client.pem": made.ClientCertPEM, "client.key": made.ClientKeyPEM,
		"listener.pem": made.ServerCertPEM, "listener.key": made.ServerKeyPEM} {
		clitest.WriteFile(t, dir, name, string(pem), 0o600)
	}
	clitest.WriteFile(t, dir, "password", secretPassword+"\n", 0o600)
	s.parrot = startParrot(t, made, false)
	text := ""
	for _, r := range []struct{ name, address, certs string }{
		{"fickle", s.registry.find(`(?m)^listening on tls://(\S+)$`), certs},
		{"parrot", s.parrot.address, dir},
		{"refusing", startParrot(t, made, true).address, dir},
	} {
		text += fmt.Sprintf(`
  - name: %s
    listen: ["tcp://127.0.0.1:0", "tls://127.0.0.1:0"]
    address: %q
    tls: {ca_file: %q, cert_file: %q, key_file: %q}
    login: {client_id: demo, password_file: password}
    sessions: {max: 20}
    timeouts: {command: 2s, queue: 400ms, greeting: 2s}
    clients: {max: 100, tls: {cert_file: listener.pem, key_file: listener.key}}
`, r.name, r.address, filepath.Join(r.certs, "ca.pem"), filepath.Join(r.certs, "client.pem"), filepath.Join(r.certs, "client.key"))
	}
	hash, err := proxy.HashPassword(secretPassword, proxy.HashIterationsMin)
	if err != nil {
		t.Fatal(err)
	}
	text += fmt.Sprintf(`
  - name: verifying
    listen: ["tcp://127.0.0.1:0"]
    address: sandbox
    clients: {max: 100, login: verify, users: [{client_id: demo, password_hash: %q}]}
`, hash.Encode())
	s.config = clitest.WriteFile(t, dir, "c.yaml", "log: {level: debug, format: "+format+"}\nadmin: {listen: \"127.0.0.1:0\"}\nregistries:"+text, 0o600)
	s.mux = startProgram(t, "serve", "--config", s.config)
	s.mux.find(`(eppmux serves)`)
	log := s.mux.log.Text()
	for _, m := range regexp.MustCompile(`(tcp|tls)://(127[0-9.:]+)`).FindAllStringSubmatch(log, -1) {
		if m[1] == "tcp" {
			s.listeners = append(s.listeners, m[2])
		} else {
			s.secure = m[2]
		}
	}
	s.admin = s.mux.find(`admin listening.*?(127[0-9.:]+)`)
	if len(s.listeners) != 4 || s.secure == "" {
		t.Fatalf("got listeners %q and %s in\n%s", s.listeners, s.secure, log)
	}
	return s
}

// tell sends every document with every fault, each to a registry and in spellings of the
// generator's choice.
func (s *secretStand) tell() {
	work := make(chan [2]string) // listener and octets; closed when there are no more
	var all sync.WaitGroup
	for range 48 {
		all.Go(func() {
			for w := range work {
				s.send(w[0], w[1])
			}
		})
	}
	for i := range secretDocuments {
		for fault := range secretFaults {
			for _, text := range secretTexts {
				// The registry that refuses gets few: each waits until the queue's timeout.
				to := s.listeners[s.random.IntN(2)]
				if s.random.IntN(50) == 0 {
					to = s.listeners[2]
				}
				if s.random.IntN(4) == 0 {
					to = s.listeners[3]
				}
				work <- [2]string{to, secretUnit(s.random, i, fault, text)}
			}
		}
	}
	close(work)
	all.Wait()
}

// send is one client, which takes what comes until there is an answer, or silence.
func (s *secretStand) send(to, octets string) {
	conn, err := net.Dial("tcp", to)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := clitest.ReadUnit(conn); err != nil {
		return
	}
	if _, err := io.WriteString(conn, octets); err != nil {
		return
	}
	if whole, err := frame.Size([]byte(octets), len(octets)); whole == 0 || err != nil {
		conn.(*net.TCPConn).CloseWrite() // there is no answer, or none but the last
	}
	_, _ = clitest.ReadUnit(conn)
}

// garbage sends what is not EPP, to every kind of listener.
func (s *secretStand) garbage() {
	for _, to := range append([]string{s.secure, s.admin}, s.listeners...) {
		for _, text := range []string{
			"GET /?pw=" + clitest.Canary + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " + base64Of("demo:"+clitest.Canary) + "\r\n\r\n",
			"POST /metrics HTTP/1.1\r\nHost: " + clitest.Canary + "\r\n" + clitest.Canary + "\r\n\r\n",
			clitest.Canary + " / HTTP/9\r\n\r\n",
			"\x16\x03\x01\x00\x20" + clitest.Canary + clitest.Canary + clitest.Canary,
		} {
			conn, err := net.Dial("tcp", to)
			if err != nil {
				s.t.Error(err)
				continue
			}
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.WriteString(conn, text)
			conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}
	// Nor may a handshake show one: in the name, the protocols, or the reason of its end.
	told := regexp.MustCompile(`handshake.*remote error`)
	for deadline := time.Now().Add(time.Minute); !told.MatchString(s.mux.log.Text()); {
		// a flood is told of in part only
		if time.Now().After(deadline) {
			s.t.Fatal("the log says nothing of a failed handshake")
		}
		conn, err := tls.Dial("tcp", s.secure, &tls.Config{ServerName: clitest.Canary + ".example", NextProtos: []string{clitest.Canary}})
		if err == nil {
			conn.Close()
			s.t.Error("got a connection, want a client that does not trust the certificate")
		}
		select {
		case <-s.mux.log.More:
		case <-time.After(time.Second):
		}
	}
}

// reload makes eppmux read a file with secrets in all the wrong places.
func (s *secretStand) reload() {
	text, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	bad := strings.Replace(string(text), "password_file: password", "password: ["+clitest.Canary+"], pasword: "+clitest.Canary, 1)
	bad = strings.Replace(bad, "admin:", "passwords: {demo: "+clitest.Canary+"}\nadmin:", 1)
	clitest.WriteFile(s.t, filepath.Dir(s.config), "c.yaml", bad, 0o600)
	if err := s.mux.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
	s.mux.find(`(reload refused)`)
}

// get reads a page of the admin listener.
func (s *secretStand) get(path string) string {
	s.t.Helper()
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + s.admin + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}
