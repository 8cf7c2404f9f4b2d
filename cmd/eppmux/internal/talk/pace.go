package talk

import (
	"context"
	"fmt"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/ratelimit"
)

// Pace keeps what one connection sends within the rate_limits of its registry. It knows of nothing
// else that is sent there. Owned by the goroutine of the conversation.
type Pace struct {
	limits []config.RateLimit
	// by limit, whatever its scope: there is one session and one client; nil for a shadow
	buckets []*ratelimit.Bucket
	most    time.Duration // timeouts.queue: how long a message may wait
	begin   time.Time
}

// PaceOf is the pace of a connection that begins now.
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

// admit waits until every limit that counts m admits it. The caller says answered when the answer
// is here, or will not come any more. A nil pace admits at once.
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
