package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

// gatewayProgram is an eppmux that serves HTTP on a unix socket, before the registry of an accountStand.
type gatewayProgram struct {
	*program
	client *http.Client
	token  string
}

// gatewayConfig writes the config file: a user with the token, the state folder, and a gateway. more stands in the section.
func (st *accountStand) gatewayConfig(token, more string) string {
	st.t.Helper()
	user := ""
	if token != "" {
		user = "users: [{name: shop, token_hash: " + config.TokenHash(token) + "}]"
	}
	return clitest.WriteFile(st.t, st.dir, "gateway.yaml", fmt.Sprintf("admin: {listen: \"127.0.0.1:0\"}\nstate: {dir: %q}\nregistries: [{name: a, address: %q, listen: [%q], "+
		"login: {client_id: demo, password: demo-secret}, tls: {ca_file: ca.pem, cert_file: c.pem, key_file: c.key}, sessions: {max: 1}, clients: {max: 50}, zones: [example]}]\n"+
		"gateway:\n  listen: [%q]\n  %s\n  %s\n",
		st.state, st.registry.Address, "unix://"+filepath.Join(st.dir, "epp"), "unix://"+filepath.Join(st.dir, "http"), user, more), 0o600)
}

// startGateway runs eppmux with the config as it is.
func (st *accountStand) startGateway(token string) *gatewayProgram {
	st.t.Helper()
	p := startProgramAs(st.t, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "TMPDIR="+st.dir, "STATE_DIRECTORY=", "RUNTIME_DIRECTORY=")
	}, "serve", "--config", filepath.Join(st.dir, "gateway.yaml"))
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(st.dir, "http"))
	}}
	return &gatewayProgram{p, &http.Client{Transport: transport, Timeout: programTimeout}, token}
}

// reply is what a call was answered.
type reply struct {
	status   int
	Outcome  string
	Code     int
	Replayed bool
	Type     string
	text     string
	err      error
}

// call sends a request with a body in JSON; key is its Idempotency-Key, unless it is empty.
func (g *gatewayProgram) call(path, key, body string) (r reply) {
	req, err := http.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if g.token != "" {
		req.Header.Set("Authorization", "Bearer "+g.token)
	}
	res, err := g.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	r.status, r.text, r.err = res.StatusCode, string(text), err
	return r
}

// create is a create of a domain by JSON.
func (g *gatewayProgram) create(domain, key string) reply {
	return g.call("/api/epp/domain-create", key, `{"host":"a","domain":"`+domain+`","years":1,"password":"`+clitest.Canary+`"}`)
}

func (r reply) want(t *testing.T, what string, status int, outcome string, code int, replayed bool) {
	t.Helper()
	if r.err != nil || r.status != status || r.Outcome != outcome || r.Code != code || r.Replayed != replayed {
		t.Errorf("%s: got %d, %s, %v, want %d, %s, %d, replayed %v", what, r.status, r.text, r.err, status, outcome, code, replayed)
	}
	if found := clitest.FindSecret(r.text); found != "" {
		t.Errorf("%s: got %s", what, found)
	}
}

// startGatewayAccount is a stand with a state folder.
func startGatewayAccount(t *testing.T) *accountStand {
	t.Helper()
	st := startAccountStand(t)
	st.state = t.TempDir()
	return st
}

