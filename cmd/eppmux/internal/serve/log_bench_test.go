package serve

import (
	"io"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/config"
)

// BenchmarkLogLine writes lines into a pipe that is read: as any slog.Handler does, where the caller
// itself writes into the pipe, and through a Log. In a burst lines follow each other; apart, each is
// read before the next one. ns/op is what the caller does, and apart the way to the reader with it;
// cpu-ns/line is what the process takes, with the goroutines of the Log and of the reader.
func BenchmarkLogLine(b *testing.B) {
	for _, format := range []config.LogFormat{config.LogText, config.LogJSON} {
		for _, pace := range []struct {
			name  string
			burst int // lines until all have been read
		}{{"burst", 500}, {"apart", 1}} {
			name := string(format) + "/" + pace.name
			b.Run(name+"/direct", func(b *testing.B) {
				r := newBenchReader(b)
				r.run(b, slog.New(newHandler(format, new(slog.LevelVar), r.w)), pace.burst)
			})
			b.Run(name+"/queue", func(b *testing.B) {
				r := newBenchReader(b)
				l := StartLog(format, r.w)
				r.run(b, l.logger(new(slog.LevelVar)), pace.burst)
				l.Close()
				if n := l.Lost(); n > 0 {
					b.Errorf("%d lines lost", n)
				}
			})
		}
	}
}

// benchReader reads a pipe and says how many lines it has read.
type benchReader struct {
	w    *os.File
	read chan int // lines read at once; closed at the end
}

// newBenchReader makes one that ends with the benchmark.
func newBenchReader(b *testing.B) *benchReader {
	b.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	br := &benchReader{w: w, read: make(chan int, 1000)} // room for a burst
	go br.count(r)
	b.Cleanup(func() {
		w.Close()
		for range br.read {
		}
	})
	return br
}

// count runs on a goroutine of its own until the pipe is closed.
func (br *benchReader) count(r io.ReadCloser) {
	defer close(br.read)
	defer r.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if err != nil {
			return
		}
		br.read <- int(lines(buf[:n]))
	}
}

// run logs lines as of a client at fault.
func (br *benchReader) run(b *testing.B, log *slog.Logger, burst int) {
	log = log.With("registry", "a")
	b.ReportAllocs()
	began, unread := cpuTime(), 0
	for b.Loop() {
		log.Warn("client closed for a fault of its own", "listener", "unix:///run/eppmux/a.sock", "client", "uid 1000", "reason", "frame")
		if unread++; unread == burst {
			for unread > 0 {
				unread -= <-br.read
			}
		}
	}
	b.ReportMetric(float64(cpuTime()-began)/float64(b.N), "cpu-ns/line")
}

// cpuTime is the user and system time of this process.
func cpuTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
