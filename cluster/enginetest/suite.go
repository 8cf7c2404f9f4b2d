package enginetest

import (
	"bytes"
	"context"
	"strconv"
	"testing"
	"time"

	"eppmux/cluster"
)

// Open makes a new client of a cluster of that name, which ends with the test. All clients of one Open
// reach the same records.
type Open func(t testing.TB, name string) cluster.Engine

// generous is a deadline that no request should reach.
const generous = 30 * time.Second

// RunRecords holds an Engine to what it promises of records and of the watch.
func RunRecords(t *testing.T, open Open) {
	for name, run := range map[string]func(*bench, *testing.T){
		"AbsentAndEmpty": (*bench).absentAndEmpty,
		"Values":         (*bench).values,
		"With":           (*bench).with,
		"Tables":         (*bench).tables,
		"ReadYourWrites": (*bench).readYourWrites,
		"OneWinner":      (*bench).oneWinner,
		"NoLostUpdate":   (*bench).noLostUpdate,
		"OneStep":        (*bench).oneStep,
		"Watch":          (*bench).watch,
	} {
		t.Run(name, func(t *testing.T) { run(newBench(t, name, open), t) })
	}
}

// bench is a cluster for one test, with two clients.
type bench struct {
	open func(testing.TB) cluster.Engine
	a, b client
}

// client is an Engine whose errors end the test.
type client struct {
	t testing.TB
	cluster.Engine
}

func newBench(t *testing.T, name string, open Open) *bench {
	b := &bench{open: func(t testing.TB) cluster.Engine { return open(t, name) }}
	b.a, b.b = client{t, b.open(t)}, client{t, b.open(t)}
	return b
}

func (c client) load(t cluster.Table) map[string][]byte {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), generous)
	defer cancel()
	got, err := c.Load(ctx, t)
	if err != nil {
		c.t.Fatalf("load %v: %v", t, err)
	}
	return got
}

// want reads a record both ways.
func (c client) want(t cluster.Table, key string, want []byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), generous)
	defer cancel()
	got, err := c.Get(ctx, t, key)
	if err != nil || !same(got, want) {
		c.t.Errorf("get %v %s: got %s, %v, want %s", t, key, show(got), err, show(want))
	}
	if all := c.load(t); !same(all[key], want) {
		c.t.Errorf("load %v: got %s at %s, want %s", t, show(all[key]), key, show(want))
	}
}

// swap changes a record, and wants it done, or the record that is there instead.
func (c client) swap(r cluster.Record, old []byte, done bool, now []byte, with ...cluster.Record) {
	c.t.Helper()
	if got, is := c.try(r, old, with...); got != done || !same(is, now) {
		c.t.Errorf("swap %v %s from %s to %s: got %v, %s, want %v, %s", r.Table, r.Key, show(old), show(r.Value),
			got, show(is), done, show(now))
	}
}

func (c client) try(r cluster.Record, old []byte, with ...cluster.Record) (bool, []byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), generous)
	defer cancel()
	done, now, err := c.Swap(ctx, r, old, with...)
	if err != nil {
		c.t.Fatalf("swap %v %s: %v", r.Table, r.Key, err)
	}
	return done, now
}

// same tells no record from an empty one.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// show is a value for people.
func show(value []byte) string {
	switch {
	case value == nil:
		return "none"
	case len(value) > 40:
		return strconv.Quote(string(value[:40])) + "... of " + strconv.Itoa(len(value)) + " octets"
	}
	return strconv.Quote(string(value))
}

// Eventually waits for something that other processes do.
func Eventually(t testing.TB, what string, isSo func() bool) {
	t.Helper()
	tick := time.NewTicker(attempt)
	defer tick.Stop()
	for until := time.Now().Add(patience); time.Now().Before(until); <-tick.C {
		if isSo() {
			return
		}
	}
	t.Fatalf("it is not so that %s", what)
}
