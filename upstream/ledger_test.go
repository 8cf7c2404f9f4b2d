package upstream

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

// shelf is a Keeper: a disk that takes a moment.
type shelf struct {
	mu    sync.Mutex
	kept  []byte
	last  int // which Keep that was
	keeps int
	how   func() (after time.Duration, ok bool) // nil: a millisecond, and kept
}

func (k *shelf) Keep(content []byte, ticket uint64, done func(uint64, bool)) {
	after, ok := time.Millisecond, true
	if k.mu.Lock(); k.how != nil {
		after, ok = k.how()
	}
	k.keeps++
	n := k.keeps
	k.mu.Unlock()
	time.AfterFunc(after, func() {
		k.mu.Lock()
		if ok && n > k.last {
			k.kept, k.last = content, n
		}
		k.mu.Unlock()
		done(ticket, ok)
	})
}

// count is how often Keep was called.
func (k *shelf) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keeps
}

// memory is what the next process finds.
func (k *shelf) memory() Memory {
	k.mu.Lock()
	defer k.mu.Unlock()
	return Memory{MemoryKept, k.kept}
}

// read returns what is kept.
func (k *shelf) read(t *testing.T) *content {
	t.Helper()
	text := k.memory().Content
	c, err := readLedger(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if bytes.Contains(text, []byte("secret")) {
		t.Errorf("a password is kept: %s", text)
	}
	return c
}

// withShelf has k keep what the account must remember, and a limit of 10 checks a minute.
func withShelf(k *shelf, more ...func(*Config)) func(*Config) {
	return func(c *Config) {
		c.Ledger, c.LedgerKey, c.Pool.Ledger = k, []byte("a key by chance"), pool.LedgerWarn
		checks := pool.Commands(func(c frame.Command, _ frame.Op) bool { return c == frame.CommandCheck })
		c.Pool.Rules = []pool.Rule{{Name: "checks", Limit: ratelimit.Limit{N: 10, Per: time.Minute}, Commands: checks}}
		if k.memory().Content != nil {
			c.Memory = k.memory()
		}
		for _, f := range more {
			f(c)
		}
	}
}

// inVain has a check wait until its deadline, for the cause.
func (p *play) inVain(cause pool.Cause) {
	p.t.Helper()
	a := p.ask(checkCommand(""))
	time.Sleep(9 * time.Second)
	if e := a.end(); e.End != pool.EndNotSent || e.Cause != cause {
		p.t.Errorf("got %v for %v, want that it is not sent, for %v", e.End, e.Cause, cause)
	}
}

// TestLedger: what was used of a limit is used after a crash, and after a clean end; what a crash costs
// beyond that is the block that was reserved.
func TestLedger(t *testing.T) {
	for _, clean := range []bool{true, false} {
		k := new(shelf)
		inPlay(t, withShelf(k), func(p *play) {
			r := p.session()
			for range 9 {
				a := p.ask(checkCommand(""))
				r.want("check")
				r.reply(1000)
				a.end()
			}
			if !clean {
				time.Sleep(time.Second) // a tenth is reserved
				return
			}
			drained := make(chan error, 1)
			go func() { drained <- p.account.Drain(time.Minute) }()
			r.want("logout")
			r.reply(1500)
			r.wantEnd()
			if err := <-drained; err != nil {
				t.Error(err)
			}
		})
		if c := k.read(t); c.Ledger.Clean != clean || clean && c.Ledger.Open > 0 {
			t.Errorf("clean %v: kept %+v", clean, c.Ledger)
		}
		// Time begins anew in each bubble: the clock was set back.
		inPlay(t, withShelf(k), func(p *play) {
			begin := time.Now()
			r := p.session()
			if clean { // there is room for one
				a := p.ask(checkCommand(""))
				r.want("check")
				r.reply(1000)
				a.end()
			}
			p.inVain(pool.CauseQueueTimeout)
			time.Sleep(time.Minute - time.Since(begin))
			a := p.ask(checkCommand(""))
			r.want("check")
			r.reply(1000)
			a.end()
		})
	}
}

// TestLedgerLost: what cannot be read counts as all that can be.
func TestLedgerLost(t *testing.T) {
	for _, m := range []Memory{{State: MemoryLost}, {State: MemoryKept, Content: []byte("{}")}} {
		inPlay(t, withShelf(new(shelf), func(c *Config) { c.Memory = m }), func(p *play) {
			begin := time.Now()
			p.session()
			if d := time.Since(begin); d < time.Minute {
				t.Errorf("%v: a login after %v, want a minute", m.State, d)
			}
		})
	}
}

// TestLedgerRefused: a login that was refused is not tried again by the next process, and another one
// is tried at once.
func TestLedgerRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"same":          nil,
		"password":      func(c *Config) { c.Login.Password = "another-secret" },
		"new password":  func(c *Config) { c.Login.NewPassword = "another-secret" },
		"client id":     func(c *Config) { c.Login.ClientID = "other" },
		"address":       func(c *Config) { c.Address = "elsewhere:700" },
		"services":      func(c *Config) { c.Login.ObjectURIs = []string{"urn:x"} },
		"key was lost":  func(c *Config) { c.LedgerKey = []byte("another key") },
		"nothing known": func(c *Config) { c.Memory = Memory{} },
	} {
		k := new(shelf)
		inPlay(t, withShelf(k), func(p *play) {
			r := p.accept()
			r.greet()
			r.want("login")
			r.reply(2200)
			time.Sleep(time.Second)
		})
		if k.read(t).Login == "" {
			t.Fatal("no refusal is kept")
		}
		more := []func(*Config){}
		if change != nil {
			more = append(more, change)
		}
		inPlay(t, withShelf(k, more...), func(p *play) {
			begin := time.Now()
			p.session()
			if d := time.Since(begin); d < 14*time.Minute == (change == nil) || d > 25*time.Minute {
				t.Errorf("%s: a login after %v", name, d)
			}
		})
	}
}

