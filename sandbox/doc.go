// Package sandbox is an EPP registry in memory, for the demo, for tests and for the benchmark.
//
//	r := sandbox.New(sandbox.Config{})
//	ln, err := net.Listen("tcp", "127.0.0.1:0")
//	...
//	go r.Serve(ln) // until r.Close
//	...
//	if n := r.Counters().Breaches.Total(); n != 0 { ... }
//
// It speaks RFC 5730 to 5734 with domains, hosts and contacts, and the extensions secDNS-1.1 (RFC
// 5910), rgp-1.0 (RFC 3915) and loginSec-1.0 (RFC 8807). A listener may be plain or TLS; NewTLS
// makes certificates for both sides. The zero Config gives a registry with two accounts, "demo"
// (password "demo-secret") and "other" ("other-secret"), and some objects to play with, see
// Config.Empty.
//
// It is also a judge. It shares no code with the programs it judges, reads every octet a client
// sends as soon as it arrives, and counts each breach of the rules a registry lives by: too many
// sessions, too many commands, a command before the answer to the last one, a clTRID used twice.
// See Breaches.
//
// It plays real registries: Profile returns the Config of one, Rules and Quirks are its parts.
// Faults go wrong on cue, see ParseFaults and SetFaults; Executions tells what was carried out
// whatever the client saw.
//
// What happens to one message: wire.go cuts it from the stream, node.go reads the XML, request.go
// finds the command and the clTRID. exchange.go then asks all that may speak against carrying it
// out (limits, standing, faults), in a fixed order; decide.go and shape.go hold it against the
// schema, and a function of domain.go, host.go, contact.go, transfer.go or poll.go carries it out
// on the store. What follows from the answer, such as a delay, comes last. session.deliver is the
// one place where an answer is about to be written.
//
// What it does not do: no persistence, no DNS, no money, no escrow. Time-driven changes (pending
// creates, automatic approval of transfers, the end of redemption) happen when the next command
// arrives after they fell due.
//
// Policies where the RFCs leave the choice to the registry are in policy.go.
package sandbox
