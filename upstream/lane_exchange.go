package upstream

import (
	"eppmux/frame"
	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// Commands that come on lanes, at the owner.

// LaneSender is the client of a follower that sends a command on a lane. Whoever reads the lane keeps
// one for it.
type LaneSender struct {
	Client Client // the lane; its Origin names the host
	Host   string // the follower; not changed once it is set
	Author lane.Author

	identity string // of Author, as the pool has it: with the host in front
}

// LaneExchange is Exchange for a command that a follower has sent on a lane. Its clTRID is a muxTRID
// already, which goes upstream as it is, unless the command is sent twice: then it gets one of ours,
// and the answer the follower's. The ids of others in an answer (paTRID) stay as they are: the follower
// restores them. Limits of client scope have been kept where the client is.
func (a *Account) LaneExchange(from *LaneSender, m *frame.Message) *Exchange {
	x := a.newExchange(roomFor(m))
	x.Command, x.Op, x.Query = m.Command, m.Op, a.Query(m)
	by := &from.Author
	x.client, x.visiting, x.Weight, x.Since = from.Client, true, max(1, by.Weight), a.clock()-by.Waited
	x.Author = pool.Author{Client: a.hosts.id(from.Host, by.ID), Identity: from.named(), Kind: a.kinds.of(m),
		Content: a.kinds.content(m), Known: by.Known, Answers: by.Answers, Shell: from.Client}
	a.countObjects(x, m)
	x.buf.B = frame.AppendUnit(x.buf.B[:0], m.Payload, nil)
	x.unitLen = len(x.buf.B)
	if id := m.ClTRID.Content; m.ClTRID.Present() && isMuxTRID(m.Payload[id.Start:id.End]) {
		x.muxTRIDAt, x.muxTRIDLen, x.clTRIDLen = frame.HeaderLen+id.Start, id.Len(), id.Len()
		x.buf.B = append(x.buf.B, m.Payload[id.Start:id.End]...)
	}
	if a.cfg.Audit != nil && (a.cfg.AuditQueries || !x.Query) {
		x.name()
	}
	return x
}

// named returns the identity of from's author. It is made anew only where that has changed.
func (from *LaneSender) named() string {
	host, identity := len(from.Host), from.Author.Identity
	if len(from.identity) != host+1+len(identity) || from.identity[host+1:] != identity {
		from.identity = from.Host + "/" + identity
	}
	return from.identity
}

// hosts numbers the hosts that have sent commands on lanes, from 1, so that the ids of their clients
// are told apart. Owned by the loop.
type hosts struct{ numbers map[string]uint64 }

// hostBits is how many bits of an id are left for the connection at its host: 10^12 of them.
const hostBits = 40

// id returns the id of a connection at a host, of all connections at all hosts. The ones of this host
// have the number 0.
func (h *hosts) id(host string, id uint64) uint64 {
	n, ok := h.numbers[host]
	if !ok {
		if h.numbers == nil {
			h.numbers = make(map[string]uint64)
		}
		n = uint64(len(h.numbers) + 1)
		h.numbers[host] = n
	}
	return n<<hostBits | id&(1<<hostBits-1)
}
