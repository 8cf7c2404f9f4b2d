package talk

import (
	"context"
	"fmt"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/ratelimit"
)

// Pace keeps one connection within the rate_limits of its registry. It does not know what other
// programs send there. Owned by the goroutine of the conversation.
type Pace struct {
	limits []config.RateLimit
	// buckets has one for each limit; nil for a shadow. The scope of a limit makes no difference:
	// there is one session and one client.
	buckets []*ratelimit.Bucket
	most    time.Duration // timeouts.queue: how long a message may wait
	begin   time.Time
}

// PaceOf returns the pace of a connection to r that begins now.
func PaceOf(r *config.Registry) *Pace {
	p := &Pace{limits: r.RateLimits, buckets: make([]*ratelimit.Bucket, len(r.RateLimits)), most: r.Timeouts.Queue,
		begin: time.Now()}
	for i, l := range p.limits {
		if !l.Shadow {
			p.buckets[i] = ratelimit.NewBucket(l.Limit)
		}
	}
	return p
}

// admit waits until every limit that counts m admits it. The caller calls answered when the answer
// has come, or cannot come any more. A nil pace admits at once.
func (p *Pace) admit(ctx context.Context, m *Message) (answered func(), err error) {
	if ctx.Err() != nil {
		return nil, cli.ErrInterrupted
	}
	if p == nil {
		return func() {}, nil
	}
	var due []*ratelimit.Bucket
	now := time.Since(p.begin)
	at := now
	for i, b := range p.buckets {
		if b == nil || !p.limits[i].Covers(m.command, m.op) {
			continue
		}
		due = append(due, b)
		if at = max(at, b.Next(now)); at > now+p.most {
			return nil, fmt.Errorf("rate_limits[%d] (%v) admits no %v before %v from now, which is more than "+
				"timeouts.queue (%v)",
				i, b.Limit(), m.command, (at - now).Round(time.Millisecond), p.most)
		}
	}
	if err := cli.Sleep(ctx, at-now); err != nil {
		return nil, err
	}
	now = max(at, time.Since(p.begin))
	for _, b := range due {
		b.Take(now)
	}
	return func() {
		for _, b := range due {
			b.Done(time.Since(p.begin))
		}
	}, nil
}
