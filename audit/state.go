package audit

import "time"

// State is the state of a Log at one moment.
type State struct {
	File string // path
	// Failing is the time since when the disk fails; zero: it works. Why is its last error; empty
	// while it fails: it does not answer.
	Failing time.Time
	Why     string
	Waiting int       // octets that wait for the disk
	Lost    uint64    // lines that are missing in the log, since Open
	LostAt  time.Time // when the last of these was lost; zero: none was
}

// State is the state of the Log now. It may be called from any goroutine and never waits for the
// disk.
func (l *Log) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{File: l.disk.path, Waiting: l.held, Lost: l.counts.allLost(), LostAt: l.lostAt}
	if l.failing {
		s.Failing = l.since
		if l.why != nil {
			s.Why = l.why.Error()
		}
	}
	return s
}
