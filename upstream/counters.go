package upstream

import (
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// LoginResult sorts attempts to open a session, for metrics.
type LoginResult uint8

const (
	LoginOK      LoginResult = iota
	LoginRefused             // credentials or services
	LoginFull                // 2502: too many sessions
	LoginFailed              // network, TLS, greeting, or the registry failing
	numLoginResults
)

func (r LoginResult) String() string { return [...]string{"ok", "refused", "full", "failed"}[r] }

func loginResult(c pool.Cause) LoginResult {
	switch c {
	case pool.CauseLoginRefused:
		return LoginRefused
	case pool.CauseTooManySessions:
		return LoginFull
	}
	return LoginFailed
}

// HistogramBounds are the upper bounds of the histograms of wait and rtt, in seconds; one more
// bucket holds the rest.
var HistogramBounds = [...]float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
	1, 2.5, 5, 10, 30, 60}

// Histogram counts durations. Owned by the loop.
type Histogram struct {
	Counts [len(HistogramBounds) + 1]uint64
	Sum    time.Duration
}

func (h *Histogram) observe(d time.Duration) {
	i, s := 0, d.Seconds()
	for i < len(HistogramBounds) && s > HistogramBounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += d
}

// Count is how many durations were counted.
func (h *Histogram) Count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Class tells queries from transforms, in metrics.
type Class uint8

const (
	ClassQuery Class = iota
	ClassTransform
	NumClasses
)

func (c Class) String() string { return [...]string{"query", "transform"}[c] }

// Indices of Counters.Outcomes behind the Ends: an answer that came after its client had left, and
// a command that was not sent because its client left while it waited. Nobody was told of those.
const (
	OutcomeOrphan  = int(pool.NumEnds)
	OutcomeDropped = int(pool.NumEnds) + 1
	numOutcomes    = int(pool.NumEnds) + 2
)

// CodeCounts are numbers of answers by frame.Code.Index. All codes that RFC 5730 does not define
// are counted as one, since labels must come from a closed set.
type CodeCounts [frame.NumCodes + 1]uint64

// Counters count since the start. They are plain numbers that the loop owns; a scrape takes a copy.
type Counters struct {
	Commands      [frame.NumCommands]CodeCounts // answers of the registry
	Outcomes      [frame.NumCommands][numOutcomes]uint64
	Wait, RTT     [NumClasses]Histogram
	NotSent       [pool.NumCauses]uint64 // what was answered as not sent, by cause
	SessionCloses [pool.NumCauses]uint64
	Desync        [pool.NumCauses]uint64
	Odd           [numOddities]uint64
	Blamed        [pool.NumCauses]uint64 // sessions for whose end commands are held back, by cause
	Logins        [numLoginResults]uint64
	Unknown       uint64 // transforms whose outcome is unknown
	LedgerWrite   Histogram
	LedgerErrors  uint64 // writings of the ledger that failed or took too long
	Held          uint64 // answers that were held until their session was asked whether it is logged in
	Throttled     uint64 // answers that say that the registry wants fewer commands
	Lanes         LaneCounters
	Forwarded     [pool.NumEnds]uint64 // commands that went over a lane last, by how they ended
	Fenced        uint64               // times that a write was kept back by the fence
}

// LaneCounters count lanes to owners, as a follower.
type LaneCounters struct {
	Opened uint64
	Failed uint64 // attempts, refused ones too
	Closed [pool.NumCauses]uint64
	Desync [pool.NumCauses]uint64
}

// Answers are the answers of the registry to all commands, by code.
func (c *Counters) Answers() (all CodeCounts) {
	for i := range c.Commands {
		for code, n := range c.Commands[i] {
			all[code] += n
		}
	}
	return all
}

// Ended is how many commands had an outcome, given as an index of Outcomes.
func (c *Counters) Ended(outcome int) (n uint64) {
	for i := range c.Outcomes {
		n += c.Outcomes[i][outcome]
	}
	return n
}

func classOf(x *Exchange) Class {
	if x.Query {
		return ClassQuery
	}
	return ClassTransform
}

func (c *Counters) sent(x *Exchange) {
	if !x.waited {
		x.waited = true
		c.Wait[classOf(x)].observe(x.Wait())
	}
}

func (c *Counters) finished(x *Exchange, o Outcome, now time.Duration) {
	i := int(o.End)
	if x.forwarded {
		c.Forwarded[o.End]++
	}
	switch {
	case o.End == pool.EndAnswered:
		c.Commands[x.Command][frame.Code(o.Code).Index()]++
		c.RTT[classOf(x)].observe(x.rtt(now))
		if x.Orphan() {
			i = OutcomeOrphan
		}
	case o.End == pool.EndNotSent && o.Cause == pool.CauseClientGone:
		i = OutcomeDropped
	case o.End == pool.EndNotSent:
		c.NotSent[o.Cause]++
	}
	c.Outcomes[x.Command][i]++
	if o.End == pool.EndUnknown && !x.Query {
		c.Unknown++
	}
}
