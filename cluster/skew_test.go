package cluster

import (
	"testing"
	"time"
)

// TestSkewOfTheLedger: an owner whose clock is set back writes a ledger that looks old. Who takes the account
// over must not take what was used for long ago.
func TestSkewOfTheLedger(t *testing.T) {
	const wall = 500000 * time.Hour
	at := func(d, set time.Duration) Instant { return Instant{time.Hour + d, wall + d + set} }
	lease := func(beat uint64, clock time.Duration) []byte {
		return write(Lease{Version: 1, Host: "b", Instance: "b-1", Term: 3, Beat: beat, Kept: true, Wall: millis(clock)})
	}
	for name, c := range map[string]struct {
		first, last, set time.Duration // the owner's clock, less ours, at its writings; and ours is set by then
		least, most      time.Duration // of the skew
	}{
		"right":              {0, 0, 0, 5 * time.Second, 5 * time.Second},
		"owner behind":       {0, -time.Hour, 0, time.Hour, time.Hour + 3*time.Second},
		"owner ahead":        {0, time.Hour, 0, 5 * time.Second, 5 * time.Second},
		"ours is set":        {0, 0, time.Hour, time.Hour, time.Hour + 3*time.Second},
		"behind, at first":   {-time.Hour, 0, 0, 5 * time.Second, 5 * time.Second},
		"behind all along":   {-time.Hour, -time.Hour, 0, time.Hour, time.Hour + 3*time.Second},
		"both are set ahead": {0, time.Hour, time.Hour, 5 * time.Second, time.Hour + 3*time.Second},
	} {
		m := newMachine(machineConfig{Host: "a", Instance: "a-1", TTL: 15 * time.Second, MaxSkew: 5 * time.Second,
			Clocks: SystemClocks})
		m.join(Account{Key: "0123456789abcdef", Name: "example"}, at(0, 0))
		a := m.accounts["0123456789abcdef"]
		m.observe(a, lease(1, wall+c.first), at(0, 0), at(0, 0))
		m.observe(a, lease(2, wall+time.Second+c.last), at(2*time.Second, 0), at(2*time.Second, 0))
		if got := max(m.cfg.MaxSkew, a.writer.skew(at(20*time.Second, c.set))); got < c.least || got > c.most {
			t.Errorf("%s: skew %v, want %v to %v", name, got, c.least, c.most)
		}
		// What this host writes before it has written the ledger itself says the same to the next one.
		m.claim(a, Lease{Version: 1, Host: "a", Instance: "a-1", Term: 4}, at(20*time.Second, c.set))
		l, _ := readLease(a.claims[0].value)
		if got, want := at(20*time.Second, c.set).Wall-time.Duration(l.Wall)*time.Millisecond, a.writer.skew(at(20*time.Second, c.set)); got != want {
			t.Errorf("%s: the claim tells of %v, want %v", name, got, want)
		}
	}
}
