package upstream

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// visitor is a lane's command at the owner.
type visitor struct {
	p    *play
	from LaneSender
	ends []ended // written on the loop
	x    *Exchange
}

func (v *visitor) Finish(_ *Exchange, o Outcome) {
	e := ended{o.End, o.Cause, o.Code, ""}
	if o.Unit != nil {
		e.Answer = string(o.Unit[frame.HeaderLen:])
	}
	v.ends = append(v.ends, e)
}

func (v *visitor) Origin() (listener, client string) { return "peer", v.from.Host }

// visit has a command come on a lane.
func (p *play) visit(host string, by lane.Author, payload string) *visitor {
	p.t.Helper()
	v := &visitor{p: p, from: LaneSender{Host: host, Author: by}}
	v.from.Client = v
	p.on(func() {
		m, err := new(frame.Scanner).Scan([]byte(payload))
		if err != nil {
			p.t.Error(err)
			return
		}
		v.x = p.account.LaneExchange(&v.from, m)
		p.account.Submit(v.x)
	})
	synctest.Wait()
	return v
}

func (v *visitor) end() ended {
	v.p.t.Helper()
	synctest.Wait()
	if len(v.ends) != 1 {
		v.p.t.Fatalf("got %d ends, want one: %v", len(v.ends), v.ends)
	}
	return v.ends[0]
}

const foreignID = "M07ZZZZZZZZZ12-C-9"

// TestLaneExchange: the registry sees the follower's muxTRID, and the follower its own again; ids of
// others in the answer are left to it. So is a payload that has no place for an id.
func TestLaneExchange(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		v := p.visit("b", lane.Author{ID: 1, Weight: 1}, deleteCommand("<clTRID>"+foreignID+"</clTRID>"))
		if r.want("delete"); r.id != foreignID {
			t.Errorf("got clTRID %q at the registry, want %q", r.id, foreignID)
		}
		pa := "<paTRID><clTRID>M07ZZZZZZZZZ12-other</clTRID><svTRID>S</svTRID></paTRID>"
		r.send(epp(`<response><result code="1000"><msg>` + "m</msg></result><resData>" + pa + `</resData><trID><clTRID>` +
			foreignID + `</clTRID><svTRID>S-1</svTRID></trID></response>`))
		if e := v.end(); e.End != pool.EndAnswered || !strings.Contains(e.Answer, foreignID) || !strings.Contains(e.Answer, pa) {
			t.Errorf("got %+v", e)
		}
		own := p.visit("b", lane.Author{ID: 1}, deleteCommand("<clTRID>no-muxTRID</clTRID>"))
		if got := r.want("delete"); !strings.Contains(got, "<clTRID>no-muxTRID</clTRID>") {
			t.Errorf("got %s", got)
		}
		r.reply(1000)
		if e := own.end(); !strings.Contains(e.Answer, "<clTRID>no-muxTRID</clTRID>") {
			t.Errorf("got %+v", e)
		}
	})
}

// TestLaneExchangeRepeated: a query that goes again has an id of the owner's, and its answer the
// follower's.
func TestLaneExchangeRepeated(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		v := p.visit("b", lane.Author{ID: 1}, checkCommand("<clTRID>"+foreignID+"</clTRID>"))
		r.want("check")
		r.close()
		time.Sleep(2 * time.Second)
		r = p.session()
		if r.want("check"); r.id == foreignID || !strings.HasSuffix(r.id, "-C-9") {
			t.Errorf("got clTRID %q, want another one that ends in the client's", r.id)
		}
		r.reply(1000)
		if e := v.end(); !strings.Contains(e.Answer, "<clTRID>"+foreignID+"</clTRID>") {
			t.Errorf("got %+v", e)
		}
	})
}

// TestLaneAuthor: clients of several hosts are told apart, and what is known of them goes along.
func TestLaneAuthor(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		p.session()
		by := lane.Author{ID: 7, Weight: 3, Known: true, Answers: 5, Waited: time.Hour, Identity: "x"}
		b := p.visit("b", by, checkCommand(""))
		c := p.visit("c", by, checkCommand(""))
		again := p.visit("b", by, checkCommand(""))
		p.on(func() {
			if b.x.Author.Client == c.x.Author.Client || b.x.Author.Client != again.x.Author.Client || b.x.Author.Client < 1<<hostBits {
				t.Errorf("got clients %d, %d and %d", b.x.Author.Client, c.x.Author.Client, again.x.Author.Client)
			}
			if a := &b.x.Author; a.Identity != "b/x" || !a.Known || a.Answers != 5 || b.x.Weight != 3 || b.x.Since > -time.Hour+time.Minute {
				t.Errorf("got %+v, since %v", a, b.x.Since)
			}
			was := b.from.named()
			if n := testing.AllocsPerRun(10, func() { b.from.named() }); n != 0 || was != b.from.named() {
				t.Errorf("naming the same author takes %v allocations", n)
			}
			if b.from.Author.Identity = "y"; b.from.named() != "b/y" {
				t.Errorf("got %q", b.from.named())
			}
		})
	})
}
