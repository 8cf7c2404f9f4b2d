package enginetest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"eppmux/cluster"
)

// writers is how many write at a time, each by a client of its own.
const writers = 8

func lease(value []byte) cluster.Record {
	return cluster.Record{Table: cluster.Leases, Key: "0123456789abcdef", Value: value}
}

func ledger(value []byte) cluster.Record {
	return cluster.Record{Table: cluster.Ledgers, Key: "0123456789abcdef", Value: value}
}

// absentAndEmpty are two things, as the old value, the new one, and the one that is there.
func (b *bench) absentAndEmpty(t *testing.T) {
	empty, one, two := []byte{}, []byte("1"), []byte("2")
	key := lease(nil).Key
	b.a.want(cluster.Leases, key, nil)
	b.a.swap(lease(one), empty, false, nil)
	b.a.swap(lease(one), two, false, nil)
	b.a.swap(lease(nil), nil, true, nil) // nothing is there, and stays so
	b.a.swap(lease(empty), nil, true, nil)
	b.b.want(cluster.Leases, key, empty)
	b.a.swap(lease(one), nil, false, empty)
	b.a.swap(lease(one), empty, true, nil)
	b.a.swap(lease(two), empty, false, one)
	b.a.swap(lease(two), nil, false, one)
	b.a.swap(lease(empty), one, true, nil)
	b.a.swap(lease(nil), empty, true, nil)
	b.b.want(cluster.Leases, key, nil)
	if all := b.b.load(cluster.Leases); len(all) != 0 {
		t.Errorf("got %d records, want none", len(all))
	}
}

// values are octets, of any kind and of the length that is allowed.
func (b *bench) values(t *testing.T) {
	octets := make([]byte, 256)
	for i := range octets {
		octets[i] = byte(i)
	}
	random := func(n int) []byte {
		v := make([]byte, n)
		for i := range v {
			v[i] = byte(rand.Uint32())
		}
		return v
	}
	var old []byte
	for _, v := range [][]byte{
		octets, {0}, {0, 0}, []byte("\r\n"), []byte("$3\r\nabc\r\n"), {0xff, 0xfe}, []byte("0"), []byte("1"), []byte("1.0"),
		[]byte("nil"), []byte("%s\\x"), random(1 << 10), random(cluster.MaxValue), random(cluster.MaxValue), random(1),
	} {
		b.a.swap(lease(v), append([]byte{1}, old...), false, old)
		b.a.swap(lease(v), old, true, nil, ledger(bytes.Clone(v)))
		b.b.want(cluster.Leases, lease(nil).Key, v)
		b.b.want(cluster.Ledgers, lease(nil).Key, v)
		if len(v) > 0 { // one octet is another
			other := bytes.Clone(v)
			other[len(other)-1] ^= 1
			b.b.swap(lease([]byte("x")), other, false, v)
			b.b.swap(lease([]byte("x")), v[:len(v)-1], false, v)
		}
		old = v
	}
}

// with is set in the same step, or not at all.
func (b *bench) with(t *testing.T) {
	one, two := []byte("1"), []byte("2")
	member := func(value []byte) cluster.Record {
		return cluster.Record{Table: cluster.Members, Key: "a", Value: value}
	}
	other := cluster.Record{Table: cluster.Leases, Key: "other", Value: one}
	b.a.swap(lease(one), two, false, nil, ledger(one), member(one))
	b.b.want(cluster.Ledgers, lease(nil).Key, nil)
	b.b.want(cluster.Members, "a", nil)
	b.a.swap(lease(one), nil, true, nil, ledger(one), member(one), other)
	b.b.want(cluster.Ledgers, lease(nil).Key, one)
	b.b.want(cluster.Members, "a", one)
	b.b.want(cluster.Leases, "other", one)
	b.a.swap(lease(two), nil, false, one, ledger(nil), member(two))
	b.b.want(cluster.Ledgers, lease(nil).Key, one)
	b.b.want(cluster.Members, "a", one)
	b.a.swap(lease(nil), one, true, nil, ledger(two), member(nil))
	b.b.want(cluster.Leases, lease(nil).Key, nil)
	b.b.want(cluster.Ledgers, lease(nil).Key, two)
	b.b.want(cluster.Members, "a", nil)
}

