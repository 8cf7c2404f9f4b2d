package upstream

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/audit"

	"eppmux/upstream/pool"
)

// bookkeeper is an Auditor that answers when the test says so. Owned by the loop.
type bookkeeper struct {
	entries []audit.Entry
	done    func(ok bool)   // of the last note
	dones   []func(ok bool) // of all
	flushes int
	flushed int // entries that there were at the last Flush
}

func (r *bookkeeper) Record(e *audit.Entry, ticket uint64, done func(ticket uint64, ok bool)) {
	r.Add(e)
	r.done = func(ok bool) { done(ticket, ok) }
	r.dones = append(r.dones, r.done)
}

func (r *bookkeeper) Add(e *audit.Entry) {
	k := *e
	for _, p := range []*[]byte{&k.ClTRID, &k.MuxTRID, &k.Payload, &k.Answer, &k.SvTRID} {
		*p = bytes.Clone(*p)
	}
	r.entries = append(r.entries, k)
}

func (r *bookkeeper) Flush() { r.flushes, r.flushed = r.flushes+1, len(r.entries) }

// audited plays with a bookkeeper.
func audited(t *testing.T, how pool.Record, f func(p *play, rec *bookkeeper)) {
	rec := &bookkeeper{}
	inPlay(t, func(c *Config) { c.Audit, c.Pool.Record = rec, how }, func(p *play) { f(p, rec) })
}

// recorded ends the last note.
func (p *play) recorded(rec *bookkeeper, ok bool) {
	p.t.Helper()
	p.on(func() { rec.done(ok) })
	synctest.Wait()
}

// wantEvents compares what has been recorded.
func (p *play) wantEvents(rec *bookkeeper, want ...string) {
	p.t.Helper()
	var got []string
	p.on(func() {
		for _, e := range rec.entries {
			s := e.Event.String()
			if e.Event == audit.End {
				s = strings.TrimSpace(e.End + " " + e.Cause)
			}
			got = append(got, s)
		}
	})
	if !slices.Equal(got, want) {
		p.t.Errorf("got events %q, want %q", got, want)
	}
}

// silent fails if the registry has got anything within a while.
func (r *registrySide) silent(d time.Duration) {
	r.p.t.Helper()
	_ = r.nc.SetReadDeadline(time.Now().Add(d))
	var one [1]byte
	if n, _ := r.nc.Read(one[:]); n > 0 {
		r.p.t.Fatal("the registry has got something")
	}
}

// TestRecorded: nothing of a transform is written before its record is made; a query needs none.
func TestRecorded(t *testing.T) {
	audited(t, pool.RecordAlways, func(p *play, rec *bookkeeper) {
		r := p.session()
		q := p.ask(checkCommand(""))
		r.want("check")
		r.reply(1000)
		q.end()
		p.wantEvents(rec)
		a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
		r.silent(500 * time.Millisecond)
		p.on(func() {
			if !a.x.Recording() || a.x.Sent() {
				t.Error("is not shown as being recorded")
			}
		})
		p.recorded(rec, true)
		r.want("delete")
		p.on(func() {
			if a.x.Recording() || !a.x.Sent() {
				t.Error("is not shown as sent")
			}
		})
		p.wantEvents(rec, "sending")
		r.reply(1000)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		p.wantEvents(rec, "sending", "answered")
		p.on(func() {
			s, e := rec.entries[0], rec.entries[1]
			if string(s.MuxTRID) != r.id || string(s.ClTRID) != "C-1" || s.Command != "delete" || s.Session == 0 ||
				!strings.Contains(string(s.Payload), "<clTRID>"+r.id+"</clTRID>") {
				t.Errorf("got %+v", s)
			}
			if string(e.MuxTRID) != r.id || e.Code != 1000 || e.RTT <= 0 && e.Wait < 500*time.Millisecond || e.Session != s.Session ||
				!strings.Contains(string(e.Answer), "<clTRID>C-1</clTRID>") {
				t.Errorf("got %+v", e)
			}
		})
	})
}

