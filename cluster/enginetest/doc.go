// Package enginetest helps tests of what needs an engine of a cluster. It has two parts.
//
// Servers: [StartEtcd], [StartRedis], [StartReplica] and [StartSentinel] start the real programs in a
// folder of the test, on a free port of the loopback. A [Server] can be suspended, killed, started
// again with its data or without, and flushed. It ends with the test, and with the test's process.
//
//	s := enginetest.StartRedis(t, enginetest.ServerConfig{})
//	engine := open(s.Addr)
//	s.Suspend() // as a host that hangs: connections stay, nothing answers
//	s.Resume()
//	s.Kill() // as a crash: what was acknowledged is on disk
//	s.Restart()
//	s.RestartEmpty()
//
// Suite: [RunRecords] and [RunFaults] hold an implementation of cluster.Engine to what that interface
// promises, without and with faults of its server.
//
// A test skips where the program is missing. It fails instead with CI set in the environment.
package enginetest
