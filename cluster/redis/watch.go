package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"
)

// pause is how long the watch waits before it begins anew, so that a server which ends each
// subscription at once is not asked without end.
const pause = time.Second

// Watch implements cluster.Engine. It blocks until ctx ends. A subscription that ends begins anew, and
// changed is called then: nobody knows what was missed.
func (e *Engine) Watch(ctx context.Context, changed func()) {
	ctx = rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" {
			changed()
		}
	})
	for ctx.Err() == nil {
		err := e.watch(ctx, changed)
		if ctx.Err() != nil {
			return
		}
		e.cfg.Logger.Debug("the watch begins anew", "engine", e.Name(), "err", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// watch is one subscription, until it ends.
func (e *Engine) watch(ctx context.Context, changed func()) error {
	c, err := e.client.Get(ctx)
	if err != nil {
		return err
	}
	// The last subscription may have ended with the server, and this be another one, or another
	// config. If it is unfit, the next request is to find out.
	if err := e.check(ctx, c); err != nil {
		if _, ok := errors.AsType[unfit](err); ok {
			e.client.Drop(c)
		}
		return err
	}
	return c.Receive(ctx, c.B().Subscribe().Channel(e.channel).Build(), func(rueidis.PubSubMessage) { changed() })
}
