package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/sandbox"
)

// These tests run the programs of docs/examples as they are, against eppmux before a sandbox, and against a gateway
// that answers as a test wants. What a machine may lack makes a test skip, unless CI is set.

// exampleProgram is one program of docs/examples.
type exampleProgram struct {
	name    string
	command []string // in docs/examples; the first word is what the machine has to have
	more    []string // what it has to have besides
}

var examplePrograms = []exampleProgram{
	{"sh", []string{"sh", "order.sh"}, []string{"curl", "jq", "awk"}},
	{"Python", []string{"python3", "order.py"}, nil},
	{"PHP", []string{"php", "order.php"}, nil},
	{"Node", []string{"node", "order.mjs"}, nil},
	{"Go", []string{"go"}, nil},
}

// goExample builds the example in Go, once for all tests, into a folder that ends with them. "go run" would not give its
// exit code.
var goExample = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv("STATE_DIRECTORY"), "order")
	out, err := exec.Command("go", "build", "-o", path, root+"/docs/examples/go").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// need ends the test where the machine lacks what the program needs.
func (e *exampleProgram) need(t *testing.T) {
	t.Helper()
	for _, name := range append([]string{e.command[0]}, e.more...) {
		if _, err := exec.LookPath(name); err != nil {
			lacking(t, name, err)
		}
	}
}

