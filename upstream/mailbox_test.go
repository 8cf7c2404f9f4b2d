package upstream

import (
	"fmt"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// TestMailbox: what answers say of the message queue is known, whoever asked for it.
func TestMailbox(t *testing.T) {
	monday := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	request := &Exchange{Exchange: pool.Exchange{Command: frame.CommandPoll, Op: frame.OpReq}}
	ack := &Exchange{Exchange: pool.Exchange{Command: frame.CommandPoll, Op: frame.OpAck}}
	check := &Exchange{Exchange: pool.Exchange{Command: frame.CommandCheck}}
	date := func(n int) string {
		return fmt.Sprintf("<qDate>%s</qDate>", monday.Add(time.Duration(n)*time.Hour).Format(time.RFC3339))
	}
	var b mailbox
	var scanner frame.Scanner
	for i, c := range []struct {
		at    time.Duration
		x     *Exchange
		in    pool.InFlight
		code  int
		inner string
		want  MessageQueue // at monday+10h
	}{
		{0, check, pool.CommandInFlight, 1000, ``, MessageQueue{}},
		{0, check, pool.CommandInFlight, 1000, `<msgQ count="2" id="A"/>`, MessageQueue{true, 2, 0}},
		{1, check, pool.CommandInFlight, 1000, `<msgQ count="9" id="A"/>`, MessageQueue{true, 2, 0}}, // too soon
		{1, request, pool.CommandInFlight, 1301, `<msgQ count="3" id="A">` + date(1) + `</msgQ>`, MessageQueue{true, 3, 9 * time.Hour}},
		{2 * time.Second, check, pool.CommandInFlight, 1000, `<msgQ count="4" id="A"/>`, MessageQueue{true, 4, 9 * time.Hour}},
		{4 * time.Second, check, pool.CommandInFlight, 1000, ``, MessageQueue{true, 4, 9 * time.Hour}},
		{4 * time.Second, ack, pool.CommandInFlight, 1000, `<msgQ count="3" id="A"/>`, MessageQueue{true, 3, 0}},
		{5 * time.Second, nil, pool.PollInFlight, 1301, `<msgQ count="3" id="B">` + date(2) + `</msgQ>`, MessageQueue{true, 3, 8 * time.Hour}},
		{6 * time.Second, check, pool.CommandInFlight, 2303, `<msgQ count="2" id="C"/>`, MessageQueue{true, 2, 0}},
		{6 * time.Second, nil, pool.PollInFlight, 1300, ``, MessageQueue{true, 0, 0}},
		{6 * time.Second, request, pool.CommandInFlight, 1301, `<msgQ count="1" id="D">` + date(30) + `</msgQ>`, MessageQueue{true, 1, 1}}, // its clock is ahead
		{6 * time.Second, request, pool.CommandInFlight, 2400, ``, MessageQueue{true, 1, 1}},
	} {
		m, err := scanner.Scan([]byte(epp(fmt.Sprintf(`<response><result code="%d"><msg>m</msg></result>%s<trID><svTRID>S-1</svTRID></trID></response>`, c.code, c.inner))))
		if err != nil {
			t.Fatal(err)
		}
		b.hear(m, c.x, c.in, c.at)
		if got := b.snapshot(monday.Add(10 * time.Hour)); got != c.want {
			t.Errorf("answer %d: got %+v, want %+v", i, got, c.want)
		}
	}
}

// TestMailboxOfAnswers: an account looks at the answers that come.
func TestMailboxOfAnswers(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := &asker{p: p}
		p.on(func() { a.submit(checkCommand("")) })
		r.want("check")
		r.send(epp(`<response><result code="1000"><msg>m</msg></result><msgQ count="7" id="1"/><trID><clTRID>` + r.id + `</clTRID><svTRID>S-1</svTRID></trID></response>`))
		p.on(func() {
			var s Snapshot
			p.account.Snapshot(&s)
			if s.Messages != (MessageQueue{true, 7, 0}) {
				t.Errorf("got %+v, want 7 messages", s.Messages)
			}
		})
		if len(a.ends) != 1 {
			t.Errorf("got %v", a.ends)
		}
	})
}
