package audit

import "testing"

// StuckDisk is a disk for tests from outside: once Stick is called, writes wait until Unstick.
type StuckDisk struct{ d *faultyDisk }

// OpenOn opens a Log on a disk that can be stuck.
func OpenOn(t *testing.T, cfg Config) (*Log, *StuckDisk) {
	t.Helper()
	d := newFaultyDisk()
	cfg.open = d.open
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l, &StuckDisk{d}
}

func (s *StuckDisk) Stick()   { s.d.set(func() { s.d.stuck = make(chan struct{}) }) }
func (s *StuckDisk) Unstick() { s.d.unstick() }
