package main

import (
	"fmt"
	"testing"

	"eppmux/cluster/enginetest"
)

// engineServer is the engine of a cluster, a process. Hosts reach it through relays.
type engineServer struct {
	*enginetest.Server
	replica *enginetest.Server // of Redis; nil: none
	// stopped says that a scenario keeps the engine from answering, by itself or on the way.
	stopped bool
}

// pause is Suspend.
func (e *engineServer) pause() { e.stopped = true; e.Suspend() }

// startEngine starts "etcd", "redis", or "replica", which is Redis with a replica.
func startEngine(t *testing.T, kind string) *engineServer {
	t.Helper()
	switch kind {
	case "etcd":
		return &engineServer{Server: enginetest.StartEtcd(t, enginetest.ServerConfig{})}
	case "redis":
		return &engineServer{Server: enginetest.StartRedis(t, enginetest.ServerConfig{})}
	case "replica":
		primary := enginetest.StartRedis(t, enginetest.ServerConfig{})
		return &engineServer{Server: primary, replica: enginetest.StartReplica(t, primary)}
	}
	t.Fatalf("no engine is called %q", kind)
	return nil
}

// config is the engine's key in the config of a host that reaches it at an address.
func (e *engineServer) config(addr string) string {
	if e.Kind == "etcd" {
		return fmt.Sprintf(`etcd: {endpoints: ["http://%s"]}`, addr)
	}
	return fmt.Sprintf(`redis: {address: "%s"}`, addr)
}
