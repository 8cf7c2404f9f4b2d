package enginetest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// etcdRoot is the one user of etcd who may do everything. Its name is etcd's.
const etcdRoot = "root"

// StartEtcd starts an etcd of one member.
func StartEtcd(t testing.TB, cfg ServerConfig) *Server {
	t.Helper()
	s := &Server{Kind: "etcd", cfg: cfg}
	peer := "http://" + freeAddr(t)
	s.flags = func(data string) []string {
		flags := []string{"--name", "one", "--data-dir", data,
			"--listen-client-urls", s.URL(), "--advertise-client-urls", s.URL(),
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "one=" + peer}
		if tls := cfg.TLS; tls != nil {
			flags = append(flags, "--cert-file", tls.CertFile, "--key-file", tls.KeyFile)
		}
		return append(flags, cfg.Args...)
	}
	s.answered = func() error {
		// A read by quorum: it is answered when there is a leader. With users it is refused by one.
		err := s.ask("/v3/kv/range", "", map[string]any{"key": "AA=="}, nil)
		if _, refused := err.(etcdRefusal); refused && cfg.Password != "" {
			return nil
		}
		return err
	}
	if cfg.Password != "" {
		s.prepare = s.enableAuth
	}
	return s.start(t, "etcd")
}

// URL is where clients find an etcd.
func (s *Server) URL() string {
	if s.cfg.TLS != nil {
		return "https://" + s.Addr
	}
	return "http://" + s.Addr
}

// enableAuth makes the user, and has everybody asked for a password.
func (s *Server) enableAuth() error {
	for _, step := range []struct {
		path string
		ask  map[string]any
	}{
		{"/v3/auth/user/add", map[string]any{"name": etcdRoot, "password": s.cfg.Password}},
		{"/v3/auth/user/grant", map[string]any{"user": etcdRoot, "role": etcdRoot}},
		{"/v3/auth/enable", map[string]any{}},
	} {
		if err := s.ask(step.path, "", step.ask, nil); err != nil {
			return err
		}
	}
	return nil
}

// etcdRefusal is an answer that is no success.
type etcdRefusal string

func (r etcdRefusal) Error() string { return string(r) }

// ask sends one request by etcd's JSON gateway, which needs no library. answer may be nil.
func (s *Server) ask(path, token string, request map[string]any, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(http.MethodPost, s.URL()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if token != "" { // an empty one is refused, also where nobody is asked
		r.Header.Set("Authorization", token)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	if s.cfg.TLS != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: s.cfg.TLS.Client.RootCAs}
	}
	resp, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return etcdRefusal(fmt.Sprintf("etcd: %s: %s: %s", path, resp.Status, text))
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}

// flushEtcd removes all keys.
func (s *Server) flushEtcd() error {
	token := ""
	if s.cfg.Password != "" {
		var got struct{ Token string }
		request := map[string]any{"name": etcdRoot, "password": s.cfg.Password}
		if err := s.ask("/v3/auth/authenticate", "", request, &got); err != nil {
			return err
		}
		token = got.Token
	}
	// "AA==" is the octet 0. As key and end of a range it means all keys.
	return s.ask("/v3/kv/deleterange", token, map[string]any{"key": "AA==", "range_end": "AA=="}, nil)
}

// CompactEtcd forgets all former values, as an operator's etcd does every few minutes.
func (s *Server) CompactEtcd() {
	s.t.Helper()
	var got struct{ Header struct{ Revision string } }
	if err := s.ask("/v3/kv/range", "", map[string]any{"key": "AA=="}, &got); err != nil {
		s.t.Fatal(err)
	}
	request := map[string]any{"revision": got.Header.Revision, "physical": true}
	if err := s.ask("/v3/kv/compaction", "", request, nil); err != nil {
		s.t.Fatal(err)
	}
}
