// Package peer is the owner's side of lanes: it takes connections of followers, the other hosts of a
// cluster, and carries what they send as commands of the account.
//
//	s := peer.New(peer.Config{Address: "192.0.2.1:7070", Cluster: "prod", Host: "a", TLS: tls, Lookup: directory})
//	err := s.Listen()
//	s.Serve()
//	...
//	s.Refuse() // no lane is taken any more, and those that are there end in good order
//	s.Close()
//
// One [Server] listens for all accounts. In the order in which it happens:
//
//   - A goroutine accepts. Another one, for each connection, shakes hands and reads the follower's
//     lane.Hello, within 5 s. TLS 1.3 with a certificate of the cluster's authority is needed on both
//     sides, and the protocol lane.Protocol. Any certificate of that authority may become follower or
//     owner of any account, so the authority must sign for nobody but the hosts of the cluster.
//   - [Config.Lookup] says which account the Hello means. The socket is enrolled on its loop. There the
//     follower is told lane.Welcome, by what the account is at that moment.
//   - From then on the lane is a client of the account: it reads a lane.Author and a command, submits
//     both, and writes the answer, or a lane.End. It has one command in flight. Octets behind that,
//     before the answer, end it, as does all else that is no command for a registry.
//
// When the account is not owned any more, commands that wait are withdrawn and end as lane.FateMoved;
// what is in flight ends as it would have. Then the lane ends. A lane that is idle is told FateMoved
// too, so that a follower whose command is on its way knows that it was not read.
package peer
