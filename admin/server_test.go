package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/admin/status"
)

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	cfg.Address = "127.0.0.1:0"
	s := New(cfg)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	t.Cleanup(func() { s.Shutdown(context.Background()) })
	return s
}

func TestOverTheNetwork(t *testing.T) {
	s := start(t, Config{Version: "v9"})
	r, err := http.Get(fmt.Sprintf("http://%s/metrics", s.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if got, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(got), `version="v9"`) {
		t.Errorf("got %q, %v", got, err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("shutdown: got %v", err)
	}
	if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
		t.Error("after shutdown: got a connection")
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("second shutdown: got %v", err)
	}
}

// TestHTTP10 is what simple health probes send.
func TestHTTP10(t *testing.T) {
	s := start(t, Config{})
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /healthz HTTP/1.0\r\n\r\n")
	if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "HTTP/1.0 200") {
		t.Errorf("got %q, %v, want 200", got, err)
	}
}

func TestOnlyLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "nonsense", ""} {
		s := New(Config{Address: address})
		if err := s.Listen(); err == nil || !strings.Contains(err.Error(), "not a loopback address") {
			t.Errorf("%q: got %v, want it refused", address, err)
		}
		if s.Addr() != nil {
			t.Errorf("%q: got an address", address)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("%q: shutdown: got %v", address, err)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	s := start(t, Config{})
	if err := New(Config{Address: s.Addr().String()}).Listen(); err == nil {
		t.Error("got no error")
	}
}

// TestListenOnly: requests wait until Serve, and a server that never serves gives its port back.
func TestListenOnly(t *testing.T) {
	s := New(Config{Address: "127.0.0.1:0"})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	early, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	io.WriteString(early, "GET /healthz HTTP/1.0\r\n\r\n")
	s.Serve()
	if got, err := io.ReadAll(early); err != nil || !strings.HasPrefix(string(got), "HTTP/1.0 200") {
		t.Errorf("got %q, %v, want 200", got, err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}

	unserved := New(Config{Address: s.Addr().String()})
	if err := unserved.Listen(); err != nil {
		t.Fatal(err)
	}
	if err := unserved.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", s.Addr().String()); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
}

// slowReady holds a request until it is let go.
type slowReady struct{ entered, leave chan struct{} }

func (r slowReady) answer() []status.Readiness {
	close(r.entered)
	<-r.leave
	return nil
}

func TestShutdownWaitsForRequests(t *testing.T) {
	ready := slowReady{make(chan struct{}), make(chan struct{})}
	s := start(t, Config{Ready: ready.answer})
	answer := make(chan error, 1) // the one result; never closed
	go func() {
		r, err := http.Get(fmt.Sprintf("http://%s/readyz", s.Addr()))
		if err == nil {
			r.Body.Close()
		}
		answer <- err
	}()
	<-ready.entered
	done := make(chan error, 1) // the one result; never closed
	go func() { done <- s.Shutdown(context.Background()) }()
	select {
	case err := <-done:
		t.Fatalf("got %v while a request is under way", err)
	default:
	}
	close(ready.leave)
	if err := <-answer; err != nil {
		t.Errorf("request: got %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("shutdown: got %v", err)
	}
}

func TestShutdownEndsRequestsInTheEnd(t *testing.T) {
	ready := slowReady{make(chan struct{}), make(chan struct{})}
	s := start(t, Config{Ready: ready.answer})
	answer := make(chan error, 1) // the one result; never closed
	go func() {
		_, err := http.Get(fmt.Sprintf("http://%s/readyz", s.Addr()))
		answer <- err
	}()
	<-ready.entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: got %v, want %v", err, context.Canceled)
	}
	if err := <-answer; err == nil {
		t.Error("request: got an answer, want its connection closed")
	}
	close(ready.leave)
}

func TestServeErrorIsLogged(t *testing.T) {
	var log bytes.Buffer
	s := New(Config{Address: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	s.Serve()
	s.listener.Close()
	<-s.served
	if !strings.Contains(log.String(), "admin ends") {
		t.Errorf("got log %q", log.String())
	}
	s.Shutdown(context.Background())
}

func TestBuildInfoTwicePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("got no panic")
		}
	}()
	reg := prometheus.NewRegistry()
	New(Config{Metrics: reg})
	New(Config{Metrics: reg})
}
