package proxy

import (
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestBuffersLast: after 100,000 messages, one takes as many objects and octets as at the beginning,
// with TLS and without, answered here or by the registry. What a pool keeps must not depend on how many
// messages there were. crypto/tls makes an object for each record that is read, here and in the client
// and the registry of this test.
func TestBuffersLast(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	f := leanFixture(t)
	hello := unit(eppOpen + "<hello/></epp>")
	var checks [][]byte
	for _, n := range []int{1, 20, 60} { // of lengths that need buffers of three sizes
		checks = append(checks, unit(check(strings.Repeat("a-name-that-is-checked.", n)+"example", "CLIENT-12345")))
	}
	plain, tls := f.dialPlain, func() net.Conn { return f.dialTLS(f.certs.Client) }
	for _, c := range []struct {
		name     string
		dial     func() net.Conn
		messages [][]byte
		objects  float64 // of crypto/tls
	}{
		{"plain, hello", plain, [][]byte{hello}, 0},
		{"TLS, hello", tls, [][]byte{hello}, 2},
		{"plain, check", plain, checks, 2},
		{"TLS, check", tls, checks, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			exchange := exchanger(t, c.dial(), c.messages...)
			first := costOf(2000, exchange)
			for range 100_000 - 2*2000 {
				exchange()
			}
			last := costOf(2000, exchange)
			t.Logf("a message takes %.2f objects and %.0f octets, at first %.2f and %.0f",
				last.objects, last.octets, first.objects, first.octets)
			if last.objects > first.objects+0.5 || last.octets > first.octets+100 {
				t.Error("that is more than at first")
			}
			if last.objects > c.objects+0.5 || last.octets > 24*c.objects+100 {
				t.Errorf("that is more than the %v objects of 24 octets that TLS needs", c.objects)
			}
		})
	}
}

// cost is what is allocated for a message.
type cost struct{ objects, octets float64 }

func costOf(n int, exchange func()) cost {
	for range 200 {
		exchange()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		exchange()
	}
	runtime.ReadMemStats(&after)
	return cost{float64(after.Mallocs-before.Mallocs) / float64(n), float64(after.TotalAlloc-before.TotalAlloc) / float64(n)}
}

// TestTLSBuffersStay: TLS clients' buffers are used again whatever bytebufferpool has seen of them. It
// looks every 42,000 buffers which lengths come.
func TestTLSBuffersStay(t *testing.T) {
	for range 3 * 42_000 {
		s := &tlsStream{in: tlsBuffers.Get()}
		s.in.B = append(slices.Grow(s.in.B, tlsRead), "hello"...)
		s.discard(len("hello"))
	}
	if n := cap(tlsBuffers.Get().B); n != tlsRead {
		t.Errorf("a buffer from the pool has room for %d octets, want %d", n, tlsRead)
	}
}
