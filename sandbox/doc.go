// Package sandbox is an EPP registry in memory, for the demo, for tests and for the benchmark.
//
//	r := sandbox.New(sandbox.Config{})
//	ln, err := net.Listen("tcp", "127.0.0.1:0")
//	...
//	go r.Serve(ln) // until r.Close
//	...
//	if n := r.Counters().Breaches.Total(); n != 0 { ... } // a client broke a rule
//
// It speaks RFC 5730 to 5734 with domains, hosts and contacts, and the extensions secDNS-1.1 (RFC
// 5910), rgp-1.0 (RFC 3915), loginSec-1.0 (RFC 8807), fee-1.0 (RFC 8748) and ttl-1.0 (RFC 9803);
// profiles have the first three. A listener may be plain or TLS; NewTLS
// makes certificates for both sides. The zero Config gives a registry with two accounts, "demo"
// (password "demo-secret") and "other" ("other-secret"), and some objects to play with, see
// Config.Empty.
//
// It is also a judge. It shares no code with the programs that it judges. It reads every octet of a
// client as soon as it arrives and counts each breach of a registry's rules: too many sessions, too
// many commands, a command before the answer to the last one, a clTRID used twice. See Breaches.
//
// It plays real registries: Profile returns the Config of one, of which Rules and Quirks are parts.
// It plays faults on cue, see ParseFaults and SetFaults. Executions tells what was carried out,
// whatever the client saw.
//
// What happens to one message: wire.go cuts it from the stream, node.go reads the XML, request.go
// finds the command and the clTRID. exchange.go then asks every reason against carrying it out
// (limits.go, bad_behaviour.go, lost_login.go, fault_play.go) in a fixed order. decide.go and
// shape.go test it against the schema, and a function of domain.go, host.go, contact.go,
// transfer.go or poll.go carries it out on the store. The consequences of the answer come last,
// such as a delay (slow_answers.go). deliver.go is the one place where answers are written.
//
// It has no persistence, no DNS, no balance of money and no escrow. Changes that time brings (the end of
// pending creates and of redemption, the automatic approval of transfers) happen when the next
// command arrives after they fell due.
//
// policy.go lists the policies where the RFCs leave the choice to the registry.
package sandbox