// tables do not see each other's records, nor do clusters.
func (b *bench) tables(t *testing.T) {
	for i, table := range cluster.Tables {
		for _, key := range []string{"a", "a.b", "ab", "!#$%&'()*+,-.:;<=>?@[]^_{|}~"} {
			b.a.swap(cluster.Record{Table: table, Key: key, Value: []byte(key + strconv.Itoa(i))}, nil, true, nil)
		}
	}
	for i, table := range cluster.Tables {
		all := b.b.load(table)
		for key, value := range all {
			if string(value) != key+strconv.Itoa(i) {
				t.Errorf("%v %s: got %s", table, key, show(value))
			}
		}
		if len(all) != 4 {
			t.Errorf("%v: got %d records, want 4", table, len(all))
		}
	}
}

// readYourWrites is what another client does at once.
func (b *bench) readYourWrites(t *testing.T) {
	var old []byte
	for i := range 50 {
		value := []byte(strconv.Itoa(i))
		b.a.swap(lease(value), old, true, nil)
		b.b.want(cluster.Leases, lease(nil).Key, value)
		old = value
	}
}

// each runs f for each writer, with a client of its own.
func (b *bench) each(t *testing.T, f func(i int, c client)) {
	var all sync.WaitGroup
	for i := range writers {
		c := client{t, b.open(t)}
		all.Go(func() { f(i, c) })
	}
	all.Wait()
}

// oneWinner is there in each round, in which all swap from the same value.
func (b *bench) oneWinner(t *testing.T) {
	clients := make([]client, writers)
	for i := range clients {
		clients[i] = client{t, b.open(t)}
	}
	var old []byte
	for round := range 30 {
		var won atomic.Int32
		var all sync.WaitGroup
		var next atomic.Pointer[[]byte]
		for i, c := range clients {
			all.Go(func() {
				mine := []byte(strconv.Itoa(round*writers + i))
				if done, _ := c.try(lease(mine), old); done {
					won.Add(1)
					next.Store(&mine)
				}
			})
		}
		all.Wait()
		if got := won.Load(); got != 1 {
			t.Fatalf("round %d: got %d winners, want 1", round, got)
		}
		old = *next.Load()
		b.b.want(cluster.Leases, lease(nil).Key, old)
	}
}

// noLostUpdate is there when all count up one number.
func (b *bench) noLostUpdate(t *testing.T) {
	const times = 20
	b.each(t, func(_ int, c client) {
		old := []byte(nil)
		for n := 0; n < times; {
			count, _ := strconv.Atoi(string(old))
			next := []byte(strconv.Itoa(count + 1))
			done, now := c.try(lease(next), old)
			if old = now; done {
				n++
				old = next
			}
		}
	})
	b.a.want(cluster.Leases, lease(nil).Key, []byte(strconv.Itoa(writers*times)))
}

// oneStep is a Swap for those who read: no record of it is ahead of another.
func (b *bench) oneStep(t *testing.T) {
	const steps = 200
	b.a.swap(lease([]byte("0")), nil, true, nil, ledger([]byte("0")))
	ended := make(chan struct{}) // closed when all is written
	go func() {
		defer close(ended)
		for i := range steps {
			v := []byte(strconv.Itoa(i + 1))
			done, _, err := b.a.Swap(context.Background(), lease(v), []byte(strconv.Itoa(i)), ledger(v))
			if !done || err != nil {
				t.Errorf("swap to %s: got %v, %v", v, done, err)
				return
			}
		}
	}()
	number := func(table cluster.Table) int {
		n, err := strconv.Atoi(string(b.b.load(table)[lease(nil).Key]))
		if err != nil {
			t.Error(err)
		}
		return n
	}
	for {
		l := number(cluster.Leases)
		g := number(cluster.Ledgers)
		if l2 := number(cluster.Leases); g < l || l2 < g {
			t.Errorf("read a lease of step %d, a ledger of step %d, and a lease of step %d", l, g, l2)
		}
		select {
		case <-ended:
			return
		default:
		}
	}
}

// watch hears of leases and members, which another client has changed.
func (b *bench) watch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var hints atomic.Int32
	var ended sync.WaitGroup
	ended.Go(func() { b.a.Watch(ctx, func() { hints.Add(1) }) })
	for _, table := range []cluster.Table{cluster.Leases, cluster.Members, cluster.Leases} {
		r := cluster.Record{Table: table, Key: "k", Value: []byte("1")}
		before := hints.Load()
		var old []byte
		// The first change may come before the watch has begun. It is a hint, so change it again.
		Eventually(t, "the watch hears of "+table.String(), func() bool {
			r.Value = append([]byte("1"), r.Value...)
			if done, now := b.b.try(r, old); !done {
				old = now
			} else {
				old = r.Value
			}
			return hints.Load() > before
		})
		b.b.swap(cluster.Record{Table: table, Key: "k"}, old, true, nil)
	}
	cancel()
	ended.Wait()
}
