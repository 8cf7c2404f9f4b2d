package sandbox

import (
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"
)

// JournalEvent says what a JournalLine is about.
type JournalEvent string

const (
	JournalOpen    JournalEvent = "open"    // a connection came
	JournalMessage JournalEvent = "message" // a message came, and it is decided what is answered
	JournalClose   JournalEvent = "close"   // a connection has ended
)

// JournalLine is a line of Config.Journal, as JSON. Empty fields are left out, save the first three.
type JournalLine struct {
	Time       time.Time    `json:"time"` // by Config.Now; of a message: when it was read
	Event      JournalEvent `json:"event"`
	Connection uint64       `json:"connection"`       // number, from 1
	Remote     string       `json:"remote,omitempty"` // of JournalOpen alone
	Account    string       `json:"account,omitempty"`
	Command    string       `json:"command,omitempty"` // as in Counters.Commands
	Names      []string     `json:"names,omitempty"`   // of objects, in lower case
	ClTRID     string       `json:"cltrid,omitempty"`
	Code       int          `json:"code,omitempty"`     // 0 for a greeting and where nothing is answered
	Executed   bool         `json:"executed,omitempty"` // carried out, and it succeeded
	Reason     string       `json:"reason,omitempty"`   // of JournalClose alone
}

// journal writes lines in the order in which things happened. A nil journal writes nothing.
type journal struct {
	now func() time.Time

	mu  sync.Mutex
	out *json.Encoder // guarded by mu
}

func newJournal(w io.Writer, now func() time.Time) *journal {
	if w == nil {
		return nil
	}
	return &journal{now: now, out: json.NewEncoder(w)}
}

// instant is now, or nothing where nothing is written.
func (j *journal) instant() time.Time {
	if j == nil {
		return time.Time{}
	}
	return j.now()
}

// line writes a line. Whoever has given the writer learns from it what it could not write.
func (j *journal) line(l *JournalLine) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if l.Time.IsZero() {
		l.Time = j.now()
	}
	_ = j.out.Encode(l)
}

func (j *journal) opened(s *session) {
	if j != nil {
		j.line(&JournalLine{Event: JournalOpen, Connection: s.id, Remote: s.conn.RemoteAddr().String()})
	}
}

func (j *journal) closed(s *session, reason string) {
	if j != nil {
		j.line(&JournalLine{Event: JournalClose, Connection: s.id, Account: s.who(), Reason: reason})
	}
}

// message notes a message that is decided, before Latency and what faults do to its answer.
func (j *journal) message(s *session, ex *exchange) {
	if j == nil {
		return
	}
	l := &JournalLine{Time: ex.in.at, Event: JournalMessage, Connection: s.id, Account: s.who(), Command: ex.req.name(),
		ClTRID: ex.req.clTRID, Executed: ex.executed, Names: slices.Collect(ex.req.names())}
	if ex.answer.fate == fateWritten || ex.executed {
		l.Code = ex.answer.code
	}
	j.line(l)
}
