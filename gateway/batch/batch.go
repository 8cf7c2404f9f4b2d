package batch

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"eppmux/frame"
	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/gateway/share"
)

const (
	// MaxNames is the number of names that one Request may have, MaxFeeCommands of commands in its question
	// about prices: each is sent with every check.
	MaxNames       = 10_000
	MaxFeeCommands = 16

	// maxUnderWay is the number of names of all requests that may be under way. One takes some 200 octets,
	// and its letters.
	maxUnderWay = 1 << 20
	// namesMultiple is the multiple of what is free of them that one user may have, see package share.
	namesMultiple = 3
)

// Request is what one caller asks. Names are U-labels or A-labels, of any registries. Nothing in it
// changes until Check returns.
type Request struct {
	User      *carry.User
	RequestID string
	Names     []string
	Registry  string            // name of the one to ask for all Names; empty: by Zones
	Fee       *mapping.FeeCheck // prices too, where the registry has fee-1.0
	// Pause, unless nil, is called behind the answers that have come, but for the last: a moment to flush
	// them. It is called at first when one is there, then in longer and longer steps, up to longestHold.
	// Nil: all answers come at the end.
	Pause func()
}

// Answer is about one name. One of Check and Problem is set.
type Answer struct {
	Index    int    // of Request.Names
	Name     string // as asked
	Registry string // empty: no registry has its zone
	Check    *mapping.Check
	Fees     *mapping.Fees // nil unless they were asked for
	NoFees   NoFees        // why there are none, though they were asked for
	Code     int           // the registry's result code; 0: it has not answered
	ClTRID   string        // of the check that asked: the RequestID of one of those in it; empty: none did
	Problem  *Problem
}

// NoFees says why there are no prices beside an answer.
type NoFees string

const (
	FeesUnsupported NoFees = "unsupported" // the registry has no fee-1.0
	FeesRefused     NoFees = "refused"     // it answers the names, but not this question about prices
	FeesMissing     NoFees = "no_answer"   // its answer left them out
)

// Kind is the word for a Problem.
type Kind = string

const (
	BadName    Kind = "bad_name"    // no registry was asked: it is no domain name
	NoRegistry Kind = "no_registry" // none has its zone, or the name that was given
	Forbidden  Kind = "forbidden"   // the user may not check there
	NotSent    Kind = "not_sent"    // the registry was not asked
	Refused    Kind = "refused"     // it answered by an error
	NoAnswer   Kind = "no_answer"   // it was asked
)

// Problem says why there is no answer about a name.
type Problem struct {
	Kind   Kind
	Detail string
}

// Checker answers Requests. From any goroutine.
type Checker struct {
	// Logger is set before the first Check; nil: silent.
	Logger *slog.Logger

	open   func(*carry.Registry) account // immutable
	codec  codec                         // immutable
	routes atomic.Pointer[routes]
	names  *share.Pool // under way
}

// New returns a Checker over registries. The first of those with the same zone has it.
func New(registries []*carry.Registry) *Checker {
	c := &Checker{open: openAccount, codec: codec{marshal, mapping.Unmarshal},
		names: share.NewPool(maxUnderWay, namesMultiple)}
	c.SetRegistries(registries)
	return c
}

// SetRegistries changes the registries. What is under way goes on. One at a time.
func (c *Checker) SetRegistries(registries []*carry.Registry) {
	c.routes.Store(c.newRoutes(registries, c.routes.Load()))
}

func (c *Checker) log() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

// Check gives each name's answer to answer, in any order, each once, and one at a time, when Pause says. It
// returns when all are given; when ctx ends, the rest are not_sent or no_answer at once. Memory is
// bounded by the names that are under way: an answer function that blocks holds up its own request only.
func (c *Checker) Check(ctx context.Context, r Request, answer func(Answer)) {
	q := newRequest(&r)
	parts, taken := c.admit(q)
	defer func() { c.names.Give(q.user(), taken) }()
	h := holder{began: time.Now()}
	defer h.stop()
	done := ctx.Done()
	for left := len(r.Names); left > 0; {
		want := left
		if r.Pause != nil && !h.held {
			want = 1
		}
		ready := q.take(want)
		if len(ready) == 0 {
			select {
			case <-q.notify:
			case <-h.over:
				h.held = false
			case <-done:
				done = nil
				for _, p := range parts {
					p.leave("the request has ended")
				}
			}
			continue
		}
		for i := range ready {
			answer(ready[i].answer(&r))
		}
		if left -= len(ready); left > 0 && r.Pause != nil {
			r.Pause()
			h.hold()
		}
	}
}

// admit hands a request's names to the desks that they belong to, and answers those that go to none. taken is how
// many count as the user's until the request ends.
func (c *Checker) admit(q *request) (parts []*part, taken int) {
	n := len(q.r.Names)
	if n > MaxNames || !c.names.Take(q.user(), n) {
		q.fail(Problem{NotSent, "too many names are under way"})
		return nil, 0
	}
	return c.sort(q), n
}

// sort does what admit does, once there is room.
func (c *Checker) sort(q *request) []*part {
	if f := q.r.Fee; f != nil && len(f.Commands) > MaxFeeCommands {
		q.fail(Problem{Refused, "too many commands in the question about prices"})
		return nil
	}
	if q.r.User == nil || q.r.User.Commands != nil && !q.r.User.Commands.Has(frame.CommandCheck, frame.OpNone) {
		q.fail(Problem{Forbidden, "the user may not send a check"})
		return nil
	}
	sorted := c.routes.Load().sort(q)
	parts := make([]*part, 0, len(sorted))
	for _, s := range sorted {
		parts = append(parts, s.desk.admit(q, s.names))
	}
	return parts
}
