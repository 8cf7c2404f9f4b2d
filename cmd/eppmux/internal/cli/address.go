package cli

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"eppmux/loop"
)

// Address is an address on a command line: send connects to it, or the sandbox listens there.
type Address struct {
	Network string // tcp or unix, as package net takes it
	Where   string // host:port, or the path of a unix socket
	TLS     bool
}

// ParseAddress reads host:port, tcp://host:port, tls://host:port or unix:///path.
func ParseAddress(text string) (Address, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "tcp", text
	}
	switch scheme {
	case "unix":
		if rest == "" {
			return Address{}, errors.New("unix:// needs a path")
		}
		return Address{Network: "unix", Where: rest}, nil
	case "tcp", "tls":
		if _, _, err := net.SplitHostPort(rest); err == nil {
			return Address{Network: "tcp", Where: rest, TLS: scheme == "tls"}, nil
		}
	}
	return Address{}, fmt.Errorf("%q: must be host:port, tcp://host:port, tls://host:port or unix:///path", text)
}

// Host returns the name or IP address in Where; empty for a unix socket.
func (a Address) Host() string {
	host, _, _ := net.SplitHostPort(a.Where)
	return host
}

// Local reports whether the address can be reached from this machine only.
func (a Address) Local() bool { return a.Network == "unix" || Loopback(a.Where) }

// Loopback reports whether the host of host:port is localhost or a loopback address.
func Loopback(hostPort string) bool {
	host, _, _ := net.SplitHostPort(hostPort)
	return loop.Loopback(host)
}
