package proxy

// origin is where a client comes from.
type origin struct{ listener, peer string }

// Origin is upstream.Originator's: the listener, and the client's address or, on a unix socket, its
// user. It is kept, since the audit log asks with each command.
func (c *client) Origin() (listener, peer string) {
	if c.named == nil {
		listener, peer = c.origin()
		if peer == "" { // it has gone
			return listener, peer
		}
		c.named = &origin{listener, peer}
	}
	return c.named.listener, c.named.peer
}

// origin is Origin, not kept.
func (c *client) origin() (listener, peer string) {
	if from := c.stream.from(); from != nil {
		peer = from.String()
	}
	return c.listener.String(), peer
}
