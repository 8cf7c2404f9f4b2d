package pool

import "time"

// learnt is what a Pool has learnt of the registry and of its sessions there. It is forgotten where
// the sessions of another role begin, see Assume; what a Ledger tells is taken up then.
type learnt struct {
	// Opening sessions, see sizing.go.
	ceiling  int           // MaxSessions, or less while the registry answers 2502 to logins
	raiseAt  time.Duration // when ceiling may grow by one
	failures int           // attempts in a row that gave no working session, while none was live
	beside   backoff       // those while others were live
	own      own
	silence  silence
	habit    habit
	warmAt   time.Duration // no session is opened for stock before
	nextOpen time.Duration // the earliest instant of the next attempt, by back-off
	// nextTry is the earliest instant at which size opens the session that it wants; zero or past:
	// nothing delays it.
	nextTry time.Duration
	// hasty counts the sessions that the registry ended young by an answer, since one lived long
	// enough.
	hasty     int
	worked    int             // commands answered since the registry ended a young session by an answer
	outgoing  *Session        // live, to be retired once another is open in its place; nil: none
	relieved  bool            // a session was opened since outgoing was set
	downSince time.Duration   // when the registry went away; -1: it is there
	refused   bool            // the last login was refused, and a retry does not help
	triedAt   time.Duration   // when the last attempt to open a session began
	paces     [2]pace         // of queries, and of transforms
	ghosts    []time.Duration // until when the slots of such sessions count as taken; in order

	// Throttling: the registry wants fewer commands, so that no client's is sent for a while.
	throttledUntil time.Duration
	throttle       time.Duration // length of the last one; 0: a command was answered since

	fastest time.Duration // shortest time in which a command was answered; never: none was

	// What our own polls have told of logins, see login.go.
	pollLost     bool // one was refused, so that its session was given up, and none was answered since
	pollsRefused int  // by sessions opened since, which were given up too
	pollsMean    bool // a refused one tells of a lost login: not where the account may not poll

	offers              offers
	errorsAt, failingAt time.Duration // from when on another session may be replaced, see codes.go
}

// newLearnt is learnt by a pool that has opened no session yet.
func newLearnt(cfg *Config, now time.Duration) learnt {
	return learnt{ceiling: cfg.MaxSessions, raiseAt: never, nextOpen: now, own: firstLogin(), downSince: -1,
		pollsMean: true, fastest: never}
}
