package cluster

import (
	"bytes"
	"encoding/json"
	"maps"
	"time"
)

// simStore is the engine's content, as it is, and as it was.
type simStore struct {
	s      *sim
	tables [NumTables]map[string][]byte
	past   []simPast
	// Of each account: what is judged.
	landed map[string]map[string]time.Duration // when a record of an instance landed last
	tenure map[string]uint64                   // of the ledger that was written last
	asks   int
	octets int // of tables that were loaded
}

type simPast struct {
	at     time.Duration
	tables [NumTables]map[string][]byte
}

func newSimStore(s *sim) *simStore {
	st := &simStore{s: s, landed: make(map[string]map[string]time.Duration),
		tenure: make(map[string]uint64)}
	for t := range st.tables {
		st.tables[t] = make(map[string][]byte)
	}
	return st
}

func (st *simStore) swap(r Record, old []byte, with []Record) (done bool, now []byte) {
	is := st.tables[r.Table][r.Key]
	if !bytes.Equal(is, old) || (is == nil) != (old == nil) {
		return false, is
	}
	if r.Table == Leases {
		st.judge(r, is)
	}
	st.put(r)
	for _, w := range with {
		st.judgeLedger(w)
		st.put(w)
	}
	return true, nil
}

func (st *simStore) put(r Record) {
	if r.Value == nil {
		delete(st.tables[r.Table], r.Key)
		return
	}
	st.tables[r.Table][r.Key] = r.Value
}

func (st *simStore) judge(r Record, is []byte) {
	l, _ := readLease(r.Value)
	st.s.note("%s: lands %s", r.Key, r.Value)
	before, ok := readLease(is)
	if !ok || before.Instance != l.Instance || before.Term != l.Term {
		if ok && before.Term >= l.Term {
			st.s.fail("%s: term %d of %s after %d of %s", r.Key, l.Term, l.Host, before.Term, before.Host)
		}
	}
	if st.landed[r.Key] == nil {
		st.landed[r.Key] = make(map[string]time.Duration)
	}
	st.landed[r.Key][l.Instance] = st.s.now
}

// simLedger is what the model's tenants keep.
type simLedger struct {
	Tenure uint64 // rises over all of the model
	Number uint64
}

func (st *simStore) judgeLedger(w Record) {
	var l simLedger
	if json.Unmarshal(w.Value, &l) != nil {
		st.s.fail("%s: ledger %q", w.Key, w.Value)
	}
	if l.Tenure < st.tenure[w.Key] {
		st.s.fail("%s: ledger of tenure %d after one of %d", w.Key, l.Tenure, st.tenure[w.Key])
	}
	st.tenure[w.Key] = l.Tenure
}

// watched reports whether that is what a host has read last, while there is something else.
func (st *simStore) watched(key string, rec []byte) bool {
	for _, h := range st.s.hosts {
		if h.up && bytes.Equal(h.m.accounts[key].rec, rec) && !bytes.Equal(st.tables[Leases][key], rec) {
			return true
		}
	}
	return false
}

// remember keeps what is there, to go back to it.
func (st *simStore) remember() {
	p := simPast{at: st.s.now}
	for t := range st.tables {
		p.tables[t] = maps.Clone(st.tables[t])
	}
	if st.past = append(st.past, p); len(st.past) > 8 {
		st.past = st.past[1:]
	}
}

// lose goes back to what was there, or forgets all. A lease does not go back to what a host has read last, as
// if nothing had been written since: no candidate can notice that, see the comment of Engine.
func (st *simStore) lose(to [NumTables]map[string][]byte) {
	for t := range st.tables {
		if Table(t) != Leases && Table(t) != Ledgers {
			st.tables[t] = maps.Clone(to[t])
		}
	}
	for _, key := range st.s.keys {
		if st.watched(key, to[Leases][key]) {
			continue
		}
		st.tenure[key] = 0
		for _, t := range []Table{Leases, Ledgers} {
			st.put(Record{Table: t, Key: key, Value: to[t][key]})
		}
	}
	for t := range st.tables {
		if st.tables[t] == nil {
			st.tables[t] = make(map[string][]byte)
		}
	}
}
