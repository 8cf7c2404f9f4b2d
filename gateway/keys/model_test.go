package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"eppmux/gateway/carry"
)

// model is a registry, and callers that repeat their changes at it over a Table that crashes.
type model struct {
	t    *testing.T
	dir  string
	rule func(*Table, string) // breaks a rule on purpose, before the end of a key; nil: none

	mu sync.Mutex
	// Guarded by mu.
	random *rand.Rand
	done   map[string]int    // how often the registry has carried out each key
	told   map[string]string // the answer that each key got first
	words  map[string]int    // how often callers got each word
	faults []string
}

func (m *model) fault(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, fmt.Sprintf(format, args...))
}

func (m *model) roll(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.random.IntN(n)
}

// carry is what becomes of a command: not sent, carried out and answered, or lost before or after that.
func (m *model) carry(name string) carry.Answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	dice := m.random.IntN(10)
	if dice < 3 {
		return notSent
	}
	if dice == 3 {
		return unknown // and not carried out
	}
	m.done[name]++
	if dice == 4 {
		return unknown
	}
	return answered(1000, fmt.Sprintf(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>%s %d</msg></result>`+
		`<trID><svTRID>S-%d</svTRID></trID></response></epp>`, name, m.done[name], m.random.Uint32()))
}

// caller repeats its keys, until the process crashes.
func (m *model) caller(table *Table, crash <-chan struct{}) {
	for range 12 {
		select {
		case <-crash:
			return
		default:
		}
		name := fmt.Sprintf("k%d", m.roll(8))
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+m.roll(20))*time.Millisecond)
		e, first, err := table.Begin(ctx, "shop", "it", key(name, 1), []byte(createXML))
		cancel()
		switch {
		case errors.Is(err, carry.ErrKeyInFlight), errors.Is(err, carry.ErrKeyStorage):
		case err != nil:
			m.fault("%s: %v", name, err)
		case first:
			m.send(table, name, crash)
		case e.Outcome == carry.Answered:
			m.gets(name, string(e.Payload))
		default:
			m.say("unknown")
		}
	}
}

// send sends the command of a claim. A crash may come before it, and between it and its end.
func (m *model) send(table *Table, name string, crash <-chan struct{}) {
	select {
	case <-crash:
		return
	default:
	}
	a := m.carry(name)
	if m.roll(4) == 0 {
		time.Sleep(time.Duration(m.roll(5)) * time.Millisecond) // others meet it in flight
	}
	select {
	case <-crash:
		return // its answer dies with the process
	default:
	}
	if m.rule != nil {
		m.rule(table, name)
	}
	if err := table.End("shop", "it", key(name, 1), a); err != nil {
		return // the process has crashed; the caller gets nothing
	}
	m.say(string(a.Outcome))
	if a.Outcome == carry.Answered {
		m.gets(name, string(a.Payload))
	}
}

func (m *model) say(word string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.words[word]++
}

// gets is a caller that gets an answer: all get the same.
func (m *model) gets(name, answer string) {
	m.say("told")
	m.mu.Lock()
	defer m.mu.Unlock()
	if was, ok := m.told[name]; ok && was != answer {
		m.faults = append(m.faults, fmt.Sprintf("%s: got %q after %q", name, answer, was))
	}
	m.told[name] = answer
	if m.done[name] != 1 {
		m.faults = append(m.faults, fmt.Sprintf("%s: answered, and carried out %d times", name, m.done[name]))
	}
}

// run plays some lives of the process, of which each ends with a crash: what is on the disk at that moment
// is what the next one has. Nothing that the old one does from then on is seen.
func (m *model) run() {
	path := filepath.Join(m.dir, "0.db")
	for life := range 4 {
		table, err := Open(Config{File: path})
		if err != nil {
			m.t.Fatal(err)
		}
		crash := make(chan struct{})
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() { m.caller(table, crash) })
		}
		time.Sleep(time.Duration(5+m.roll(40)) * time.Millisecond)
		path = filepath.Join(m.dir, fmt.Sprintf("%d.db", life+1))
		m.cut(table, path, crash)
		all.Wait()
		if err := table.Close(); err != nil {
			m.t.Fatal(err)
		}
	}
	for name, n := range m.done {
		if n > 1 {
			m.faults = append(m.faults, fmt.Sprintf("%s: carried out %d times", name, n))
		}
	}
}

// cut copies the file at the moment of a crash, between two transactions, as a crash within one leaves the
// file of the last. While it copies no change is written, so nobody is told of one that the copy lacks.
func (m *model) cut(table *Table, path string, crash chan struct{}) {
	done := make(chan struct{})
	table.mu.Lock()
	table.inRun = func() {
		defer close(done)
		close(crash)
		data, err := os.ReadFile(table.path)
		if err == nil {
			err = os.WriteFile(path, bytes.Clone(data), 0o600)
		}
		if err != nil {
			m.fault("%v", err)
		}
		table.mu.Lock()
		defer table.mu.Unlock()
		table.broken = errors.New("it has crashed")
	}
	table.mu.Unlock()
	table.stir()
	<-done
}

func play(t *testing.T, seed uint64, rule func(*Table, string)) *model {
	t.Helper()
	m := &model{t: t, dir: t.TempDir(), rule: rule, random: rand.New(rand.NewPCG(seed, 7)), done: map[string]int{},
		told: map[string]string{}, words: map[string]int{}}
	m.run()
	return m
}

// TestModel: whatever callers repeat and wherever the process dies, the registry carries out each key once
// at most, and who is told an answer is told the same.
func TestModel(t *testing.T) {
	words := map[string]int{}
	for seed := range uint64(12) {
		m := play(t, seed, nil)
		for _, f := range m.faults {
			t.Errorf("seed %d: %s", seed, f)
		}
		for w, n := range m.words {
			words[w] += n
		}
	}
	t.Log(words)
	for _, w := range []string{"answered", "not_sent", "unknown", "told"} {
		if words[w] == 0 {
			t.Errorf("nobody got %s", w)
		}
	}
}

// TestModelSees: the model sees it when a claim is forgotten.
func TestModelSees(t *testing.T) {
	forgets := func(table *Table, name string) {
		c := &change{key: keyOf("shop", name), becomes: func(*record) (*record, bool) { return nil, false }}
		table.submit(c)
		<-c.done
	}
	for seed := range uint64(5) {
		if m := play(t, seed, forgets); len(m.faults) > 0 {
			return
		}
	}
	t.Error("the model is blind")
}
