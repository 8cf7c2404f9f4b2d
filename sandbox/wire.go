package sandbox

import (
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// headerLen is the length of a data unit's header in octets. RFC 5734 section 4: the length counts
// the header itself.
const headerLen = 4

var (
	errLength    = errors.New("read frame: length out of bounds")
	errTruncated = errors.New("read frame: connection ended inside a data unit")
)

// inbound is one payload, and the position in the client's octet stream where its data unit ended.
type inbound struct {
	payload []byte
	end     uint64
	err     error     // errLength: the stream cannot be read further; payload is nil
	at      time.Time // when it was read, for the journal
}

// frameReader cuts data units from a stream, however TCP and TLS have cut it. Owned by
// session.read.
type frameReader struct {
	src   io.Reader
	max   int // octets of a data unit, header included
	buf   []byte
	start int    // buf[start:] is still to be returned
	end   uint64 // octets returned so far, headers included
	// received counts all octets read. Other goroutines may load it at any time.
	received atomic.Uint64
	// bareHeader is called when a read ended with a header, which means that the client used two
	// writes. It is not called for a header that came with the payload before: those octets count
	// as sent ahead. It may be nil.
	bareHeader func()
}

func newFrameReader(src io.Reader, limit int, bareHeader func()) *frameReader {
	return &frameReader{src: src, max: limit, buf: make([]byte, 0, 4096), bareHeader: bareHeader}
}

// next returns the next payload, freshly allocated. At the end of the stream it returns io.EOF
// between data units and errTruncated inside one. A length out of bounds gives errLength, after
// which nothing can be read.
func (fr *frameReader) next() (inbound, error) {
	if err := fr.fill(headerLen); err != nil {
		return inbound{}, err
	}
	n := uint64(binary.BigEndian.Uint32(fr.buf[fr.start:]))
	if n <= headerLen || n > uint64(fr.max) {
		return inbound{}, errLength
	}
	if err := fr.fill(int(n)); err != nil {
		return inbound{}, err
	}
	payload := append([]byte(nil), fr.buf[fr.start+headerLen:fr.start+int(n)]...)
	fr.start += int(n)
	fr.end += n
	return inbound{payload: payload, end: fr.end}, nil
}

// fill reads until n octets are at hand. The buffer grows with the octets that arrive, whatever a
// header promises.
func (fr *frameReader) fill(n int) error {
	for len(fr.buf)-fr.start < n {
		fr.makeRoom()
		k, err := fr.src.Read(fr.buf[len(fr.buf):cap(fr.buf)])
		fr.buf = fr.buf[:len(fr.buf)+k]
		fr.received.Add(uint64(k))
		have := len(fr.buf) - fr.start
		if k > 0 && have == headerLen && n == headerLen && fr.bareHeader != nil {
			fr.bareHeader()
		}
		if err != nil && have < n {
			if errors.Is(err, io.EOF) && have > 0 {
				return errTruncated
			}
			return err
		}
	}
	return nil
}

// makeRoom makes buf shorter than its capacity. It keeps the octets still to be returned.
func (fr *frameReader) makeRoom() {
	if fr.start == len(fr.buf) {
		fr.buf, fr.start = fr.buf[:0], 0
	}
	if len(fr.buf) < cap(fr.buf) {
		return
	}
	if fr.start > cap(fr.buf)/2 {
		fr.buf = fr.buf[:copy(fr.buf, fr.buf[fr.start:])]
	} else {
		grown := make([]byte, len(fr.buf)-fr.start, 2*cap(fr.buf))
		copy(grown, fr.buf[fr.start:])
		fr.buf = grown
	}
	fr.start = 0
}

// beginFrame empties b and makes room for a header. endFrame writes the header once the payload has
// been appended.
func beginFrame(b []byte) []byte { return append(b[:0], 0, 0, 0, 0) }

func endFrame(b []byte) { binary.BigEndian.PutUint32(b, uint32(len(b))) }