// TestRecordFails: what becomes of a transform that cannot be recorded is the operator's choice.
func TestRecordFails(t *testing.T) {
	late := func(p *play, _ *bookkeeper) { time.Sleep(time.Second + time.Millisecond); synctest.Wait() }
	fails := func(p *play, rec *bookkeeper) { p.recorded(rec, false) }
	for name, goesWrong := range map[string]func(*play, *bookkeeper){"fails": fails, "late": late} {
		t.Run(name+"/always", func(t *testing.T) {
			audited(t, pool.RecordAlways, func(p *play, rec *bookkeeper) {
				r := p.session()
				a := p.ask(deleteCommand(""))
				goesWrong(p, rec)
				if e := a.end(); e.End != pool.EndNotSent || e.Cause != pool.CauseAudit {
					t.Errorf("got %+v, want not sent for the audit log", e)
				}
				p.recorded(rec, true) // too late
				q := p.ask(checkCommand(""))
				r.want("check") // the same session goes on
				r.reply(1000)
				q.end()
				p.wantEvents(rec, "sending", "not_sent audit")
			})
		})
		t.Run(name+"/if can", func(t *testing.T) {
			audited(t, pool.RecordIfCan, func(p *play, rec *bookkeeper) {
				r := p.session()
				a := p.ask(deleteCommand(""))
				goesWrong(p, rec)
				r.want("delete")
				p.recorded(rec, true) // late: it is not sent again
				r.reply(1000)
				if e := a.end(); e.End != pool.EndAnswered {
					t.Errorf("got %+v", e)
				}
				p.wantEvents(rec, "sending", "answered")
			})
		})
	}
}

// TestRecordedInVain: the client goes, or the session ends, between the record and the sending.
func TestRecordedInVain(t *testing.T) {
	audited(t, pool.RecordAlways, func(p *play, rec *bookkeeper) {
		r := p.session()
		a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
		p.on(func() { p.account.Cancel(a.x) })
		p.recorded(rec, true)
		r.silent(time.Second)
		p.wantEvents(rec, "sending", "not_sent client_gone")

		b := p.ask(deleteCommand("<clTRID>C-2</clTRID>"))
		r.close()
		p.recorded(rec, true)
		b.waiting()
		r = p.next()
		r.silent(time.Millisecond)
		p.recorded(rec, true)
		r.want("delete")
		r.reply(1000)
		if e := b.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		p.wantEvents(rec, "sending", "not_sent client_gone", "sending", "sending", "answered")
		p.on(func() {
			if e := rec.entries; !bytes.Equal(e[2].MuxTRID, e[3].MuxTRID) || e[3].Session == e[2].Session {
				t.Errorf("got %+v and %+v, want the same id on another session", e[2], e[3])
			}
		})
	})
}

// TestRejectedIsRecorded: what the registry did not execute is recorded as such and goes under a
// new id.
func TestRejectedIsRecorded(t *testing.T) {
	audited(t, pool.RecordAlways, func(p *play, rec *bookkeeper) {
		r := p.session()
		a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
		p.recorded(rec, true)
		r.want("delete")
		first := r.id
		r.send(strings.Replace(response(2002, first), "<msg>m</msg>", "<msg>Not logged in</msg>", 1))
		r.lostLogin()
		r.wantEnd()
		r = p.next()
		p.recorded(rec, true)
		r.want("delete")
		if r.id == first {
			t.Error("sent again under the same id")
		}
		r.reply(1000)
		a.end()
		p.wantEvents(rec, "sending", "rejected", "sending", "answered")
		p.on(func() {
			e := rec.entries
			if string(e[1].MuxTRID) != first || e[1].Code != 2002 || string(e[2].MuxTRID) != r.id || string(e[3].MuxTRID) != r.id ||
				!strings.Contains(string(e[2].Payload), r.id) {
				t.Errorf("got %+v", e)
			}
		})
	})
}

