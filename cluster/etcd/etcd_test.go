package etcd_test

import (
	"context"
	"testing"

	"eppmux/cluster"
	"eppmux/cluster/enginetest"
	"eppmux/cluster/etcd"
)

// open makes a client of a server that ends with the test.
func open(t testing.TB, cfg etcd.Config) *etcd.Engine {
	t.Helper()
	if cfg.Cluster == "" {
		cfg.Cluster = "test"
	}
	e, err := etcd.New(cfg)
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
	return open(t, etcd.Config{Endpoints: []string{s.Addr}})
}

func startPlain(t testing.TB) *enginetest.Server {
	return enginetest.StartEtcd(t, enginetest.ServerConfig{})
}

func TestRecords(t *testing.T) {
	s := startPlain(t)
	enginetest.RunRecords(t, func(t testing.TB, name string) cluster.Engine {
		return open(t, etcd.Config{Cluster: name, Endpoints: []string{s.Addr}})
	})
}

func TestFaults(t *testing.T) { enginetest.RunFaults(t, startPlain, openPlain) }

// TestName is the word for logs.
func TestName(t *testing.T) {
	e := open(t, etcd.Config{Endpoints: []string{"127.0.0.1:1"}})
	if got := e.Name(); got != "etcd" {
		t.Errorf("got %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e.Watch(ctx, func() { t.Error("a hint from nowhere") })
}
