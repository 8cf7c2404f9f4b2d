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

// row is what is kept of a Snapshot: sums since the start, except where it says otherwise.
type row struct {
	at        time.Time
	wait, rtt buckets // of both classes
	answered  [upstream.NumClasses]uint64
	codes     upstream.CodeCounts
	rules     []string        // names of the rules as they stood then
	limited   []time.Duration // by rule

	notSentFor [int(pool.NumCauses)]uint64

	// Commands by outcome.
	notSent, dropped, unknown, unknownTransforms, orphans uint64
	// What the registry did.
	throttled, timeouts, lost, codeCloses, loginsLost, failedLogins uint64
	// Messages that answer no command of ours: all of them, and two kinds.
	desync, notEPP, unasked uint64
	// What clients did.
	faults, closed, hoarders, acceptErrors uint64

	// Of the moment.
	queued, sessions int
	used             float64 // of the limit that is used most; below 0: there is none
}

// buckets are the counts of a histogram, see upstream.HistogramBounds.
type buckets [len(upstream.HistogramBounds) + 1]uint64

// add counts the durations of another histogram in.
func (b *buckets) add(more *upstream.Histogram) {
	for i, n := range more.Counts {
		b[i] += n
	}
}

// rowOf sums a Snapshot up.
func rowOf(s *Snapshot) row {
	a, c := &s.Account, &s.Clients
	r := row{
		at:                s.At,
		rules:             slices.Clone(a.Rules),
		limited:           slices.Clone(a.Limited[:len(a.Used)]),
		notSentFor:        a.NotSent,
		unknownTransforms: a.Unknown,
		throttled:         a.Throttled,
		timeouts:          a.SessionCloses[pool.CauseCommandTimeout],
		codeCloses:        a.SessionCloses[pool.CauseCodeCloses],
		loginsLost:        a.SessionCloses[pool.CauseLoginLost],
		notEPP:            a.Desync[pool.CauseFrame],
		unasked:           a.Desync[pool.CauseUnasked],
		faults:            c.Faults,
		closed:            c.Closed,
		hoarders:          c.Hoarders,
		acceptErrors:      c.AcceptErrors,
		queued:            a.Queued,
		sessions:          a.Sessions[pool.SessionIdle] + a.Sessions[pool.SessionBusy],
		used:              -1,
	}
	r.lost = a.SessionCloses[pool.CauseRegistryClosed] + r.codeCloses + r.loginsLost
	r.commands(&a.Counters)
	for _, n := range a.Desync {
		r.desync += n
	}
	for i, n := range a.Logins {
		if upstream.LoginResult(i) != upstream.LoginOK {
			r.failedLogins += n
		}
	}
	for _, used := range a.Used {
		r.used = max(r.used, used)
	}
	return r
}

// commands sums up what is counted by class or by command.
func (r *row) commands(c *upstream.Counters) {
	for class := range upstream.NumClasses {
		r.wait.add(&c.Wait[class])
		r.rtt.add(&c.RTT[class])
		for _, n := range c.RTT[class].Counts {
			r.answered[class] += n
		}
	}
	for i := range c.Commands {
		for code, n := range c.Commands[i] {
			r.codes[code] += n
		}
		r.notSent += c.Outcomes[i][pool.EndNotSent]
		r.dropped += c.Outcomes[i][upstream.OutcomeDropped]
		r.unknown += c.Outcomes[i][pool.EndUnknown]
		r.orphans += c.Outcomes[i][upstream.OutcomeOrphan]
	}
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

// before returns the last row that is at least d older than now, or else the oldest one.
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

// beginning returns the row with which a window of length d until now begins. If the history is
// shorter than that by more than slack, the registry has not run for so long. Then everything that
// happened is within the window: it begins at the time of the oldest row with all counts zero.
func (h *history) beginning(now time.Time, d, slack time.Duration) row {
	r := h.before(now, d)
	if r.at.After(now.Add(slack - d)) {
		return row{at: r.at}
	}
	return r
}

// window returns what happened from a to b.
func window(a, b *row) Window {
	w := Window{
		Seconds:           seconds(b.at.Sub(a.at)),
		Queries:           less(b.answered[upstream.ClassQuery], a.answered[upstream.ClassQuery]),
		Transforms:        less(b.answered[upstream.ClassTransform], a.answered[upstream.ClassTransform]),
		NotSent:           less(b.notSent, a.notSent),
		Dropped:           less(b.dropped, a.dropped),
		Unknown:           less(b.unknown, a.unknown),
		UnknownTransforms: less(b.unknownTransforms, a.unknownTransforms),
		Orphans:           less(b.orphans, a.orphans),
		Throttled:         less(b.throttled, a.throttled),
		Timeouts:          less(b.timeouts, a.timeouts),
		LostSessions:      less(b.lost, a.lost),
		CodeCloses:        less(b.codeCloses, a.codeCloses),
		LoginsLost:        less(b.loginsLost, a.loginsLost),
		Desync:            less(b.desync, a.desync),
		NotEPP:            less(b.notEPP, a.notEPP),
		Unasked:           less(b.unasked, a.unasked),
		FailedLogins:      less(b.failedLogins, a.failedLogins),
		ClientFaults:      less(b.faults, a.faults),
		ClientsClosed:     less(b.closed, a.closed),
		Hoarders:          less(b.hoarders, a.hoarders),
		AcceptErrors:      less(b.acceptErrors, a.acceptErrors),
		Wait:              quantiles(&a.wait, &b.wait),
		RTT:               quantiles(&a.rtt, &b.rtt),
	}
	var most uint64
	for c := range b.notSentFor {
		if n := less(b.notSentFor[c], a.notSentFor[c]); n > most {
			most, w.NotSentCause = n, pool.Cause(c).String()
		}
	}
	return w
}

// less is a difference of counters. It never runs backwards: counters begin anew at 0.
func less(a, b uint64) uint64 { return a - min(a, b) }

// quantiles returns those of the durations that were counted from a to b.
func quantiles(a, b *buckets) Quantile {
	var counts buckets
	for i := range counts {
		counts[i] = less(b[i], a[i])
	}
	return Quantile{quantile(&counts, 0.5), quantile(&counts, 0.99)}
}

// quantile is read as Prometheus does, as if the durations of a bucket were spread evenly over it.
// A duration beyond the last bound counts as that bound. The result is nil if nothing was counted.
func quantile(counts *buckets, q float64) *float64 {
	var n uint64
	for _, c := range counts {
		n += c
	}
	if n == 0 {
		return nil
	}
	rank, low := q*float64(n), 0.0
	for i, c := range counts {
		if i == len(upstream.HistogramBounds) {
			break
		}
		if rank <= float64(c) && c > 0 {
			v := low + (upstream.HistogramBounds[i]-low)*rank/float64(c)
			return &v
		}
		rank -= float64(c)
		low = upstream.HistogramBounds[i]
	}
	return &low
}

// columns returns what each interval between two rows shows.
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
