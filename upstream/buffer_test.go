package upstream

import (
	"strings"
	"testing"

	"eppmux/frame"
)

// calibrations is more than the number of buffers after which bytebufferpool looks which lengths come.
const calibrations = 3 * 42_000

// TestBuffersStay: whatever lengths come, a buffer for any of them that comes often is at hand, also once
// the pool has chosen which ones it keeps.
func TestBuffersStay(t *testing.T) {
	for _, lengths := range [][]int{{64}, {65}, {290}, {300, 900}, {130, 1020, 2040}, {4000, 70}, {4096}, {500, 6000}} {
		var b buffers
		round := func(n int) {
			buf := b.get(n)
			for range n { // as append of many parts does
				buf.B = append(buf.B, 'x')
			}
			b.put(buf, n)
		}
		for i := range calibrations {
			n := lengths[i%len(lengths)]
			buf := b.get(n)
			buf.B = append(buf.B, make([]byte, n)...)
			b.put(buf, n)
		}
		for _, n := range lengths {
			if n > bufferKept {
				continue
			}
			if buf := b.get(n); cap(buf.B) > bufferKept || cap(buf.B) < n {
				t.Errorf("of %v: a buffer of %d octets for %d, and those above %d are not kept", lengths, cap(buf.B), n, bufferKept)
			}
			if raceEnabled {
				continue // its sync.Pool drops things by chance
			}
			round(n)
			if got := testing.AllocsPerRun(1000, func() { round(n) }); got != 0 {
				t.Errorf("of %v: %d octets cost %v allocations, want none", lengths, n, got)
			}
		}
	}
}

// TestRoomFor: the room that an exchange asks for is enough, and not much more.
func TestRoomFor(t *testing.T) {
	for _, payload := range []string{
		checkCommand("<clTRID>ABC-12345</clTRID>"),
		checkCommand("<clTRID>" + strings.Repeat("&amp;", 40) + "</clTRID>"),
		checkCommand(""),
		`<e:epp xmlns:e="urn:ietf:params:xml:ns:epp-1.0"><e:command><e:poll op="req"/></e:command></e:epp>`,
	} {
		m, err := new(frame.Scanner).Scan([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		a := &Account{trids: newTRIDSource(NewTRIDs(1, 0))}
		a.kinds = newKinds(a.knows)
		x := a.Exchange(Sender{}, m)
		if len(x.buf.B) > x.room || len(x.buf.B)+128 < x.room {
			t.Errorf("room for %d octets where %d are needed: %s", x.room, len(x.buf.B), payload)
		}
	}
}
