package batch

import (
	"context"
	"time"

	"eppmux/upstream"
)

// packFixed hands commands to the account whose names do not change any more.
func (l *line) packFixed(now time.Time) {
	l.unload()
	for l.waiting > 0 && l.fixed < fixedMost && l.retries < retriesMost {
		items, from := l.compose(l.d.checkMax(now))
		g := l.group(byRequest(items, from), from)
		if g.write(""); g.fault != nil {
			l.refuse(g)
			continue
		}
		g.depart()
		l.fixed++
		g.start()
	}
}

// start has a group asked as it is.
func (g *group) start() {
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	go g.run(ctx)
}

// run carries a group whose names do not change. It ends with it.
func (g *group) run(ctx context.Context) {
	defer g.cancel()
	r, err := g.caller.Do(ctx, upstream.Call{Payload: g.payload})
	d := g.l.d
	a := d.read(r, err)
	d.mu.Lock()
	defer d.unlock()
	defer g.l.poke()
	if g.from != nil {
		g.l.fixed--
	} else {
		g.l.retries--
	}
	d.ended(g, a, time.Now())
}