// run runs the program before a gateway. It returns the exit code and what was printed.
func (e *exampleProgram) run(t *testing.T, gateway, token string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), programTimeout)
	defer cancel()
	words := append(slices.Clone(e.command), args...)
	if words[0] == "go" {
		path, err := goExample()
		if err != nil {
			t.Error(err)
			return result{}
		}
		words[0] = path
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = filepath.Join(root, "docs", "examples")
	cmd.Env = append(os.Environ(), "EPPMUX_URL="+gateway, "EPPMUX_TOKEN="+token, "EPPMUX_REGISTRY=a", "DOMAIN_PASSWORD="+clitest.Canary,
		"no_proxy=*", "PYTHONDONTWRITEBYTECODE=1")
	cmd.WaitDelay = 10 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("%q: %v", cmd.Args, err)
		return result{}
	}
	if found := clitest.FindSecret(out.String() + errs.String()); found != "" {
		t.Errorf("%q prints %s", cmd.Args, found)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// TestExamples: each program checks, registers and renews, and each order is carried out once, also where the first
// answer is lost, and where the program is run again.
func TestExamples(t *testing.T) {
	for _, e := range examplePrograms {
		t.Run(e.name, func(t *testing.T) {
			e.need(t)
			t.Parallel()
			st := newExampleStand(t)
			l := st.loser("/api/epp/")
			names := []string{"free-one.example", "sold.example", "free-two.example"}
			st.gateway.create("sold.example", "before").want(t, "sold.example", 200, "answered", 1000, false)
			got := e.run(t, st.url, st.gateway.token, append([]string{"check"}, names...)...)
			lines := strings.Split(strings.TrimSpace(got.out), "\n")
			slices.Sort(lines)
			if got.code != 0 || got.errs != "" || strings.Join(lines, ", ") != "free-one.example free, free-two.example free, sold.example taken" {
				t.Errorf("check: got %+v", got)
			}
			if got := e.run(t, st.url, "epx_wrong", "check", "free.example"); got.code != 1 || !strings.Contains(got.errs, "credentials") {
				t.Errorf("check as nobody: got %+v", got)
			}
			done := func(what string, args ...string) result {
				t.Helper()
				got := e.run(t, l.url, st.gateway.token, args...)
				if got.code != 0 || !strings.Contains(got.out, " is done, until 20") {
					t.Errorf("%s: got %+v", what, got)
				}
				return got
			}
			first := done("create", "create", "free-one.example", "order-1")
			if again := done("create again", "create", "free-one.example", "order-1"); again.out != first.out {
				t.Errorf("run again: got %+v, want %+v", again, first)
			}
			_, until, _ := strings.Cut(first.out, " until ")
			expires, _, _ := strings.Cut(until, "T")
			l.lose()
			done("renew", "renew", "free-one.example", expires, "order-2")
			if got := e.run(t, l.url, st.gateway.token, "create", "sold.example", "order-3"); got.code != 1 || !strings.Contains(got.errs, "was refused") {
				t.Errorf("create of what is taken: got %+v", got)
			}
			counters := st.registry.Counters()
			if counters.Executed["create"] != 2 || counters.Executed["renew"] != 1 || counters.Commands["renew"] != 1 || counters.Commands["create"] != 3 {
				t.Errorf("the registry carried out %v of %v", counters.Executed, counters.Commands)
			}
			if lost := l.lost(); lost != 2 {
				t.Errorf("%d answers were lost, want 2", lost)
			}
		})
	}
}

// exampleStand is eppmux with a gateway before a registry.
type exampleStand struct {
	t        *testing.T
	registry *clitest.Registry
	gateway  *gatewayProgram
	url      string
}

func newExampleStand(t *testing.T) *exampleStand {
	t.Helper()
	made := clitest.NewTLS(t)
	dir := t.TempDir()
	st := &exampleStand{t: t, registry: clitest.StartRegistry(t, made, sandbox.Config{MaxSessions: 1})}
	clitest.WriteFile(t, dir, "ca.pem", string(made.CAPEM), 0o600)
	clitest.WriteFile(t, dir, "c.pem", string(made.ClientCertPEM), 0o600)
	clitest.WriteFile(t, dir, "c.key", string(made.ClientKeyPEM), 0o600)
	token, _, _ := strings.Cut(eppmux(t, "hash", "--token").out, "\n")
	file := clitest.WriteFile(t, dir, "c.yaml", fmt.Sprintf("admin: {listen: \"\"}\nstate: {dir: %q}\nregistries: [{name: a, address: %q, listen: [%q], "+
		"login: {client_id: demo, password: demo-secret}, tls: {ca_file: ca.pem, cert_file: c.pem, key_file: c.key}, sessions: {max: 1}, clients: {max: 50}, zones: [example]}]\n"+
		"gateway: {listen: [\"tcp://127.0.0.1:0\"], users: [{name: shop, token_hash: %s}]}\n",
		t.TempDir(), st.registry.Address, "unix://"+filepath.Join(dir, "epp"), config.TokenHash(token)), 0o600)
	p := startProgram(t, "serve", "--config", file)
	st.url = "http://" + p.find(`msg="listening for HTTP".* listener=tcp://(\S+)`)
	p.find(`(msg="eppmux serves")`)
	address := strings.TrimPrefix(st.url, "http://")
	st.gateway = &gatewayProgram{p, &http.Client{Timeout: programTimeout, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}}}, token}
	return st
}

// loser is a proxy that loses answers.
type loser struct {
	url   string
	under string // path of the requests whose answers are lost

	mu    sync.Mutex
	next  bool // the next answer is lost
	count int
}

// loser starts one before the gateway, which loses the first answer to a request under a path.
func (st *exampleStand) loser(under string) *loser {
	st.t.Helper()
	to, err := url.Parse(st.url)
	if err != nil {
		st.t.Fatal(err)
	}
	l := &loser{under: under, next: true}
	p := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, ModifyResponse: func(r *http.Response) error {
		if !l.loses(r.Request.URL.Path) {
			return nil
		}
		_, _ = io.Copy(io.Discard, r.Body) // the gateway has answered
		return errors.New("lost")
	}, ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}
	s := httptest.NewServer(p)
	st.t.Cleanup(s.Close)
	l.url = s.URL
	return l
}

func (l *loser) loses(path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.next || !strings.HasPrefix(path, l.under) {
		return false
	}
	l.next = false
	l.count++
	return true
}

