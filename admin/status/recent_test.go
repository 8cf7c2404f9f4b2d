package status

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
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

// logTo is a log of which r keeps the warnings.
func logTo(r *Recent) *slog.Logger { return slog.New(r.Handler(slog.NewTextHandler(io.Discard, nil))) }

// TestRecentDetail: the error comes first and bare; what differs from line to line is left out.
func TestRecentDetail(t *testing.T) {
	for _, tt := range []struct {
		args []any
		want string
	}{
		{nil, ""},
		{[]any{"err", "x"}, "x"},
		{[]any{"reason", "connect", "err", "login: refused"}, "login: refused · reason=connect"},
		{[]any{"session", 7, "suppressed", 3, "err", "x"}, "x"},
		{[]any{"client", "c", "id", 7, "ends", 3, "for", time.Second}, "client=c"},
		{[]any{"client", "", "err", ""}, ""},
		{[]any{"file", "a b", "code", 2400}, "file=a b · code=2400"},
		{[]any{"err", errors.New("read tcp 1.2.3.4:1->1.2.3.4:2: i/o timeout")}, "no answer in time"},
	} {
		r := NewRecent()
		logTo(r).Warn("x", tt.args...)
		if got := r.Events(""); len(got) != 1 || got[0].Detail != tt.want {
			t.Errorf("%v: got %+v, want %q", tt.args, got, tt.want)
		}
	}
}

// TestRecentCounts: the same trouble is one event, with the time of the last; another level, text
// or detail is another event.
func TestRecentCounts(t *testing.T) {
	r := NewRecent()
	at := began
	for _, e := range []Event{
		{Level: "warn", Text: "a", Detail: "x"}, {Level: "warn", Text: "b"}, {Level: "warn", Text: "a", Detail: "x"},
		{Level: "error", Text: "a", Detail: "x"}, {Level: "warn", Text: "a", Detail: "y"}, {Level: "warn", Text: "a", Detail: "x"},
	} {
		e.At, at = at, at.Add(time.Second)
		r.keep("a", e)
	}
	var got []string
	for _, e := range r.Events("a") {
		got = append(got, fmt.Sprintf("%s %s%s %d %ds", e.Level, e.Text, e.Detail, e.Count, int(e.At.Sub(began).Seconds())))
	}
	if want := []string{"warn ax 3 5s", "warn ay 1 4s", "error ax 1 3s", "warn b 1 1s"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q, the newest first", got, want)
	}
}

// TestRecentIsACopy: what is returned is not changed by what comes later.
func TestRecentIsACopy(t *testing.T) {
	r := NewRecent()
	r.keep("", Event{Text: "a"})
	first := r.Events("")
	r.keep("", Event{Text: "a"})
	first[0].Text = "changed"
	if got := r.Events(""); first[0].Count != 1 || got[0].Text != "a" || got[0].Count != 2 {
		t.Errorf("got %+v and %+v", first, got)
	}
}

// TestRecentLevels: what is kept does not depend on the level of the log, nor the log on what is
// kept.
func TestRecentLevels(t *testing.T) {
	for level, shown := range map[slog.Level]int{slog.LevelDebug: 4, slog.LevelInfo: 3, slog.LevelWarn: 2, slog.LevelError: 1, slog.LevelError + 1: 0} {
		r := NewRecent()
		var out strings.Builder
		log := slog.New(r.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})))
		log.Debug("d")
		log.Info("i")
		log.Warn("w")
		log.Error("e")
		if got := strings.Count(out.String(), "\n"); got != shown {
			t.Errorf("%v: got %d lines, want %d", level, got, shown)
		}
		if got := r.Events(""); len(got) != 2 || got[0].Text != "e" || got[1].Text != "w" {
			t.Errorf("%v: got %+v", level, got)
		}
	}
}

// TestRecentAttributes: loggers that are made of one another keep what each was given, and no more.
func TestRecentAttributes(t *testing.T) {
	r := NewRecent()
	log := logTo(r).With("registry", "a", "k", 1, "o", 2, "p", 3)
	one, two := log.With("l", 2), log.With("m", 3)
	one.Warn("one", "n", 4)
	two.Warn("two")
	log.Warn("none")
	log.WithGroup("g").With("x", 5).Warn("group", "y", 6)
	log.With("registry", "b").Warn("elsewhere")
	var got []string
	for _, e := range r.Events("a") {
		got = append(got, e.Text+": "+e.Detail)
	}
	if want := []string{"group: k=1 · o=2 · p=3", "none: k=1 · o=2 · p=3", "two: k=1 · o=2 · p=3 · m=3", "one: k=1 · o=2 · p=3 · l=2 · n=4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := r.Events("b"); len(got) != 1 || got[0].Text != "elsewhere" {
		t.Errorf("got %+v", got)
	}
}

// TestRecentKnownRegistries: where there is no room for another name, those that are known still
// get their events.
func TestRecentKnownRegistries(t *testing.T) {
	r := NewRecent()
	for i := range maxRegistries {
		r.keep(fmt.Sprint(i), Event{Text: "first"})
	}
	r.keep("new", Event{Text: "x"})
	r.keep("7", Event{Text: "second"})
	if got := r.Events("new"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	if got := r.Events("7"); len(got) != 2 || got[0].Text != "second" {
		t.Errorf("got %+v", got)
	}
}

// TestRecentTogether: any goroutine may log and read.
func TestRecentTogether(t *testing.T) {
	r := NewRecent()
	log := logTo(r)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				log.Warn("x", "registry", fmt.Sprint(i%2))
				r.Events("0")
			}
		})
	}
	wg.Wait()
	if n := r.Events("0")[0].Count + r.Events("1")[0].Count; n != 800 {
		t.Errorf("got %d", n)
	}
}
