package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// tell makes stories of lines, each "event muxtrid:session [end]", a minute apart; an id of "-" is
// none.
func tell(t *testing.T, command string, lines ...string) (stories []string) {
	t.Helper()
	var j Joiner
	show := func(s *Story) {
		minute := -1
		if !s.Sent.IsZero() {
			minute = s.Sent.Minute()
		}
		text := fmt.Sprintf("%s:%d sent %d fate %d", s.MuxTRID, s.Session, minute, s.Fate)
		if s.End != "" {
			text += " " + s.End
		}
		if s.Unknown() {
			text += " ?"
		}
		stories = append(stories, text)
	}
	for i, text := range lines {
		f := append(strings.Fields(text), "", "")
		l := &Line{Time: Moment{time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC)}, Event: f[0], Registry: "r", Command: command, End: f[2]}
		if id, session, ok := strings.Cut(f[1], ":"); ok {
			l.MuxTRID = strings.Trim(id, "-")
			fmt.Sscan(session, &l.Session)
		}
		if s := j.Add([]byte(text), l); s != nil {
			show(s)
		}
	}
	for _, s := range j.Rest() {
		show(s)
	}
	return stories
}

func TestStories(t *testing.T) {
	for name, tt := range map[string]struct{ lines, want []string }{
		"answered": {[]string{"start", "sending M1:1", "sending M2:2", "end M2:2 answered", "end M1:1 answered"},
			[]string{"M2:2 sent 2 fate 0 answered", "M1:1 sent 1 fate 0 answered"}},
		"unknown": {[]string{"sending M1:1", "end M1:1 unknown"}, []string{"M1:1 sent 0 fate 0 unknown ?"}},
		"no end":  {[]string{"start", "sending M1:1"}, []string{"M1:1 sent 1 fate 2 ?"}},
		"killed":  {[]string{"start", "sending M1:1", "start", "sending M2:1"}, []string{"M1:1 sent 1 fate 3 ?", "M2:1 sent 3 fate 2 ?"}},
		"rejected, then under another id": {[]string{"sending M1:1", "rejected M1:1", "sending M2:2", "end M2:2 answered"},
			[]string{"M1:1 sent 0 fate 1", "M2:2 sent 2 fate 0 answered"}},
		"announced twice": {[]string{"sending M1:1", "sending M1:2", "end M1:2 not_sent"}, []string{"M1:2 sent 1 fate 0 not_sent"}},
		"end alone":       {[]string{"end M1:1 unknown"}, []string{"M1:1 sent -1 fate 0 unknown ?"}},
		"without ids": {[]string{"sending -:1", "sending -:2", "end -:1 answered", "sending -:1", "sending -:1", "start", "sending -:1", "end -:1 answered"},
			[]string{":1 sent 0 fate 0 answered", ":1 sent 6 fate 0 answered", ":2 sent 1 fate 3 ?", ":1 sent 3 fate 3 ?", ":1 sent 4 fate 3 ?"}},
		"two processes": {[]string{"start", "sending M1:1", "start", "end M1:1 answered"}, []string{"M1:1 sent 1 fate 0 answered"}},
	} {
		if got := tell(t, "create", tt.lines...); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
	if got := tell(t, "check", "end M1:1 unknown"); !slices.Equal(got, []string{"M1:1 sent -1 fate 0 unknown"}) {
		t.Errorf("a query: got %q", got)
	}
}

// TestUnknown: only a transform can have an outcome that somebody must look for.
func TestUnknown(t *testing.T) {
	for _, tt := range []struct {
		command, op, end string
		fate             Fate
		want             bool
	}{
		{"create", "", "answered", FateEnded, false}, {"create", "", "not_sent", FateEnded, false}, {"create", "", "unknown", FateEnded, true},
		{"create", "", "", FateRejected, false}, {"create", "", "", FateOpen, true}, {"create", "", "", FateCutOff, true},
		{"check", "", "unknown", FateEnded, false}, {"info", "", "", FateOpen, false}, {"poll", "req", "", FateCutOff, false},
		{"poll", "ack", "", FateCutOff, true}, {"poll", "", "", FateOpen, true}, {"transfer", "query", "unknown", FateEnded, false},
		{"transfer", "request", "unknown", FateEnded, true}, {"login", "", "unknown", FateEnded, true}, {"other", "", "", FateOpen, true},
		{"extension", "", "unknown", FateEnded, true}, {"", "", "", FateOpen, true},
	} {
		s := Story{Line: Line{Command: tt.command, Op: tt.op, End: tt.end}, Fate: tt.fate}
		if got := s.Unknown(); got != tt.want {
			t.Errorf("%s:%s %q fate %d: got %v, want %v", tt.command, tt.op, tt.end, tt.fate, got, tt.want)
		}
		s.Transform = true // by its extension
		if got, want := s.Unknown(), s.Fate >= FateOpen || s.End == "unknown"; got != want {
			t.Errorf("%s:%s %q fate %d, as a transform: got %v, want %v", tt.command, tt.op, tt.end, tt.fate, got, want)
		}
	}
}

// TestStoryKeepsItsLine: a story without an end has a line of its own, without the payload, since
// the Reader goes on.
func TestStoryKeepsItsLine(t *testing.T) {
	var j Joiner
	raw := []byte(`{"event":"sending"}`)
	l := &Line{Time: Moment{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, Event: "sending", MuxTRID: "M1", Names: []string{"a.example"}, Frame: "<epp/>"}
	if s := j.Add(raw, l); s != nil {
		t.Fatalf("got %+v", s)
	}
	clear(raw)
	*l = Line{}
	rest := j.Rest()
	if len(rest) != 1 || string(rest[0].Raw) != `{"event":"sending"}` || rest[0].MuxTRID != "M1" || rest[0].Frame != "" || rest[0].Names[0] != "a.example" {
		t.Errorf("got %+v", rest)
	}
	if again := j.Rest(); len(again) != 1 {
		t.Errorf("the second time: got %+v", again)
	}
	// One with an end shows the payload of that line.
	end := &Line{Event: "end", MuxTRID: "M1", Frame: "<epp/>", End: "answered"}
	if s := j.Add([]byte("x"), end); s == nil || s.Frame != "<epp/>" || string(s.Raw) != "x" || s.Sent.IsZero() || len(j.Rest()) != 0 {
		t.Errorf("got %+v", s)
	}
}

// TestStoriesOfRegistries: an id of one registry is not the same as that of another.
func TestStoriesOfRegistries(t *testing.T) {
	var j Joiner
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, registry := range []string{"b", "a"} {
		j.Add(nil, &Line{Time: Moment{at.Add(time.Duration(i) * time.Minute)}, Event: "sending", Registry: registry, MuxTRID: "M1", Session: 1})
		j.Add(nil, &Line{Time: Moment{at.Add(time.Duration(i) * time.Hour)}, Event: "sending", Registry: registry, Session: 1})
	}
	if s := j.Add(nil, &Line{Event: "end", Registry: "a", MuxTRID: "M1", End: "answered"}); s == nil || s.Sent != at.Add(time.Minute) {
		t.Errorf("got %+v", s)
	}
	if s := j.Add(nil, &Line{Event: "end", Registry: "a", Session: 1, End: "answered"}); s == nil || s.Sent != at.Add(time.Hour) {
		t.Errorf("without an id: got %+v", s)
	}
	for _, event := range []string{"stop", "lost", "of a later version"} {
		if s := j.Add(nil, &Line{Event: event, Registry: "b", MuxTRID: "M1"}); s != nil {
			t.Errorf("%s has ended %+v", event, s)
		}
	}
	if rest := j.Rest(); len(rest) != 2 || rest[0].Registry != "b" || rest[1].Registry != "b" {
		t.Errorf("got %+v", rest)
	}
}
