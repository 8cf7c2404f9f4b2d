// Package proxy serves the clients of one registry account: existing EPP tools that connect without
// credentials to a local port, a unix socket or a TLS port.
//
// A [Server] has its own listeners and one event loop (gnet). A goroutine for each listener accepts
// and hands the sockets to the loop, which from then on owns them, the sessions with the registry
// and everything else that changes; nothing on the loop blocks. What a client sends is cut into
// data units where it lies in the socket's buffer and scanned there. hello, login and logout are
// answered here; any other command goes to the upstream.Account, one at a time for each client, and
// its answer back. A frame that does not parse is answered here and never leaves.
//
//	s := proxy.New(proxy.Config{Name: "example", Listeners: ..., Upstream: ...})
//	err := s.Start()
//	...
//	err = s.Drain(30 * time.Second)
//	err = s.Close()
//
// The package does not read files, and knows nothing of the command line.
package proxy
