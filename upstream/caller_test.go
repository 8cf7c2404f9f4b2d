package upstream

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// call is one call of Do on a goroutine of its own, which ends with it.
type call struct {
	p      *play
	cancel context.CancelFunc
	result chan Result // holds one; not closed
}

// carry is the call of one who comes with one command.
func (p *play) carry(ctx context.Context, payload []byte) (Result, error) {
	return p.account.NewCaller(CallerConfig{Client: "somebody"}).Do(ctx, Call{Payload: payload})
}

func (p *play) do(payload string) *call {
	p.t.Helper()
	return p.call(p.account.NewCaller(CallerConfig{Client: "somebody"}), Call{Payload: []byte(payload)})
}

// call has c carry one command more.
func (p *play) call(by *Caller, what Call) *call {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &call{p, cancel, make(chan Result, 1)}
	go func() {
		r, err := by.Do(ctx, what)
		if err != nil {
			p.t.Errorf("do: %v", err)
		}
		c.result <- r
	}()
	synctest.Wait()
	return c
}

// end is the result of the call; it fails unless it is there.
func (c *call) end() Result {
	c.p.t.Helper()
	synctest.Wait()
	select {
	case r := <-c.result:
		c.cancel()
		return r
	default:
		c.p.t.Fatal("the call has not ended")
		return Result{}
	}
}

// TestDo: a caller gets its own answer, with its own clTRID, and copies that are its own.
func TestDo(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		c := p.do(checkCommand("<clTRID>C-1</clTRID>"))
		r.want("check")
		muxTRID := r.id
		r.reply(1000)
		got := c.end()
		if got.End != pool.EndAnswered || got.Code != 1000 || got.Cause != pool.CauseNone || got.SvTRID != "S-1" || got.MuxTRID != muxTRID {
			t.Errorf("got %+v", got)
		}
		if !strings.Contains(string(got.Payload), "<clTRID>C-1</clTRID>") || strings.Contains(string(got.Payload), muxTRID) {
			t.Errorf("got payload %q", got.Payload)
		}
		d := p.do(deleteCommand(""))
		r.want("delete")
		r.reply(2303)
		if again := d.end(); again.Code != 2303 {
			t.Errorf("got %+v", again)
		}
		if !strings.Contains(string(got.Payload), `code="1000"`) {
			t.Errorf("the first answer has changed: %q", got.Payload)
		}
	})
}

// TestDoGivenUp: a call that is given up says honestly what the registry may have seen.
func TestDoGivenUp(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		sent := p.do(deleteCommand(""))
		r.want("delete")
		muxTRID := r.id
		waits := p.do(checkCommand(""))
		waits.cancel()
		if got := waits.end(); got.End != pool.EndNotSent || got.Cause != pool.CauseClientGone || got.MuxTRID != "" {
			t.Errorf("got %+v of a command that waited", got)
		}
		sent.cancel()
		if got := sent.end(); got.End != pool.EndUnknown || got.MuxTRID != muxTRID {
			t.Errorf("got %+v of a command that was sent, as %s", got, muxTRID)
		}
		r.reply(1000) // to nobody
		r.answered()  // the session is good
		p.on(func() {
			if n := len(p.account.calls.all) + p.account.calls.behind.Len(); n > 0 {
				t.Errorf("%d calls are remembered", n)
			}
		})
	})
}

// TestDoRecorded: what waits for its note is not sent, and given up it never is.
func TestDoRecorded(t *testing.T) {
	audited(t, pool.RecordAlways, func(p *play, rec *bookkeeper) {
		r := p.session()
		c := p.do(deleteCommand(""))
		c.cancel()
		if got := c.end(); got.End != pool.EndNotSent {
			t.Errorf("got %+v", got)
		}
		p.recorded(rec, true)
		r.silent(time.Minute / 2)
	})
}

// TestDoEnds: a call ends as its command does, and with the account.
func TestDoEnds(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		c := p.do(deleteCommand(""))
		r.want("delete")
		muxTRID := r.id
		r.close()
		if got := c.end(); got.End != pool.EndUnknown || got.Cause != pool.CauseRegistryClosed || got.MuxTRID != muxTRID {
			t.Errorf("got %+v of a transform whose session was closed", got)
		}
		late := p.do(checkCommand("")) // nobody greets
		time.Sleep(9 * time.Second)
		if got := late.end(); got.End != pool.EndNotSent || got.Cause == pool.CauseNone || got.MuxTRID != "" {
			t.Errorf("got %+v of a command that waited for too long", got)
		}
		left := p.do(checkCommand(""))
		p.account.Close()
		if got := left.end(); got.End != pool.EndNotSent || got.Cause != pool.CauseShutdown {
			t.Errorf("got %+v when the account closed", got)
		}
		if got := p.do(checkCommand("")).end(); got.End != pool.EndNotSent || got.Cause != pool.CauseShutdown {
			t.Errorf("got %+v after the account has closed", got)
		}
	})
}

