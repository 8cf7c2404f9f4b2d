package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
)

// Some connections come to the wrong port, or with something in front: a browser or a monitor that
// speaks HTTP, a balancer that announces its client by the PROXY protocol, a program that forgets the
// length in front of its XML. Their first octets say so, and the log tells the operator.

// foreignLen is how many octets foreign needs to know each of them.
const foreignLen = 5

// foreign is the reason to close a connection that begins with those octets, which are no frame of
// EPP; otherwise where they say nothing.
func foreign(head []byte, otherwise closeReason) closeReason {
	is := func(beginning string) bool { return bytes.HasPrefix(head, []byte(beginning)) }
	switch {
	case is("GET "), is("POST"), is("HEAD"), is("PUT "), is("OPTI"), is("CONN"), is("DELE"), is("PATC"), is("PRI "):
		return closedHTTP
	case is("PROX"), is("\r\n\r\n\x00"): // version 1, version 2
		return closedProxyProtocol
	case is("<?xm"), is("<epp"), is("\xef\xbb\xbf<"):
		return closedNoLength
	}
	return otherwise
}

// tooLongFor is why the frame whose header has come is not taken, which is too long. As a length, the
// first octets of a TLS connection are 369 MB: a handshake record (22) of version 3.x, RFC 8446
// section 5.1.
func (c *client) tooLongFor() closeReason {
	head := c.stream.peek(min(c.stream.buffered(), foreignLen))
	if head[0] == 22 && head[1] == 3 && c.listener.options.Load().TLS == nil {
		return closedWantsTLS
	}
	return foreign(head, closedFrame)
}

// handshakeFault is the reason for an error of a TLS handshake that the client is at fault for. Where its
// first record is none, it does not speak TLS: a frame of EPP begins with its length, of less than 16 MiB.
func handshakeFault(err error) closeReason {
	e := tls.RecordHeaderError{}
	switch {
	case !errors.As(err, &e) || e.Conn == nil: // or not the first record
		return closedHandshake
	case e.RecordHeader[0] == 0:
		return closedNoTLS
	}
	return foreign(e.RecordHeader[:], closedHandshake)
}
