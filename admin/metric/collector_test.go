package metric

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/admin/metric/metrictest"
)

// house is a subject that takes so long to answer, or that never does.
type house struct {
	name  string
	late  time.Duration
	away  bool
	drawn float64 // of its snapshot
}

func (h *house) Name() string { return h.name }

// Look answers within a second, as a look must.
func (h *house) Look() *cellar {
	if h.away {
		time.Sleep(time.Second) // in a bubble
		return nil
	}
	time.Sleep(h.late)
	return &cellar{wine: h.drawn}
}

// street is a collector over houses.
func street(houses *[]*house) *Collector[*house, cellar] {
	return NewCollector(cellars, func() []*house { return *houses }, (*house).Name, (*house).Look)
}

// wine is what a scrape shows of the wine in each house: "a 1 b 2".
func wine(t *testing.T, c *Collector[*house, cellar]) string {
	t.Helper()
	var all []string
	for line := range strings.Lines(metrictest.Scrape(t, c)) {
		if name, found := strings.CutPrefix(line, `bottles{house="`); found && strings.Contains(line, "wine") {
			all = append(all, name[:1]+" "+strings.Fields(line)[1])
		}
	}
	return strings.Join(all, " ")
}

// TestCollectorKeepsTheLast: a subject that does not answer is shown as it was last, one that never
// answered not at all, and one that is gone and comes back has no past.
func TestCollectorKeepsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &house{name: "a", drawn: 1}, &house{name: "b", drawn: 2}
		all := []*house{a, b}
		c := street(&all)
		step := func(want string) {
			t.Helper()
			if got := wine(t, c); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		step("a 1 b 2")
		a.drawn, b.drawn, b.away = 3, 4, true
		step("a 3 b 2")
		step("a 3 b 2")
		b.away = false
		step("a 3 b 4")
		b.away = true
		all = []*house{a}
		step("a 3")
		all = []*house{b, a}
		step("a 3") // nothing is known of b
		all = nil
		step("")
	})
}

// TestCollectorLooksSideBySide: however many do not answer, a scrape takes a second.
func TestCollectorLooksSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all []*house
		var want []string
		for i := range 20 {
			h := &house{name: string(rune('a' + i)), drawn: float64(i), late: time.Duration(i) * 10 * time.Millisecond}
			all, want = append(all, h), append(want, fmt.Sprint(h.name, " ", i))
		}
		c := street(&all)
		for _, away := range []int{0, 1, 7, 20} {
			for i, h := range all {
				h.away = i < away
			}
			begin := time.Now()
			if got := wine(t, c); got != strings.Join(want, " ") {
				t.Errorf("%d away: got %q, want %q", away, got, want)
			}
			most := time.Second
			if away == 0 {
				most = 190 * time.Millisecond // of the slowest
			}
			if took := time.Since(begin); took != most {
				t.Errorf("%d away: took %v, want %v", away, took, most)
			}
		}
	})
}

// TestCollectorAtOnce: scrapes may come at the same time.
func TestCollectorAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := []*house{{name: "a", drawn: 1}, {name: "b", drawn: 2, late: time.Millisecond}}
		c := street(&all)
		got := make([]string, 8)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() { got[i] = wine(t, c) })
		}
		wg.Wait()
		if want := slices.Repeat([]string{"a 1 b 2"}, len(got)); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}
