package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"testing"
	"time"
)

// usual is a gateway of the usual kind: HTTP to EPP with a session for each request (dial, TLS, greeting,
// login, command, logout), and nothing shared between requests. It waits for a free session where the
// registry grants few, which gateways of its kind mostly leave to chance: so it is as fast as its kind can
// be.
type usual struct {
	address string
	tls     *tls.Config
	granted chan struct{} // one for each session under way
	logins  atomic.Int64  // that have succeeded
	*httptest.Server
}

// startUsual serves POST /api/epp/domain-check over a registry that grants so many sessions, until the
// test ends.
func startUsual(t *testing.T, address string, secure *tls.Config, sessions int) *usual {
	t.Helper()
	u := &usual{address: address, tls: secure, granted: make(chan struct{}, sessions)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/epp/domain-check", u.check)
	u.Server = httptest.NewServer(mux)
	t.Cleanup(u.Close)
	return u
}

func (u *usual) check(w http.ResponseWriter, r *http.Request) {
	var in struct{ Domain string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	u.granted <- struct{}{}
	defer func() { <-u.granted }()
	s, err := openSession(u.address, u.tls, account, password)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer s.close()
	u.logins.Add(1)
	a, err := s.command(`<check><domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>` + in.Domain +
		`</domain:name></domain:check></check>`)
	if err == nil && a.code != 1000 {
		err = fmt.Errorf("code %d", a.code)
	}
	if err == nil {
		err = s.logout()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"code": a.code, "data": []any{map[string]any{
		"name": in.Domain, "available": bytes.Contains(a.payload, []byte(`avail="1"`))}}})
}

// eppSession is a session with a registry, of one goroutine.
type eppSession struct {
	nc net.Conn
	n  int // commands, for their clTRIDs
	id int64
}

// eppAnswer is the answer to a command.
type eppAnswer struct {
	code    int
	payload []byte
}

// sessionIDs makes the clTRIDs of sessions differ.
var sessionIDs atomic.Int64

// openSession dials, reads the greeting and logs in.
func openSession(address string, secure *tls.Config, user, pw string) (*eppSession, error) {
	nc, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address, secure)
	if err != nil {
		return nil, err
	}
	s := &eppSession{nc: nc, id: sessionIDs.Add(1)}
	if _, err = s.read(); err == nil {
		var a eppAnswer
		a, err = s.command(`<login><clID>` + user + `</clID><pw>` + pw + `</pw><options><version>1.0</version><lang>en</lang></options>` +
			`<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login>`)
		if err == nil && a.code != 1000 {
			err = fmt.Errorf("login is answered %d", a.code)
		}
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return s, nil
}

// command sends the element of a command and reads the answer.
func (s *eppSession) command(element string) (eppAnswer, error) {
	s.n++
	payload := fmt.Sprintf(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command>%s<clTRID>usual-%d-%d</clTRID></command></epp>`, element, s.id, s.n)
	if _, err := s.nc.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(payload)+4)), payload...)); err != nil {
		return eppAnswer{}, err
	}
	b, err := s.read()
	if err != nil {
		return eppAnswer{}, err
	}
	m := resultForm.FindSubmatch(b)
	if m == nil {
		return eppAnswer{}, errors.New("no result code")
	}
	a := eppAnswer{payload: b}
	_, err = fmt.Sscan(string(m[1]), &a.code)
	return a, err
}

var resultForm = regexp.MustCompile(`<result code="(\d{4})"`)

// logout ends the session as RFC 5730 section 2.9.1.2 wants it. close must still be called.
func (s *eppSession) logout() error {
	a, err := s.command(`<logout/>`)
	if err == nil && a.code != 1500 {
		err = fmt.Errorf("logout is answered %d", a.code)
	}
	return err
}

func (s *eppSession) read() ([]byte, error) {
	_ = s.nc.SetReadDeadline(time.Now().Add(answerTimeout))
	var head [4]byte
	if _, err := io.ReadFull(s.nc, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 5 || n > 1<<20 {
		return nil, fmt.Errorf("a data unit of %d octets", n)
	}
	b := make([]byte, n-4)
	_, err := io.ReadFull(s.nc, b)
	return b, err
}

func (s *eppSession) close() { s.nc.Close() }

// TestUsual: the usual gateway answers rightly, opens a session for each request and breaks no rule: what
// it is compared with is not made to look bad.
func TestUsual(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := launch(t, build(t), "sandbox", "--listen", "127.0.0.1:0", "--tls", dir, "--mutual", "--stats-listen", "127.0.0.1:0", "--sessions", "2")
	address, stats := s.find(`(127\.0\.0\.1:\d+)`), s.find(`(127\.0\.0\.1:\d+)`)
	u := startUsual(t, address, registryTLS(t, dir), 2)
	g := newGatewayClient(u.URL)
	for name, free := range map[string]bool{"usual-free.example": true, "example.com": false} {
		got, err := g.single(t.Context(), "", name)
		if err != nil || got != free {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, free)
		}
	}
	if n := u.logins.Load(); n != 2 {
		t.Errorf("%d logins for two requests", n)
	}
	if b := breaches(t, stats); b != "" {
		t.Errorf("the registry counts breaches: %s", b)
	}
}
