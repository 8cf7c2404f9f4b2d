package cluster

import (
	"slices"
	"time"
)

// ledger is what an owner wants to be kept of an account, and how far that is.
type ledger struct {
	content []byte  // the last
	seq     uint64  // its number; 0: there is none in this tenure
	at      Instant // when keep was called for it
	landed  uint64  // the last that is known to be written
	tickets []ticket
}

// ticket is a Keep that was not answered.
type ticket struct {
	number uint64
	seq    uint64
	by     time.Duration // then it is answered with no
}

func (l *ledger) dirty() bool { return l.content != nil && l.landed < l.seq }

// begin begins a tenure with what was kept before, which is written again if the engine forgets it.
// Numbers go on, so that a claim of an earlier tenure answers nothing.
func (l *ledger) begin(content []byte) {
	l.seq++
	l.content, l.landed = content, l.seq
	l.at = Instant{} // it is by the clock of its writer
}

// end answers what is open with no, see settle.
func (l *ledger) end() {
	for i := range l.tickets {
		l.tickets[i].by = -never
	}
	l.content, l.landed = nil, l.seq
}

// keep has content kept in place of what was. term is that of the tenure.
func (m *machine) keep(key string, term uint64, content []byte, number uint64, now Instant) {
	a := m.accounts[key]
	if a == nil || !a.own || a.mine.Term != term || a.state == stateReleasing || len(content) > MaxValue {
		m.act(action{do: doKept, account: key, tenure: Tenure{Term: term}, ticket: number})
		return
	}
	l := &a.ledger
	l.content = content
	l.at = now
	l.seq++
	l.tickets = append(l.tickets, ticket{number: number, seq: l.seq, by: now.Boot + m.cfg.TTL/3})
	m.step(a, now)
}

// settle answers the tickets whose content is written.
func (m *machine) settle(a *account) {
	l := &a.ledger
	l.tickets = slices.DeleteFunc(l.tickets, func(t ticket) bool {
		ended := t.by == -never
		if !ended && t.seq > l.landed {
			return false
		}
		m.act(action{do: doKept, account: a.Key, tenure: Tenure{Term: a.mine.Term}, ticket: t.number, ok: !ended})
		return true
	})
}

// overdue answers the tickets that have waited for too long. Their content is still written.
func (m *machine) overdue(a *account, now Instant) {
	l := &a.ledger
	l.tickets = slices.DeleteFunc(l.tickets, func(t ticket) bool {
		if now.Boot < t.by {
			a.wakeAt(t.by)
			return false
		}
		m.act(action{do: doKept, account: a.Key, tenure: Tenure{Term: a.mine.Term}, ticket: t.number})
		return true
	})
}

// readLedger reads the ledger of a lease that was just won.
func (m *machine) readLedger(a *account, now Instant) {
	if a.state != stateReading || a.getting != 0 {
		return
	}
	if now.Boot < a.getAt {
		a.wakeAt(a.getAt)
		return
	}
	m.ask(action{do: doGet, account: a.Key, record: Record{Table: Ledgers, Key: a.Key}},
		asking{table: Ledgers, account: a, at: now})
	a.getting = m.lastID
}

// got is the answer to doGet.
func (m *machine) got(id uint64, value []byte, err error, now Instant) {
	r := m.answer(id)
	if r == nil || m.closed || r.account.getting != id {
		return
	}
	a := r.account
	a.getting = 0
	if err != nil {
		a.getAt = now.Boot + m.cfg.TTL/15
	} else if a.state == stateReading && !m.over(a.base, now) {
		m.begin(a, value, now)
	}
	m.step(a, now)
}
