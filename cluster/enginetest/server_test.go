package enginetest

import (
	"strings"
	"testing"
	"time"
)

// records lets a test put and read one record of a server, without an engine.
type records struct {
	put  func() error
	have func() (bool, error)
}

func recordsOf(s *Server) records {
	if s.Kind == "etcd" {
		return records{
			put: func() error {
				return s.ask("/v3/kv/put", "", map[string]any{"key": "a2V5", "value": "dmFsdWU="}, nil)
			},
			have: func() (bool, error) {
				var got struct{ Count string }
				err := s.ask("/v3/kv/range", "", map[string]any{"key": "a2V5"}, &got)
				return got.Count == "1", err
			},
		}
	}
	return records{
		put:  func() error { _, err := s.Redis("SET", "key", "value"); return err },
		have: func() (bool, error) { got, err := s.Redis("GET", "key"); return got == "value", err },
	}
}

func (r records) want(t *testing.T, want bool) {
	t.Helper()
	if got, err := r.have(); err != nil || got != want {
		t.Errorf("record: got %v %v, want %v", got, err, want)
	}
}

func (r records) set(t *testing.T) {
	t.Helper()
	if err := r.put(); err != nil {
		t.Fatal(err)
	}
}

// TestServer keeps data where it is to be kept, and loses it where it is to be lost.
func TestServer(t *testing.T) {
	for name, start := range map[string]func(testing.TB, ServerConfig) *Server{"etcd": StartEtcd, "redis": StartRedis} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, ServerConfig{})
			r := recordsOf(s)
			r.set(t)
			s.Kill()
			if _, err := r.have(); err == nil {
				t.Error("a killed server answers")
			}
			s.Restart()
			r.want(t, true)
			s.Suspend()
			s.Resume()
			r.want(t, true)
			s.Suspend()
			s.Restart()
			r.want(t, true)
			s.Flush()
			r.want(t, false)
			r.set(t)
			s.RestartEmpty()
			r.want(t, false)
		})
	}
}

// TestReplica promotes one whose primary is gone.
func TestReplica(t *testing.T) {
	for name, cfg := range map[string]ServerConfig{
		"plain":    {},
		"password": {Password: "secret"},
		"user":     {User: "eppmux", Password: "secret"},
		"tls":      {TLS: NewTLS(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary := StartRedis(t, cfg)
			recordsOf(primary).set(t)
			replica := StartReplica(t, primary)
			r := recordsOf(replica)
			r.want(t, true)
			if err := r.put(); err == nil || !strings.Contains(err.Error(), "READONLY") {
				t.Errorf("put at a replica: got %v", err)
			}
			primary.Kill()
			replica.Promote()
			r.set(t)
		})
	}
}

// TestSentinel has a sentinel promote the replica of a primary that was killed.
func TestSentinel(t *testing.T) {
	primary := StartRedis(t, ServerConfig{})
	replica := StartReplica(t, primary)
	sentinel := StartSentinel(t, primary, 500*time.Millisecond)
	Eventually(t, "the sentinel knows the replica", func() bool {
		info, err := sentinel.Redis("INFO", "sentinel")
		return err == nil && strings.Contains(info, "slaves=1")
	})
	primary.Kill()
	Eventually(t, "the replica is promoted", func() bool {
		info, err := replica.Redis("INFO", "replication")
		return err == nil && strings.Contains(info, "role:master")
	})
}

// TestUsers asks everybody for a password where the server has users.
func TestUsers(t *testing.T) {
	cfg := ServerConfig{Password: "secret", TLS: NewTLS(t)}
	etcd := StartEtcd(t, cfg)
	if err := recordsOf(etcd).put(); err == nil {
		t.Error("etcd takes a record from a stranger")
	}
	etcd.Flush()
	cfg.User = "eppmux"
	redis := StartRedis(t, cfg)
	recordsOf(redis).set(t)
	redis.cfg.Password = ""
	if err := recordsOf(redis).put(); err == nil {
		t.Error("redis takes a record from a stranger")
	}
}
