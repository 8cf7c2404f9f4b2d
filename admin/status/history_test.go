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
	a.Commands[frame.CommandCheck][frame.Code(1000).Index()] = 10 * n
	a.Commands[frame.CommandCreate][frame.Code(2302).Index()] = n
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

// TestRowOfTheMoment: the length of the queue, the sessions that can carry commands, and the limit
// that is used most.
func TestRowOfTheMoment(t *testing.T) {
	s := &Snapshot{At: began}
	a := &s.Account
	a.Sessions = [len(a.Sessions)]int{}
	a.Sessions[pool.SessionDialing], a.Sessions[pool.SessionIdle], a.Sessions[pool.SessionBusy] = 1, 2, 4
	a.Sessions[pool.SessionDraining], a.Sessions[pool.SessionClosing] = 8, 16
	a.Queued = 5
	if r := rowOf(s); r.sessions != 6 || r.queued != 5 || r.used != -1 {
		t.Errorf("got %d sessions, %d queued, %v used", r.sessions, r.queued, r.used)
	}
	a.Used, a.Rules = []float64{0.1, 0.6, 0}, []string{"a", "b", "c"}
	r := rowOf(s)
	if r.used != 0.6 || len(r.limited) != 3 {
		t.Errorf("got %v used, %d limits", r.used, len(r.limited))
	}
	a.Rules[0] = "changed"
	if r.limitedBy("a") != 0 || r.rules[0] != "a" {
		t.Errorf("got %q, want a copy", r.rules)
	}
}

// rowsAt is a history with rows at so many seconds.
func rowsAt(seconds ...int) *history {
	h := new(history)
	for _, s := range seconds {
		h.add(row{at: began.Add(time.Duration(s) * time.Second)})
	}
	return h
}

func TestBefore(t *testing.T) {
	h := rowsAt(0, 5, 10, 15)
	for _, tt := range []struct {
		now, d int
		want   int
	}{
		{15, 10, 5},
		{19, 10, 5},
		{20, 10, 10},
		{15, 60, 0}, // there is none so old
		{15, 15, 0},
		{15, 0, 15},
		{100, 5, 15},
	} {
		got := h.before(began.Add(time.Duration(tt.now)*time.Second), time.Duration(tt.d)*time.Second)
		if want := began.Add(time.Duration(tt.want) * time.Second); !got.at.Equal(want) {
			t.Errorf("%d s before %d: got %v, want %v", tt.d, tt.now, got.at.Sub(began), want.Sub(began))
		}
	}
}

// TestBeginning: a window that is longer than the past begins with zeros, not with the first row.
func TestBeginning(t *testing.T) {
	h := rowsAt(30, 35, 40, 90)
	for i := range h.rows {
		h.rows[i].sums.Unknown = 7
	}
	for _, tt := range []struct {
		now, d, slack int
		at            int
		unknown       uint64
	}{
		{90, 60, 0, 30, 7},
		{89, 60, 0, 30, 0}, // a second is missing
		{89, 60, 5, 30, 7},
		{94, 60, 0, 30, 7},
		{95, 60, 0, 35, 7},
		{100, 600, 5, 30, 0},
	} {
		got := h.beginning(began.Add(time.Duration(tt.now)*time.Second), time.Duration(tt.d)*time.Second, time.Duration(tt.slack)*time.Second)
		if at := int(got.at.Sub(began).Seconds()); at != tt.at || got.sums.Unknown != tt.unknown {
			t.Errorf("%+v: got a row at %d with %d", tt, at, got.sums.Unknown)
		}
	}
}

// TestHistoryKeepsTenMinutes: with one row more than there are slots, and none that is older.
func TestHistoryKeepsTenMinutes(t *testing.T) {
	h := new(history)
	for i := range 1000 {
		at := began.Add(time.Duration(i) * historyEvery)
		h.add(row{at: at})
		if want := min(i+1, historySlots+1); len(h.rows) != want {
			t.Fatalf("after %d: got %d rows, want %d", i+1, len(h.rows), want)
		}
		if oldest := h.rows[0].at; at.Sub(oldest) > historySpan {
			t.Fatalf("after %d: got one that is %v old", i+1, at.Sub(oldest))
		}
	}
	// Ticks that come late do not fill it with more rows than there are slots.
	for i := range 1000 {
		h.add(row{at: began.Add(time.Duration(1000+i)*historyEvery - time.Duration(i%3)*time.Second)})
		if len(h.rows) > historySlots+1 {
			t.Fatalf("got %d rows", len(h.rows))
		}
	}
}

// TestColumnsOfLittle: of nothing, and of one row, there is no interval.
func TestColumnsOfLittle(t *testing.T) {
	for n := range 3 {
		h := new(history)
		for i := range n {
			h.add(rowOf(snapshotAt(began.Add(time.Duration(i)*historyEvery), uint64(i))))
		}
		c := h.columns()
		known := 0
		for _, v := range c.Queries {
			if v != nil {
				known++
			}
		}
		if want := max(0, n-1); known != want || len(c.Queries) != historySlots || c.End.IsZero() != (n == 0) {
			t.Errorf("%d rows: got %d intervals, %d slots, end %v", n, known, len(c.Queries), c.End)
		}
	}
}

// TestColumnsLateTick: a row that comes a second late still has the slot of its time.
func TestColumnsLateTick(t *testing.T) {
	h := new(history)
	for _, seconds := range []int{0, 5, 11, 15, 20} {
		h.add(rowOf(snapshotAt(began.Add(time.Duration(seconds)*time.Second), uint64(seconds))))
	}
	c := h.columns()
	for i := historySlots - 4; i < historySlots; i++ {
		if c.Queries[i] == nil || *c.Queries[i] != 10 {
			t.Errorf("slot %d: got %v, want 10 commands/s", i, c.Queries[i])
		}
	}
	if c.Queries[historySlots-5] != nil {
		t.Error("got a slot before the first interval")
	}
}

// TestColumnsAnswers: codes from 2000 are refusals, from 2400 failures, also those that RFC 5730
// does not define are neither.
func TestColumnsAnswers(t *testing.T) {
	codes := func(at time.Time, n uint64) *Snapshot {
		s := &Snapshot{At: at}
		for code, times := range map[int]uint64{1000: 100, 1500: 100, 2000: 1, 2308: 2, 2400: 3, 2502: 4, 9999: 100} {
			s.Account.Commands[frame.CommandCheck][frame.Code(code).Index()] = times * n
		}
		return s
	}
	h := new(history)
	h.add(rowOf(codes(began, 0)))
	h.add(rowOf(codes(began.Add(historyEvery), 10)))
	c := h.columns()
	if last := historySlots - 1; *c.Refused[last] != 6 || *c.Failed[last] != 14 {
		t.Errorf("got %v refused and %v failed per second, want 6 and 14", *c.Refused[last], *c.Failed[last])
	}
	if c.LimitUsed[historySlots-1] != nil {
		t.Error("got a use of limits, and there is none")
	}
}

func TestRound(t *testing.T) {
	for v, want := range map[float64]float64{0: 0, 0.00004: 0, 0.00005: 0.0001, 1.0 / 3: 0.3333, 2.0 / 3: 0.6667, 12: 12} {
		if got := round(v); got != want {
			t.Errorf("%v: got %v, want %v", v, got, want)
		}
	}
	for d, want := range map[time.Duration]float64{0: 0, 1499 * time.Microsecond: 0.001, 1500 * time.Microsecond: 0.002, time.Minute: 60} {
		if got := seconds(d); got != want {
			t.Errorf("%v: got %v, want %v", d, got, want)
		}
	}
}