// TestDoCarriesCommands: nothing but a command goes to a registry.
func TestDoCarriesCommands(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		for _, payload := range []string{epp("<hello/>"), epp(testGreeting), response(1000, ""), epp("<command><logout/></command>"),
			string(frame.AppendLogin(nil, &frame.Login{ClientID: "demo", Password: "x"})[frame.HeaderLen:])} {
			if _, err := p.carry(t.Context(), []byte(payload)); !errors.Is(err, ErrNotCarried) {
				t.Errorf("%s: got %v", payload, err)
			}
		}
		var fault *frame.Fault
		if _, err := p.carry(t.Context(), []byte("oops")); !errors.As(err, &fault) {
			t.Errorf("got %v, want a fault", err)
		}
		r.silent(time.Second)
	})
}

// TestTurn: what needs the instant of a turn, or the pool's next decisions, panics outside one.
func TestTurn(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		p.session()
		p.on(func() {
			for name, f := range map[string]func(){
				"now":    func() { p.account.now() },
				"poison": func() { p.poisonAny() },
				"answer": func() { p.anySession().message([]byte(response(1000, "")), pool.CauseNone) },
				"end":    func() { p.account.finish(new(Exchange), Outcome{}) },
			} {
				if got := recovered(f); got != "BUG: outside a turn" {
					t.Errorf("%s: got %v", name, got)
				}
			}
			if p.account.turn(func() {}); p.account.depth != 0 {
				t.Errorf("depth is %d between turns", p.account.depth)
			}
		})
	})
}

func (p *play) anySession() (any *session) {
	p.account.pool.Sessions(func(s *pool.Session) { any = sessionOf(s) })
	return any
}

func (p *play) poisonAny() { p.anySession().poison(pool.CauseFrame) }

func recovered(f func()) (what any) {
	defer func() { what = recover() }()
	f()
	return nil
}

// TestGrant: fewer sessions and other limits for a running account, without a new login.
func TestGrant(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(p *play) {
		one, two := p.session(), p.session()
		p.operate(func() error { return p.account.Grant(pool.Grant{MinSessions: 1, MaxSessions: 1}) })
		two.want("logout")
		two.reply(1500)
		two.wantEnd()
		one.answered()
		p.operate(func() error { return p.account.Grant(pool.Grant{MinSessions: 2, MaxSessions: 3}) })
		p.session()
		one.answered()
		if n := len(p.dials); n > 0 {
			t.Errorf("%d sessions more are opened", n)
		}
	})
}

// TestGreetingIsTold: whoever asks for greetings later than the first gets that one at once.
func TestGreetingIsTold(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.Keepalive = time.Minute }, func(p *play) {
		r := p.session()
		heard := 0
		p.on(func() { p.account.OnGreeting(func([]byte) { heard++ }) })
		if heard != 1 {
			t.Errorf("heard %d greetings, want the last one", heard)
		}
		r.want("hello")
		r.greet()
		if p.on(func() {}); heard != 2 || p.greetings != 2 {
			t.Errorf("heard %d and %d greetings, want two each", heard, p.greetings)
		}
	})
}

// TestDoDone: nothing is sent for a caller that waits no more.
func TestDoDone(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		res := make(chan Result, 1)
		go func() { x, _ := p.carry(ctx, []byte(deleteCommand(""))); res <- x }()
		synctest.Wait()
		if got := <-res; got.End != pool.EndNotSent {
			r.want("delete")
			t.Errorf("a transform was sent for a ctx that was done: %+v", got)
			r.reply(1000)
		}
	})
}

// TestDoAfter: a call that is given up in flight tells its end later, once, also when the account closes.
func TestDoAfter(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		after := make(chan Result, 4)
		leave := func() Result {
			ctx, cancel := context.WithCancel(context.Background())
			got := make(chan Result, 1)
			go func() {
				call := Call{Payload: []byte(deleteCommand("<clTRID>C-7</clTRID>")), After: func(r Result) { after <- r }}
				end, err := p.account.NewCaller(CallerConfig{}).Do(ctx, call)
				if err != nil {
					t.Errorf("do: %v", err)
				}
				got <- end
			}()
			synctest.Wait()
			cancel()
			return <-got
		}
		left := leave()
		r.want("delete")
		if left.End != pool.EndUnknown || left.Cause != pool.CauseClientGone || len(after) > 0 {
			t.Fatalf("got %+v, and %d ends", left, len(after))
		}
		if waits := leave(); waits.End != pool.EndNotSent || len(after) > 0 {
			t.Errorf("got %+v of one that waits, and %d ends", waits, len(after))
		}
		r.reply(1000)
		synctest.Wait()
		if got := <-after; got.End != pool.EndAnswered || got.Code != 1000 || !strings.Contains(string(got.Payload), "C-7") {
			t.Errorf("got %+v, %q", got, got.Payload)
		}
		leave()
		r.want("delete")
		p.account.Close()
		synctest.Wait()
		if got := <-after; got.End != pool.EndUnknown || got.Cause != pool.CauseShutdown || got.MuxTRID == "" {
			t.Errorf("got %+v when the account closed", got)
		}
		if len(after) > 0 {
			t.Error("an end came twice")
		}
	})
}
