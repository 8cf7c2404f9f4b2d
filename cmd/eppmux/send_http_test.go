package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
)

// httpCreate is a change.
const httpCreate = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create/></command></epp>`

// TestSendHTTPProblems: what a gateway answers in place of the registry ends with the code that a listener's
// answer would have.
func TestSendHTTPProblems(t *testing.T) {
	for _, tt := range []struct {
		status int
		kind   string
		body   string
		args   []string
		code   int
		out    string
		errs   string
	}{
		{200, "application/epp+xml", clitest.OKXML, nil, 0, `<result code="1000">`, ""},
		{200, "application/epp+xml", clitest.OKXML, []string{"--raw"}, 0, clitest.OKXML, ""},
		{200, "application/epp+xml", clitest.RefusedXML, nil, 6, `<result code="2303">`, ""},
		{503, "application/problem+json", `{"outcome":"not_sent","title":"The command was not sent"}`, nil, 8, "", `the gateway answers 503 not_sent: "The command was not sent"`},
		{500, "application/problem+json", `{"outcome":"unknown","title":"t"}`, nil, 1, "", `answers 500 unknown: "t"` + "\n"},
		{500, "application/problem+json", `{"outcome":"unknown","title":"t"}`, []string{"--idempotency-key", "k"}, 1, "", "sent again with the same key, it is not carried out twice"},
		{404, "application/problem+json", `{"outcome":"answered","code":2303}`, nil, 6, "", "answers 404 answered"},
		{401, "application/problem+json", `{"outcome":"refused"}`, nil, 4, "", "answers 401 refused"},
		{403, "application/problem+json", `{"outcome":"refused"}`, nil, 4, "", "answers 403 refused"},
		{409, "application/problem+json", `{"outcome":"refused"}`, nil, 7, "", "answers 409 refused"},
		{400, "application/problem+json", `{"outcome":"refused"}`, nil, 3, "", "answers 400 refused"},
		{404, "application/problem+json", `{"outcome":"refused"}`, nil, 3, "", "answers 404 refused"},
		{503, "application/problem+json", `{"outcome":"refused"}`, nil, 8, "", "answers 503 refused"},
		{200, "text/html", "hello", nil, 1, "", "the message was sent: whether it was carried out is not known"},
		{200, "text/html", "hello", []string{"--idempotency-key", "k"}, 1, "", "send it again with the same key"},
		{200, "application/epp+xml", "<html/>", []string{"--raw"}, 1, "<html/>", "the answer is not EPP"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", tt.kind)
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		}))
		got := eppmuxWith(t, httpCreate, append([]string{"send", "--http", s.URL, "--registry", "a"}, tt.args...)...)
		s.Close()
		if got.code != tt.code || !strings.Contains(got.out, tt.out) || !strings.Contains(got.errs, tt.errs) || (tt.errs == "") != (got.errs == "") {
			t.Errorf("%d %s %q: got %+v, want %d, %q, %q", tt.status, tt.body, tt.args, got, tt.code, tt.out, tt.errs)
		}
	}
}

// TestSendHTTPCredentials: each source of a password or token ends in the one header, and shows nothing.
func TestSendHTTPCredentials(t *testing.T) {
	dir := t.TempDir()
	in := func(name, text string) string { return clitest.WriteFile(t, dir, name, text, 0o600) }
	open := clitest.WriteFile(t, dir, "open", clitest.Canary, 0o644)
	t.Setenv("EPPMUX_TEST_TOKEN", clitest.Canary)
	t.Setenv("EPPMUX_TEST_EMPTY", "")
	header := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/epp+xml")
		io.WriteString(w, clitest.OKXML)
	}))
	defer s.Close()
	for _, tt := range []struct {
		args []string
		code int
		want string // of the header, or of the fault
	}{
		{nil, 0, ""},
		{[]string{"--token-file", in("token", "epx_1\r\n")}, 0, "Bearer epx_1"},
		{[]string{"--token-env", "EPPMUX_TEST_TOKEN"}, 0, "Bearer " + clitest.Canary},
		{[]string{"--user", "shop", "--password-file", in("pw", "a b\n")}, 0, "Basic c2hvcDphIGI="},
		{[]string{"--user", "shop", "--password-env", "EPPMUX_TEST_TOKEN"}, 0, "Basic c2hvcDpjQW5BclktN2YzZA=="},
		{[]string{"--token-file", open}, 1, "open: group or others can reach it (mode 0644)"},
		{[]string{"--token-file", in("two", clitest.Canary+" "+clitest.Canary)}, 1, "the token has characters that no token has"},
		{[]string{"--token-file", in("empty", "\n")}, 1, "the password or token there is empty"},
		{[]string{"--token-file", filepath.Join(dir, "none")}, 1, "no such file"},
		{[]string{"--token-env", "EPPMUX_TEST_EMPTY"}, 1, "the password or token there is empty"},
		{[]string{"--token-env", "EPPMUX_TEST_NONE"}, 1, `there is no environment variable "EPPMUX_TEST_NONE"`},
	} {
		header = ""
		got := eppmux(t, append(append([]string{"send", "--http", s.URL, "--registry", "a"}, tt.args...), "check", "example.com")...)
		if got.code != tt.code || tt.code == 0 && header != tt.want || tt.code != 0 && (!strings.Contains(got.errs, tt.want) || header != "") {
			t.Errorf("%q: got %+v, header %q, want %d, %q", tt.args, got, header, tt.code, tt.want)
		}
		if found := clitest.FindSecret(got.out + got.errs); found != "" {
			t.Errorf("%q: got %s", tt.args, found)
		}
	}
}

// TestSendHTTPOverTLS: the certificate is verified, with the authority that --ca names.
func TestSendHTTPOverTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/epp+xml")
		io.WriteString(w, clitest.OKXML)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that fail
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	clitest.WritePair(t, dir, "other")
	ca := clitest.WriteFile(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})), 0o644)
	for _, tt := range []struct {
		ca   string
		code int
		errs string
	}{
		{ca, 0, ""},
		{filepath.Join(dir, "other.pem"), 1, "certificate signed by unknown authority"},
		{filepath.Join(dir, "other.key"), 1, "holds no certificate in PEM"},
	} {
		got := eppmux(t, "send", "--http", s.URL, "--registry", "a", "--ca", tt.ca, "check", "example.com")
		if got.code != tt.code || !strings.Contains(got.errs, tt.errs) || (tt.errs == "") != (got.errs == "") {
			t.Errorf("%s: got %+v, want %d, %q", tt.ca, got, tt.code, tt.errs)
		}
	}
}

func TestSendHTTPUsage(t *testing.T) {
	token := clitest.WriteFile(t, t.TempDir(), "token", "epx_1", 0o600)
	local := []string{"--http", "http://127.0.0.1:1", "--registry", "a"}
	with := func(more ...string) []string {
		return append(append([]string{}, local...), append(more, "check", "a.example")...)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--http", "http://127.0.0.1:1", "check", "a.example"}, "--registry: is missing"},
		{[]string{"--user", "x", "check", "a.example"}, "--user: is for --http only"},
		{[]string{"--idempotency-key", "x", "check", "a.example"}, "--idempotency-key: is for --http only"},
		{with("--to", "127.0.0.1:1"), "--to: does not go with --http"},
		{with("--direct"), "--direct: does not go with --http"},
		{with("--repeat", "2"), "--repeat: does not go with --http"},
		{with("--config", "x"), "--config: does not go with --http"},
		{with("--ca", "x"), "--ca: is for https:// only"},
		{with("--user", "x"), "--user goes with --password-file or --password-env"},
		{with("--password-env", "x"), "--user goes with --password-file or --password-env"},
		{with("--user", "a:b", "--password-env", "x"), "--user: has no colon"},
		{with("--token-env", "x", "--token-file", "x"), "--token-file and --token-env do not go together"},
		{with("--user", "a", "--password-env", "x", "--token-file", "x"), "--password-env and --token-file do not go together"},
		{with("--idempotency-key", "k"), "--idempotency-key: is for changes"},
		{with("--idempotency-key", ""), "--idempotency-key: must be 1 to 255"},
		{with("--idempotency-key", `a"b`), "--idempotency-key: must be 1 to 255"},
		{append(local, "hello"), "--http: a gateway carries commands; hello is none"},
		{[]string{"--http", "127.0.0.1:1", "--registry", "a", "poll"}, "--http: must be http://host:port"},
		{[]string{"--http", "ftp://127.0.0.1:1", "--registry", "a", "poll"}, "--http: must be http://host:port, https://host:port or unix:///path, got"},
		{[]string{"--http", "http://127.0.0.1:1/?x", "--registry", "a", "poll"}, "--http: must be http://host:port"},
		{[]string{"--http", "unix://", "--registry", "a", "poll"}, "--http: unix:// needs a path"},
		{[]string{"--http", "http://u:" + clitest.Canary + "@127.0.0.1:1", "--registry", "a", "poll"}, "without a user"},
		{[]string{"--http", "http://192.0.2.1:1", "--registry", "a", "--token-file", token, "poll"}, `--http: "192.0.2.1:1" is not this machine, and what goes there is plain text; use https://`},
	} {
		got := eppmux(t, append([]string{"send"}, tt.args...)...)
		if got.code != cli.ExitUsage || !strings.Contains(got.errs, tt.want) || got.out != "" || clitest.FindSecret(got.errs) != "" {
			t.Errorf("%q: got %+v, want %q", tt.args, got, tt.want)
		}
	}
	if got := eppmux(t, append([]string{"send"}, with()...)...); got.code != 1 || !strings.Contains(got.errs, "connect: ") || strings.Contains(got.errs, "was sent") {
		t.Errorf("nobody there: got %+v", got)
	}
}
