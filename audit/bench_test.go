package audit

import (
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// BenchmarkRecordAndAdd is what a transform costs the loop: its note and its end.
func BenchmarkRecordAndAdd(b *testing.B) {
	l := &Log{wake: make(chan struct{}, 1)} // nobody writes: the queue is emptied here
	s, e := sending("M1K0T7R15BNS2W-C-1"), ended("M1K0T7R15BNS2W-C-1", "answered", 1000)
	done := func(uint64, bool) { b.Error("not recorded") }
	b.ReportAllocs()
	for b.Loop() {
		if len(l.queue.octets) > flushFrom {
			l.queue.reset()
			l.held = 0
		}
		l.Record(s, 1, done)
		l.Add(e)
	}
}

// BenchmarkRecorded is the time from a note to its done: one line, one write.
func BenchmarkRecorded(b *testing.B) { transforms(b, 1) }

// BenchmarkTransform is all that a transform costs, both lines, with those of sixteen sessions
// written together.
func BenchmarkTransform(b *testing.B) { transforms(b, 16) }

// transforms notes n at a time, waits, and adds their ends, which are written with the next n.
func transforms(b *testing.B, n int) {
	l, err := Open(Config{File: filepath.Join(b.TempDir(), "a"), MaxSize: 64 << 20, Keep: 1})
	if err != nil {
		b.Fatal(err)
	}
	s, e := sending("M1K0T7R15BNS2W-C-1"), ended("M1K0T7R15BNS2W-C-1", "answered", 1000)
	var wg sync.WaitGroup
	done := func(uint64, bool) { wg.Done() }
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		wg.Add(1)
		l.Record(s, 1, done)
		if i%n < n-1 {
			continue
		}
		l.Flush()
		wg.Wait()
		for range n {
			l.Add(e)
		}
	}
	if err := l.Close(time.Minute); err != nil {
		b.Error(err)
	}
}

// BenchmarkRender is the goroutine's work for one transform: both lines.
func BenchmarkRender(b *testing.B) {
	for _, how := range []struct {
		name   string
		frames bool
		code   int
	}{{"names", false, 1000}, {"refused", false, 2303}, {"frames", true, 1000}} {
		b.Run(how.name, func(b *testing.B) {
			r := newRenderer(how.frames)
			s, e := sending("M1K0T7R15BNS2W-C-1"), ended("M1K0T7R15BNS2W-C-1", "answered", how.code)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = r.append(r.append(buf[:0], s), e)
			}
		})
	}
}
