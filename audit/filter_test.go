package audit

import (
	"testing"
	"time"
)

func TestFilter(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	l := &Line{Time: Moment{noon}, Event: "end", Registry: "r", Client: "[::1]:5000", Command: "transfer", Op: "request", Names: []string{"A.example", "b.example"},
		ClTRID: "C", MuxTRID: "M", SvTRID: "S", Code: 1001, End: "answered"}
	for i, tt := range []struct {
		f    Filter
		want bool
	}{
		{Filter{}, true},
		{Filter{Since: noon, Until: noon}, true},
		{Filter{Since: noon.Add(1)}, false},
		{Filter{Until: noon.Add(-1)}, false},
		{Filter{Command: "transfer"}, true},
		{Filter{Command: "transfer:request"}, true},
		{Filter{Command: "transfer:query"}, false},
		{Filter{Command: "create"}, false},
		{Filter{Object: "a.EXAMPLE"}, true},
		{Filter{Object: "*.example"}, true},
		{Filter{Object: "*b.example"}, false},
		{Filter{Object: ".example"}, false},
		{Filter{Object: "example"}, false},
		{Filter{Registry: "r"}, true},
		{Filter{Registry: "s"}, false},
		{Filter{Client: "::1"}, true},
		{Filter{Client: "[::1]:5000"}, true},
		{Filter{Client: "::2"}, false},
		{Filter{Code: "1001"}, true},
		{Filter{Code: "1xxx"}, true},
		{Filter{Code: "xxX1"}, true},
		{Filter{Code: "2xxx"}, false},
		{Filter{End: "answered"}, true},
		{Filter{End: "unknown"}, false},
		{Filter{ClTRID: "C", MuxTRID: "M", SvTRID: "S"}, true},
		{Filter{ClTRID: "c"}, false},
		{Filter{MuxTRID: "C"}, false},
		{Filter{SvTRID: "C"}, false},
	} {
		if got := tt.f.Line(l); got != tt.want || tt.f.Check() != nil {
			t.Errorf("%d: %+v: got %v, want %v", i, tt.f, got, tt.want)
		}
	}
	if f := (Filter{Code: "xxxx"}); f.Line(&Line{}) {
		t.Error("a line without a code has met one")
	}
	s := &Story{Line: *l, Sent: noon.Add(-time.Hour)}
	if f := (Filter{Until: noon.Add(-time.Minute)}); !f.Story(s) {
		t.Error("a story is of the time of its sending")
	}
	for _, f := range []Filter{{Code: "2"}, {Code: "20000"}, {Code: "2y00"}, {End: "lost"}, {Since: noon, Until: noon.Add(-1)}} {
		if f.Check() == nil {
			t.Errorf("%+v: got no fault", f)
		}
	}
}

// TestFilterCommand: a command alone means all its ops; an op must be the same.
func TestFilterCommand(t *testing.T) {
	for _, tt := range []struct {
		filter, command, op string
		want                bool
	}{
		{"poll", "poll", "req", true}, {"poll", "poll", "", true}, {"poll:req", "poll", "req", true}, {"poll:req", "poll", "ack", false},
		{"poll:", "poll", "", true}, {"poll:", "poll", "req", false}, {"pol", "poll", "req", false}, {":req", "poll", "req", false},
		{"", "poll", "req", true}, {"", "", "", true}, {"check", "", "", false},
	} {
		f := Filter{Command: tt.filter}
		if got := f.Line(&Line{Command: tt.command, Op: tt.op}); got != tt.want {
			t.Errorf("%q of %s:%s: got %v, want %v", tt.filter, tt.command, tt.op, got, tt.want)
		}
	}
}

// TestFilterClient: the port may be left out, and only the port.
func TestFilterClient(t *testing.T) {
	for _, tt := range []struct {
		filter, client string
		want           bool
	}{
		{"192.0.2.1", "192.0.2.1:5000", true}, {"192.0.2.1:5000", "192.0.2.1:5000", true}, {"192.0.2.1:500", "192.0.2.1:5000", false},
		{"192.0.2.1", "192.0.2.10:5000", false}, {"2001:db8::1", "[2001:db8::1]:5000", true}, {"[2001:db8::1]", "[2001:db8::1]:5000", false},
		{"uid 7", "uid 7", true}, {"uid", "uid 7", false}, {"7", "uid 7", false}, {"", "uid 7", true}, {"uid 7", "", false},
	} {
		f := Filter{Client: tt.filter}
		if got := f.Line(&Line{Client: tt.client}); got != tt.want {
			t.Errorf("%q of %q: got %v, want %v", tt.filter, tt.client, got, tt.want)
		}
	}
}

// TestFilterStoryTime: a story without the line of its sending has the time of its end.
func TestFilterStoryTime(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	f := Filter{Since: noon.Add(-time.Minute), Until: noon.Add(time.Minute)}
	ended := Line{Time: Moment{noon.Add(time.Hour)}}
	for i, tt := range []struct {
		s    Story
		want bool
	}{
		{Story{Line: ended, Sent: noon}, true},
		{Story{Line: ended, Sent: noon.Add(-2 * time.Minute)}, false},
		{Story{Line: ended}, false},
		{Story{Line: Line{Time: Moment{noon}}}, true},
	} {
		if got := f.Story(&tt.s); got != tt.want {
			t.Errorf("%d: got %v, want %v", i, got, tt.want)
		}
	}
}

// TestFilterCheckSays: the first thing that is wrong, in words that name it.
func TestFilterCheckSays(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for want, f := range map[string]Filter{
		`"23" is no code such as 2302 or 2xxx`:        {Code: "23"},
		`"2 02" is no code such as 2302 or 2xxx`:      {Code: "2 02", End: "no"},
		`"gone" is not answered, not_sent or unknown`: {End: "gone"},
		`the end of the time lies before its start`:   {Since: noon, Until: noon.Add(-time.Second)},
		"": {Since: noon, Until: noon, Code: "2XxX", End: "not_sent", Command: "anything", Object: "*"},
	} {
		if got := errorText(f.Check()); got != want {
			t.Errorf("%+v: got %q, want %q", f, got, want)
		}
	}
}

// TestFilterObject: names are compared whole, or by their end, in any case.
func TestFilterObject(t *testing.T) {
	names := []string{"One.Example", "ns1.two.example", "C-7"}
	for object, want := range map[string]bool{
		"one.example": true, "ONE.EXAMPLE": true, "two.example": false, "*.two.example": true, "*.example": true, "*example": true,
		"*one.example": false, // something must stand in place of the asterisk
		"c-7":          true, "*-7": true, "*": true, "*.org": false, "one.*": false, "": true,
	} {
		if got := (&Filter{Object: object}).Line(&Line{Names: names}); got != want {
			t.Errorf("%q: got %v, want %v", object, got, want)
		}
		if got := (&Filter{Object: object}).Line(&Line{}); got != (object == "") {
			t.Errorf("%q of a line without names: got %v", object, got)
		}
	}
}
