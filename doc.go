// Package eppmux is the map of the project; it holds no code.
//
// eppmux lets any number of EPP clients (RFC 5730, RFC 5734) share the few sessions that a registry
// grants. To clients it is an EPP server, to the registry one well-behaved client. The program is
// cmd/eppmux; README.md says how to run it, docs/ what it promises.
//
// # The path of a command
//
//  1. proxy: the loop of a registry account reads from a client until a whole data unit is there.
//  2. frame: the unit is scanned where it lies: which command it is, and where its clTRID stands.
//     What is ambiguous goes no further.
//  3. proxy: hello, login and logout are answered here. Any other command becomes an exchange: its
//     unit is copied once, with a transaction id of our own, the muxTRID, in the clTRID's place.
//  4. upstream/pool: the exchange is queued, fairly among clients, until a session is free and
//     every limit (ratelimit) admits it. A transform is recorded first (audit).
//  5. upstream: the session's carrier writes the unit. The answer is matched by the muxTRID, and
//     the client's own clTRID is put back, octet for octet: Account.restore in upstream/session.go.
//  6. proxy: the client gets the answer.
//
// All of an account happens on one event loop. A command takes no lock and no hand-over, but for
// the audit log: a note takes a mutex for a moment, and a transform waits while its record goes to
// the log's goroutine and back. Log lines are written from the loop.
//
// # The packages
//
// A package imports only those above it in this list; layout_test.go checks that, and with -v draws
// who imports whom.
//
//	frame                         data units, the scanner, the clTRID, messages of our own
//	ratelimit                     when a command may be sent, as values of time
//	loop                          what an event loop is, TLS on one, an alarm
//	admin/metric                  the form in which a package declares its metrics
//	loop/gnetloop                 an event loop by gnet, which nothing else imports
//	audit                         the record of what was sent to registries
//	upstream/pool                 what is sent where and when; pure: no I/O, no clock
//	upstream                      an account: the shell of its pool, and what carries its sessions
//	proxy                         the clients of an account: listeners, answers of our own
//	admin/status                  what is to be said of a registry: verdicts, history, words
//	admin                         the admin listener: metrics, health, the status page
//	cmd/eppmux/internal/cli       exit codes, addresses, questions at a terminal
//	cmd/eppmux/internal/config    the config file: its keys, rules, profiles and secrets
//	cmd/eppmux/internal/localca   an authority of one's own, and its folder
//	cmd/eppmux/internal/talk      one EPP conversation with blocking calls
//	cmd/eppmux/internal/serve     the running program: members, reload, control, sockets
//	cmd/eppmux                    one file for each command
//
// Beside them stand sandbox, a registry in memory that imports nothing of ours, so that it can
// judge us; bench, which measures and compares; and deploy, which makes packages of the program.
//
// # Where to start reading
//
// Each package has a doc that says in which order things happen: "go doc eppmux/upstream". Read
// frame first, it needs nothing else; then upstream/pool for what is decided, upstream for how it
// is done, and proxy for whom. The examples of pool, upstream and proxy run. docs/faults.md has a
// row for each thing that can go wrong, with the tests that make it go wrong.
package eppmux