// TestUnknownIsRecorded: so is the end of what was sent and not answered, and of queries where that
// is wanted.
func TestUnknownIsRecorded(t *testing.T) {
	rec := &bookkeeper{}
	inPlay(t, func(c *Config) { c.Audit, c.AuditQueries, c.Pool.Record = rec, true, pool.RecordIfCan }, func(p *play) {
		r := p.session()
		q := p.ask(checkCommand("<clTRID>C-0</clTRID>"))
		r.want("check")
		r.reply(1000)
		q.end()
		a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
		p.recorded(rec, true)
		r.want("delete")
		r.close()
		if e := a.end(); e.End != pool.EndUnknown {
			t.Errorf("got %+v", e)
		}
		p.wantEvents(rec, "answered", "sending", "unknown registry_closed")
		p.on(func() {
			if e := rec.entries[0]; !strings.Contains(string(e.Payload), "a.example") || e.Code != 1000 || e.Session != 1 {
				t.Errorf("got %+v", e)
			}
		})
	})
}

// Origin is Originator's: a client that has gone cannot be asked.
func (a *asker) Origin() (listener, client string) {
	if a.gone {
		return "tcp://l", ""
	}
	return "tcp://l", "c"
}

// TestGoneIsNamed: a command whose client has gone is recorded with the client's name, a query too.
func TestGoneIsNamed(t *testing.T) {
	rec := &bookkeeper{}
	inPlay(t, func(c *Config) { c.Audit, c.AuditQueries, c.Pool.Record = rec, true, pool.RecordAlways }, func(p *play) {
		r := p.session()
		leave := func(a *asker) { p.on(func() { a.gone = true; p.account.Cancel(a.x) }) }
		q := p.ask(checkCommand(""))
		r.want("check")
		waiting := p.ask(checkCommand("")) // is never sent
		leave(waiting)
		leave(q)
		r.reply(1000)
		a := p.ask(deleteCommand(""))
		p.recorded(rec, true)
		r.want("delete")
		leave(a)
		r.reply(1000)
		synctest.Wait()
		p.wantEvents(rec, "not_sent client_gone", "answered", "sending", "answered")
		p.on(func() {
			for i, e := range rec.entries {
				if e.Listener != "tcp://l" || e.Client != "c" || e.Orphan != (e.Event == audit.End) ||
					e.End == "answered" && string(e.SvTRID) != "S-1" {
					t.Errorf("%d: got %s %s %q %q %v %q", i, e.Event, e.End, e.Listener, e.Client, e.Orphan, e.SvTRID)
				}
			}
		})
	})
}

// TestOneFlush: what is recorded in one turn of the loop is written together, and its ends are
// told together. The ends of queries wait for a little while.
func TestOneFlush(t *testing.T) {
	rec := &bookkeeper{}
	inPlay(t, func(c *Config) {
		c.Audit, c.AuditQueries, c.Pool.Record, c.Pool.MinSessions, c.Pool.MaxSessions = rec, true, pool.RecordAlways, 4, 4
	}, func(p *play) {
		var all []*registrySide
		for range 4 {
			all = append(all, p.session())
		}
		var asked []*asker
		p.on(func() {
			for range 4 {
				a := &asker{p: p}
				a.submit(deleteCommand(""))
				asked = append(asked, a)
			}
			if len(rec.entries) != 4 || rec.flushes != 0 {
				t.Errorf("got %d recorded and %d flushes in one turn", len(rec.entries), rec.flushes)
			}
		})
		synctest.Wait()
		p.on(func() {
			if rec.flushes != 1 || rec.flushed != 4 {
				t.Errorf("got %d flushes, the last of %d, want one of four", rec.flushes, rec.flushed)
			}
			for _, done := range rec.dones {
				done(true)
			}
			if n := len(p.account.recording.settled); n != 4 {
				t.Errorf("%d are told together, want 4", n)
			}
		})
		for i, r := range all {
			r.want("delete")
			r.reply(1000)
			asked[i].end()
		}
		p.on(func() { rec.flushes = 0 })
		q := p.ask(checkCommand(""))
		all[0].want("check")
		all[0].reply(1000)
		q.end()
		p.on(func() {
			if rec.flushes != 0 {
				t.Error("the end of a query is written at once")
			}
		})
		time.Sleep(queryFlush)
		synctest.Wait()
		p.on(func() {
			if rec.flushes != 1 || rec.flushed != 9 {
				t.Errorf("got %d flushes, the last of %d", rec.flushes, rec.flushed)
			}
		})
	})
}

