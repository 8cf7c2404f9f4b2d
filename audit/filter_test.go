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
