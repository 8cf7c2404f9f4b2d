package admin

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"eppmux/admin/status"
)

// values are the values of a series; NaN stands for nil.
func values(all ...float64) []*float64 {
	var out []*float64
	for _, v := range all {
		if math.IsNaN(v) {
			out = append(out, nil)
		} else {
			out = append(out, &v)
		}
	}
	return out
}

var gap = math.NaN()

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []*float64
		top    float64
		want   string
	}{
		{"line, gap and dot", values(gap, 0, 10, gap, 5), 10, "M72.0 38.0h0L120.0 2.0M216.0 20.0h0"},
		{"nothing", nil, 10, ""},
		{"only gaps", values(gap, gap), 10, ""},
		{"no scale", values(0, 0), 0, ""},
		{"one", values(5), 10, "M120.0 20.0h0"},
		{"bottom and top", values(0, 8), 8, "M60.0 38.0h0L180.0 2.0"},
	} {
		if got := path(tt.values, tt.top); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestPathStaysWithin: whatever the values, the line is within the picture.
func TestPathStaysWithin(t *testing.T) {
	all := values(0, 1, gap, 17, 3, 100, gap, 99.9)
	for _, m := range regexp.MustCompile(`[ML]([\d.-]+) ([\d.-]+)`).FindAllStringSubmatch(path(all, 100), -1) {
		x, _ := strconv.ParseFloat(m[1], 64)
		y, _ := strconv.ParseFloat(m[2], 64)
		if x < 0 || x > plotWidth || y < plotPad || y > plotHeight-plotPad {
			t.Errorf("got a point at %v, %v", x, y)
		}
	}
}

func TestNewPlot(t *testing.T) {
	for _, tt := range []struct {
		name  string
		floor float64
		all   []series
		top   string
		now   []string
		say   string
	}{
		{"scaled to the greatest", 1, []series{{"a", values(1, 5)}, {"b", values(8, 2)}}, "8", []string{"5", "2"},
			"T over the last ten minutes: a now 5, b now 2, highest 8"},
		{"scaled to the floor", 10, []series{{"", values(1, 5)}}, "10", []string{"5"}, "T over the last ten minutes: now 5, highest 10"},
		{"last one unknown", 1, []series{{"a", values(3, gap)}}, "3", []string{"–"}, "T over the last ten minutes: a now –, highest 3"},
		{"unknown", 1, []series{{"a", values(gap)}}, "1", []string{"–"}, "T over the last ten minutes: nothing to show"},
		{"no values", 1, []series{{"a", nil}}, "1", []string{"–"}, "T over the last ten minutes: nothing to show"},
		{"zeros are something", 1, []series{{"a", values(0)}}, "1", []string{"0"}, "T over the last ten minutes: a now 0, highest 1"},
	} {
		p := newPlot("T", status.Number, tt.floor, tt.all...)
		if p.Title != "T" || p.Top != tt.top || p.Say != tt.say || len(p.Lines) != len(tt.all) {
			t.Errorf("%s: got %+v", tt.name, p)
			continue
		}
		for i, l := range p.Lines {
			if l.Name != tt.all[i].name || l.Now != tt.now[i] {
				t.Errorf("%s: got %+v", tt.name, l)
			}
		}
	}
}

// TestNewPlotOneScale: two lines of a picture can be compared.
func TestNewPlotOneScale(t *testing.T) {
	p := newPlot("T", status.Number, 1, series{"a", values(10)}, series{"b", values(5)})
	if p.Lines[0].Path != "M120.0 2.0h0" || p.Lines[1].Path != "M120.0 20.0h0" {
		t.Errorf("got %+v", p.Lines)
	}
}

// TestPlots: each of the columns has its line, and each line its own column.
func TestPlots(t *testing.T) {
	var r status.Registry
	h := &r.History
	columns := []*[]*float64{&h.Queries, &h.Transforms, &h.WaitP50, &h.WaitP99, &h.RTTP50, &h.RTTP99, &h.Waiting,
		&h.Refused, &h.Failed, &h.Unknown, &h.NotSent, &h.Sessions, &h.LimitUsed}
	for i, c := range columns {
		*c = values(float64(20 + i))
	}
	r.Sessions.Max = 40
	var titles, now []string
	for _, p := range plots(&r) {
		titles = append(titles, p.Title)
		for _, l := range p.Lines {
			now = append(now, l.Now)
		}
	}
	const want = "Commands per second|Wait in the queue|Registry time|Commands waiting|Answers that are no success, per second|Lost, in 5 s|Sessions logged in"
	if got := strings.Join(titles, "|"); got != want {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(now, "|"); got != "20|21|22 s|23 s|24 s|25 s|26|27|28|29|30|31" {
		t.Errorf("got %s", got)
	}
	r.Limits = make([]status.Limit, 1)
	*columns[12] = values(0.5)
	all := plots(&r)
	if last := all[len(all)-1]; len(all) != 8 || last.Title != "Use of the fullest limit" || last.Top != "100 %" || last.Lines[0].Now != "50 %" {
		t.Errorf("got %+v", last)
	}
	if sessions := all[6]; sessions.Top != "40" {
		t.Errorf("got a top of %s sessions, want the most that the config allows", sessions.Top)
	}
}
