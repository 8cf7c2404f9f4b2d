// Package proxy serves the clients of one registry account: existing EPP tools that connect to a
// TCP port, a TLS port or a unix socket.
//
// A [Server] has listeners of its own and lives on the event loop of an upstream.Account.
// Goroutines accept, shake hands and verify logins; what clients do happens on the loop. A socket
// is handed to the loop once it is accepted and, with TLS, has shaken hands. From then on the loop
// owns it and everything else that changes; nothing on the loop blocks.
//
// The way of one command: the stream of a client cuts what was sent into data units where they lie
// in the socket's buffer; the client decides what each one leads to, gives its octets back, and
// does it. hello, login and logout are answered here. Any other command goes to the Account, one at
// a time for each client, and its answer back to the client. A frame that does not parse is
// answered here and never leaves.
//
// The program makes the loop and the Account, and ends things in the opposite order:
//
//	s := proxy.New(proxy.Config{Listeners: ...}, account)
//	err := s.Listen() // before anything reaches the registry
//	account.Start()
//	s.Serve()
//	...
//	s.Refuse()                   // no new clients
//	err = account.Drain(within)  // then the sessions
//	s.Farewell(within)           // then the clients
//	s.Close()
//
// The package reads no files and does not know the command line. What clients are told is chosen in
// reply.go alone.
package proxy
