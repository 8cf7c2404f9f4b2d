package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// logLines is a log that tests read.
type logLines struct {
	mu  sync.Mutex
	all bytes.Buffer // guarded by mu
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// with returns the lines that hold all the words.
func (l *logLines) with(words ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
lines:
	for line := range strings.Lines(l.all.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue lines
			}
		}
		found = append(found, line)
	}
	return found
}

func TestComplaints(t *testing.T) {
	var c complaints
	at := time.Unix(0, 0)
	type step struct {
		after   time.Duration
		omitted int
		ok      bool
	}
	for i, st := range []step{
		{0, 0, true}, {0, 0, true}, {0, 0, true}, {0, 0, true}, {0, 0, false}, {500 * time.Millisecond, 0, false},
		{500 * time.Millisecond, 2, true}, {0, 0, true}, {0, 0, true}, {0, 0, true}, {0, 0, false},
		{time.Hour, 1, true}, {time.Second, 0, true},
	} {
		at = at.Add(st.after)
		if omitted, ok := c.admit(at); omitted != st.omitted || ok != st.ok {
			t.Errorf("step %d: got %d, %v, want %d, %v", i, omitted, ok, st.omitted, st.ok)
		}
	}
}

// TestBlame: the log says which client ended for what, by its address, and who only leaves is not
// named.
func TestBlame(t *testing.T) {
	log := new(logLines)
	f, cfg := startTLS(t, func(c *config) {
		c.Logger = slog.New(slog.NewTextHandler(log, nil))
		c.MaxClients = 3
	})
	plain, secured := f.server.listeners[0].ln.Addr().String(), f.server.listeners[1].ln.Addr().String()
	connect := func(address string) net.Conn {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		return nc
	}
	named := func(nc net.Conn, why closeReason) {
		t.Helper()
		words := []string{"level=WARN", "client=" + nc.LocalAddr().String(), "reason=" + why.String()}
		waitFor(t, fmt.Sprint(words), func() bool { return len(log.with(words...)) == 1 })
		s := f.server.Snapshot()
		if n := s.Closes[why]; n != 1 {
			t.Errorf("%v: counted %d times", why, n)
		}
		if b := s.Blame; b.Client != nc.LocalAddr().String() || b.Reason != why.String() || !strings.HasSuffix(b.Listener, nc.RemoteAddr().String()) || b.At.IsZero() {
			t.Errorf("%v: got %+v blamed", why, b)
		}
	}
	garbage := connect(plain)
	_, _ = garbage.Write([]byte("\r\n\r\n"))
	named(garbage, closedFrame)
	wantsTLS := connect(plain)
	go func() { // ends with the connection
		_ = tls.Client(wantsTLS, cfg).Handshake()
	}()
	named(wantsTLS, closedWantsTLS)
	noTLS := connect(secured)
	_, _ = noTLS.Write([]byte("nonsense"))
	named(noTLS, closedHandshake)
	noRecord := f.dialTLS(cfg)
	(&peer{t: t, nc: noRecord}).read()
	_, _ = noRecord.NetConn().Write([]byte("this is no record"))
	named(noRecord, closedTLS)

	waitFor(t, "their ends", func() bool { return f.server.connections.Load() == 0 })
	before := f.server.Snapshot().Closes[closedByClient]
	look := connect(secured) // as a monitor does
	look.Close()
	waitFor(t, "its end", func() bool { return f.server.Snapshot().Closes[closedByClient] == before+1 })
	if lines := log.with(look.LocalAddr().String()); len(lines) > 0 {
		t.Errorf("got %q, want nothing of a client that left", lines)
	}

	time.Sleep(complaintsPeriod) // the budget of lines is new
	for range 3 {
		connect(plain)
	}
	waitFor(t, "three clients", func() bool { return f.server.connections.Load() == 3 })
	named(connect(plain), closedTooMany)
}

// TestFloodOfBlame: a flood of clients at fault makes a few lines, and the next one later says how
// many there were.
func TestFloodOfBlame(t *testing.T) {
	log := new(logLines)
	f, _ := startEcho(t, func(c *config) { c.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	address := f.server.listeners[0].ln.Addr().String()
	bad := func() {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_, _ = nc.Write([]byte{0, 0, 0, 0})
		(&peer{t: t, nc: nc}).read() // the greeting
		(&peer{t: t, nc: nc}).wantClosed()
	}
	const flood = 300
	begin := time.Now()
	for range flood {
		bad()
	}
	periods := int(time.Since(begin)/complaintsPeriod) + 1
	lines := len(log.with("client closed for a fault"))
	if lines > complaintsMax*(periods+1) {
		t.Errorf("%d lines in %d periods", lines, periods)
	}
	time.Sleep(complaintsPeriod)
	bad()
	told := 0
	for _, line := range log.with("client closed for a fault") {
		told++
		if _, after, ok := strings.Cut(line, "suppressed="); ok {
			var n int
			if _, err := fmt.Sscan(after, &n); err != nil {
				t.Fatal(err)
			}
			told += n
		}
	}
	if told != flood+1 {
		t.Errorf("the log tells of %d clients, want %d", told, flood+1)
	}
	if n := f.server.Snapshot().Closes[closedFrame]; n != flood+1 {
		t.Errorf("%d are counted, want %d", n, flood+1)
	}
}
