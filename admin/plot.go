package admin

import (
	"fmt"
	"strings"

	"eppmux/admin/status"
)

// The size of a plot in its own units; the page stretches it.
const (
	plotWidth  = 240
	plotHeight = 40
	plotPad    = 2
)

// plot is one small picture of the last ten minutes. Immutable.
type plot struct {
	Title string
	Lines []plotLine // the first one is drawn most
	Top   string     // what the top stands for; the bottom is 0
	Say   string     // all of it in words
}

// plotLine is one line of a plot.
type plotLine struct {
	Name string // empty where it is alone
	Now  string // its last value
	Path string // of SVG; empty: there is nothing to draw
}

// series are the values of a line, the oldest first; nil where nothing is known.
type series struct {
	name   string
	values []*float64
}

// newPlot draws series over one scale. It begins at 0 and ends at the greatest value, or at floor
// if that is greater.
func newPlot(title string, write func(float64) string, floor float64, all ...series) plot {
	top, any := floor, false
	for _, s := range all {
		for _, v := range s.values {
			if v != nil {
				top, any = max(top, *v), true
			}
		}
	}
	p := plot{Title: title, Top: write(top)}
	var said []string
	for _, s := range all {
		l := plotLine{Name: s.name, Now: "–", Path: path(s.values, top)}
		if n := len(s.values); n > 0 && s.values[n-1] != nil {
			l.Now = write(*s.values[n-1])
		}
		p.Lines = append(p.Lines, l)
		said = append(said, strings.TrimSpace(s.name+" now "+l.Now))
	}
	p.Say = title + " over the last ten minutes: " + strings.Join(said, ", ") + ", highest " + p.Top
	if !any {
		p.Say = title + " over the last ten minutes: nothing to show"
	}
	return p
}

// path returns a line through the values, with a gap for each nil. A value between two gaps is a
// dot.
func path(values []*float64, top float64) string {
	if len(values) == 0 || top <= 0 {
		return ""
	}
	var b strings.Builder
	step := float64(plotWidth) / float64(len(values))
	drawing := false
	for i, v := range values {
		if v == nil {
			drawing = false
			continue
		}
		x, y := (float64(i)+0.5)*step, plotHeight-plotPad-*v/top*(plotHeight-2*plotPad)
		if !drawing {
			fmt.Fprintf(&b, "M%.1f %.1fh0", x, y)
			drawing = true
			continue
		}
		fmt.Fprintf(&b, "L%.1f %.1f", x, y)
	}
	return b.String()
}

// plots returns the pictures of a registry, in the order of the page.
func plots(r *status.Registry) []plot {
	h := &r.History
	all := []plot{
		newPlot("Commands per second", status.Number, 1,
			series{"queries", h.Queries}, series{"transforms", h.Transforms}),
		newPlot("Wait in the queue", status.Span, 0.01, series{"p50", h.WaitP50}, series{"p99", h.WaitP99}),
		newPlot("Registry time", status.Span, 0.01, series{"p50", h.RTTP50}, series{"p99", h.RTTP99}),
		newPlot("Commands waiting", status.Number, 1, series{"", h.Waiting}),
		newPlot("Answers that are no success, per second", status.Number, 1,
			series{"2000–2399", h.Refused}, series{"2400 and up", h.Failed}),
		newPlot("Lost, in 5 s", status.Number, 1, series{"unknown", h.Unknown}, series{"not sent", h.NotSent}),
		newPlot("Sessions logged in", status.Number, float64(max(1, r.Sessions.Max)), series{"", h.Sessions}),
	}
	if len(r.Limits) > 0 {
		all = append(all, newPlot("Use of the fullest limit", status.Percent, 1, series{"", h.LimitUsed}))
	}
	return all
}
