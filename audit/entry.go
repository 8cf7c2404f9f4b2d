package audit

import "time"

// Event says what has happened to the command of an Entry.
type Event uint8

const (
	// Sending: the command is about to be written to a session. If that comes to nothing, its End
	// says not_sent.
	Sending Event = iota
	// End: the command has ended.
	End
	// Rejected: the registry has answered that it did not execute the command, and the command
	// waits to be sent again.
	Rejected

	// About the log itself.
	start // a process begins to write
	stop  // the process has written all its lines
	lost  // lines are missing here

	resolved // a person has found out what became of a sending of unknown outcome
)

// String is the event in the word that a line has for it.
func (e Event) String() string {
	return [...]string{"sending", "end", "rejected", "start", "stop", "lost", "resolved"}[e]
}

// Entry says what has happened to one command. A Log copies what it needs: the caller may change
// the Entry and its octets as soon as the call that took it returns.
type Entry struct {
	Time      time.Time
	Event     Event
	Registry  string
	Listener  string // address
	Client    string // address, or the user of a unix socket
	Session   uint64 // its number; 0: the command was never handed to a session
	Command   string
	Op        string // of poll and transfer; otherwise empty
	Transform bool   // it may change something, as may a query with an extension
	ClTRID    []byte // content of the client's clTRID element, as written; empty: it sent none
	MuxTRID   []byte // the clTRID that the registry sees; empty: the payload has no place for one
	Payload   []byte // as it is sent to the registry

	// For End, and, if there is an answer, for Rejected.
	End    string        // answered, not_sent or unknown
	Cause  string        // why there is no answer; otherwise empty
	Code   int           // the registry's result code; 0: no answer
	Answer []byte        // payload of the registry's answer, accepted by a Scanner; nil: none
	SvTRID []byte        // content of the answer's svTRID element, as written; empty: none
	Orphan bool          // the client had gone before the answer came
	Wait   time.Duration // time in the queue, if the command was sent
	RTT    time.Duration // from the sending to the answer; 0: no answer
}
