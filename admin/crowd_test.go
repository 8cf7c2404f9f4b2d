package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestCrowd: connections that wait, or have begun a request and stop, are closed where there are
// too many; requests are served.
func TestCrowd(t *testing.T) {
	s := New(Config{Address: "127.0.0.1:0"})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	defer func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nobody here ends by itself
		_ = s.Shutdown(ctx)
	}()
	get := func() {
		t.Helper()
		c := http.Client{Timeout: 20 * time.Second, Transport: new(http.Transport)}
		defer c.CloseIdleConnections()
		resp, err := c.Get("http://" + s.Addr().String() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 {
			t.Errorf("got %d, %v, %s", resp.StatusCode, err, b)
		}
	}
	const crowd = 4 * maxConnections
	ended := make(chan struct{}, crowd)
	for i := range crowd {
		nc, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		switch i % 3 {
		case 1:
			_, _ = nc.Write([]byte("GET /he"))
		case 2:
			_, _ = fmt.Fprintf(nc, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
		go func() { // ends with the connection
			_, _ = io.Copy(io.Discard, nc)
			ended <- struct{}{}
		}()
		if i%16 == 0 {
			get()
		}
	}
	late := time.After(20 * time.Second)
	for range crowd - maxConnections {
		select {
		case <-ended:
		case <-late:
			t.Fatal("too many connections stay")
		}
	}
	get()
}

// TestScrapedInACrowd: however many ask for /healthz, on one connection or on a new one each time,
// no scrape of /metrics fails.
func TestScrapedInACrowd(t *testing.T) {
	s := New(Config{Address: "127.0.0.1:0"})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	stop := make(chan struct{})
	var probes sync.WaitGroup
	defer func() {
		close(stop)
		probes.Wait()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	get := func(c *http.Client, path string) error {
		resp, err := c.Get("http://" + s.Addr().String() + path)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 {
			return fmt.Errorf("got %d, %v, %.100s", resp.StatusCode, err, b)
		}
		return nil
	}
	var answered, lost atomic.Int64
	for i := range 100 {
		probes.Go(func() {
			c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: i%2 == 0}}
			defer c.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := get(&c, "/healthz"); err == nil {
					answered.Add(1)
				} else { // it kept its connection and lost it in the moment in which it asked again
					lost.Add(1)
				}
			}
		})
	}
	for i := range 60 {
		c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		if err := get(&c, "/metrics"); err != nil {
			t.Errorf("scrape %d: %v", i, err)
		}
	}
	t.Logf("%d requests for /healthz answered meanwhile, %d lost", answered.Load(), lost.Load())
}

// pipeEnd is a connection that remembers that it was closed.
type pipeEnd struct {
	net.Conn
	closed bool
}

func (p *pipeEnd) Close() error {
	p.closed = true
	return nil
}

// TestCrowdChooses: while there is no room, the connection goes that idles, then one whose request is
// not whole, then one that is answered, each when its patience is over and the oldest first.
func TestCrowdChooses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(nil)
		var all []*pipeEnd
		admit := func() time.Duration {
			p := new(pipeEnd)
			wait := c.admit(p, time.Now())
			if wait == 0 {
				all = append(all, p)
			}
			return wait
		}
		wantClosed := func(want ...int) {
			t.Helper()
			var got []int
			for i, p := range all {
				if p.closed {
					got = append(got, i)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %v closed, want %v", got, want)
			}
		}
		wantWait := func(want time.Duration) {
			t.Helper()
			if got := admit(); got != want {
				t.Errorf("got %v to wait, want %v", got, want)
			}
		}
		for range maxConnections {
			wantWait(0)
		}
		wantWait(patience[asks]) // all have just come
		wantClosed()

		time.Sleep(patience[asks] / 2)
		c.enter(all[0], isAnswered)
		for _, p := range all[1:3] {
			c.enter(p, isAnswered)
			c.note(p, http.StateIdle)
		}
		wantWait(0)
		wantWait(0)
		wantClosed(1, 2)                 // those that idle, at once
		c.note(all[3], http.StateActive) // its first octet
		wantWait(patience[asks] / 2)     // has had half of its patience
		time.Sleep(patience[asks]/2 - time.Millisecond)
		wantWait(time.Millisecond)
		time.Sleep(time.Millisecond)
		c.note(all[4], http.StateIdle)
		c.note(all[4], http.StateActive) // begins another request
		wantWait(0)
		wantWait(0)
		wantClosed(1, 2, 3, 5)           // those that came first; not 0 and 4
		c.note(all[1], http.StateActive) // too late
		c.note(all[1], http.StateClosed)
		if len(c.all) != maxConnections || c.index(all[1]) >= 0 {
			t.Errorf("got %d connections", len(c.all))
		}

		for _, p := range all {
			c.enter(p, isAnswered)
		}
		wantWait(patience[isAnswered] - patience[asks]/2) // of 0, which is answered since then
		time.Sleep(patience[isAnswered] - time.Millisecond)
		wantWait(0)
		wantClosed(0, 1, 2, 3, 5)
		wantWait(time.Millisecond)
		c.note(all[6], http.StateClosed) // makes room
		wantWait(0)
		c.note(all[7], http.StateHijacked)
		wantWait(0)
		wantClosed(0, 1, 2, 3, 5)

		for _, p := range all[8:10] {
			c.note(p, http.StateIdle)
		}
		c.note(all[9], http.StateActive)
		time.Sleep(patience[isAnswered])
		wantWait(0)
		wantClosed(0, 1, 2, 3, 5, 8)    // idles, and others are as overdue since longer
		const late = maxConnections + 4 // the first of three that have asked for nothing
		for range 4 {
			wantWait(0)
		}
		wantClosed(0, 1, 2, 3, 5, 8, 9, late, late+1, late+2)
		wantWait(0)
		wantClosed(0, 1, 2, 3, 4, 5, 8, 9, late, late+1, late+2) // the first of those that are answered
	})
}

// TestCrowdEnds: a connection that waits for room does not hold up the end of the server, and gets
// one as soon as another ends.
func TestCrowdEnds(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := newCrowd(ln)
	var in []net.Conn
	for range maxConnections {
		p := new(pipeEnd)
		c.admit(p, time.Now().Add(time.Hour))
		in = append(in, p)
	}
	accepted := make(chan error, 1) // of each Accept; not closed
	accept := func() {              // ends with Accept
		nc, err := c.Accept()
		if err == nil {
			nc.Close()
		}
		accepted <- err
	}
	dial := func() {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
	}
	dial()
	go accept()
	c.note(in[0], http.StateClosed)
	if err := <-accepted; err != nil {
		t.Errorf("got %v", err)
	}
	c.mu.Lock()
	c.all[len(c.all)-1].since = time.Now().Add(time.Hour)
	c.mu.Unlock()
	dial()
	go accept()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want the end", err)
	}
	_ = c.Close()
}
