package upstream

import (
	"math/bits"

	"github.com/valyala/bytebufferpool"

	"eppmux/frame"
)

// buffers holds the buffers of exchanges that have ended. A bytebufferpool.Pool sorts what it gets by the
// length of its contents, in powers of 2. Every 42,000 buffers it looks which lengths come, and from
// then on it drops the buffers that could hold more than nearly all of them needed. So a buffer must
// have the size of the class that its contents belong to, and not what append had made of it:
// otherwise a length that comes all the time may have no buffer that is kept.
type buffers struct{ pool bytebufferpool.Pool }

const (
	// bufferMin is the smallest class of bytebufferpool, in octets.
	bufferMin = 64
	// bufferKept is the largest buffer that is used again, in octets. A short command must not take what
	// a long one needed, also before the lengths are known.
	bufferKept = 4 << 10
)

// get returns an empty buffer with room for n octets.
func (b *buffers) get(n int) *bytebufferpool.ByteBuffer {
	buf := b.pool.Get()
	if cap(buf.B) < n {
		buf.B = make([]byte, 0, bufferSize(n))
	}
	return buf
}

// put takes a buffer back that get was asked for with n.
func (b *buffers) put(buf *bytebufferpool.ByteBuffer, n int) {
	if cap(buf.B) <= bufferKept {
		buf.B = buf.B[:min(n, cap(buf.B))]
		b.pool.Put(buf)
	}
}

// bufferSize is the size of a buffer for n octets: that of its class, or n where it is not used again.
func bufferSize(n int) int {
	if n > bufferKept {
		return n
	}
	return max(bufferMin, 1<<bits.Len(uint(n-1)))
}

// roomFor returns how many octets an Exchange for m needs at the most: the octets of m, a muxTRID, which
// may come in an element of its own, and the header.
func roomFor(m *frame.Message) int {
	element := len("<:clTRID></:clTRID>") + 2*m.Prefix.Len()
	return frame.HeaderLen + len(m.Payload) + element + tridMax
}
