// Package frame reads and writes EPP data units (RFC 5734 section 4) and finds in their XML what a
// multiplexing proxy must know, in one pass, without building a tree and without allocating.
//
// The order of things: [Size] says where a data unit ends, [Scanner.Scan] checks its payload and
// says what it holds, [AppendCommand] writes it again with another clTRID, and [AppendUnit] puts
// the client's own back into the response.
//
//	n, err := frame.Size(buffered, limit) // 0: wait for more octets
//	m, err := scanner.Scan(buffered[frame.HeaderLen:n])
//	unit, at := frame.AppendCommand(nil, m, muxTRID)
//
// Scan holds a payload against XML 1.0 (fifth edition) and Namespaces in XML 1.0 in full, so what
// it accepts is read by every parser in the same way; it refuses a DOCTYPE, encodings other than
// UTF-8 and UTF-16, and any document that leaves a doubt about which command or which clTRID it
// holds. It does not validate: elements, values and verbs are the registry's to judge. Every octet
// that is not named in an edit stays as it was.
//
// The package also writes the messages a proxy needs of its own (hello, login, logout, poll,
// response) and reads a few rare ones in full (login and greeting with encoding/xml). A [Walker]
// goes through a payload that Scan has accepted for what else is wanted of it, as ParseResult does.
package frame
