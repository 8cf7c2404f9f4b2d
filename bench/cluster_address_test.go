package main

import "net"

// addressOf is the address of host:port.
func addressOf(hostPort string) string {
	host, _, _ := net.SplitHostPort(hostPort)
	return host
}
