package cluster

import (
	"bytes"
	"maps"
	"time"
)

// worldStore is the engine's content.
type worldStore struct {
	w      *world
	tables [NumTables]map[string][]byte
	past   [][NumTables]map[string][]byte
	landed map[worldTenure]time.Duration // when the last request was sent that wrote a lease, of a process in a term
	asks   int
}

// worldTenure is one time of owning an account.
type worldTenure struct {
	key, instance string
	term          uint64
}

func newWorldStore(w *world) *worldStore {
	st := &worldStore{w: w, landed: make(map[worldTenure]time.Duration)}
	for t := range st.tables {
		st.tables[t] = make(map[string][]byte)
	}
	return st
}

// swap is done as of a request that was sent at an instant.
func (st *worldStore) swap(r Record, old []byte, with []Record, asked time.Duration) (done bool, now []byte) {
	is := st.tables[r.Table][r.Key]
	if !bytes.Equal(is, old) || (is == nil) != (old == nil) {
		return false, is
	}
	if r.Table == Leases {
		l, _ := readLease(r.Value)
		st.w.note("%s: lands %s", r.Key, r.Value)
		if !l.Released {
			t := worldTenure{r.Key, l.Instance, l.Term}
			st.landed[t] = max(st.landed[t], asked)
		}
	}
	st.put(r)
	for _, x := range with {
		st.put(x)
	}
	return true, nil
}

func (st *worldStore) put(r Record) {
	if r.Value == nil {
		delete(st.tables[r.Table], r.Key)
		return
	}
	st.tables[r.Table][r.Key] = r.Value
}

// lease is the record of an account.
func (st *worldStore) lease(key string) Lease {
	l, _ := readLease(st.tables[Leases][key])
	return l
}

// watched reports whether that is what a host has read last, while there is something else.
func (st *worldStore) watched(key string, rec []byte) bool {
	for _, h := range st.w.hosts {
		if h.up && bytes.Equal(h.m.accounts[key].rec, rec) && !bytes.Equal(st.tables[Leases][key], rec) {
			return true
		}
	}
	return false
}

func (st *worldStore) remember() {
	var p [NumTables]map[string][]byte
	for t := range st.tables {
		p[t] = maps.Clone(st.tables[t])
	}
	if st.past = append(st.past, p); len(st.past) > 8 {
		st.past = st.past[1:]
	}
}

// lose goes back to what was there, or forgets all. A lease does not go back to what a host has read last, as
// if nothing had been written since: no candidate can notice that, see the comment of Engine.
func (st *worldStore) lose(to [NumTables]map[string][]byte) {
	for _, r := range st.w.registries {
		if st.watched(r.key, to[Leases][r.key]) {
			continue
		}
		for _, t := range []Table{Leases, Ledgers} {
			st.put(Record{Table: t, Key: r.key, Value: to[t][r.key]})
		}
	}
	if st.tables[Members] = maps.Clone(to[Members]); st.tables[Members] == nil {
		st.tables[Members] = make(map[string][]byte)
	}
}

// request plays one request of a host, with the faults of now.
func (h *worldHost) request(a action) {
	w := h.w
	w.store.asks++
	limit := requestTime(w.ttl)
	there, back := w.upTo(w.slow), w.upTo(w.slow)
	arrives, answered := true, true
	switch {
	case w.now < h.cut:
		arrives, answered = w.chance(0.1), false
	case w.chance(w.faulty / 3):
		arrives, answered = false, false
	case w.chance(w.faulty / 3):
		answered = false
	case w.chance(w.faulty / 3):
		there = w.upTo(3 * w.ttl) // it lands late
	}
	if there+back > limit {
		answered = false
	}
	if !answered {
		h.event(limit, func() { h.answer(a, nil, false, nil, errSim) })
	}
	if !arrives {
		return
	}
	life, asked := h.life, w.now
	w.after(there, func() {
		var all map[string][]byte
		var done bool
		var is []byte
		switch a.do {
		case doLoad:
			all = maps.Clone(w.store.tables[a.table])
			if all == nil {
				all = map[string][]byte{}
			}
		case doGet:
			is = w.store.tables[a.record.Table][a.record.Key]
		default:
			if done, is = w.store.swap(a.record, a.old, a.with, asked); done && Tells(a.record, a.old) {
				w.hint()
			}
		}
		if answered {
			w.at(w.now+back, h, life, func() { h.answer(a, all, done, is, nil) })
		}
	})
}

func (h *worldHost) answer(a action, all map[string][]byte, done bool, is []byte, err error) {
	switch now := h.now(); a.do {
	case doLoad:
		h.m.loaded(a.id, all, err, now)
	case doGet:
		h.m.got(a.id, is, err, now)
	default:
		h.m.swapped(a.id, done, is, err, now)
	}
	h.flush()
}

// hint tells the hosts that something has changed, mostly.
func (w *world) hint() {
	for _, h := range w.hosts {
		if h.up && w.now >= h.cut && w.chance(0.8) {
			h.event(w.upTo(w.slow), func() {
				h.m.changed(h.now())
				h.flush()
			})
		}
	}
}
