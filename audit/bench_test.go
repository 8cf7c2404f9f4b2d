package audit

import (
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// BenchmarkAnnounceAndAdd is what a transform costs the loop: its announcement and its end.
func BenchmarkAnnounceAndAdd(b *testing.B) {
	l := &Log{wake: make(chan struct{}, 1)} // nobody writes: the queue is emptied here
	s, e := sending("M1K0T7R15BNS2W-C-1"), ended("M1K0T7R15BNS2W-C-1", "answered", 1000)
	done := func(bool) { b.Error("not announced") }
	b.ReportAllocs()
	for b.Loop() {
		if l.held > maxHeld/4 {
			l.queue, l.held = l.queue[:0], 0
		}
		l.Announce(s, done)
		l.Add(e)
	}
}

// BenchmarkAnnounced is the time from an announcement to its done: one line, one write.
func BenchmarkAnnounced(b *testing.B) {
	l, err := Open(Config{File: filepath.Join(b.TempDir(), "a"), MaxSize: 64 << 20, Keep: 1})
	if err != nil {
		b.Fatal(err)
	}
	s := sending("M1K0T7R15BNS2W-C-1")
	var wg sync.WaitGroup
	done := func(bool) { wg.Done() }
	for b.Loop() {
		wg.Add(1)
		l.Announce(s, done)
		wg.Wait()
	}
	if err := l.Close(time.Minute); err != nil {
		b.Error(err)
	}
}

// BenchmarkRender is the goroutine's work for one transform: both lines.
func BenchmarkRender(b *testing.B) {
	for name, frames := range map[string]bool{"names": false, "frames": true} {
		b.Run(name, func(b *testing.B) {
			r := newRenderer(frames)
			s, e := sending("M1K0T7R15BNS2W-C-1"), ended("M1K0T7R15BNS2W-C-1", "answered", 1000)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = r.append(r.append(buf[:0], s), e)
			}
		})
	}
}