// lose lets the next answer be lost.
func (l *loser) lose() {
	l.mu.Lock()
	l.next = true
	l.mu.Unlock()
}

func (l *loser) lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// TestExamplesObeyTheOutcome: what is not sent is repeated after the time that the gateway says, with the same key
// and body; what stays unknown is repeated too, and ends with a word to a person; what the gateway refuses is not
// repeated, but is no end where an earlier try may have been carried out.
func TestExamplesObeyTheOutcome(t *testing.T) {
	const (
		good    = `200 {"outcome":"answered","code":1000,"data":{"name":"x.example","exDate":"2030-01-01T00:00:00Z"}}`
		pending = `200 {"outcome":"answered","code":1001,"data":{"name":"x.example"}}`
		later   = `503 {"outcome":"not_sent","retryAfter":2}`
		soon    = `409 {"outcome":"refused","retryAfter":1}`
		unknown = `500 {"outcome":"unknown"}`
		strange = `502 <html>bad gateway</html>`
		garbled = `502 {"outcome":"answered"}`
		refused = `401 {"outcome":"refused","detail":"who are you"}`
		taken   = `409 {"outcome":"answered","code":2302,"detail":"Object exists"}`
	)
	cases := []struct {
		script []string // answers; the last one is repeated
		code   int
		asked  int
		says   string
	}{
		{[]string{later, soon, good}, 0, 3, "x.example is done, until 2030-01-01"},
		{[]string{unknown, strange, pending}, 0, 3, "x.example is done, until the date that the registry tells later"},
		{[]string{garbled, refused, taken}, 1, 3, "x.example was refused: Object exists"},
		{[]string{refused}, 1, 1, "x.example was refused: who are you"},
		{[]string{later}, 3, 4, "x.example was not sent"},
		{[]string{strange, refused}, 2, 4, "x.example is unknown: look at the registry. The order is order-1"},
	}
	for _, e := range examplePrograms {
		t.Run(e.name, func(t *testing.T) {
			e.need(t)
			t.Parallel()
			var all sync.WaitGroup // of programs that nearly always wait
			for _, tt := range cases {
				all.Go(func() {
					s := startScripted(t, tt.script)
					got := e.run(t, s.url, "", "create", "x.example", "order-1")
					if got.code != tt.code || !strings.Contains(got.out+got.errs, tt.says) || (tt.code == 0) != (got.errs == "") {
						t.Errorf("%q: got %+v, want %d, %q", tt.script, got, tt.code, tt.says)
					}
					s.judge(t, tt.asked)
				})
			}
			all.Wait()
		})
	}
}

// scripted is a gateway that answers by a script.
type scripted struct {
	url     string
	answers []string

	mu    sync.Mutex
	asked []string // key and body of each request
	times []time.Time
}

func startScripted(t *testing.T, answers []string) *scripted {
	t.Helper()
	s := &scripted{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(bufio.NewReader(r.Body))
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.answers[min(len(s.asked), len(s.answers)-1)]
	s.asked = append(s.asked, r.Header.Get("Idempotency-Key")+" "+string(body))
	s.times = append(s.times, time.Now())
	status := 0
	fmt.Sscan(answer, &status)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer[4:])
}

// judge wants that many requests, all the same, and the second not before the time that the first answer said.
func (s *scripted) judge(t *testing.T, requests int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) != requests {
		t.Errorf("%q: got %d requests, want %d", s.answers, len(s.asked), requests)
	}
	for _, one := range s.asked {
		if one != s.asked[0] || !strings.Contains(one, "order-1") || !strings.Contains(one, "x.example") {
			t.Errorf("%q: got %s after %s", s.answers, one, s.asked[0])
		}
	}
	if strings.Contains(s.answers[0], "retryAfter") && requests > 1 && s.times[1].Sub(s.times[0]) < 2*time.Second {
		t.Errorf("%q: repeated after %v", s.answers, s.times[1].Sub(s.times[0]))
	}
}
