package main

import (
	"flag"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var (
	hostileConnections = flag.Int("hostile.connections", 20_000, "how many connections TestConnectionFlood makes")
	hostileLong        = flag.Bool("hostile.long", false, "run the tests of hostile clients that take long")
)

const (
	hostileRounds  = 3 // that each attack has at the least
	hostileMost    = 9 // at the most
	hostilePhase   = 150 * time.Millisecond
	hostileWorkers = 3
	// of a worker, between two connections: the machine is not what is measured
	hostilePause = 10 * time.Millisecond
)

// run makes connections while f runs, and waits for their ends. It says how many there were and how
// many refusals.
func (a *attack) run(r *rig, f func()) (made, refused int) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	workers := make([]hostile, hostileWorkers)
	for i := range workers {
		h := &workers[i]
		h.rig = r
		wg.Go(func() {
			for !stop.Load() {
				a.one(h)
				time.Sleep(hostilePause)
			}
		})
	}
	f()
	stop.Store(true)
	wg.Wait()
	for i := range workers {
		made += workers[i].made
		refused += workers[i].refused
	}
	return made, refused
}

// hostileRig has bounds that are reached soon, and a registry whose time for a command is what good
// clients' times are made of.
func hostileRig(t *testing.T, bin string) *rig {
	r := newRig(t, bin, []string{"--latency", "20ms", "--sessions", "6"}, `sessions: {min: 3, max: 3}
    rate_limits: []`, ", frame_timeout: 400ms, max_ahead: 300000")
	return r
}

// TestHostileClients: while hostile clients of a kind come and go, good ones get their answers
// within twice the time that it takes at the same moment through another eppmux, which has no
// hostile ones; what eppmux holds stays bounded; and its metrics say how each connection ended.
func TestHostileClients(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	bin := build(t)
	r := hostileRig(t, bin)
	alone := r.twin()
	r.serve(bin, "")
	alone.serve(bin, "")
	with, apart := newGood(t, r.plain, 3), newGood(t, alone.plain, 3)
	most := r.resident() + 64<<20 + hostileWorkers*8<<20
	all := attacks()
	seen := make([]besides, len(all))
	attacked := func(i int) {
		from, to := r.attacked(&all[i], with.n)
		seen[i].add(with, apart, from, to)
		if n := r.resident(); n > most {
			t.Errorf("%s: %d MiB are resident, want %d at the most", all[i].name, n>>20, most>>20)
		}
	}
	for range hostileRounds {
		for i := range all {
			attacked(i)
		}
	}
	for i := range all {
		for !seen[i].decided(hostileRounds, hostileMost) {
			attacked(i)
		}
		t.Logf("%-34s %v", all[i].name, &seen[i])
		if !seen[i].harmless() {
			t.Errorf("%s: good clients' %v", all[i].name, &seen[i])
		}
	}
	if b := breaches(t, r.stats); b != "" {
		t.Errorf("the registry counts breaches: %s", b)
	}
}

// attacked says when an attack was, beside so many good clients, and holds the metrics against what
// it did.
func (r *rig) attacked(a *attack, goods int) (from, to time.Time) {
	r.t.Helper()
	before := r.scrape()
	from = time.Now()
	made, refused := a.run(r, func() { time.Sleep(hostilePhase) })
	to = time.Now()
	r.waitFor("the end of "+a.name, func() bool {
		s := r.scrape()
		return s[`eppmux_clients{registry="test"}`] == float64(goods) && s.closes()[a.ends] >= before.closes()[a.ends]+made
	})
	after := r.scrape()
	for reason, n := range after.closes() {
		want := 0
		if reason == a.ends {
			want = made
		}
		if got := n - before.closes()[reason]; got != want {
			r.t.Errorf("%s: %d connections ended for %q, want %d", a.name, got, reason, want)
		}
	}
	const faults = `eppmux_client_faults_total{registry="test"}`
	if got := int(after[faults] - before[faults]); got != refused {
		r.t.Errorf("%s: %d frames are counted as refused, want %d", a.name, got, refused)
	}
	if made == 0 {
		r.t.Errorf("%s: no connection was made", a.name)
	}
	return from, to
}

