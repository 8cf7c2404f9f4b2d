package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// address is where send connects to and the sandbox listens.
type address struct {
	network string // tcp or unix, as package net takes it
	where   string // host:port, or the path of a socket
	tls     bool
}

// parseAddress reads host:port, tcp://host:port, tls://host:port or unix:///path.
func parseAddress(text string) (address, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "tcp", text
	}
	switch scheme {
	case "unix":
		if rest == "" {
			return address{}, errors.New("unix:// needs a path")
		}
		return address{network: "unix", where: rest}, nil
	case "tcp", "tls":
		if _, _, err := net.SplitHostPort(rest); err != nil {
			return address{}, fmt.Errorf("%q: must be host:port, tcp://host:port, tls://host:port or unix:///path", text)
		}
		return address{network: "tcp", where: rest, tls: scheme == "tls"}, nil
	}
	return address{}, fmt.Errorf("%q: must be host:port, tcp://host:port, tls://host:port or unix:///path", text)
}

// host is the name or IP address in where; empty for a socket.
func (a address) host() string {
	host, _, _ := net.SplitHostPort(a.where)
	return host
}

// local says whether only this machine reaches the address.
func (a address) local() bool {
	if a.network == "unix" || a.host() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(a.host())
	return err == nil && ip.Unmap().IsLoopback()
}
