package audit

import "time"

// State is how a Log is at one moment.
type State struct {
	File string
	// Failing is since when the disk fails, zero: it works. Why is the last error; empty while it
	// fails: it does not answer.
	Failing time.Time
	Why     string
	Waiting int       // octets that wait for the disk
	Lost    uint64    // lines that the log does not have
	LostAt  time.Time // when the last of them was lost; zero: none was
}

// State may be called from any goroutine and never waits for the disk.
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
