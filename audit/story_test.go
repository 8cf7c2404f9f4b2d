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
