package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"eppmux/sandbox"
)

func TestDay(t *testing.T) {
	f := start(t, nil)
	p := f.dial()
	p.want(p.ask(login("L-1")), 1000, "L-1")
	p.want(p.ask(login("L-2")), 2002, "L-2")
	a := p.ask(check("example.com", "C-1"))
	p.want(a, 1000, "C-1")
	if !strings.Contains(a, `avail="0"`) {
		t.Errorf("got %s, want example.com taken", a)
	}
	p.want(p.ask(check("free.example", "")), 1000, "")
	if g := p.ask(eppOpen + "<hello/></epp>"); !strings.Contains(g, "<greeting>") {
		t.Errorf("got %s, want a greeting", g)
	}
	p.want(p.ask(command("<logout/>", "L-3")), 1500, "L-3")
	p.wantClosed()
}

func TestMany(t *testing.T) {
	f := start(t, nil)
	done := make(chan error)
	for i := range 20 {
		go func() {
			p := f.dial()
			for j := range 50 {
				name := fmt.Sprintf("client-%d-%d.example", i, j)
				if a := p.ask(check(name, "SAME")); !strings.Contains(a, name) || !strings.Contains(a, "<clTRID>SAME</clTRID>") {
					done <- fmt.Errorf("got %s for %s", a, name)
					return
				}
			}
			done <- nil
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestCloseTwice: calls of Close at the same time all return when nothing is left, and so does a
// later one.
func TestCloseTwice(t *testing.T) {
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	s := build(t, testConfig(t, "127.0.0.1:1", certs)) // nobody is there
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	ends := make(chan struct{}, 3) // one of each Close; not closed
	for range cap(ends) {
		go func() {
			s.Server.Close()
			ends <- struct{}{}
		}()
	}
	for range cap(ends) {
		select {
		case <-ends:
		case <-time.After(time.Minute):
			t.Fatal("Close hangs")
		}
	}
	if err := s.Close(); err != nil { // the account and the loop, too: these are closed once
		t.Error(err)
	}
}

// TestScrapeOfStalledLoops: a scrape waits for all loops at once.
func TestScrapeOfStalledLoops(t *testing.T) {
	const loops = 6
	var servers []*Server
	release := make(chan struct{})
	defer close(release)
	for range loops {
		f, _ := startEcho(t, nil)
		servers = append(servers, f.server.Server)
	}
	m := NewMetrics(func() []*Server { return servers })
	scrape := func() (n int) {
		ch := make(chan prometheus.Metric, 10_000) // closed here; room for all of a scrape
		m.Collect(ch)
		close(ch)
		for range ch {
			n++
		}
		return n
	}
	all := scrape()
	for _, s := range servers {
		s.loop.Post(func() { <-release })
	}
	begin := time.Now()
	if n := scrape(); n != all {
		t.Errorf("got %d metrics of loops that do not answer, want the last %d", n, all)
	}
	if d := time.Since(begin); d >= (loops-1)*scrapeTimeout {
		t.Errorf("took %v", d)
	}
}

// TestCloseEarly: a server can be refused and closed before it serves, and before it listens.
func TestCloseEarly(t *testing.T) {
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	for _, listens := range []bool{false, true} {
		s := build(t, testConfig(t, "127.0.0.1:1", certs))
		if listens {
			if err := s.Listen(); err != nil {
				t.Fatal(err)
			}
		}
		ended := make(chan error, 1) // the one result of Close
		go func() {
			s.Refuse()
			ended <- s.Close()
		}()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("listens %v: Close hangs", listens)
		}
	}
}
