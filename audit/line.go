package audit

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"eppmux/frame"
)

// Line is a line of the file, the keys in this order. What is empty is left out.
type Line struct {
	Time     Moment   `json:"time"`
	Event    string   `json:"event"`
	Registry string   `json:"registry,omitempty"`
	Listener string   `json:"listener,omitempty"`
	Client   string   `json:"client,omitempty"`
	Session  uint64   `json:"session,omitempty"`
	Command  string   `json:"command,omitempty"`
	Op       string   `json:"op,omitempty"`
	Object   string   `json:"object,omitempty"` // domain, host, ...; a namespace without such a word whole
	Names    []string `json:"names,omitempty"`  // of the objects; of poll op="ack" the id of the message
	Left     int      `json:"names_left_out,omitempty"`
	ClTRID   string   `json:"cltrid,omitempty"`
	MuxTRID  string   `json:"muxtrid,omitempty"`
	SvTRID   string   `json:"svtrid,omitempty"`
	Code     int      `json:"code,omitempty"`
	Message  string   `json:"message,omitempty"` // the registry's text
	End      string   `json:"end,omitempty"`
	Cause    string   `json:"cause,omitempty"`
	Orphan   bool     `json:"orphan,omitempty"`
	Wait     float64  `json:"wait,omitempty"` // seconds
	RTT      float64  `json:"rtt,omitempty"`  // seconds
	Lost     uint64   `json:"lost,omitempty"` // lines that are missing here
	Frame    string   `json:"frame,omitempty"`
	Answer   string   `json:"answer,omitempty"`
}

// Moment is a time as the file has it: UTC, with microseconds.
type Moment struct{ time.Time }

const momentForm = "2006-01-02T15:04:05.000000Z"

func (m Moment) String() string { return m.UTC().Format(momentForm) }

// MarshalJSON is json.Marshaler's.
func (m Moment) MarshalJSON() ([]byte, error) { return []byte(`"` + m.String() + `"`), nil }

// query reports whether the command only reads: nobody needs to find out what became of it.
func (l *Line) query() bool {
	return frame.IsQuery(frame.CommandOf([]byte(l.Command)), frame.OpOf([]byte(l.Op)))
}

// appendVisible appends JSON, with what a terminal would not show as a character of its own written
// as \uXXXX: encoding/json leaves C1 controls and marks of direction as they are. raw is one JSON
// value without controls below U+0020.
func appendVisible(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c < 0x7f {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(raw[i:])
		dst = appendRune(dst, r, n)
		i += n
	}
	return dst
}

// Visible is text for a terminal: each character shows, and none is a control.
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
