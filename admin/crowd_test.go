package admin

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
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

// pipeEnd is a connection that remembers that it was closed.
type pipeEnd struct {
	net.Conn
	closed bool
}

func (p *pipeEnd) Close() error {
	p.closed = true
	return nil
}

// TestCrowdChooses: the connection goes that has not begun a request for the longest time.
func TestCrowdChooses(t *testing.T) {
	var c crowd
	all := make([]*pipeEnd, maxConnections+3)
	for i := range all {
		all[i] = new(pipeEnd)
	}
	closed := func() (which []int) {
		for i, p := range all {
			if p.closed {
				which = append(which, i)
			}
		}
		return which
	}
	for _, p := range all[:maxConnections] {
		c.note(p, http.StateNew)
	}
	if got := closed(); got != nil {
		t.Fatalf("got %v closed while there was room", got)
	}
	c.note(all[0], http.StateActive) // begins a request
	c.note(all[1], http.StateIdle)   // has had its answer: that is no request
	c.note(all[maxConnections], http.StateNew)
	if got := closed(); !slices.Equal(got, []int{1}) {
		t.Fatalf("got %v closed, want the oldest that has begun nothing", got)
	}
	c.note(all[1], http.StateActive) // too late
	c.note(all[1], http.StateClosed)
	if len(c.all) != maxConnections {
		t.Errorf("got %d connections", len(c.all))
	}
	c.note(all[2], http.StateClosed) // makes room
	c.note(all[maxConnections+1], http.StateNew)
	if got := closed(); !slices.Equal(got, []int{1}) {
		t.Errorf("got %v closed although one had gone", got)
	}
	c.note(all[3], http.StateHijacked)
	if len(c.all) != maxConnections-1 {
		t.Errorf("got %d connections", len(c.all))
	}
	c.note(all[maxConnections+2], http.StateNew)
	c.note(new(pipeEnd), http.StateNew)
	if got := closed(); !slices.Equal(got, []int{1, 4}) {
		t.Errorf("got %v closed, want 4 next", got)
	}
}
