package redis

import (
	"context"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"

	"eppmux/cluster"
	"eppmux/cluster/enginetest"
)

// open makes a client of a server that ends with the test.
func open(t testing.TB, cfg Config) *Engine {
	t.Helper()
	if cfg.Cluster == "" {
		cfg.Cluster = "test"
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func openPlain(t testing.TB, s *enginetest.Server) cluster.Engine {
	return open(t, Config{Addresses: []string{s.Addr}})
}

func startPlain(t testing.TB) *enginetest.Server {
	return enginetest.StartRedis(t, enginetest.ServerConfig{})
}

func TestRecords(t *testing.T) {
	s := startPlain(t)
	enginetest.RunRecords(t, func(t testing.TB, name string) cluster.Engine {
		return open(t, Config{Cluster: name, Addresses: []string{s.Addr}})
	})
}

// TestRecordsFake needs no server. The fake does not say its version, so it is not checked.
func TestRecordsFake(t *testing.T) {
	s := miniredis.RunT(t)
	enginetest.RunRecords(t, func(t testing.TB, name string) cluster.Engine {
		e := open(t, Config{Cluster: name, Addresses: []string{s.Addr()}})
		e.check = func(context.Context, rueidis.Client) error { return nil }
		return e
	})
}

func TestFaults(t *testing.T) { enginetest.RunFaults(t, startPlain, openPlain) }
