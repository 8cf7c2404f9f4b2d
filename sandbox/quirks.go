package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Quirks are oddities of registry software, each seen at one that is in use. The zero value has none.
type Quirks struct {
	// OutOfOrder answers what a client sent ahead last first.
	OutOfOrder bool
	// RepeatCloses closes without an answer when an account uses a clTRID again.
	RepeatCloses bool
	// MalformedCloses and UnknownCloses close without an answer on a payload that cannot be read, and on an unknown
	// command or protocol extension.
	MalformedCloses, UnknownCloses bool
	// HelloCloses closes when a client says hello.
	HelloCloses bool
	// ClTRID is what stands for the client's id in answers; NoClTRIDOnSyntax leaves it out of answers 2001.
	ClTRID           ClTRIDStyle
	NoClTRIDOnSyntax bool
	// SvTRID is the registry's id. No schema allows to leave it out, a registry does.
	SvTRID SvTRIDStyle
	// SplitWrites sends header and payload in two writes: two TLS records.
	SplitWrites bool
	// Comments puts comments into answers, with what looks like a clTRID in them.
	Comments bool
	// StayAfterLogout leaves the connection open after 1500, StayAfterFailure after 2500 to 2502.
	StayAfterLogout, StayAfterFailure bool
	// LoginFirst is the code of commands before login; default 2002.
	LoginFirst int
}

// ClTRIDStyle is how answers give a clTRID back.
type ClTRIDStyle uint8

const (
	ClTRIDEcho    ClTRIDStyle = iota // as sent, and none if none was sent
	ClTRIDNone                       // never
	ClTRIDInvent                     // as sent; invented if none was sent
	ClTRIDForeign                    // that of the command before, whichever session sent it
)

// SvTRIDStyle is what a registry's own ids are like.
type SvTRIDStyle uint8

const (
	SvTRIDUnique SvTRIDStyle = iota
	SvTRIDConstant
	SvTRIDNone
)

// constantSvTRID is that of the stub server of a widespread client library.
const constantSvTRID = "54322-XYZ"

// quirkNames are the names of ParseQuirks.
var quirkNames = map[string]func(*Quirks){
	"out-of-order":       func(q *Quirks) { q.OutOfOrder = true },
	"repeat-closes":      func(q *Quirks) { q.RepeatCloses = true },
	"malformed-closes":   func(q *Quirks) { q.MalformedCloses = true },
	"unknown-closes":     func(q *Quirks) { q.UnknownCloses = true },
	"hello-closes":       func(q *Quirks) { q.HelloCloses = true },
	"no-cltrid":          func(q *Quirks) { q.ClTRID = ClTRIDNone },
	"invented-cltrid":    func(q *Quirks) { q.ClTRID = ClTRIDInvent },
	"foreign-cltrid":     func(q *Quirks) { q.ClTRID = ClTRIDForeign },
	"syntax-no-cltrid":   func(q *Quirks) { q.NoClTRIDOnSyntax = true },
	"constant-svtrid":    func(q *Quirks) { q.SvTRID = SvTRIDConstant },
	"no-svtrid":          func(q *Quirks) { q.SvTRID = SvTRIDNone },
	"split-writes":       func(q *Quirks) { q.SplitWrites = true },
	"comments":           func(q *Quirks) { q.Comments = true },
	"stay-after-logout":  func(q *Quirks) { q.StayAfterLogout = true },
	"stay-after-failure": func(q *Quirks) { q.StayAfterFailure = true },
	"login-first-2201":   func(q *Quirks) { q.LoginFirst = codeAuthorization },
	"login-first-2202":   func(q *Quirks) { q.LoginFirst = codeAuthInfo },
	"login-first-2500":   func(q *Quirks) { q.LoginFirst = codeFailedEnding },
}

// QuirkNames lists the names that Quirks.Add takes.
func QuirkNames() []string { return slices.Sorted(maps.Keys(quirkNames)) }

// Add adds the quirks named in text, with commas between. q is left alone if a name is unknown.
func (q *Quirks) Add(text string) error {
	next := *q
	for name := range strings.SplitSeq(text, ",") {
		set := quirkNames[strings.TrimSpace(name)]
		if set == nil {
			return fmt.Errorf("unknown quirk %q; there are %s", name, strings.Join(QuirkNames(), ", "))
		}
		set(&next)
	}
	*q = next
	return nil
}

// idFor is the clTRID of an answer. Called once for each answer, in the order of deciding.
func (s *session) idFor(ex *exchange) string {
	q, sent := &s.r.cfg.Quirks, ex.req.clTRID
	if ex.play != nil && ex.play.Kind == NoClTRID {
		return ""
	}
	if ex.play != nil && ex.play.Kind == WrongClTRID {
		return "WRONG-" + ex.svTRID
	}
	if ex.answer.code == codeSyntax && q.NoClTRIDOnSyntax {
		return ""
	}
	switch q.ClTRID {
	case ClTRIDNone:
		return ""
	case ClTRIDInvent:
		if sent == "" {
			return "INVENTED-" + ex.svTRID
		}
	case ClTRIDForeign:
		if before := s.r.lastClTRID.Swap(&sent); before != nil {
			return *before
		}
	}
	return sent
}

// ownID is the svTRID of an answer.
func (s *session) ownID(ex *exchange) string {
	switch s.r.cfg.Quirks.SvTRID {
	case SvTRIDConstant:
		return constantSvTRID
	case SvTRIDNone:
		return ""
	}
	return ex.svTRID
}

// remark stands in answers for those who look for elements with a text search.
const remark = "<!-- <clTRID>REMARK-1</clTRID> -->"

// commented puts a comment behind the root's start tag, and one before its end.
func commented(b []byte) []byte {
	head, tail := headerLen+len(docHead), len(b)-len(docTail)
	b = slices.Insert(b, tail, []byte(remark)...)
	return slices.Insert(b, head, []byte(remark)...)
}

// batch collects what the client has sent ahead of first, to be answered backwards. It waits for the rest of a data unit
// that has begun; ok is false when the connection ended.
func (s *session) batch(first inbound) (all []inbound, ok bool) {
	all, ok = []inbound{first}, true
	for last := first; last.err == nil && s.reader.received.Load() > last.end; {
		if last, ok = <-s.frames; !ok {
			return all, false
		}
		all = append(all, last)
	}
	slices.Reverse(all)
	return all, true
}
