package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestReloadUnderLoad: limits, numbers of sessions, listeners and the password file change twice a
// second while fifty clients work: none is dropped and none gets anything but its answers.
func TestReloadUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	p := startPair(t, []string{"--latency", "2ms"}, `sessions: {min: 3, max: 3}
    rate_limits: []`)
	var r Result
	var wg sync.WaitGroup
	wg.Go(func() { r = load(t, "--to", p.listener, "--clients", "50", "--for", "6s") })
	config := filepath.Join(p.dir, "config.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		changed := strings.Replace(string(text), "{min: 3, max: 3}", fmt.Sprintf("{min: 1, max: %d, max_age: %dh}", 1+i%3, 1+i), 1)
		if i%2 == 0 {
			changed = strings.Replace(changed, "rate_limits: []", fmt.Sprintf("rate_limits: [{limit: %d, per: 1s}]", 200+i), 1)
			changed = strings.Replace(changed, `"tcp://127.0.0.1:0"`, `"tcp://127.0.0.1:0", "unix://`+filepath.Join(p.dir, "more.sock")+`"`, 1)
		}
		if i%4 == 3 {
			changed += "nonsense: true\n" // is refused, and changes nothing
		}
		if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		p.proxy.signal(syscall.SIGHUP)
		if i%4 == 3 {
			p.proxy.find(`(reload refused)`)
		} else {
			p.proxy.find(`msg=(reloaded)`)
		}
		time.Sleep(400 * time.Millisecond)
	}
	wg.Wait()
	t.Logf("%d commands", r.Commands)
	if b := breaches(t, p.stats); b != "" {
		t.Errorf("the registry counts breaches: %s", b)
	}
}

// TestDrainUnderLoad: at SIGTERM, what the registry has is answered: no command was carried out
// whose client did not learn of it. Every session is logged out, and the exit is clean.
func TestDrainUnderLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Parallel()
	c := newChaos(t, 40, "")
	m := launch(t, c.bin, "serve", "--config", c.config)
	m.find(`(session opened)`)
	c.start()
	time.Sleep(2 * time.Second)
	c.stop.Store(true) // each client ends with the command that it has, or could not send
	m.signal(syscall.SIGTERM)
	m.end() // launch fails the test unless it exits with 0
	c.judge()
	executed := c.executed()
	for _, cl := range c.clients {
		for name, e := range cl.creates {
			if e != answered && executed["create "+name] > 0 {
				t.Errorf("create of %s was carried out, and its client was not told (%d)", name, e)
			}
		}
	}
	var counters struct{ Logins, Logouts int }
	c.get("/", &counters)
	if counters.Logouts != counters.Logins {
		t.Errorf("%d logins, %d logouts", counters.Logins, counters.Logouts)
	}
}
