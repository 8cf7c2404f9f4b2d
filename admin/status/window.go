package status

import (
	"reflect"

	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// Window is what happened within some time. A count is of commands unless it says otherwise.
type Window struct {
	Seconds    float64 `json:"seconds"` // its length; it is shorter near the start
	Queries    uint64  `json:"queries"` // answered
	Transforms uint64  `json:"transforms"`
	NotSent    uint64  `json:"not_sent"` // answered 2400 here: safe to repeat
	// NotSentCause is why most of NotSent were not sent, in the words of the log.
	NotSentCause string `json:"not_sent_cause,omitempty"`
	Dropped      uint64 `json:"dropped"` // not sent: the client left while they waited
	Unknown      uint64 `json:"unknown"` // sent, without an answer
	// UnknownTransforms are the transforms among Unknown. They may have changed something.
	UnknownTransforms uint64 `json:"unknown_transforms"`
	Orphans           uint64 `json:"orphans"`          // answered after the client had left
	Throttled         uint64 `json:"throttled"`        // refused, since the registry wants fewer
	Timeouts          uint64 `json:"command_timeouts"` // sessions that ended for want of an answer
	LostSessions      uint64 `json:"lost_sessions"`    // sessions that the registry or the network ended
	CodeCloses        uint64 `json:"code_closes"`      // of LostSessions: by an answer of the registry
	LoginsLost        uint64 `json:"logins_lost"`      // of LostSessions: the registry forgot the login
	// Blamed are those of LostSessions that ended behind a client's command, so that commands like it
	// are held back; BlamedCodeCloses are those of CodeCloses.
	Blamed           uint64   `json:"blamed_sessions"`
	BlamedCodeCloses uint64   `json:"blamed_code_closes"`
	Desync           uint64   `json:"desync"`          // sessions that got what answers no command
	NotEPP           uint64   `json:"desync_frame"`    // of Desync: what is no frame or no EPP
	Unasked          uint64   `json:"desync_unasked"`  // of Desync: a message for which nothing was sent
	FailedLogins     uint64   `json:"failed_logins"`   // attempts to open a session
	ClientFaults     uint64   `json:"client_faults"`   // frames of clients that were refused
	ClientsClosed    uint64   `json:"clients_closed"`  // clients, for faults of their own
	Hoarders         uint64   `json:"hoarders_closed"` // of ClientsClosed: the memory for all was used up
	AcceptErrors     uint64   `json:"accept_errors"`   // clients that could not be taken in
	Wait             Quantile `json:"wait"`
	RTT              Quantile `json:"rtt"`
}

// Answered returns how many commands the registry answered.
func (w *Window) Answered() uint64 { return w.Queries + w.Transforms }

// PerSecond returns how many commands the registry answered each second.
func (w *Window) PerSecond() float64 {
	if w.Seconds <= 0 {
		return 0
	}
	return float64(w.Answered()) / w.Seconds
}

// Quantile is how long something took, in seconds; null if it did not happen. It is read from a
// histogram, so it is exact to the bounds of a bucket.
type Quantile struct {
	P50 *float64 `json:"p50_seconds"`
	P99 *float64 `json:"p99_seconds"`
}

// sumsOf is the Window from the start to s, as far as its counts go. Here alone it says what a
// count of a Window is read from.
func sumsOf(s *Snapshot) Window {
	a, c := &s.Account, &s.Clients
	closes, logins := &a.SessionCloses, &a.Logins
	byCode, byLogin := closes[pool.CauseCodeCloses], closes[pool.CauseLoginLost]
	blamedByCode := a.Blamed[pool.CauseCodeCloses]
	return Window{
		Queries:           a.RTT[upstream.ClassQuery].Count(),
		Transforms:        a.RTT[upstream.ClassTransform].Count(),
		NotSent:           a.Ended(int(pool.EndNotSent)),
		Dropped:           a.Ended(upstream.OutcomeDropped),
		Unknown:           a.Ended(int(pool.EndUnknown)),
		UnknownTransforms: a.Unknown,
		Orphans:           a.Ended(upstream.OutcomeOrphan),
		Throttled:         a.Throttled,
		Timeouts:          closes[pool.CauseCommandTimeout],
		LostSessions:      closes[pool.CauseRegistryClosed] + byCode + byLogin,
		CodeCloses:        byCode,
		LoginsLost:        byLogin,
		Blamed:            a.Blamed[pool.CauseRegistryClosed] + blamedByCode,
		BlamedCodeCloses:  blamedByCode,
		Desync:            sum(a.Desync[:]),
		NotEPP:            a.Desync[pool.CauseFrame],
		Unasked:           a.Desync[pool.CauseUnasked],
		FailedLogins:      sum(logins[:]) - logins[upstream.LoginOK],
		ClientFaults:      c.Faults,
		ClientsClosed:     c.Closed,
		Hoarders:          c.Hoarders,
		AcceptErrors:      c.AcceptErrors,
	}
}

func sum(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// window is what happened from a to b.
func window(a, b *row) Window {
	w := b.sums
	w.subtract(&a.sums)
	w.Seconds = seconds(b.at.Sub(a.at))
	w.Wait, w.RTT = quantiles(&a.wait, &b.wait), quantiles(&a.rtt, &b.rtt)
	var most uint64
	for c := range b.notSent {
		if n := less(b.notSent[c], a.notSent[c]); n > most {
			most, w.NotSentCause = n, pool.Cause(c).String()
		}
	}
	return w
}

// subtract takes the counts of another Window from those of w. Every uint64 of a Window is a count.
func (w *Window) subtract(from *Window) {
	to, other := reflect.ValueOf(w).Elem(), reflect.ValueOf(from).Elem()
	for i := range to.NumField() {
		if f := to.Field(i); f.Kind() == reflect.Uint64 {
			f.SetUint(less(f.Uint(), other.Field(i).Uint()))
		}
	}
}

// less is a difference of counters. It never runs backwards: counters begin anew at 0.
func less(a, b uint64) uint64 { return a - min(a, b) }

// buckets are the counts of a histogram.
type buckets [len(upstream.HistogramBounds) + 1]uint64

// bucketsOf are the counts of both classes together.
func bucketsOf(all *[upstream.NumClasses]upstream.Histogram) (b buckets) {
	for class := range all {
		for i, n := range all[class].Counts {
			b[i] += n
		}
	}
	return b
}

// quantiles are those of the durations that were counted from a to b.
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
