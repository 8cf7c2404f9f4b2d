package cluster

import "time"

// LaneState are the lanes of an account at one host. They are read from the account, not from a Node.
type LaneState struct {
	// Those to the owner, while this host follows.
	Idle, Busy, Opening int
	// Served are those from followers, while this host owns the account.
	Served int
	// Trouble is why there is no lane, or one less, for TroubleFor; empty once one was opened since.
	// Refused is set where the owner said so, in the words of lane.Refusal.
	Trouble    string
	TroubleFor time.Duration
	Refused    string
	// Forwarded are commands of clients of this host, by what became of them over a lane, since the
	// start.
	Forwarded [NumOutcomes]uint64
}

// Open returns how many lanes to the owner can carry commands.
func (l *LaneState) Open() int { return l.Idle + l.Busy }

// Outcome is what became of a command over a lane.
type Outcome uint8

const (
	Answered Outcome = iota // the owner passed on the registry's answer
	NotSent                 // no octet of it went to the registry, or the registry did not execute it
	Unknown                 // it may have been executed
	Moved                   // the account had another owner, or was about to: it goes to the next one
	NumOutcomes
)

func (o Outcome) String() string {
	return [NumOutcomes]string{"answered", "not_sent", "unknown", "moved"}[o]
}
