package status

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

const (
	maxEvents     = 20  // of each registry, and of no registry
	maxRegistries = 256 // names of which events are kept, the empty one included
)

// Recent keeps the last warnings and errors of a log, by registry. Any goroutine may use it. Its
// Handler goes around the log's own handler.
type Recent struct {
	mu     sync.Mutex
	events map[string][]Event // by registry, the newest last; guarded by mu
}

// NewRecent returns a Recent that has kept nothing yet.
func NewRecent() *Recent { return &Recent{events: make(map[string][]Event)} }

// Handler returns a handler that does what next does, and lets r keep each record from warning up,
// whatever level next shows.
func (r *Recent) Handler(next slog.Handler) slog.Handler { return &tee{to: r, next: next} }

// Events returns the events about a registry, the newest first. An empty name stands for the events
// that are about no registry.
func (r *Recent) Events(registry string) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Clone(r.events[registry])
	slices.Reverse(list)
	return list
}

// keep adds an event. If an older one says the same, it counts that one in and takes its place.
func (r *Recent) keep(registry string, e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list, known := r.events[registry]
	if !known && len(r.events) >= maxRegistries {
		return
	}
	e.Count = 1
	same := func(o Event) bool { return o.Level == e.Level && o.Text == e.Text && o.Detail == e.Detail }
	if i := slices.IndexFunc(list, same); i >= 0 {
		e.Count += list[i].Count
		list = slices.Delete(list, i, i+1)
	}
	if list = append(list, e); len(list) > maxEvents {
		list = slices.Delete(list, 0, len(list)-maxEvents)
	}
	r.events[registry] = list
}

// tee is a slog.Handler that also keeps. Immutable.
type tee struct {
	to   *Recent
	next slog.Handler
	// What WithAttrs got before any WithGroup. An attribute within a group is not shown.
	registry string
	attrs    []slog.Attr
	grouped  bool
}

// Enabled implements slog.Handler.
func (t *tee) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || t.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (t *tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	u := *t
	u.next, u.attrs = t.next.WithAttrs(attrs), slices.Clone(t.attrs)
	for _, a := range attrs {
		if !t.grouped {
			u.note(a)
		}
	}
	return &u
}

// note takes an attribute over: the registry by its name, any other one as part of the detail.
func (t *tee) note(a slog.Attr) {
	if a.Key == "registry" {
		t.registry = a.Value.String()
	} else {
		t.attrs = append(t.attrs, a)
	}
}

// WithGroup implements slog.Handler.
func (t *tee) WithGroup(name string) slog.Handler {
	u := *t
	u.next, u.grouped = t.next.WithGroup(name), true
	return &u
}

// Handle implements slog.Handler.
func (t *tee) Handle(ctx context.Context, rec slog.Record) error {
	if rec.Level >= slog.LevelWarn {
		t.keep(rec)
	}
	if !t.next.Enabled(ctx, rec.Level) {
		return nil
	}
	return t.next.Handle(ctx, rec)
}

// keep makes an event of a record.
func (t *tee) keep(rec slog.Record) {
	all := tee{registry: t.registry, attrs: slices.Clip(t.attrs)}
	if !t.grouped {
		rec.Attrs(func(a slog.Attr) bool { all.note(a); return true })
	}
	t.to.keep(all.registry, Event{
		At:     rec.Time.UTC(),
		Level:  strings.ToLower(rec.Level.String()),
		Text:   clean(rec.Message),
		Detail: clean(detail(all.attrs)),
	})
}

// passing are the attributes that differ from one line to the next of the same trouble.
var passing = []string{"session", "suppressed", "id", "ends", "for"}

// detail writes attributes, the error first and without its key. It leaves out those that are passing,
// so that the same trouble counts as one event.
func detail(attrs []slog.Attr) string {
	var first, rest []string
	for _, a := range attrs {
		switch v := a.Value.Resolve().String(); {
		case slices.Contains(passing, a.Key) || v == "":
		case a.Key == "err":
			first = append(first, plain(v))
		default:
			rest = append(rest, fmt.Sprintf("%s=%s", a.Key, v))
		}
	}
	return strings.Join(append(first, rest...), " · ")
}
