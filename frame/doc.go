// Package frame reads and writes EPP data units (RFC 5734 section 4). It finds in their XML what a
// multiplexing proxy must know, in one pass, without building a tree and without allocating.
//
// A command on its way to a registry, and the response on its way back:
//
//	n, err := frame.Size(buffered, limit)               // where the data unit ends; 0: not all here
//	m, err := scanner.Scan(buffered[frame.HeaderLen:n]) // what its payload holds
//	unit, at := frame.AppendCommand(nil, m, muxTRID)    // the command with another clTRID
//	unit = frame.AppendUnit(nil, m.Payload, edits)      // the response with the client's own again
//
// Scan checks a payload against XML 1.0 (fifth edition) and Namespaces in XML 1.0 in full, so every
// parser reads in the same way what it accepts. It refuses a DOCTYPE, encodings other than UTF-8,
// UTF-16 and those of a single octet that extend ASCII, and any document that leaves a doubt about
// which command or which clTRID it holds. It does not validate against the schemas: elements, values
// and verbs are for the registry to judge. Glean finds the little that must be known of a response
// that breaks these rules. An edit changes the octets that it names; every other octet stays as it was.
//
// The package also writes the messages that a proxy sends of its own (hello, login, logout, poll,
// response), and reads login and greeting in full, with encoding/xml. A [Walker] goes through a
// payload that Scan has accepted, for callers that need more of it than Scan says; ParseResult is
// one. [Code] has the texts of RFC 5730 for result codes and says which of them end a session.
//
// Nothing here does I/O, starts a goroutine or keeps a clock. A Scanner has one owner; all
// functions may be called concurrently.
package frame
