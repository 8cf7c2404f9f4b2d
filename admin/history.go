package admin

import (
	"slices"
	"time"

	"eppmux/proxy"
	"eppmux/upstream"
)

const (
	historyEvery = 5 * time.Second
	historySlots = 120 // ten minutes
	historySpan  = historySlots * historyEvery
)

// row is what is kept of a Snapshot: sums since the start, but for what is said to be of the
// moment.
type row struct {
	at        time.Time
	wait, rtt [len(upstream.HistogramBounds) + 1]uint64 // of both classes
	answered  [upstream.NumClasses]uint64
	codes     [upstream.NumCodes]uint64
	rules     []string        // names of the rules as they stood then
	limited   []time.Duration // by rule

	notSentFor [upstream.Causes]uint64

	notSent, dropped, unknown, unknownTransforms, orphans           uint64
	throttled, timeouts, lost, codeCloses, loginsLost, failedLogins uint64
	desync, notEPP, unasked                                         uint64
	faults, closed, hoarders, acceptErrors                          uint64 // of clients

	// Of the moment.
	queued, sessions int
	used             float64 // of the limit that is used most; below 0: there is none
}

func rowOf(at time.Time, s *proxy.Snapshot) row {
	a := &s.Account
	r := row{at: at, rules: slices.Clone(a.Rules), limited: slices.Clone(a.Limited[:len(a.Used)]), unknownTransforms: a.Unknown, throttled: a.Throttled,
		timeouts: a.SessionCloses[upstream.CauseCommandTimeout], codeCloses: a.SessionCloses[upstream.CauseCodeCloses],
		loginsLost: a.SessionCloses[upstream.CauseLoginLost], notEPP: a.Desync[upstream.CauseFrame], unasked: a.Desync[upstream.CauseUnasked],
		notSentFor: a.NotSent, faults: s.Faults, closed: s.Blamed(), hoarders: s.Hoarders(), acceptErrors: s.AcceptErrors, queued: a.Queued, used: -1,
		sessions: a.Sessions[upstream.SessionIdle] + a.Sessions[upstream.SessionBusy]}
	for k := range upstream.NumClasses {
		for i := range r.wait {
			r.wait[i] += a.Wait[k].Counts[i]
			r.rtt[i] += a.RTT[k].Counts[i]
			r.answered[k] += a.RTT[k].Counts[i]
		}
	}
	for c := range a.Commands {
		for i, n := range a.Commands[c] {
			r.codes[i] += n
		}
		r.notSent += a.Outcomes[c][upstream.EndNotSent]
		r.dropped += a.Outcomes[c][upstream.OutcomeDropped]
		r.unknown += a.Outcomes[c][upstream.EndUnknown]
		r.orphans += a.Outcomes[c][upstream.OutcomeOrphan]
	}
	for _, cause := range []upstream.Cause{upstream.CauseRegistryClosed, upstream.CauseCodeCloses, upstream.CauseLoginLost} {
		r.lost += a.SessionCloses[cause]
	}
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

// limitedBy is the time of the rule of that name, wherever it stood; 0: there was none.
func (r *row) limitedBy(name string) time.Duration {
	if i := slices.Index(r.rules, name); i >= 0 {
		return r.limited[i]
	}
	return 0
}

// history is the past of one registry: a row each historyEvery, the oldest first. The row of a loop
// that did not answer is missing. Not safe for concurrent use.
type history struct{ rows []row }

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

// window is what happened from a to b.
func window(a, b *row) Window {
	w := Window{
		Seconds: seconds(b.at.Sub(a.at)), Queries: less(b.answered[upstream.ClassQuery], a.answered[upstream.ClassQuery]),
		Transforms: less(b.answered[upstream.ClassTransform], a.answered[upstream.ClassTransform]),
		NotSent:    less(b.notSent, a.notSent), Unknown: less(b.unknown, a.unknown),
		UnknownTransforms: less(b.unknownTransforms, a.unknownTransforms), Orphans: less(b.orphans, a.orphans),
		Throttled: less(b.throttled, a.throttled), Timeouts: less(b.timeouts, a.timeouts), LostSessions: less(b.lost, a.lost),
		CodeCloses: less(b.codeCloses, a.codeCloses), LoginsLost: less(b.loginsLost, a.loginsLost), Desync: less(b.desync, a.desync),
		NotEPP: less(b.notEPP, a.notEPP), Unasked: less(b.unasked, a.unasked), FailedLogins: less(b.failedLogins, a.failedLogins),
		Dropped: less(b.dropped, a.dropped), ClientFaults: less(b.faults, a.faults), ClientsClosed: less(b.closed, a.closed),
		Hoarders: less(b.hoarders, a.hoarders), AcceptErrors: less(b.acceptErrors, a.acceptErrors),
	}
	var most uint64
	for c := range b.notSentFor {
		if n := less(b.notSentFor[c], a.notSentFor[c]); n > most {
			most, w.NotSentCause = n, upstream.Cause(c).String()
		}
	}
	w.Wait, w.RTT = quantiles(&a.wait, &b.wait), quantiles(&a.rtt, &b.rtt)
	return w
}

// less is a difference of counters, which never runs backwards.
func less(a, b uint64) uint64 { return a - min(a, b) }

func quantiles(a, b *[len(upstream.HistogramBounds) + 1]uint64) Quantile {
	var counts [len(upstream.HistogramBounds) + 1]uint64
	for i := range counts {
		counts[i] = less(b[i], a[i])
	}
	return Quantile{quantile(&counts, 0.5), quantile(&counts, 0.99)}
}

// quantile is read as Prometheus does: as if the durations of a bucket were spread evenly over it.
// What is beyond the last bound counts as that. Nil: there are none.
func quantile(counts *[len(upstream.HistogramBounds) + 1]uint64, q float64) *float64 {
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

// columns are the rows as what each interval shows.
func (h *history) columns() History {
	out := History{IntervalSeconds: historyEvery.Seconds()}
	all := []*[]*float64{&out.Queries, &out.Transforms, &out.Refused, &out.Failed, &out.NotSent, &out.Unknown, &out.Waiting,
		&out.WaitP50, &out.WaitP99, &out.RTTP50, &out.RTTP99, &out.LimitUsed, &out.Sessions}
	for _, c := range all {
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

func (out *History) interval(slot int, a, b *row) {
	w := window(a, b)
	set := func(to []*float64, v float64) { v = round(v); to[slot] = &v }
	set(out.Queries, float64(w.Queries)/w.Seconds)
	set(out.Transforms, float64(w.Transforms)/w.Seconds)
	var refused, failed uint64
	for i := range b.codes {
		switch n, code := less(b.codes[i], a.codes[i]), upstream.CodeOf(i); {
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