// TestPause: a maintenance window (faults.md row 36).
func TestPause(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		busy := p.ask(deleteCommand(""))
		r.want("delete")
		p.operate(p.account.Pause)
		r.reply(1000) // what is in flight is answered
		if e := busy.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
		r.want("logout")
		r.reply(1500)
		r.wantEnd()
		late := p.ask(checkCommand(""))
		time.Sleep(9 * time.Second)
		if e := late.end(); e.End != pool.EndNotSent || e.Cause != pool.CausePaused {
			t.Errorf("got %+v, want not sent for the pause", e)
		}
		waits := p.ask(checkCommand(""))
		time.Sleep(5 * time.Second)
		waits.waiting()
		p.operate(p.account.Resume)
		r = p.session()
		r.want("check")
		r.reply(1000)
		if e := waits.end(); e.End != pool.EndAnswered {
			t.Errorf("got %+v", e)
		}
	})
}

// TestReconnect: each session is replaced, the busy ones when they have their answer, and a refused
// login is forgotten.
func TestReconnect(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MinSessions, c.Pool.MaxSessions = 2, 2 }, func(p *play) {
		idle := p.session()
		busy := p.session()
		a, b := p.ask(checkCommand("")), p.ask(checkCommand(""))
		idle.want("check")
		busy.want("check")
		idle.reply(1000)
		p.operate(p.account.Reconnect)
		idle.want("logout")
		idle.reply(1500)
		p.session()
		busy.reply(1000)
		busy.want("logout")
		busy.reply(1500)
		p.session()
		for _, x := range []*asker{a, b} {
			if e := x.end(); e.End != pool.EndAnswered {
				t.Errorf("got %+v", e)
			}
		}
	})
	inPlay(t, nil, func(p *play) {
		r := p.accept()
		r.greet()
		r.want("login")
		r.reply(2200)
		synctest.Wait()
		began := time.Now()
		p.operate(p.account.Reconnect)
		p.session()
		if d := time.Since(began); d > time.Minute {
			t.Errorf("tried again after %v", d)
		}
	})
}

// TestDeadlineWhileRecording: what has waited for as long as it may ends for that, not for the
// audit log.
func TestDeadlineWhileRecording(t *testing.T) {
	audited(t, pool.RecordIfCan, func(p *play, rec *bookkeeper) {
		r := p.session()
		q := p.ask(checkCommand(""))
		r.want("check")
		a := p.ask(deleteCommand(""))
		time.Sleep(8*time.Second - 100*time.Millisecond)
		r.reply(1000)
		q.end()
		time.Sleep(200 * time.Millisecond)
		if e := a.end(); e.End != pool.EndNotSent || e.Cause != pool.CauseQueueTimeout {
			t.Errorf("got %+v, want not sent for the queue's timeout", e)
		}
	})
}

// TestPauseWhileConnecting: an attempt that a pause gives up does not put the next one off.
func TestPauseWhileConnecting(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		p.accept() // and nobody greets
		synctest.Wait()
		p.operate(p.account.Pause)
		synctest.Wait()
		began := time.Now()
		p.operate(p.account.Resume)
		p.session()
		if d := time.Since(began); d > 0 {
			t.Errorf("connected %v after the resume", d)
		}
		p.on(func() {
			if got := p.account.counts.Logins[LoginFailed]; got != 0 {
				t.Errorf("got %d failed logins", got)
			}
		})
	})
}
