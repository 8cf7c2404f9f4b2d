package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// answer is one that a good client got.
type answer struct {
	client int
	asked  time.Time
	took   time.Duration
}

// good are well-behaved clients that always work, in a process of their own, so that what else the
// test does is not what they measure.
type good struct {
	t    *testing.T
	n    int // clients
	h    *helper
	mu   sync.Mutex
	got  []answer      // guarded by mu
	last []time.Time   // by client, when the last command was sent that has its answer; guarded by mu
	done chan struct{} // closed by read
}

// newGood starts n of them, who end before the servers do that were started before.
func newGood(t *testing.T, to string, n int) *good {
	t.Helper()
	g := &good{t: t, n: n, h: newHelper(t, 1, "good", to, strconv.Itoa(n)), last: make([]time.Time, n), done: make(chan struct{})}
	go g.read()
	t.Cleanup(func() {
		g.h.dismiss()
		<-g.done
		g.h.stop()
	})
	now := time.Now()
	g.p99(now, now) // all of them work
	return g
}

// read ends with the process's output.
func (g *good) read() {
	defer close(g.done)
	for g.h.out.Scan() {
		var a answer
		var asked, took int64
		if _, err := fmt.Sscan(g.h.out.Text(), &a.client, &asked, &took); err != nil || a.client >= g.n {
			g.t.Errorf("good clients print %q", g.h.out.Text())
			return
		}
		a.asked, a.took = time.Unix(0, asked), time.Duration(took)
		g.mu.Lock()
		g.got = append(g.got, a)
		g.last[a.client] = a.asked
		g.mu.Unlock()
	}
}

// p99 is that of the commands that were under way at any time between the two. It waits for the end
// of those that still are: what stands still shows.
func (g *good) p99(from, to time.Time) time.Duration {
	g.t.Helper()
	for begin := time.Now(); !g.passed(to); {
		select {
		case <-g.done:
			g.t.Fatal("good clients have ended")
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(begin) > 2*answerTimeout {
			g.t.Fatal("good clients stand still")
		}
	}
	var all []time.Duration
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.got {
		if !a.asked.After(to) && !a.asked.Add(a.took).Before(from) {
			all = append(all, a.took)
		}
	}
	g.got = g.got[:0]
	slices.Sort(all)
	return percentile(all, 0.99)
}

// passed says whether each client has the answer to a command that it sent after that time.
func (g *good) passed(to time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !slices.ContainsFunc(g.last, func(last time.Time) bool { return !last.After(to) })
}

// usual is the p99 of the next while.
func (g *good) usual() time.Duration {
	from := time.Now()
	time.Sleep(hostilePhase)
	return g.p99(from, time.Now())
}

// playGood is the process: a line for each answer, with the client's number, when it asked, in
// nanoseconds since 1970, and for how many nanoseconds the answer was awaited.
func playGood(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: good ADDRESS CLIENTS")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	l := &Load{To: args[0]}
	all, err := l.connectAll(n)
	if err != nil {
		return err
	}
	var stop atomic.Bool
	go func() { // ends with the input
		_, _ = io.Copy(io.Discard, in)
		stop.Store(true)
	}()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			defer c.nc.Close()
			for begin := time.Now(); !stop.Load() && c.once(); begin = time.Now() {
				fmt.Fprintln(out, i, begin.UnixNano(), int64(time.Since(begin)))
			}
			errs[i] = c.err
			stop.Store(true) // at an error, all end
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// allowed is the p99 that good clients may have beside hostile ones, when it is p99 for those at
// the same time whose eppmux has none: twice, and three slices of the runtime's scheduler. A loop may wait
// for one when others compute, at the command and at its answer, and for one more when the collector works.
func allowed(p99 time.Duration) time.Duration { return 2*p99 + 3*10*time.Millisecond }

// besides are good clients' p99 in several rounds: beside hostile ones, and at the same time
// through an eppmux of its own that has none, so that a slow moment of the machine is in both.
type besides struct {
	with, apart []time.Duration
}

func (b *besides) add(with, apart *good, from, to time.Time) {
	b.with = append(b.with, with.p99(from, to))
	b.apart = append(b.apart, apart.p99(from, to))
}

// late is in how many rounds the answers took too long. A moment that was slow for one alone
// changes some rounds, and a slow answer all.
func (b *besides) late() (n int) {
	for i, p99 := range b.with {
		if p99 > allowed(b.apart[i]) {
			n++
		}
	}
	return n
}

// harmless is whether most rounds are as they may be.
func (b *besides) harmless() bool { return 2*b.late() < len(b.with) }

// decided is whether there have been enough rounds: least, if these show no harm; else as many of
// most as tell.
func (b *besides) decided(least, most int) bool {
	n := len(b.with)
	return n >= least && b.harmless() || n >= most || 2*b.late() > most
}

func (b *besides) String() string {
	text := "p99, and that apart:"
	for i, p99 := range b.with {
		text += fmt.Sprintf(" %v %v,", p99.Round(100*time.Microsecond), b.apart[i].Round(100*time.Microsecond))
	}
	return strings.TrimSuffix(text, ",")
}