// TestLedgerFails: it is said once, counted each time, and work goes on or waits as the config says.
func TestLedgerFails(t *testing.T) {
	for _, policy := range []pool.LedgerPolicy{pool.LedgerWarn, pool.LedgerBlock} {
		k := new(shelf)
		fails, hangs := false, false
		k.how = func() (time.Duration, bool) {
			if hangs {
				return time.Hour, true
			}
			return time.Millisecond, !fails
		}
		set := func(f, h bool) { k.mu.Lock(); fails, hangs = f, h; k.mu.Unlock() }
		inPlay(t, withShelf(k, func(c *Config) { c.Pool.Ledger = policy }), func(p *play) {
			r := p.session()
			time.Sleep(10 * time.Second)
			for _, h := range []bool{false, true} {
				set(!h, h)
				if policy == pool.LedgerBlock {
					p.inVain(pool.CauseLedger)
				} else {
					for range 2 {
						a := p.ask(checkCommand(""))
						time.Sleep(2 * time.Second)
						r.want("check")
						r.reply(1000)
						a.end()
					}
				}
				if h {
					break
				}
				set(false, false)
				time.Sleep(10 * time.Second)
				if text := p.logged(); !strings.Contains(text, "written down again") {
					t.Errorf("log: %s", text)
				}
			}
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			if s.LedgerErrors == 0 || s.LedgerWrite.Count() < s.LedgerErrors {
				t.Errorf("counted %d errors of %d", s.LedgerErrors, s.LedgerWrite.Count())
			}
			if n := strings.Count(p.logged(), "cannot be written down"); n != 2 {
				t.Errorf("said %d times, want once for each trouble: %s", n, p.logged())
			}
		})
	}
}

// TestLedgerMoves: a reload that goes to another account writes once more for the one that it leaves,
// and takes up what is known of the other.
func TestLedgerMoves(t *testing.T) {
	here, there := new(shelf), new(shelf)
	inPlay(t, withShelf(there), func(p *play) {
		r := p.session()
		for range 8 {
			a := p.ask(checkCommand(""))
			r.want("check")
			r.reply(1000)
			a.end()
		}
		time.Sleep(20 * time.Second)
	})
	inPlay(t, withShelf(here), func(p *play) {
		r := p.session()
		a := p.ask(checkCommand(""))
		r.want("check")
		var before int
		p.on(func() {
			cfg := p.account.cfg
			cfg.Address, cfg.Ledger, cfg.Memory = "elsewhere:700", there, there.memory()
			before = here.count()
			p.account.reload(cfg)
		})
		time.Sleep(time.Second)
		if l := here.read(t).Ledger; here.count() != before+1 || l.Clean || l.Open != 1 || l.Rules[0].Page.Open != 1 {
			t.Errorf("written %d times, and left as %+v; want once, one command and one session open", here.count()-before, l)
		}
		r.reply(1000)
		a.end()
		r.want("logout")
		r.reply(1500)
		r = p.session()
		a = p.ask(checkCommand("")) // the tenth
		r.want("check")
		r.reply(1000)
		a.end()
		p.inVain(pool.CauseQueueTimeout)
	})
}

