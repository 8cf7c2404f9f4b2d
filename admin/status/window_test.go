package status

import (
	"math"
	"reflect"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// counts has a different number in everything that a row keeps, times n.
func counts(at time.Time, n uint64) *Snapshot {
	s := &Snapshot{At: at}
	a := &s.Account
	a.RTT[upstream.ClassQuery].Counts[0] = 1 * n
	a.RTT[upstream.ClassTransform].Counts[16] = 2 * n
	a.Wait[upstream.ClassQuery].Counts[1] = 3 * n
	a.Wait[upstream.ClassTransform].Counts[1] = 4 * n
	a.Outcomes[frame.CommandInfo][pool.EndNotSent] = 5 * n
	a.Outcomes[frame.CommandCreate][pool.EndNotSent] = 6 * n
	a.Outcomes[frame.CommandCheck][pool.EndUnknown] = 7 * n
	a.Outcomes[frame.CommandDelete][upstream.OutcomeOrphan] = 8 * n
	a.Outcomes[frame.CommandDelete][upstream.OutcomeDropped] = 9 * n
	a.Unknown = 10 * n
	a.Throttled = 11 * n
	a.SessionCloses[pool.CauseCommandTimeout] = 12 * n
	a.SessionCloses[pool.CauseRegistryClosed] = 13 * n
	a.SessionCloses[pool.CauseCodeCloses] = 14 * n
	a.SessionCloses[pool.CauseLoginLost] = 15 * n
	a.SessionCloses[pool.CauseReconnect] = 16 * n // ours
	a.Blamed[pool.CauseCommandTimeout] = 3 * n    // no session that was lost
	a.Blamed[pool.CauseRegistryClosed] = 5 * n
	a.Blamed[pool.CauseCodeCloses] = 6 * n
	a.Desync[pool.CauseFrame] = 17 * n
	a.Desync[pool.CauseUnasked] = 18 * n
	a.Desync[pool.CauseMismatch] = 19 * n
	a.Logins[upstream.LoginOK] = 20 * n
	a.Logins[upstream.LoginRefused] = 21 * n
	a.Logins[upstream.LoginFull] = 22 * n
	a.Logins[upstream.LoginFailed] = 23 * n
	a.NotSent[pool.CauseQueueTimeout] = 24 * n
	a.NotSent[pool.CausePaused] = 25 * n
	s.Clients = ClientsSnapshot{Faults: 26 * n, Closed: 27 * n, Hoarders: 28 * n, AcceptErrors: 29 * n}
	return s
}

// TestWindow: each number of a window is the difference of its own counters.
func TestWindow(t *testing.T) {
	a, b := rowOf(counts(began, 100)), rowOf(counts(began.Add(time.Minute), 101))
	got := window(&a, &b)
	got.Wait, got.RTT = Quantile{}, Quantile{}
	want := Window{
		Seconds: 60, Queries: 1, Transforms: 2, NotSent: 11, NotSentCause: "paused", Unknown: 7, Orphans: 8, Dropped: 9,
		UnknownTransforms: 10, Throttled: 11, Timeouts: 12, LostSessions: 13 + 14 + 15, CodeCloses: 14, LoginsLost: 15,
		Blamed: 5 + 6, BlamedCodeCloses: 6,
		Desync: 17 + 18 + 19, NotEPP: 17, Unasked: 18, FailedLogins: 21 + 22 + 23,
		ClientFaults: 26, ClientsClosed: 27, Hoarders: 28, AcceptErrors: 29,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	back := window(&b, &a)
	back.Seconds = 0
	if back != (Window{}) {
		t.Errorf("counters that begin anew: got %+v, want nothing", back)
	}
}

// TestWindowQuantiles: both classes count together, and only what came within the window.
func TestWindowQuantiles(t *testing.T) {
	a, b := rowOf(counts(began, 1)), rowOf(counts(began.Add(time.Minute), 2))
	w := window(&a, &b)
	if p50, p99 := *w.Wait.P50, *w.Wait.P99; p50 < 0.0005 || p50 > 0.001 || p99 < p50 || p99 > 0.001 {
		t.Errorf("wait: got %v, %v", p50, p99)
	}
	if p50, p99 := *w.RTT.P50, *w.RTT.P99; p50 != 60 || p99 != 60 {
		t.Errorf("rtt: got %v, %v, want the last bound: two of three took longer", p50, p99)
	}
	if w := window(&b, &b); w.Wait.P50 != nil || w.RTT.P99 != nil {
		t.Errorf("nothing happened: got %+v", w)
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

func TestPerSecond(t *testing.T) {
	for _, tt := range []struct {
		w    Window
		want float64
	}{
		{Window{}, 0},
		{Window{Queries: 5}, 0}, // no time has passed
		{Window{Seconds: 60, Queries: 90, Transforms: 30}, 2},
		{Window{Seconds: 10, NotSent: 90, Unknown: 30}, 0},
	} {
		if got := tt.w.PerSecond(); got != tt.want {
			t.Errorf("%+v: got %v, want %v", tt.w, got, tt.want)
		}
	}
}

// TestSubtract: every count of a Window is subtracted, none runs backwards, and what is no count
// stays.
func TestSubtract(t *testing.T) {
	w, from := Window{Seconds: 5, NotSentCause: "paused"}, Window{Seconds: 3}
	numbers := 0
	v := reflect.ValueOf(&w).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.Uint64 {
			numbers++
			v.Field(i).SetUint(uint64(100 * i))
			reflect.ValueOf(&from).Elem().Field(i).SetUint(uint64(i))
		}
	}
	whole := w
	w.subtract(&from)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Uint64 && f.Uint() != uint64(99*i) {
			t.Errorf("%s: got %d, want %d", v.Type().Field(i).Name, f.Uint(), 99*i)
		}
	}
	if w.Seconds != 5 || w.NotSentCause != "paused" || numbers < 20 {
		t.Errorf("got %+v, %d counts", w, numbers)
	}
	w.subtract(&whole)
	if w != (Window{Seconds: 5, NotSentCause: "paused"}) {
		t.Errorf("counters that begin anew: got %+v, want nothing", w)
	}
}

// TestSumsHaveAll: each count of a Window is read from something.
func TestSumsHaveAll(t *testing.T) {
	w := sumsOf(counts(began, 1))
	v := reflect.ValueOf(w)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Uint64 && f.Uint() == 0 {
			t.Errorf("got 0 for %s", v.Type().Field(i).Name)
		}
	}
}