// TestServeGateway is the life of a gateway: calls, a repeat, users that come and go, the metrics, send --http.
func TestServeGateway(t *testing.T) {
	st := startGatewayAccount(t)
	token, _, _ := strings.Cut(eppmux(t, "hash", "--token").out, "\n")
	st.gatewayConfig(token, "")
	g := st.startGateway(token)
	g.find(`(msg="eppmux serves")`)
	g.call("/api/epp/domain-check", "", `{"host":"a","domain":"free.example"}`).want(t, "check", 200, "answered", 1000, false)
	g.create("new.example", "order-1").want(t, "create", 200, "answered", 1000, false)
	g.create("new.example", "order-1").want(t, "repeat", 200, "answered", 1000, true)
	g.create("other.example", "order-1").want(t, "other content", 409, "refused", 0, false)
	g.create("new.example", "order-2").want(t, "taken", 409, "answered", 2302, false)
	if n := st.registry.Counters().Executed["create"]; n != 1 {
		t.Errorf("the registry carried out %d creates, want 1", n)
	}
	file := clitest.WriteFile(t, t.TempDir(), "token", token+"\n", 0o600)
	socket := "unix://" + filepath.Join(st.dir, "http")
	got := eppmux(t, "status", "--admin", g.find(`msg="admin listening" .*listener=(\S+)`))
	if !strings.Contains(got.out, "\ngateway: listens on "+socket+"; 0 requests under way over ") || !strings.Contains(got.out, "; 2 keys, 0 of unknown outcome\n") {
		t.Errorf("status: got %+v", got)
	}
	if got := eppmux(t, "send", "--http", socket, "--registry", "a", "--token-file", file, "info", "new.example"); got.code != 0 || !strings.Contains(got.out, "new.example") || got.errs != "" {
		t.Errorf("send: got %+v", got)
	}
	if got := eppmux(t, "send", "--http", socket, "--registry", "a", "--token-file", file, "info", "none.example"); got.code != 6 || !strings.Contains(got.out, "2303") {
		t.Errorf("send: got %+v", got)
	}
	if got := eppmux(t, "send", "--http", socket, "--registry", "b", "--token-file", file, "info", "new.example"); got.code != 3 || !strings.Contains(got.errs, "404 refused") {
		t.Errorf("send to no registry: got %+v", got)
	}
	if got := eppmux(t, "send", "--http", socket, "--registry", "a", "info", "new.example"); got.code != 4 || !strings.Contains(got.errs, "401 refused") {
		t.Errorf("send as nobody: got %+v", got)
	}
	// Another user takes the place of this one, and then there is none.
	st.gatewayConfig("epx_other", "max_body: 5000")
	if err := g.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	g.find(`(msg=reloaded unchanged=a settings=gateway)`)
	g.create("third.example", "").want(t, "the user that is gone", 401, "refused", 0, false)
	st.gatewayConfig("", "")
	if err := g.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	g.find(`(?s)(settings=gateway.*settings=gateway)`)
	g.token = ""
	g.create("third.example", "").want(t, "without users", 200, "answered", 1000, false)
	log := g.end()
	if found := clitest.FindSecret(log); found != "" || strings.Contains(log, token) {
		t.Errorf("the log has a secret: %s", found)
	}
	if _, err := os.Stat(filepath.Join(st.dir, "http")); err == nil {
		t.Error("the socket is left behind")
	}
	st.judge(1)
}

// TestServeGatewayDrains: what is under way when the program is told to end is answered, a repeat at the next process,
// which waits for the account and the key file, gets the answer of before.
func TestServeGatewayDrains(t *testing.T) {
	st := startGatewayAccount(t)
	st.gatewayConfig("", "")
	first := st.startGateway("")
	first.find(`(msg="eppmux serves")`)
	held := make(chan reply, 1) // the one answer
	go func() { held <- first.create("hold.example", "order-1") }()
	<-st.held
	if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	first.find(`(msg=draining)`)
	second := st.startGateway("")
	second.find(`(msg="another eppmux ends its work with the account)`)
	st.letGo()
	(<-held).want(t, "under way", 200, "answered", 1000, false)
	<-first.ended
	if first.err != nil {
		t.Errorf("got %v, want exit 0", first.err)
	}
	second.find(`(msg="eppmux serves")`)
	second.create("hold.example", "order-1").want(t, "repeat", 200, "answered", 1000, true)
	second.call("/api/epp/domain-check", "", `{"host":"a","domain":"free.example"}`).want(t, "check", 200, "answered", 1000, false)
	second.end()
	if n := st.registry.Counters().Executed["create"]; n != 1 {
		t.Errorf("the registry carried out %d creates, want 1", n)
	}
	st.judge(2)
}

// TestServeGatewayKilled: a change without an answer stays unknown for the next process, and is not sent again.
func TestServeGatewayKilled(t *testing.T) {
	st := startGatewayAccount(t)
	st.gatewayConfig("", "")
	first := st.startGateway("")
	first.find(`(msg="eppmux serves")`)
	held := make(chan reply, 1) // the one answer
	go func() { held <- first.create("hold.example", "order-1") }()
	<-st.held
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if r := <-held; r.err == nil {
		t.Errorf("got %+v of a process that was killed", r)
	}
	st.letGo()
	second := st.startGateway("")
	second.find(`(msg="eppmux serves")`)
	second.create("hold.example", "order-1").want(t, "repeat", 500, "unknown", 0, true)
	if n := st.registry.Counters().Commands["create"]; n != 1 {
		t.Errorf("the registry saw %d creates, want 1", n)
	}
	second.end()
}
