package proxy

import "strings"

// Origin is upstream.Originator's: the listener, and the client's address or, on a unix socket, its user.
func (c *client) Origin() (listener, peer string) {
	if c.listener.path != "" {
		return c.listener.String(), "uid " + c.identity[strings.LastIndexByte(c.identity, '#')+1:]
	}
	if from := c.stream.from(); from != nil {
		peer = from.String()
	}
	return c.listener.String(), peer
}