// TestConnectionFlood: connections in a row, many at a time, that are reset at once or after part
// of a frame, leave nothing behind. See -hostile.connections.
func TestConnectionFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	bin := build(t)
	r := hostileRig(t, bin)
	r.serve(bin, "")
	g := newGood(t, r.plain, 3)
	before, resident, begin := r.scrape(), r.resident(), time.Now()
	var next, failed atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(*hostileConnections); n = next.Add(1) {
				if err := r.flood(int(n)); err != nil {
					failed.Add(1)
					t.Errorf("connection %d: %v", n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	r.waitFor("their ends", func() bool { return r.scrape()[`eppmux_clients{registry="test"}`] == 3 })
	r.waitFor("all being counted", func() bool {
		return r.scrape().closes()["client"]-before.closes()["client"] >= *hostileConnections-int(failed.Load())
	})
	after := r.scrape()
	t.Logf("%d connections in %v, %.0f a second; resident %d MiB before, %d MiB after; %v before; %v after", *hostileConnections, took,
		float64(*hostileConnections)/took.Seconds(), resident>>20, r.resident()>>20, shown(before), shown(after))
	if got := after.closes()["client"] - before.closes()["client"]; got != *hostileConnections {
		t.Errorf("%d ends are counted", got)
	}
	if n := r.resident(); n > resident+64<<20 {
		t.Errorf("%d MiB are resident, %d MiB before", n>>20, resident>>20)
	}
	r.waitFor("descriptors and goroutines going", func() bool {
		a, b := shown(r.scrape()), shown(before)
		return a.descriptors <= b.descriptors+2 && a.goroutines <= b.goroutines+2
	})
	if p99 := g.usual(); p99 > time.Second {
		t.Errorf("good clients' p99 is %v afterwards", p99)
	}
}

// flood makes the nth connection. Addresses of our own change and ends are resets, so that ports do
// not run out.
func (r *rig) flood(n int) error {
	d := net.Dialer{Timeout: 30 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(n>>8&63), byte(2+n&127))}}
	nc, err := d.Dial("tcp", r.plain)
	if err != nil {
		return err
	}
	defer nc.Close()
	_ = nc.(*net.TCPConn).SetLinger(0)
	if n%3 == 0 {
		_, _ = nc.Write(hello[:n%len(hello)])
	}
	return nil
}

// TestDescriptorsGone: where the system allows few open files, connections up to that and beyond
// keep nobody out who is there, nor the metrics, nor sessions from being opened.
func TestDescriptorsGone(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil || lim.Cur < 2000 {
		t.Skipf("this process may open %d files, %v", lim.Cur, err)
	}
	bin := build(t)
	r := newRig(t, bin, []string{"--latency", "2ms", "--sessions", "6"}, `sessions: {min: 2, max: 3, max_age: 2s}
    rate_limits: []`, "")
	r.serve(bin, "ulimit -n 200")
	g := newGood(t, r.plain, 3)
	const logins = `eppmux_logins_total{registry="test",result="ok"}`
	before := r.scrape()
	var held []net.Conn
	defer func() {
		for _, nc := range held {
			nc.Close()
		}
	}()
	open := func(address string, n int) {
		for range n {
			nc, err := net.DialTimeout("tcp", address, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, nc)
		}
	}
	open(r.plain, 150)
	open(r.secure, 150)
	open(r.admin, 300)
	r.waitFor("clients being turned away", func() bool { return r.scrape().closes()["too_many"] > 100 })
	r.waitFor("sessions being opened", func() bool { return r.scrape()[logins] >= before[logins]+2 })
	if code, body := r.get("/readyz"); code != 200 {
		t.Errorf("readyz: %d %s", code, body)
	}
	if p99 := g.usual(); p99 > time.Second {
		t.Errorf("good clients' p99 is %v", p99)
	}
	t.Logf("open files: %.0f of %.0f", r.scrape()["process_open_fds"], r.scrape()["process_max_fds"])
}
