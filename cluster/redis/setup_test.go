package redis

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/cluster"
	"eppmux/cluster/enginetest"
)

// canary is a password that no error and no log line may show.
const canary = "cAnArY-7f3d"

// fails wants a request to fail, with that advice.
func fails(t *testing.T, e *Engine, refused bool, advice string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := e.Load(ctx, cluster.Leases)
	if err == nil || cluster.Refused(err) != refused || !strings.Contains(err.Error(), advice) ||
		!strings.HasPrefix(err.Error(), "redis at 127.0.0.1:") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v (refused: %v), want it to say %q (refused: %v)", err, cluster.Refused(err), advice, refused)
	}
}

// works does all that an engine is asked to do.
func works(t *testing.T, e *Engine) {
	t.Helper()
	if err := tryAll(e); err != nil {
		t.Error(err)
	}
}

func tryAll(e *Engine) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r := cluster.Record{Table: cluster.Leases, Key: "k", Value: []byte("1")}
	if _, _, err := e.Swap(ctx, r, nil); err != nil {
		return err
	}
	if _, err := e.Get(ctx, r.Table, r.Key); err != nil {
		return err
	}
	r.Value = nil
	if _, _, err := e.Swap(ctx, r, []byte("1")); err != nil {
		return err
	}
	_, err := e.Load(ctx, cluster.Members)
	return err
}

