package audit

import "time"

// Event says what an Entry tells.
type Event uint8

const (
	// Sending: the command is about to be written to a session. It was not, where its end says so.
	Sending Event = iota
	// End: the command has ended.
	End
	// Rejected: the registry answered that it did not execute the command, which waits to be sent
	// again.
	Rejected

	// Of the log itself.
	start // a process begins to write
	stop  // it has written all that it had
	lost  // here lines are missing
)

func (e Event) String() string {
	return [...]string{"sending", "end", "rejected", "start", "stop", "lost"}[e]
}

// Entry is what happened to one command. Its octets are borrowed until the call that it is handed
// over by returns.
type Entry struct {
	Time     time.Time
	Event    Event
	Registry string
	Listener string // address
	Client   string // address, or the user of a unix socket
	Session  uint64 // number; 0: it was never handed to one
	Command  string
	Op       string // of poll and transfer; otherwise empty
	ClTRID   []byte // content of the client's own element, as written; empty: it sent none
	MuxTRID  []byte // that the registry sees; empty: the payload has no place for one
	Payload  []byte // as it is sent to the registry

	// Of an End, and of Rejected as far as there is an answer.
	End    string        // answered, not_sent or unknown
	Cause  string        // why it has no answer; otherwise empty
	Code   int           // the registry's result code; 0: no answer
	Answer []byte        // the payload of the registry's answer, which a Scanner has accepted; nil: none
	SvTRID []byte        // content of its element, as written; empty: none
	Orphan bool          // the client had gone before the answer came
	Wait   time.Duration // in the queue, of what was sent
	RTT    time.Duration // from writing to the answer; 0: no answer
}
