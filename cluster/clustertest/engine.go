// Package clustertest has an Engine in memory for tests of what uses package cluster: one store, and a
// connection to it for each host, with faults from a seed.
//
//	store := clustertest.NewStore(1)
//	node := cluster.NewNode(cluster.Config{Host: "a", Engine: store.Engine("a")})
//	store.SetFaults(clustertest.Faults{Lost: 0.1})
//	store.Cut("a")
package clustertest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"eppmux/cluster"
)

// Faults are what goes wrong with requests: shares from 0 to 1.
type Faults struct {
	Delay  time.Duration // the longest way of a request, each way
	Errors float64       // fail at once, and are not done
	Gone   float64       // get no answer, and are not done
	Lost   float64       // get no answer, and are done
	Late   float64       // get no answer, and are done later, within LateBy
	LateBy time.Duration
}

// ErrFault is that of Faults.Errors.
var ErrFault = errors.New("clustertest: the engine fails")

type tables [cluster.NumTables]map[string][]byte

// Store is what an engine has. Its methods may be called from any goroutine.
type Store struct {
	late sync.WaitGroup // requests that land late

	// Guarded by mu.
	mu       sync.Mutex
	rand     *rand.Rand
	tables   tables
	faults   Faults
	cut      map[string]bool
	watchers map[*watcher]bool
	requests map[string]int // by kind
}

type watcher struct {
	host    string
	changed func()
}

// NewStore returns an empty one, which does everything well.
func NewStore(seed uint64) *Store {
	return &Store{rand: rand.New(rand.NewPCG(seed, 1)), tables: copied(tables{}), cut: make(map[string]bool),
		watchers: make(map[*watcher]bool), requests: make(map[string]int)}
}

func copied(from tables) tables {
	for t := range from {
		if from[t] = maps.Clone(from[t]); from[t] == nil {
			from[t] = make(map[string][]byte)
		}
	}
	return from
}

// SetFaults sets what goes wrong from now on.
func (s *Store) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Cut has a host reach the engine no more: its requests get no answer.
func (s *Store) Cut(host string) { s.setCut(host, true) }

// Mend undoes Cut.
func (s *Store) Mend(host string) { s.setCut(host, false) }

func (s *Store) setCut(host string, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut[host] = cut
}

// Forget forgets everything, as an engine without a disk that was started again.
func (s *Store) Forget() { s.GoBack(Past{}) }

// Past is what a Store had at an instant.
type Past struct{ tables tables }

// Remember returns what there is.
func (s *Store) Remember() Past {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Past{copied(s.tables)}
}

// GoBack makes everything as it was, as a replica that takes over without the last writes.
func (s *Store) GoBack(p Past) {
	s.mu.Lock()
	s.tables = copied(p.tables)
	s.mu.Unlock()
	s.tell()
}

// Records returns what there is of a table.
func (s *Store) Records(t cluster.Table) map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.tables[t])
}

// Put sets a record, whatever it is.
func (s *Store) Put(r cluster.Record) {
	s.mu.Lock()
	s.put(r)
	s.mu.Unlock()
	s.tell()
}

func (s *Store) put(r cluster.Record) {
	if r.Value == nil {
		delete(s.tables[r.Table], r.Key)
		return
	}
	s.tables[r.Table][r.Key] = bytes.Clone(r.Value)
}

// Requests returns how many requests there were: "load", "get", "swap".
func (s *Store) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// Wait returns when no request is left that lands late.
func (s *Store) Wait() { s.late.Wait() }

// tell calls the watchers that are not cut off.
func (s *Store) tell() {
	s.mu.Lock()
	var all []func()
	for w := range s.watchers {
		if !s.cut[w.host] {
			all = append(all, w.changed)
		}
	}
	s.mu.Unlock()
	for _, changed := range all {
		changed()
	}
}

func (s *Store) swap(r cluster.Record, old []byte, with []cluster.Record) (done bool, now []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is, there := s.tables[r.Table][r.Key]
	if there != (old != nil) || !bytes.Equal(is, old) {
		return false, is
	}
	s.put(r)
	for _, w := range with {
		s.put(w)
	}
	return true, nil
}

// fate is what becomes of one request.
type fate struct {
	there, back time.Duration
	err         error
	lands       bool
	answered    bool
}

func (s *Store) fate(host, kind string) fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[kind]++
	f := fate{lands: true, answered: true}
	if d := int64(s.faults.Delay); d > 0 {
		f.there, f.back = time.Duration(s.rand.Int64N(d+1)), time.Duration(s.rand.Int64N(d+1))
	}
	p := s.rand.Float64()
	below := func(share float64) bool {
		is := p >= 0 && p < share
		p -= share
		return is
	}
	switch {
	case s.cut[host], below(s.faults.Gone):
		f.lands, f.answered = false, false
	case below(s.faults.Errors):
		f.lands, f.err = false, ErrFault
	case below(s.faults.Lost):
		f.answered = false
	case below(s.faults.Late):
		f.answered = false
		f.there = time.Duration(s.rand.Int64N(int64(s.faults.LateBy) + 1))
	}
	return f
}

// Engine returns the connection of one host.
func (s *Store) Engine(host string) cluster.Engine { return &engine{s: s, host: host} }

type engine struct {
	s    *Store
	host string
}

func (e *engine) Name() string { return "memory" }

// do plays one request: land is what it does.
func (e *engine) do(ctx context.Context, kind string, land func()) error {
	f := e.s.fate(e.host, kind)
	switch {
	case f.err != nil:
		return f.err
	case f.answered:
		if err := wait(ctx, f.there); err != nil {
			return err
		}
		land()
		return wait(ctx, f.back)
	case f.lands:
		e.s.late.Go(func() {
			time.Sleep(f.there)
			land()
		})
	}
	<-ctx.Done()
	return ctx.Err()
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Load implements cluster.Engine.
func (e *engine) Load(ctx context.Context, t cluster.Table) (records map[string][]byte, err error) {
	answer := make(chan map[string][]byte, 1) // what was there; one
	if err := e.do(ctx, "load", func() { answer <- e.s.Records(t) }); err != nil {
		return nil, err
	}
	return <-answer, nil
}

// Get implements cluster.Engine.
func (e *engine) Get(ctx context.Context, t cluster.Table, key string) ([]byte, error) {
	answer := make(chan []byte, 1) // what was there; one
	if err := e.do(ctx, "get", func() { answer <- e.s.Records(t)[key] }); err != nil {
		return nil, err
	}
	return <-answer, nil
}

type outcome struct {
	done bool
	now  []byte
}

// Swap implements cluster.Engine.
func (e *engine) Swap(ctx context.Context, r cluster.Record, old []byte, with ...cluster.Record) (bool, []byte, error) {
	answer := make(chan outcome, 1) // one
	err := e.do(ctx, "swap", func() {
		done, now := e.s.swap(r, old, with)
		answer <- outcome{done, now}
		if done && (r.Table == cluster.Leases || r.Table == cluster.Members) {
			e.s.tell()
		}
	})
	if err != nil {
		return false, nil, err
	}
	o := <-answer
	return o.done, o.now, nil
}

// Watch implements cluster.Engine.
func (e *engine) Watch(ctx context.Context, changed func()) {
	w := &watcher{e.host, changed}
	e.s.mu.Lock()
	e.s.watchers[w] = true
	e.s.mu.Unlock()
	<-ctx.Done()
	e.s.mu.Lock()
	delete(e.s.watchers, w)
	e.s.mu.Unlock()
}

// Close implements cluster.Engine.
func (e *engine) Close() error { return nil }
