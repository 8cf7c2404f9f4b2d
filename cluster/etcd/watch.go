package etcd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"eppmux/cluster"
)

// pause is how long the watch waits before it begins anew, so that an etcd which ends each watch at
// once is not asked without end.
const pause = time.Second

// Watch implements cluster.Engine. It blocks until ctx ends. A watch that ends, since etcd has lost its
// leader, its history or its data, begins anew, and changed is called then: nobody knows what was missed.
func (e *Engine) Watch(ctx context.Context, changed func()) {
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

// watch is one watch of each table, until one of them ends.
func (e *Engine) watch(ctx context.Context, changed func()) error {
	c, err := e.client.Get(ctx)
	if err != nil {
		return err
	}
	if e.cfg.User != "" {
		// A watch that ends may have a token that has expired, see once. The next one logs in anew.
		defer func(whole context.Context) {
			if whole.Err() == nil {
				e.client.Drop(c)
			}
		}(ctx)
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	options := []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithCreatedNotify(), clientv3.WithPrevKV()}
	leases := c.Watch(ctx, e.folder(cluster.Leases), options...)
	members := c.Watch(ctx, e.folder(cluster.Members), options...)
	for {
		var got clientv3.WatchResponse
		var open bool
		t := cluster.Leases
		select {
		case got, open = <-leases:
		case got, open = <-members:
			t = cluster.Members
		}
		switch {
		case got.Err() != nil:
			return got.Err()
		case !open:
			return errors.New("it has ended")
		}
		if got.Created || slices.ContainsFunc(got.Events, func(ev *clientv3.Event) bool { return e.tells(t, ev) }) {
			changed()
		}
	}
}

// tells reports whether what has happened to a record of t matters to others.
func (e *Engine) tells(t cluster.Table, ev *clientv3.Event) bool {
	r := cluster.Record{Table: t, Key: strings.TrimPrefix(string(ev.Kv.Key), e.folder(t))}
	if ev.Type == clientv3.EventTypePut {
		r.Value = ev.Kv.Value
	}
	var old []byte
	if ev.PrevKv != nil {
		old = ev.PrevKv.Value
	}
	return cluster.Tells(r, old)
}
