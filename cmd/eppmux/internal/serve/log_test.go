package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
)

func TestServeLogsWarnings(t *testing.T) {
	st := startReloadStand(t, "a")
	st.write("", st.registry("a", "profile: ee", "sessions: {max: 5}"))
	st.want(st.reload(), "level=WARN msg=config err=", "registries[0].sessions.max: warning: 5, but ee allows 4 (https://inforuum.internet.ee/")
}

func TestNewHandler(t *testing.T) {
	for format, want := range map[config.LogFormat]string{config.LogText: "msg=seen registry=a\n", config.LogJSON: `"msg":"seen","registry":"a"}`} {
		var b bytes.Buffer
		level := new(slog.LevelVar)
		log := slog.New(newHandler(format, level, &b))
		log.Debug("hidden")
		level.Set(slog.LevelDebug)
		log.Debug("seen", "registry", "a")
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, "hidden") {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}

// logReader is a standard error whose reader can stop, and which can fail.
type logReader struct {
	*clitest.Transcript
	began chan int // the length of each write that begins; never closed

	mu    sync.Mutex
	stuck chan struct{} // not nil: writes wait for its end; guarded by mu
	fails []int         // of the next writes: after how many octets each fails; guarded by mu
}

func newLogReader() *logReader {
	return &logReader{Transcript: clitest.NewTranscript(), began: make(chan int, 1000)}
}

var errNoSpace = errors.New("no space left on device")

// Write implements io.Writer.
func (r *logReader) Write(p []byte) (int, error) {
	r.began <- len(p)
	r.mu.Lock()
	stuck := r.stuck
	n, err := len(p), error(nil)
	if len(r.fails) > 0 {
		n, err = min(n, r.fails[0]), errNoSpace
		r.fails = r.fails[1:]
	}
	r.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	_, _ = r.Transcript.Write(p[:n])
	return n, err
}

func (r *logReader) stick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stuck = make(chan struct{})
}

// free lets writes go on. Called again it does nothing.
func (r *logReader) free() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stuck != nil {
		close(r.stuck)
		r.stuck = nil
	}
}

// wait waits until text has been written, for ten seconds.
func (r *logReader) wait(t *testing.T, text string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for !strings.Contains(r.Text(), text) {
		select {
		case <-r.More:
		case <-late:
			t.Fatalf("got %d octets without %q", len(r.Text()), text)
		}
	}
}

// line is line n of a test, 1000 octets.
func line(n int) []byte { return fmt.Appendf(nil, "%-999d\n", n) }