// TestNew refuses what cannot be meant, and repeats no password.
func TestNew(t *testing.T) {
	for want, cfg := range map[string]Config{
		"cluster":            {Addresses: []string{"a:1"}},
		"there are none":     {Cluster: "c"},
		"name of the master": {Cluster: "c", Addresses: []string{"a:1", "b:1"}},
		"no password":        {Cluster: "c", Addresses: []string{"a:1"}, User: "u"},
		"a user has no":      {Cluster: "c", Addresses: []string{"a:1"}, Sentinel: Sentinel{Master: "m", User: "u"}},
		"an @":               {Cluster: "c", Addresses: []string{"redis://:" + canary + "@a:1"}},
		"want host:port":     {Cluster: "c", Addresses: []string{"redis://a:1"}},
		`":1": want`:         {Cluster: "c", Addresses: []string{":1"}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestUsers logs in, over TLS, with no more rights than the package doc names.
func TestUsers(t *testing.T) {
	server := enginetest.ServerConfig{User: "admin", Password: canary, TLS: enginetest.NewTLS(t), Args: append(
		[]string{"--user", "eppmux", "on", ">" + canary, "~eppmux:{test}:*", "&eppmux:{test}:*"}, strings.Fields(Commands)...)}
	s := enginetest.StartRedis(t, server)
	cfg := Config{Addresses: []string{s.Addr}, TLS: server.TLS.Client, User: "eppmux", Password: canary}
	e := open(t, cfg)
	works(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan struct{}, 1) // holds whether there was a hint
	var ended sync.WaitGroup
	ended.Go(func() {
		e.Watch(ctx, func() {
			select {
			case heard <- struct{}{}:
			default:
			}
		})
	})
	<-heard
	cancel()
	ended.Wait()
	other := cfg
	other.Cluster = "other"
	fails(t, open(t, other), true, "give the user the keys")
	cfg.Password = canary + "-wrong"
	fails(t, open(t, cfg), true, "user or password is wrong")
	cfg.User, cfg.Password = "", ""
	fails(t, open(t, cfg), true, "set it")
	cfg.TLS = enginetest.NewTLS(t).Client
	fails(t, open(t, cfg), true, "ca_file")
	cfg.TLS = nil
	fails(t, open(t, cfg), false, "see that Redis runs")
}

// TestPassword is that of requirepass; and one that Redis does not have.
func TestPassword(t *testing.T) {
	s := enginetest.StartRedis(t, enginetest.ServerConfig{Password: canary})
	works(t, open(t, Config{Addresses: []string{s.Addr}, Password: canary}))
	fails(t, open(t, Config{Addresses: []string{s.Addr}}), true, "set it")
	fails(t, open(t, Config{Addresses: []string{s.Addr}, Password: "x"}), true, "is wrong")
}

// TestPolicy is refused from the start, and when it changes behind a restart.
func TestPolicy(t *testing.T) {
	s := enginetest.StartRedis(t, enginetest.ServerConfig{Args: []string{"--maxmemory-policy", "allkeys-lru"}})
	e := open(t, Config{Addresses: []string{s.Addr}})
	fails(t, e, true, `its maxmemory-policy is "allkeys-lru": it may remove records; set maxmemory-policy noeviction`)
	set := func(policy string) {
		if _, err := s.Redis("CONFIG", "SET", "maxmemory-policy", policy); err != nil {
			t.Fatal(err)
		}
	}
	set("noeviction")
	works(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() { e.Watch(ctx, func() {}) })
	s.Restart()
	enginetest.Eventually(t, "the server is refused", func() bool { return cluster.Refused(tryAll(e)) })
	set("noeviction")
	enginetest.Eventually(t, "it works again", func() bool { return tryAll(e) == nil })
	cancel()
	ended.Wait()
}

// TestJudge knows servers by what they say of themselves.
func TestJudge(t *testing.T) {
	const good = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\r\n# Memory\r\nmaxmemory_policy:noeviction\r\nrole:master\r\n"
	for want, text := range map[string]string{
		"":                         good,
		" ":                        strings.Replace(good, "7.0.15", "7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1", 1),
		"  ":                       strings.Replace(good, "7.0.15", "8.0.0", 1),
		`it is Redis "6.2.14"`:     strings.Replace(good, "7.0.15", "6.2.14", 1),
		`it is Redis ""`:           "",
		"it is a replica":          strings.Replace(good, "role:master", "role:slave", 1),
		"it is a sentinel":         strings.Replace(good, "standalone", "sentinel", 1),
		`policy is "volatile-lru"`: strings.Replace(good, "noeviction", "volatile-lru", 1),
		`policy is ""`:             strings.Replace(good, "maxmemory_policy", "x", 1),
	} {
		err := judge(text)
		if want = strings.TrimSpace(want); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestReplica is refused, and so is a sentinel without a name.
func TestReplica(t *testing.T) {
	s := startPlain(t)
	fails(t, open(t, Config{Addresses: []string{enginetest.StartReplica(t, s).Addr}}), true, "it is a replica")
	sentinel := enginetest.StartSentinel(t, s, time.Minute)
	fails(t, open(t, Config{Addresses: []string{sentinel.Addr}}), true, "it is a sentinel")
}

// TestSentinels move an engine to the new primary.
func TestSentinels(t *testing.T) {
	primary := startPlain(t)
	replica := enginetest.StartReplica(t, primary)
	sentinel := enginetest.StartSentinel(t, primary, 500*time.Millisecond)
	enginetest.Eventually(t, "the sentinel knows the replica", func() bool {
		info, err := sentinel.Redis("INFO", "sentinel")
		return err == nil && strings.Contains(info, "slaves=1")
	})
	e := open(t, Config{Addresses: []string{"127.0.0.1:1", sentinel.Addr}, Sentinel: Sentinel{Master: enginetest.SentinelMaster}})
	works(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() { e.Watch(ctx, func() {}) })
	primary.Kill()
	enginetest.Eventually(t, "it works with the new primary", func() bool { return tryAll(e) == nil })
	if got, err := replica.Redis("HLEN", "eppmux:{test}:leases"); err != nil || got != "0" {
		t.Errorf("the new primary has %s leases, %v", got, err)
	}
	cancel()
	ended.Wait()
}

// TestNoScript is what a server answers that has forgotten the script.
func TestNoScript(t *testing.T) {
	s := startPlain(t)
	e := open(t, Config{Addresses: []string{s.Addr}})
	for range 3 {
		works(t, e)
		if _, err := s.Redis("SCRIPT", "FLUSH"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoMemory is refused before anything is done: what needs memory comes first.
func TestNoMemory(t *testing.T) {
	s := startPlain(t)
	e := open(t, Config{Addresses: []string{s.Addr}})
	one, big := []byte("1"), make([]byte, cluster.MaxValue)
	member := cluster.Record{Table: cluster.Members, Key: "m", Value: one}
	if done, _, err := e.Swap(t.Context(), cluster.Record{Table: cluster.Leases, Key: "k", Value: one}, nil, member); !done || err != nil {
		t.Fatal(done, err)
	}
	if _, err := s.Redis("CONFIG", "SET", "maxmemory", "1"); err != nil {
		t.Fatal(err)
	}
	r := cluster.Record{Table: cluster.Leases, Key: "k"}
	_, _, err := e.Swap(t.Context(), r, one, cluster.Record{Table: cluster.Ledgers, Key: "k", Value: big})
	if err == nil || !strings.Contains(err.Error(), "maxmemory") || cluster.Refused(err) {
		t.Errorf("got %v", err)
	}
	for _, table := range []cluster.Table{cluster.Leases, cluster.Ledgers, cluster.Members} {
		all, err := e.Load(t.Context(), table)
		if want := table != cluster.Ledgers; err != nil || (len(all) == 1) != want {
			t.Errorf("%v: got %d records, %v, want one: %v", table, len(all), err, want)
		}
	}
	// What only removes needs no memory.
	if done, _, err := e.Swap(t.Context(), r, one); !done || err != nil {
		t.Errorf("got %v, %v", done, err)
	}
}

// TestNoExpiry is set on anything.
func TestNoExpiry(t *testing.T) {
	s := startPlain(t)
	e := open(t, Config{Addresses: []string{s.Addr}})
	for _, table := range cluster.Tables {
		if _, _, err := e.Swap(t.Context(), cluster.Record{Table: table, Key: "k", Value: []byte("1")}, nil); err != nil {
			t.Fatal(err)
		}
		key := "eppmux:{test}:" + table.String()
		if got, err := s.Redis("TTL", key); err != nil || got != "-1" {
			t.Errorf("%s: got a time to live of %s, %v", key, got, err)
		}
	}
}

// TestQuiet is the log at level info, and no line of it at level debug has a password.
func TestQuiet(t *testing.T) {
	var log lockedBuffer
	s := startPlain(t)
	e := open(t, Config{Addresses: []string{s.Addr}, User: "u", Password: canary,
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
