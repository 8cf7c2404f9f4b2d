package upstream

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// TestDrainTwice: a drain may be asked for again, by anybody, before and after it has ended.
func TestDrainTwice(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		ended := make(chan error, 2)
		for range 2 {
			go func() { ended <- p.account.Drain(5 * time.Second) }()
		}
		r.want("logout")
		r.reply(1500)
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		begin := time.Now()
		if err := p.account.Drain(5 * time.Second); err != nil || time.Since(begin) > 0 {
			t.Errorf("again: %v after %v", err, time.Since(begin))
		}
	})
}

// TestCloseBeforeOpened: an account that is closed before its first session is opened can still be
// drained.
func TestCloseBeforeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLoop()
		a := NewAccount(Config{Name: "x", Dial: func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() },
			Pool: pool.Config{Grant: pool.Grant{MinSessions: 1, MaxSessions: 1}, QueueTimeout: time.Second,
				CommandTimeout: time.Second, KeepaliveCommand: frame.CommandHello}}, l)
		hold := make(chan struct{})
		l.Post(func() { <-hold }) // the loop is busy for a moment
		a.Start()
		go a.Close()
		synctest.Wait()
		close(hold)
		synctest.Wait()
		_ = a.Drain(time.Second)
		l.end()
	})
}