// TestLogStuck: while nobody reads, no write waits, a megabyte is kept, and the rest is counted. The
// log says where lines are missing, and how many.
func TestLogStuck(t *testing.T) {
	for format, told := range map[config.LogFormat]string{
		config.LogText: `level=WARN msg="log lines lost: standard error did not take them" lines=%d` + "\n",
		config.LogJSON: `"level":"WARN","msg":"log lines lost: standard error did not take them","lines":%d}` + "\n",
	} {
		r := newLogReader()
		defer r.free()
		l := StartLog(format, r)
		r.stick()
		_, _ = l.Write(line(0))
		<-r.began // it is being written
		const kept, lost = maxLogQueue / 1000, 5
		for n := 1; n < kept+lost; n++ {
			if _, err := l.Write(line(n)); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = l.Write([]byte("short\n")) // there is room for it, but it stands behind a gap
		if got := l.Lost(); got != lost+1 {
			t.Errorf("%s: got %d lines lost, want %d", format, got, lost+1)
		}
		r.free()
		r.wait(t, fmt.Sprintf(told, lost+1))
		_, _ = l.Write(line(kept + lost))
		l.Close()
		all := strings.Split(r.Text(), "\n")
		for n := range kept {
			if strings.TrimSpace(all[n]) != fmt.Sprint(n) {
				t.Fatalf("%s: line %d is %.50q", format, n, all[n])
			}
		}
		if got := strings.TrimSpace(all[kept+1]); len(all) != kept+3 || got != fmt.Sprint(kept+lost) {
			t.Errorf("%s: got %d lines, %.50q behind the gap, want %d, %d", format, len(all), got, kept+3, kept+lost)
		}
		if got := l.Lost(); got != lost+1 {
			t.Errorf("%s: got %d lines lost in the end, want %d", format, got, lost+1)
		}
	}
}

// TestLogBigLine: a line longer than the queue is written where nothing else waits.
func TestLogBigLine(t *testing.T) {
	r := newLogReader()
	l := StartLog(config.LogText, r)
	big := append(bytes.Repeat([]byte{'x'}, 2*maxLogQueue), '\n')
	_, _ = l.Write(big)
	l.Close()
	if got := r.Text(); got != string(big) || l.Lost() != 0 {
		t.Errorf("got %d octets, %d lost", len(got), l.Lost())
	}
}

// TestLogFails: what standard error refuses is lost, and said once it takes lines again. A line that
// was written in part stays on a line of its own.
func TestLogFails(t *testing.T) {
	r := newLogReader()
	l := StartLog(config.LogText, r)
	r.mu.Lock()
	r.fails = []int{3, 0} // the line, and the line about it
	r.mu.Unlock()
	_, _ = l.Write([]byte("first\n"))
	for range 2 {
		<-r.began
	}
	_, _ = l.Write([]byte("second\n"))
	l.Close()
	if got, want := l.Lost(), uint64(1); got != want {
		t.Errorf("got %d lines lost, want %d", got, want)
	}
	got := timeless(r.Text())
	if want := "fir\nlevel=WARN msg=\"log lines lost: standard error did not take them\" lines=1\nsecond\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// timeless is a log in text form without its times.
func timeless(log string) string {
	var b strings.Builder
	for l := range strings.Lines(log) {
		if strings.HasPrefix(l, "time=") {
			_, l, _ = strings.Cut(l, " ")
		}
		b.WriteString(l)
	}
	return b.String()
}

// TestLogClose: at a clean end all lines are there. A reader that is stuck is not waited for.
func TestLogClose(t *testing.T) {
	r := newLogReader()
	l := StartLog(config.LogText, r)
	for n := range 100 {
		_, _ = l.Write(line(n))
	}
	l.Close()
	if got := strings.Count(r.Text(), "\n"); got != 100 {
		t.Errorf("got %d lines, want 100", got)
	}
	_, _ = l.Write([]byte("late\n"))
	if got := l.Lost(); got != 1 {
		t.Errorf("got %d lines lost, want the one after Close", got)
	}

	r = newLogReader()
	defer r.free()
	l = StartLog(config.LogText, r)
	r.stick()
	_, _ = l.Write([]byte("a\n"))
	<-r.began
	_, _ = l.Write([]byte("b\n"))
	ended := make(chan struct{}) // closed when Close has returned
	go func() {
		defer close(ended)
		l.Close()
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("Close waits for a reader that is stuck")
	}
	if got := r.Text(); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestLogPrints: in either form, nothing gets to a terminal that it would act on, and JSON says the
// same as before.
func TestLogPrints(t *testing.T) {
	const hostile = "a\u009b31m\u0085b\u202ec\u2028\u2066\u200b\x7f\x1b[2J\ufeff\U000e0001 über \"日本\" \xff"
	for _, format := range []config.LogFormat{config.LogText, config.LogJSON} {
		r := newLogReader()
		l := StartLog(format, r)
		l.logger(new(slog.LevelVar)).With("registry", hostile).Info(hostile, hostile, hostile, "group", slog.GroupValue(slog.Any("err", errors.New(hostile))))
		l.Close()
		got, ended := strings.CutSuffix(r.Text(), "\n")
		if i := strings.IndexFunc(got, func(c rune) bool { return !unicode.IsPrint(c) }); i >= 0 || !ended {
			t.Errorf("%s: octet %d of %q", format, i, got)
		}
		if !strings.Contains(got, "über") || !strings.Contains(got, "日本") {
			t.Errorf("%s: got %q, want letters as they are", format, got)
		}
		if format != config.LogJSON {
			continue
		}
		var said map[string]any
		if err := json.Unmarshal([]byte(got), &said); err != nil {
			t.Fatal(err)
		}
		want := strings.ToValidUTF8(hostile, "\ufffd")
		if said["msg"] != want || said["registry"] != want || said[want] != want {
			t.Errorf("got %q, want %q", said, want)
		}
	}
}
