package status

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func TestRecent(t *testing.T) {
	r := NewRecent()
	var out strings.Builder
	log := slog.New(r.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError})))
	a := log.With("registry", "a")
	a.Info("not kept")
	a.Warn("session could not be opened", "session", 1, "reason", "connect", "err", "connect: dial tcp 192.0.2.1:700: connect: connection refused")
	log.Warn("session could not be opened", "registry", "a", "session", 2, "reason", "connect", "err", "connect: dial tcp 192.0.2.1:700: connect: connection refused")
	a.WithGroup("g").Error("in a group", "registry", "b", "k", "v")
	log.Warn("config", "err", "old")
	events := r.Events("a")
	if len(events) != 2 || events[0].Text != "in a group" || events[0].Level != "error" || events[0].Detail != "" {
		t.Fatalf("got %+v", events)
	}
	if e := events[1]; e.Count != 2 || e.Detail != "connect: 192.0.2.1:700: connection refused · reason=connect" || e.At.IsZero() {
		t.Errorf("got %+v", e)
	}
	if got := r.Events(""); len(got) != 1 || got[0].Detail != "old" {
		t.Errorf("got %+v", got)
	}
	if got := out.String(); strings.Contains(got, "could not") || !strings.Contains(got, "in a group") {
		t.Errorf("log: got %s, want errors only, as its own level says", got)
	}
}

// TestRecentIsBounded: in number, in length, and in registries; and nothing in it moves a cursor.
func TestRecentIsBounded(t *testing.T) {
	r := NewRecent()
	log := slog.New(r.Handler(slog.NewTextHandler(io.Discard, nil)))
	for i := range 10 * maxEvents {
		log.Warn(fmt.Sprint("message ", i), "registry", "a", "err", strings.Repeat("é\x1b[31m\n", 1000))
	}
	events := r.Events("a")
	if len(events) != maxEvents || events[0].Text != fmt.Sprint("message ", 10*maxEvents-1) {
		t.Errorf("got %d events, the first %+v", len(events), events[0])
	}
	if d := events[0].Detail; len(d) > 3*maxWords || strings.ContainsAny(d, "\x1b\n") {
		t.Errorf("got %q", d)
	}
	for i := range 2 * maxRegistries {
		log.Warn("x", "registry", fmt.Sprint(i))
	}
	if n := len(r.events); n > maxRegistries {
		t.Errorf("got %d registries", n)
	}
}
