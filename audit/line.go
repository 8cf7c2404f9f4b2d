package audit

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"eppmux/frame"
)

// Line is a line of the file, with its keys in this order. Empty fields are left out, save time and
// event. What a line is about stands in its Event: a command (sending, end, rejected), the log itself
// (start, stop, lost), or what a person has found out about a command (resolved).
type Line struct {
	Time      Moment   `json:"time"`
	Event     string   `json:"event"`
	Registry  string   `json:"registry,omitempty"`
	Listener  string   `json:"listener,omitempty"`
	Client    string   `json:"client,omitempty"`
	Session   uint64   `json:"session,omitempty"`
	Command   string   `json:"command,omitempty"`
	Op        string   `json:"op,omitempty"`
	Transform bool     `json:"transform,omitempty"`      // by its extension; command and op say "query"
	Object    string   `json:"object,omitempty"`         // such as domain, or a whole namespace
	Names     []string `json:"names,omitempty"`          // of objects; of poll op=ack the message id
	Left      int      `json:"names_left_out,omitempty"` // names beyond the first 100
	ClTRID    string   `json:"cltrid,omitempty"`
	MuxTRID   string   `json:"muxtrid,omitempty"`
	SvTRID    string   `json:"svtrid,omitempty"`
	Code      int      `json:"code,omitempty"`
	Message   string   `json:"message,omitempty"` // text of the answer, without secrets
	End       string   `json:"end,omitempty"`
	Cause     string   `json:"cause,omitempty"`
	Orphan    bool     `json:"orphan,omitempty"`
	Wait      float64  `json:"wait,omitempty"`   // seconds
	RTT       float64  `json:"rtt,omitempty"`    // seconds
	Lost      uint64   `json:"lost,omitempty"`   // number of lines that are missing here
	Frame     string   `json:"frame,omitempty"`  // payload of the command, without secrets
	Answer    string   `json:"answer,omitempty"` // payload of the answer, without secrets

	// Of resolved alone.
	Sent  string `json:"sent,omitempty"`  // when the command was sent, if it had no place for a muxTRID
	By    string `json:"by,omitempty"`    // the user
	Words string `json:"words,omitempty"` // what was found out
}

// Moment is a time in the form of the file: UTC, with microseconds.
type Moment struct{ time.Time }

const momentForm = "2006-01-02T15:04:05.000000Z"

// String is the time in the form of the file.
func (m Moment) String() string { return m.UTC().Format(momentForm) }

// MarshalJSON implements json.Marshaler. The UnmarshalJSON of time.Time reads a Moment.
func (m Moment) MarshalJSON() ([]byte, error) { return []byte(`"` + m.String() + `"`), nil }

// query reports whether the command only reads, so that nobody needs to find out what became of it.
func (l *Line) query() bool {
	return !l.Transform && isQuery(l.Command, l.Op)
}

// isQuery reports whether the words of a command and an op are those of a query.
func isQuery(command, op string) bool {
	return frame.IsQuery(frame.CommandOf([]byte(command)), frame.OpOf([]byte(op)))
}

// AppendVisible appends JSON with each character that does not print written as \uXXXX, as in the
// lines of a Log: encoding/json and log/slog leave C1 controls and marks of direction as they are.
// All characters of raw beyond ASCII stand within strings. White space between its values stays as
// it is.
func AppendVisible(dst, raw []byte) []byte {
	from := 0
	for i := 0; i < len(raw); {
		if raw[i] < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(raw[i:])
		dst = appendRune(append(dst, raw[from:i]...), r, n)
		i += n
		from = i
	}
	return append(dst, raw[from:]...)
}

// Visible is text made safe for a terminal: each character that does not print is written as
// \uXXXX.
func Visible(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) < 0 {
		return text
	}
	var dst []byte
	for _, r := range text {
		if unicode.IsPrint(r) {
			dst = utf8.AppendRune(dst, r)
		} else {
			dst = appendEscape(dst, r)
		}
	}
	return string(dst)
}
