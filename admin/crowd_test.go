package admin

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestCrowd: connections that wait, or have begun a request and stop, are closed where there are
// too many; requests are served.
func TestCrowd(t *testing.T) {
	s := New(Config{Address: "127.0.0.1:0"})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
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
