package etcd_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/cluster"
	"eppmux/cluster/enginetest"
	"eppmux/cluster/etcd"
)

// canary is a password that no error and no log line may show.
const canary = "cAnArY-7f3d"

// fails wants a request to fail, with that advice.
func fails(t *testing.T, e *etcd.Engine, refused bool, advice string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := e.Load(ctx, cluster.Leases)
	if err == nil || cluster.Refused(err) != refused || !strings.Contains(err.Error(), advice) ||
		!strings.HasPrefix(err.Error(), "etcd at http") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v (refused: %v), want it to say %q (refused: %v)", err, cluster.Refused(err), advice, refused)
	}
}

func works(t *testing.T, e *etcd.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := e.Load(ctx, cluster.Leases); err != nil {
		t.Error(err)
	}
}

// TestNew refuses what cannot be meant, and repeats no password.
func TestNew(t *testing.T) {
	tls := enginetest.NewTLS(t).Client
	for want, cfg := range map[string]etcd.Config{
		"cluster":                  {Endpoints: []string{"a:2379"}},
		"there are none":           {Cluster: "c"},
		"one is there without":     {Cluster: "c", Endpoints: []string{"a:2379"}, Password: canary},
		"an @":                     {Cluster: "c", Endpoints: []string{"http://root:" + canary + "@a:2379"}},
		"begin with http://":       {Cluster: "c", Endpoints: []string{"https://a:2379"}},
		"begin with https://":      {Cluster: "c", Endpoints: []string{"a:2379", "http://a:2379"}, TLS: tls},
		"want a host and a port":   {Cluster: "c", Endpoints: []string{"http://a:2379/v3"}},
		`"": want a host`:          {Cluster: "c", Endpoints: []string{""}},
		`"http://": want a host a`: {Cluster: "c", Endpoints: []string{"http://"}},
	} {
		if _, err := etcd.New(cfg); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestUsers logs in, over TLS, and again when etcd has forgotten the token.
func TestUsers(t *testing.T) {
	server := enginetest.ServerConfig{Password: canary, TLS: enginetest.NewTLS(t)}
	s := enginetest.StartEtcd(t, server)
	cfg := etcd.Config{Endpoints: []string{s.Addr}, TLS: server.TLS.Client, User: "root", Password: canary}
	e := open(t, cfg)
	works(t, e)
	s.Restart() // tokens are in its memory
	enginetest.Eventually(t, "it works again", func() bool {
		_, err := e.Get(t.Context(), cluster.Leases, "k")
		return err == nil
	})
	cfg.Password = canary + "-wrong"
	fails(t, open(t, cfg), true, "user or password is wrong")
	cfg.User, cfg.Password = "", ""
	fails(t, open(t, cfg), true, "set them")
	cfg.TLS = enginetest.NewTLS(t).Client
	fails(t, open(t, cfg), true, "ca_file")
	fails(t, open(t, etcd.Config{Endpoints: []string{s.Addr}}), false, "see that etcd runs")
}

// TestToken is refused when it has expired, and nothing fails of that.
func TestToken(t *testing.T) {
	s := enginetest.StartEtcd(t, enginetest.ServerConfig{Password: canary, Args: []string{"--auth-token-ttl", "1"}})
	e := open(t, etcd.Config{Endpoints: []string{s.URL()}, User: "root", Password: canary})
	works(t, e)
	// etcd looks for expired tokens once a second.
	timer := time.NewTimer(4 * time.Second)
	<-timer.C
	works(t, e)
}

// TestEndpoints goes on with those that answer.
func TestEndpoints(t *testing.T) {
	s := startPlain(t)
	dead := startPlain(t)
	dead.Kill()
	e := open(t, etcd.Config{Endpoints: []string{dead.Addr, s.URL() + "/"}})
	for range 5 {
		works(t, e)
	}
}

// TestQuiet is the log at level info, and no line of it at level debug has a password.
func TestQuiet(t *testing.T) {
	var log lockedBuffer
	s := startPlain(t)
	s.Kill()
	e := open(t, etcd.Config{Endpoints: []string{s.Addr}, User: "root", Password: canary,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() { e.Watch(ctx, func() {}) })
	enginetest.Eventually(t, "the watch says that it begins anew", func() bool {
		return strings.Contains(log.String(), "begins anew")
	})
	cancel()
	ended.Wait()
	if got := log.String(); strings.Contains(got, canary) || strings.Contains(got, "INFO") || strings.Contains(got, "ERROR") {
		t.Errorf("got %s", got)
	}
}

// TestCompaction does not end the watch.
func TestCompaction(t *testing.T) {
	s := startPlain(t)
	e, w := openPlain(t, s), openPlain(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var hints atomic.Int32
	var ended sync.WaitGroup
	ended.Go(func() { e.Watch(ctx, func() { hints.Add(1) }) })
	var old []byte
	for range 3 {
		before := hints.Load()
		enginetest.Eventually(t, "the watch hears", func() bool {
			value := append(bytes.Clone(old), '1')
			if _, _, err := w.Swap(ctx, cluster.Record{Table: cluster.Members, Key: "a", Value: value}, old); err != nil {
				t.Fatal(err)
			}
			old = value
			return hints.Load() > before
		})
		s.CompactEtcd()
	}
	cancel()
	ended.Wait()
}

// TestTooLarge is a request that etcd does not take.
func TestTooLarge(t *testing.T) {
	e := openPlain(t, startPlain(t))
	_, _, err := e.Swap(t.Context(), cluster.Record{Key: "k", Value: make([]byte, 1800<<10)}, nil)
	if err == nil || !strings.Contains(err.Error(), "max-request-bytes") || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
