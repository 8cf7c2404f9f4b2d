package enginetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/cluster"
)

// RunFaults holds an Engine to what it promises while its server is away, and behind that. start makes
// a server of the test, open a client of it.
func RunFaults(t *testing.T, start func(testing.TB) *Server, open func(testing.TB, *Server) cluster.Engine) {
	for name, run := range map[string]func(*testing.T, *Server, func() client){
		"Deadline":    deadline,
		"Cancel":      cancelled,
		"Restart":     restart,
		"Flush":       flush,
		"AwayAtStart": awayAtStart,
		"WatchGoesOn": watchGoesOn,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			run(t, s, func() client { return client{t, open(t, s)} })
		})
	}
}

const (
	// short is the deadline of a request that is not answered.
	short = 300 * time.Millisecond
	// late is how long behind its deadline a request may return, on a machine that does other things.
	late = 2 * time.Second
)

// requests are one of each kind.
var requests = map[string]func(context.Context, cluster.Engine) error{
	"load": func(ctx context.Context, e cluster.Engine) error { _, err := e.Load(ctx, cluster.Leases); return err },
	"get": func(ctx context.Context, e cluster.Engine) error {
		_, err := e.Get(ctx, cluster.Leases, "k")
		return err
	},
	"swap": func(ctx context.Context, e cluster.Engine) error {
		_, _, err := e.Swap(ctx, cluster.Record{Table: cluster.Identities, Key: "k", Value: []byte("1")}, nil)
		return err
	},
}

// bounded sends requests of all kinds to an engine whose server answers none, and wants each back with
// an error by its deadline.
func bounded(t *testing.T, clients ...client) {
	t.Helper()
	var all sync.WaitGroup
	for _, c := range clients {
		for kind, request := range requests {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), short)
				defer cancel()
				start := time.Now()
				err := request(ctx, c)
				if took := time.Since(start); err == nil || took > short+late {
					t.Errorf("%s: got %v after %v, want an error by its deadline of %v", kind, err, took, short)
				}
				if _, ok := errors.AsType[*cluster.EngineError](err); !ok && err != nil {
					t.Errorf("%s: got %T, want a cluster.EngineError", kind, err)
				}
			})
		}
	}
	all.Wait()
}

// works wants a client to work again by itself, in time.
func works(t *testing.T, c client) {
	t.Helper()
	Eventually(t, "the engine works again", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for _, request := range requests {
			if err := request(ctx, c); err != nil {
				return false
			}
		}
		return true
	})
}

// deadline is kept by clients that are connected and by those that are not, also where a request with
// a later deadline waits for the same connection.
func deadline(t *testing.T, s *Server, open func() client) {
	used, fresh, shared := open(), open(), open()
	works(t, used)
	s.Suspend()
	ctx, cancel := context.WithCancel(context.Background())
	var patient sync.WaitGroup
	patient.Go(func() { shared.Load(ctx, cluster.Leases) })
	bounded(t, used, fresh, shared)
	bounded(t, used, fresh, shared)
	s.Resume()
	for _, c := range []client{used, fresh, shared} {
		works(t, c)
	}
	cancel()
	patient.Wait()
}

// cancelled is a request when its ctx is, at once.
func cancelled(t *testing.T, s *Server, open func() client) {
	c := open()
	works(t, c)
	s.Suspend()
	defer s.Resume()
	ctx, cancel := context.WithTimeout(context.Background(), generous)
	time.AfterFunc(short, cancel)
	start := time.Now()
	if _, err := c.Load(ctx, cluster.Leases); !errors.Is(err, context.Canceled) || time.Since(start) > short+late {
		t.Errorf("got %v after %v, want it cancelled after %v", err, time.Since(start), short)
	}
}

// restart keeps what was acknowledged, and needs no new client.
func restart(t *testing.T, s *Server, open func() client) {
	c := open()
	c.swap(lease([]byte("1")), nil, true, nil, ledger([]byte("2")))
	for range 2 {
		s.Kill()
		bounded(t, c)
		s.Restart()
		works(t, c)
		c.want(cluster.Leases, lease(nil).Key, []byte("1"))
		c.want(cluster.Ledgers, lease(nil).Key, []byte("2"))
	}
}

// flush leaves nothing, and an engine that works.
func flush(t *testing.T, s *Server, open func() client) {
	c := open()
	for _, forget := range []func(){s.Flush, s.RestartEmpty, s.Flush} {
		c.swap(lease([]byte("1")), nil, true, nil)
		forget()
		works(t, c)
		c.want(cluster.Leases, lease(nil).Key, nil)
		c.swap(lease([]byte("2")), []byte("1"), false, nil)
	}
}

// awayAtStart is a server, and comes.
func awayAtStart(t *testing.T, s *Server, open func() client) {
	s.Kill()
	c := open()
	bounded(t, c)
	s.Restart()
	works(t, c)
}

// watchGoesOn over a restart, an empty one and a suspension.
func watchGoesOn(t *testing.T, s *Server, open func() client) {
	watching, writing := open(), open()
	ctx, cancel := context.WithCancel(context.Background())
	var hints atomic.Int32
	var ended sync.WaitGroup
	ended.Go(func() { watching.Watch(ctx, func() { hints.Add(1) }) })
	for _, fault := range []func(){
		func() {},
		s.Restart,
		func() { s.Suspend(); bounded(t, writing); s.Resume() },
		s.RestartEmpty,
		s.Flush,
	} {
		fault()
		works(t, writing)
		before, value := hints.Load(), []byte("1")
		Eventually(t, "the watch hears of a lease", func() bool {
			old := writing.load(cluster.Leases)[lease(nil).Key]
			value = append(value, '1')
			writing.try(lease(value), old)
			return hints.Load() > before
		})
	}
	cancel()
	ended.Wait()
}
