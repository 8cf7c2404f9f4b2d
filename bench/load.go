package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Load puts commands on servers. In a closed loop each client sends its next command when the
// answer to the last one has come. With a Rate it is an open loop, see schedule. Every command has
// a name of its own, and every answer is compared with its command.
type Load struct {
	To             string      // host:port; of several, with commas between, clients go to each in turn
	TLS            *tls.Config // nil: plain
	Clients        int
	Idle           int           // more clients that connect, and then are silent
	Settle         time.Duration // from the last connection to the first command
	WarmUp, For    time.Duration
	Rate           float64 // commands a second; 0: closed loop
	Octets         int     // of a command, at least: further names and comments fill it up; 0: one name
	Transform      bool    // deletes of what does not exist, in place of checks
	User, Password string
	SameClTRID     bool // otherwise every command has one of its own
	// Marks gets a line when all clients are connected, when counting begins and when it ends.
	// Nil: none is written.
	Marks io.Writer

	filler string
	cpu    time.Duration // used while commands were counted
}

// Result is what a Load has measured.
type Result struct {
	Clients  int     `json:"clients"`
	Commands int     `json:"commands"` // answered within For; in an open loop, due within it
	Seconds  float64 `json:"seconds"`
	PerSec   float64 `json:"per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	P999     float64 `json:"p999_ms"`
	Max      float64 `json:"max_ms"`
	Late     float64 `json:"late_p99_ms,omitempty"` // open loop: from when a command was due to its sending
	Unsent   int     `json:"unsent,omitempty"`      // open loop: due, but its client never got so far
	CPU      float64 `json:"cpu_seconds"`           // of the load itself
	Octets   int     `json:"octets"`                // of a command's data unit
	Wrong    int     `json:"wrong"`                 // answers that are another's, or not a success
	Failed   int     `json:"failed"`                // clients whose connection ended
	First    string  `json:"first_error,omitempty"`
}

const (
	// answerTimeout is how long an answer may take before the client counts as failed.
	answerTimeout = 30 * time.Second
	// dialers is how many clients connect at a time.
	dialers = 16
	// drainTime is how long after its end an open loop may still send commands that were due.
	drainTime = 10 * time.Second
)

// Run puts the load on the servers. The error says why it cannot begin.
func (l *Load) Run() (Result, error) {
	l.filler = l.fill()
	all, err := l.connectAll(l.Clients + l.Idle)
	defer func() {
		for _, c := range all {
			if c != nil {
				c.nc.Close()
			}
		}
	}()
	if err != nil {
		return Result{}, err
	}
	clients := all[:l.Clients]
	time.Sleep(l.Settle)
	l.mark("connected")
	run := l.closed
	if l.Rate > 0 && l.Clients > 0 {
		run = l.open
	}
	took := run(clients)
	r := l.sum(clients, took)
	r.CPU = l.cpu.Seconds()
	return r, nil
}

// count marks the beginning of counting and returns the function that marks its end. It takes the
// processor time between the two.
func (l *Load) count() (end func()) {
	l.mark("begin")
	before := ownCPU()
	return func() {
		l.cpu = ownCPU() - before
		l.mark("end")
	}
}

// closed runs a closed loop. It returns how long commands were counted.
func (l *Load) closed(clients []*loadClient) time.Duration {
	var counting, stop atomic.Bool
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { c.run(&counting, &stop) })
	}
	time.Sleep(l.WarmUp)
	end := l.count()
	begin := time.Now()
	counting.Store(true)
	time.Sleep(l.For)
	counting.Store(false)
	took := time.Since(begin)
	end()
	stop.Store(true)
	wg.Wait()
	return took
}

// open runs an open loop, first for WarmUp, then for For. It returns how long commands were
// counted.
func (l *Load) open(clients []*loadClient) time.Duration {
	warm := newSchedule(l.Rate, len(clients), l.WarmUp)
	counted := newSchedule(l.Rate, len(clients), l.For)
	var stop atomic.Bool
	var wg sync.WaitGroup
	to := make([]chan time.Time, len(clients)) // when a command is due; closed below
	for i, c := range clients {
		to[i] = make(chan time.Time, warm.each()+counted.each())
		wg.Go(func() { c.follow(to[i], &stop) })
	}
	warm.run(time.Now(), to)
	end := l.count()
	begin := time.Now()
	for _, c := range clients {
		c.since.Store(begin.UnixNano())
	}
	counted.run(begin, to)
	end()
	for _, ch := range to {
		close(ch)
	}
	late := time.AfterFunc(drainTime, func() { stop.Store(true) })
	wg.Wait()
	late.Stop()
	return l.For
}

// connectAll connects n clients, dialers of them at a time. It returns the connected clients even
// with an error.
func (l *Load) connectAll(n int) ([]*loadClient, error) {
	all := make([]*loadClient, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, dialers)
	for d := range dialers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[d] == nil; i = int(next.Add(1)) - 1 {
				if all[i], errs[d] = l.connect(i); errs[d] != nil {
					errs[d] = fmt.Errorf("client %d: %w", i, errs[d])
				}
			}
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

func (l *Load) mark(what string) {
	if l.Marks != nil {
		fmt.Fprintln(l.Marks, what)
	}
}

// maxNames is how many names a registry takes in one check.
const maxNames = 45

// fill returns what follows the name in each command: further names, then comments. A command that
// can have one name only gets comments only.
func (l *Load) fill() string {
	c := loadClient{l: &Load{Transform: l.Transform}, n: 1000}
	c.compose()
	var b strings.Builder
	for i := 0; len(c.out)+b.Len() < l.Octets; i++ {
		if i < maxNames-1 && !l.Transform {
			fmt.Fprintf(&b, "<domain:name>filler-%05d.example</domain:name>", i)
		} else {
			fmt.Fprintf(&b, "<!-- filler-%05d, of nothing that is known -->", i)
		}
	}
	return b.String()
}

func (l *Load) sum(clients []*loadClient, took time.Duration) Result {
	r := Result{Clients: len(clients), Seconds: took.Seconds()}
	var all, late []time.Duration
	for _, c := range clients {
		all = append(all, c.took...)
		late = append(late, c.late...)
		r.Wrong += c.wrong
		r.Unsent += c.unsent
		r.Octets = len(c.out)
		if c.err != nil {
			r.Failed++
			if r.First == "" {
				r.First = c.err.Error()
			}
		}
	}
	slices.Sort(all)
	slices.Sort(late)
	r.Commands = len(all)
	r.PerSec = float64(r.Commands) / r.Seconds
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	r.P50, r.P99, r.P999 = ms(percentile(all, 0.5)), ms(percentile(all, 0.99)), ms(percentile(all, 0.999))
	r.Max, r.Late = ms(percentile(all, 1)), ms(percentile(late, 0.99))
	return r
}
