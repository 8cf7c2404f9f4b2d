package status

import (
	"math"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// snapshotAt is a registry at a time that has answered n times ten checks, in 3 ms each, and one
// create.
func snapshotAt(at time.Time, n uint64) *Snapshot {
	s := &Snapshot{At: at}
	a := &s.Account
	a.RTT[upstream.ClassQuery].Counts[3] = 10 * n // 2.5 to 5 ms
	a.RTT[upstream.ClassTransform].Counts[10] = n // 0.5 to 1 s
	a.Commands[frame.CommandCheck][upstream.CodeIndex(1000)] = 10 * n
	a.Commands[frame.CommandCreate][upstream.CodeIndex(2302)] = n
	a.Outcomes[frame.CommandInfo][pool.EndNotSent] = n
	a.Outcomes[frame.CommandCreate][pool.EndUnknown] = n
	a.Unknown = n
	a.Rules = []string{"all", "create"}
	a.Used, a.Limited[0], a.Limited[1] = []float64{0.25, 0.75}, time.Duration(n)*time.Second/2, 0
	a.Queued = int(n)
	return s
}

func TestHistory(t *testing.T) {
	var h history
	for i := range 400 {
		if i == 390 {
			continue // the loop did not answer
		}
		h.add(rowOf(snapshotAt(began.Add(time.Duration(i)*historyEvery), uint64(5*i))))
	}
	if n := len(h.rows); n > historySlots+1 {
		t.Errorf("got %d rows", n)
	}
	c := h.columns()
	for i, v := range c.Queries {
		switch missing := i == historySlots-10; {
		case missing != (v == nil):
			t.Errorf("slot %d: got %v", i, v)
		case v != nil && *v != 10 || !missing && (*c.Transforms[i] != 1 || *c.Refused[i] != 1 || *c.Failed[i] != 0 || *c.LimitUsed[i] != 0.75):
			t.Errorf("slot %d: got %v, %v, %v, %v, %v", i, *v, *c.Transforms[i], *c.Refused[i], *c.Failed[i], *c.LimitUsed[i])
		}
	}
	last := historySlots - 1
	if *c.Unknown[last] != 5 || *c.NotSent[last] != 5 || *c.Waiting[last] != 5*399 {
		t.Errorf("got %v, %v, %v", *c.Unknown[last], *c.NotSent[last], *c.Waiting[last])
	}
	if p50, p99 := *c.RTTP50[last], *c.RTTP99[last]; p50 < 0.0025 || p50 > 0.005 || p99 < 0.5 || p99 > 1 {
		t.Errorf("got %v, %v", p50, p99)
	}
	now := rowOf(snapshotAt(began.Add(400*historyEvery), 2000))
	minute := h.before(now.at, time.Minute)
	if w := window(&minute, &now); w.Seconds != 60 || w.Queries != 600 || w.Transforms != 60 || w.UnknownTransforms != 60 || math.Abs(w.PerSecond()-11) > 1e-9 {
		t.Errorf("got %+v", w)
	}
	recent := h.before(now.at, historySpan)
	if w := window(&recent, &now); w.Seconds != 600 || w.NotSent != 600 {
		t.Errorf("got %+v", w)
	}
}

// TestLimitMoves: what a limit counted before a reload is not taken for what another one, which
// stood in its place, held back.
func TestLimitMoves(t *testing.T) {
	var h history
	for i := range 13 {
		h.add(rowOf(snapshotAt(began.Add(time.Duration(i)*historyEvery), uint64(1000+5*i))))
	}
	s := snapshotAt(began.Add(13*historyEvery), 1000+5*13)
	a := &s.Account
	a.Rules = []string{"new", "all", "create"}
	a.Used, a.Limited[0], a.Limited[1], a.Limited[2] = []float64{0, 0.25, 0.75}, 0, a.Limited[0], a.Limited[1]
	r := Registry{Limits: make([]Limit, 3)}
	r.windows(&h, rowOf(s), began.Add(-time.Hour))
	for i, want := range []float64{0, 0.5, 0} {
		if got := r.Limits[i].LimitedRatio; math.Abs(got-want) > 0.01 {
			t.Errorf("%s: held back for %v of the last minute, want %v", a.Rules[i], got, want)
		}
	}
}

// TestHistoryAfterAGap: after a time without answers old rows go, whatever their number.
func TestHistoryAfterAGap(t *testing.T) {
	var h history
	for i := range 100 {
		h.add(rowOf(snapshotAt(began.Add(time.Duration(i)*historyEvery), uint64(i))))
	}
	h.add(rowOf(snapshotAt(began.Add(time.Hour), 1000)))
	if c := h.columns(); len(h.rows) != 1 || c.Queries[historySlots-1] != nil {
		t.Errorf("got %d rows, %v", len(h.rows), c.Queries[historySlots-1])
	}
}

func TestQuantile(t *testing.T) {
	type counts = buckets
	top := counts{}
	top[len(top)-1] = 5
	for _, tt := range []struct {
		counts counts
		q      float64
		want   float64
	}{
		{counts{10}, 0.5, 0.00025},
		{counts{0, 10}, 0.5, 0.00075},
		{counts{99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0.99, 0.0005},
		{counts{98, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, 0.99, 0.75},
		{top, 0.5, 60},
	} {
		if got := quantile(&tt.counts, tt.q); got == nil || math.Abs(*got-tt.want) > 1e-9 {
			t.Errorf("%v of %v: got %v, want %v", tt.q, tt.counts, got, tt.want)
		}
	}
	if got := quantile(&counts{}, 0.5); got != nil {
		t.Errorf("got %v of nothing", *got)
	}
}