// TestLedgerReturns: a reload that comes back to an account, of which nobody has used anything meanwhile,
// does not count its use twice, and does count it where the rules were others meanwhile.
func TestLedgerReturns(t *testing.T) {
	t.Run("same rules", func(t *testing.T) { testLedgerReturns(t, func(c *Config) {}) })
	t.Run("no rules", func(t *testing.T) { testLedgerReturns(t, func(c *Config) { c.Pool.Rules = nil }) })
}

func testLedgerReturns(t *testing.T, elsewhere func(*Config)) {
	here := new(shelf)
	inPlay(t, withShelf(here), func(p *play) {
		r := p.session()
		rules := p.account.cfg.Pool.Rules
		use := func(n int) {
			for range n {
				a := p.ask(checkCommand(""))
				r.want("check")
				r.reply(1000)
				a.end()
			}
		}
		use(6)
		for _, to := range []string{"elsewhere:700", p.account.cfg.Address} {
			p.on(func() {
				cfg := p.account.cfg
				cfg.Address, cfg.Ledger, cfg.Memory, cfg.Pool.Rules = to, new(shelf), here.memory(), rules
				if to == "elsewhere:700" {
					cfg.Memory = Memory{}
					elsewhere(&cfg)
				}
				p.account.reload(cfg)
			})
			r.want("logout")
			r.reply(1500)
			r = p.session()
		}
		use(4)
		p.inVain(pool.CauseQueueTimeout)
	})
}

// TestLedgerReload: a reload that stays goes on with the ledger.
func TestLedgerReload(t *testing.T) {
	k := new(shelf)
	inPlay(t, withShelf(k), func(p *play) {
		r := p.session()
		a := p.ask(checkCommand(""))
		r.want("check")
		r.reply(1000)
		a.end()
		p.on(func() {
			cfg := p.account.cfg
			cfg.Memory = Memory{State: MemoryLost} // it is not for this account
			cfg.Pool.Rules = []pool.Rule{{Name: "all", Limit: ratelimit.Limit{N: 5, Per: time.Hour}, Commands: allCommands()}}
			p.account.reload(cfg)
		})
		time.Sleep(time.Minute)
		if l := k.read(t).Ledger; len(l.Rules) != 1 || len(l.Rules[0].Page.Counts) != 1 || l.Rules[0].Page.Counts[0].N != 1 {
			t.Errorf("kept %+v", l)
		}
	})
}

func TestCheckLedger(t *testing.T) {
	k := new(shelf)
	inPlay(t, withShelf(k), func(p *play) { p.session() })
	good := k.memory().Content
	if err := CheckLedger(good); err != nil {
		t.Errorf("%s: %v", good, err)
	}
	var c content
	if err := json.Unmarshal(good, &c); err != nil {
		t.Fatal(err)
	}
	c.Version = 2
	newer, _ := json.Marshal(&c)
	for _, bad := range [][]byte{nil, []byte("{}"), []byte(`{"Version":1}`), newer, good[:len(good)-1], append(good[:len(good):len(good)], '}')} {
		if CheckLedger(bad) == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

// TestLedgerClock: a wall clock that is set does not free a limit, and is written down.
func TestLedgerClock(t *testing.T) {
	k := new(shelf)
	inPlay(t, withShelf(k), func(p *play) {
		r := p.session()
		for range 10 {
			a := p.ask(checkCommand(""))
			r.want("check")
			r.reply(1000)
			a.end()
		}
		time.Sleep(15 * time.Second)
		before := k.count()
		p.on(func() { p.account.wallAhead -= 365 * 24 * time.Hour }) // as if it had been a year behind
		time.Sleep(clockWatch)
		synctest.Wait()
		if k.count() == before {
			t.Error("nothing is written when the clock was set")
		}
		p.inVain(pool.CauseQueueTimeout)
	})
}
