package status

import (
	"slices"
	"time"

	"eppmux/upstream"
	"eppmux/upstream/pool"
)

const (
	historyEvery = 5 * time.Second
	historySlots = 120 // ten minutes
	historySpan  = historySlots * historyEvery
)

// row is what is kept of a Snapshot.
type row struct {
	at time.Time

	// Since the start.
	sums      Window // its counts
	wait, rtt buckets
	codes     upstream.CodeCounts
	notSent   [pool.NumCauses]uint64 // by cause
	rules     []string               // names of the rules as they stood then
	limited   []time.Duration        // by rule

	// Of the moment.
	queued, sessions int
	used             float64 // of the limit that is used most; below 0: there is none
}

func rowOf(s *Snapshot) row {
	a := &s.Account
	r := row{
		at:       s.At,
		sums:     sumsOf(s),
		wait:     bucketsOf(&a.Wait),
		rtt:      bucketsOf(&a.RTT),
		codes:    a.Answers(),
		notSent:  a.NotSent,
		rules:    slices.Clone(a.Rules),
		limited:  slices.Clone(a.Limited[:len(a.Used)]),
		queued:   a.Queued,
		sessions: a.Sessions[pool.SessionIdle] + a.Sessions[pool.SessionBusy],
		used:     -1,
	}
	for _, used := range a.Used {
		r.used = max(r.used, used)
	}
	return r
}

// limitedBy is the time for which the rule of that name held commands back, wherever it stood; 0 if
// there was none.
func (r *row) limitedBy(name string) time.Duration {
	if i := slices.Index(r.rules, name); i >= 0 {
		return r.limited[i]
	}
	return 0
}

// history is the past of one registry: a row each historyEvery, the oldest first. Where the
// registry did not answer, a row is missing. Not safe for concurrent use.
type history struct{ rows []row }

// add takes r in as the newest row and drops the rows that are too old.
func (h *history) add(r row) {
	h.rows = append(h.rows, r)
	old := 0
	for old < len(h.rows) && h.rows[old].at.Before(r.at.Add(-historySpan-historyEvery/2)) {
		old++
	}
	h.rows = slices.Delete(h.rows, 0, max(old, len(h.rows)-historySlots-1))
}

// before is the last row that is at least d older than now, or else the oldest one.
func (h *history) before(now time.Time, d time.Duration) row {
	found := h.rows[0]
	for _, r := range h.rows {
		if r.at.After(now.Add(-d)) {
			break
		}
		found = r
	}
	return found
}

// beginning is the row with which the window of length d until now begins. If the rows reach back
// less far than that, by more than slack, the registry has run for less time: the window begins at
// the oldest row with its start, when all was zero.
func (h *history) beginning(now time.Time, d, slack time.Duration) row {
	r := h.before(now, d)
	if r.at.After(now.Add(slack - d)) {
		return row{at: r.at}
	}
	return r
}

// columns are the rows by what each interval between two of them shows.
func (h *history) columns() History {
	out := History{IntervalSeconds: historyEvery.Seconds()}
	for _, c := range []*[]*float64{
		&out.Queries, &out.Transforms, &out.Refused, &out.Failed, &out.NotSent, &out.Unknown, &out.Waiting,
		&out.WaitP50, &out.WaitP99, &out.RTTP50, &out.RTTP99, &out.LimitUsed, &out.Sessions,
	} {
		*c = make([]*float64, historySlots)
	}
	if len(h.rows) == 0 {
		return out
	}
	out.End = h.rows[len(h.rows)-1].at
	for i := 1; i < len(h.rows); i++ {
		a, b := &h.rows[i-1], &h.rows[i]
		slot := historySlots - 1 - int((out.End.Sub(b.at)+historyEvery/2)/historyEvery)
		if slot >= 0 && b.at.After(a.at) {
			out.interval(slot, a, b)
		}
	}
	return out
}

// interval fills one slot with what happened from a to b.
func (out *History) interval(slot int, a, b *row) {
	w := window(a, b)
	set := func(to []*float64, v float64) { v = round(v); to[slot] = &v }
	set(out.Queries, float64(w.Queries)/w.Seconds)
	set(out.Transforms, float64(w.Transforms)/w.Seconds)
	var refused, failed uint64
	for i := range b.codes {
		switch n, code := less(b.codes[i], a.codes[i]), codeAt(i); {
		case code >= 2400:
			failed += n
		case code >= 2000:
			refused += n
		}
	}
	set(out.Refused, float64(refused)/w.Seconds)
	set(out.Failed, float64(failed)/w.Seconds)
	set(out.NotSent, float64(w.NotSent))
	set(out.Unknown, float64(w.Unknown))
	set(out.Waiting, float64(b.queued))
	set(out.Sessions, float64(b.sessions))
	if b.used >= 0 {
		set(out.LimitUsed, b.used)
	}
	out.WaitP50[slot], out.WaitP99[slot] = w.Wait.P50, w.Wait.P99
	out.RTTP50[slot], out.RTTP99[slot] = w.RTT.P50, w.RTT.P99
}

// round keeps JSON short: four digits behind the point are enough for a picture.
func round(v float64) float64 { return float64(int64(v*1e4+0.5)) / 1e4 }

// seconds is d in seconds, to the millisecond.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
