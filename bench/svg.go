package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// svgStyle fits light and dark pages. Text takes the colour that the reader prefers, the ground is
// left to the page, and the colours of data are of middle brightness.
const svgStyle = `<style>text{font:13px system-ui,sans-serif;fill:#24292f}` +
	`.s{font-size:12px}.h{font-weight:600}.a{stroke:#8b949e;stroke-width:1;opacity:.5}` +
	`.w{stroke:#24292f;stroke-width:1.5;opacity:.7}` +
	`@media(prefers-color-scheme:dark){text{fill:#e6edf3}.w{stroke:#e6edf3}}</style>`

var svgColours = []string{"#2f81f7", "#e0823d", "#3fa564", "#b083f0", "#d15bb0", "#9a9a3a"}

// svg is a picture in the making. x goes right, y goes down, both in pixels.
type svg struct {
	strings.Builder
	width, height float64
}

func newSVG(title string, width, height float64) *svg {
	s := &svg{width: width, height: height}
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" `, width, height)
	fmt.Fprintf(s, `width="%g" height="%g" role="img">`, width, height)
	fmt.Fprintf(s, `<title>%s</title>%s`+"\n", html.EscapeString(title), svgStyle)
	s.text(10, 20, "start", "h", title)
	return s
}

func (s *svg) text(x, y float64, anchor, class, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`+"\n",
		x, y, anchor, class, html.EscapeString(text))
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

func (s *svg) done() string { return s.String() + "</svg>\n" }

// bar is one row of a chart of bars.
type bar struct {
	group, label string // a group's name is shown above its first bar
	figure
	colour int
}

// barChart draws bars from left to right, with a line from the least to the most of the rounds.
func barChart(title, unit string, bars []bar) string {
	const left, right, row = 170, 110, 26
	top, groups := 0.0, 0
	for i, b := range bars {
		top = max(top, b.median)
		if b.group != "" && (i == 0 || b.group != bars[i-1].group) {
			groups++
		}
	}
	if top <= 0 {
		top = 1
	}
	s := newSVG(title, 720, float64(40+row*(len(bars)+groups)))
	scale := (s.width - left - right) / top
	clip := func(v float64) float64 { return left + min(max(v, 0)*scale, s.width-left-right+40) }
	y := 32.0
	for i, b := range bars {
		if b.group != "" && (i == 0 || b.group != bars[i-1].group) {
			s.text(10, y+17, "start", "s h", b.group)
			y += row
		}
		s.text(left-8, y+17, "end", "s", b.label)
		fmt.Fprintf(s, `<rect x="%d" y="%.1f" width="%.1f" height="16" rx="2" fill="%s"/>`+"\n",
			left, y+5, clip(b.median)-left, svgColours[b.colour%len(svgColours)])
		s.line(clip(b.least), y+13, clip(b.most), y+13, "w")
		s.text(s.width-8, y+17, "end", "s", short(b.median)+" "+unit)
		y += row
	}
	return s.done()
}

// series is one line of a chart of lines. A dashed line has no marks.
type series struct {
	name   string
	points [][2]float64
	dashed bool
	colour int
}

// lineChart draws lines over logarithmic axes.
func lineChart(title, xName, yName string, all []series) string {
	const left, right, top, bottom = 70.0, 170.0, 56.0, 45.0
	s := newSVG(title, 720, 436)
	x := logAxis(all, 0, left, s.width-right)
	y := logAxis(all, 1, s.height-bottom, top)
	for _, t := range x.ticks() {
		s.line(x.at(t), top, x.at(t), s.height-bottom, "a")
		s.text(x.at(t), s.height-bottom+16, "middle", "s", short(t))
	}
	for _, t := range y.ticks() {
		s.line(left, y.at(t), s.width-right, y.at(t), "a")
		s.text(left-6, y.at(t)+4, "end", "s", short(t))
	}
	s.text((left+s.width-right)/2, s.height-8, "middle", "s", xName)
	s.text(10, top-12, "start", "s", yName)
	named := top + 10
	for _, r := range all {
		colour, dash, path := svgColours[r.colour%len(svgColours)], "", ""
		if r.dashed {
			dash = ` stroke-dasharray="5 4"`
		}
		for _, p := range r.points {
			path += fmt.Sprintf("%.1f,%.1f ", x.at(p[0]), y.at(p[1]))
			if !r.dashed {
				fmt.Fprintf(s, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x.at(p[0]), y.at(p[1]), colour)
			}
		}
		fmt.Fprintf(s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n",
			strings.TrimSpace(path), colour, dash)
		if r.name == "" {
			continue
		}
		fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="2"%s/>`+"\n",
			s.width-right+10, named, s.width-right+34, named, colour, dash)
		s.text(s.width-right+40, named+4, "start", "s", r.name)
		named += 20
	}
	return s.done()
}

// axis maps values to pixels by their logarithm.
type axis struct{ least, most, from, to float64 }

// logAxis covers coordinate i of all points, with a little room.
func logAxis(all []series, i int, from, to float64) axis {
	a := axis{math.Inf(1), math.Inf(-1), from, to}
	for _, r := range all {
		for _, p := range r.points {
			a.least, a.most = min(a.least, p[i]), max(a.most, p[i])
		}
	}
	if a.least > a.most || a.least <= 0 {
		a.least, a.most = 1, 10
	}
	a.least /= 1.15
	a.most *= 1.15
	return a
}

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*math.Log(v/a.least)/math.Log(a.most/a.least)
}

// ticks are 1, 2 and 5 times the powers of ten, or the powers alone where there are many.
func (a axis) ticks() (out []float64) {
	steps := []float64{1, 2, 5}
	if a.most/a.least > 1000 {
		steps = steps[:1]
	}
	for p := math.Pow(10, math.Floor(math.Log10(a.least))); p <= a.most; p *= 10 {
		for _, f := range steps {
			if t := p * f; t >= a.least && t <= a.most {
				out = append(out, t)
			}
		}
	}
	return out
}
