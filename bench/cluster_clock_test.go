package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// clockBuilt is eppmux with a wall clock that tests set, compiled once.
var clockBuilt struct {
	once sync.Once
	err  error
}

// clockBinary compiles eppmux with another package time: its Now is off by as many seconds as
// testdata/clock.go reads. The monotonic clock, and with it all timers, stay as they are, as they do
// where an operator sets the clock of a host.
func clockBinary(t *testing.T) string {
	t.Helper()
	bin := build(t) + "-clock"
	clockBuilt.once.Do(func() { clockBuilt.err = compileClock(bin) })
	if clockBuilt.err != nil {
		t.Fatal(clockBuilt.err)
	}
	return bin
}

// nowForm is the beginning of time.Now.
var nowForm = regexp.MustCompile(`(?m)^func Now\(\) Time \{\n\tsec, nsec, mono := \w+\(\)\n`)

func compileClock(bin string) error {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	std := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(std, "time.go"))
	if err != nil {
		return err
	}
	at := nowForm.FindIndex(text)
	if at == nil {
		return fmt.Errorf("%s: time.Now is not as it was", std)
	}
	text = append(append(text[:at[1]:at[1]], "\tsec += shifted()\n"...), text[at[1]:]...)
	now, shift, overlay := bin+"-time.go", bin+"-shift.go", bin+"-overlay.json"
	if err := os.WriteFile(now, text, 0o600); err != nil {
		return err
	}
	text, err = os.ReadFile(filepath.Join("testdata", "clock.go"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(shift, text, 0o600); err != nil {
		return err
	}
	text, err = json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(std, "time.go"): now, filepath.Join(std, "zshift.go"): shift}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return err
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", bin, "eppmux/cmd/eppmux").CombinedOutput(); err != nil {
		return fmt.Errorf("build with a clock: %w\n%s", err, out)
	}
	return nil
}

// setClock sets the wall clock of a host off by so much, while it runs or before.
func (h *host) setClock(off time.Duration) {
	h.t.Helper()
	f, err := os.OpenFile(h.clock, os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.Write(binary.NativeEndian.AppendUint64(nil, uint64(off/time.Second)))
		f.Close()
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// playClock: the wall clock of a host is an hour off: set while it runs, and from its start on; of a
// follower, and of the owner, ahead and back.
func playClock(c *clusterRig, until time.Time) check {
	const (
		odd    = "the wall clock of this host differs"
		agrees = "the wall clock of this host agrees"
	)
	var follow, owned []span
	heal := func(h *host) {
		n := h.count(agrees)
		h.setClock(0)
		c.waitFor("the clock to agree", func() bool { return h.count(agrees) > n })
	}
	for first := true; first || again(until); first = false {
		h := c.other(c.owner())
		from, n := time.Now(), h.count(odd)
		h.setClock(time.Hour)
		c.waitFor("host "+h.name+" to say that its clock is off", func() bool { return h.count(odd) > n })
		c.saysClock(h)
		h.terminate()
		n = h.count(odd)
		h.start()
		c.waitFor("host "+h.name+" to say it at its start", func() bool { return h.count(odd) > n })
		follow = append(follow, span{from, time.Now()})
		// The owner ends. The odd one must not take the account.
		o := c.owner()
		from = time.Now()
		o.terminate()
		time.Sleep(c.spec.ttl)
		if now := c.owner(); now == h {
			c.t.Errorf("host %s owns the account, with a clock that is off", h.name)
		}
		o.start()
		heal(h)
		time.Sleep(c.spec.ttl) // until three clocks can be compared
		owned = append(owned, span{from, time.Now()})

		for _, off := range []time.Duration{time.Hour, -time.Hour} {
			o := c.owner()
			from, n := time.Now(), o.count(odd)
			o.setClock(off)
			c.waitFor("owner "+o.name+" to say that its clock is off", func() bool { return o.count(odd) > n })
			c.waitFor("another owner than "+o.name, func() bool { return c.owner() != o })
			time.Sleep(c.spec.ttl)
			if c.owner() == o {
				c.t.Errorf("host %s owns the account, with a clock that is off by %v", o.name, off)
			}
			owned = append(owned, span{from, time.Now()})
			heal(o)
			time.Sleep(c.spec.ttl)
		}
	}
	return func(e *evidence, tl timeline) {
		c.figure("clocks set", 4*len(follow), "")
		c.atMost("longest pause, a follower's clock", tl.longest(follow), time.Second, 2*time.Second)
		c.atMost("longest pause, the owner's clock", tl.longest(owned), c.spec.ttl+2*time.Second, 2*time.Second)
	}
}

// saysClock: ctl cluster shows whose clock is off.
func (c *clusterRig) saysClock(h *host) {
	c.t.Helper()
	text, err := h.ctl("cluster")
	if err != nil || !regexp.MustCompile(`(?m)^ *`+h.name+`\b.*clock`).MatchString(text) {
		c.t.Errorf("ctl cluster on %s, whose clock is off: %v\n%s", h.name, err, text)
	}
}
