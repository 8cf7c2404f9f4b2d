package sandbox

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Quirks are oddities of registry software. Each was seen in software that is in use. The zero
// value has none.
type Quirks struct {
	// OutOfOrder answers messages that a client sent ahead in reverse order.
	OutOfOrder bool
	// RepeatCloses closes without an answer when an account uses a clTRID again.
	RepeatCloses bool
	// MalformedCloses and UnknownCloses close without an answer on a payload that cannot be read,
	// and on an unknown command or protocol extension.
	MalformedCloses, UnknownCloses bool
	// LongClTRIDCloses closes without an answer on a clTRID of more than 64 characters.
	LongClTRIDCloses bool
	// HelloCloses closes without an answer on hello, PrefixedLoginCloses on a login with the prefix
	// ns0.
	HelloCloses, PrefixedLoginCloses bool
	// ClTRID is the style of the client's id in answers. NoClTRIDOnSyntax leaves the id out of
	// answers 2001.
	ClTRID           ClTRIDStyle
	NoClTRIDOnSyntax bool
	// SvTRID is the style of the registry's id. One registry leaves it out, against the schema.
	SvTRID SvTRIDStyle
	// SplitWrites sends header and payload in two writes, which makes two TLS records.
	SplitWrites bool
	// Dribble sends all octets one by one, each in a write of its own.
	Dribble bool
	// EPPPrefix writes the elements of the EPP namespace with the prefix epp.
	EPPPrefix bool
	// OwnNamespace writes messages in a root namespace of the registry's own, and refuses those in
	// that of RFC 5730: 2001.
	OwnNamespace bool
	// Comments puts comments into answers. Their text looks like a clTRID element.
	Comments bool
	// StayAfterLogout leaves the connection open after 1500, StayAfterFailure after 2500 to 2502.
	StayAfterLogout, StayAfterFailure bool
	// LoginSecOnly refuses a login whose password does not stand in the login security extension
	// (RFC 8807) as a wrong one.
	LoginSecOnly bool
	// LoginFirst is the code for commands before login. Default: 2002.
	LoginFirst int
}

// ClTRIDStyle is the manner in which answers give a clTRID back.
type ClTRIDStyle uint8

const (
	ClTRIDEcho    ClTRIDStyle = iota // as sent, and none if none was sent
	ClTRIDNone                       // never
	ClTRIDInvent                     // as sent; invented if none was sent
	ClTRIDForeign                    // the clTRID of the command before, of any session
)

// SvTRIDStyle is the form of a registry's own ids.
type SvTRIDStyle uint8

const (
	SvTRIDUnique SvTRIDStyle = iota
	SvTRIDConstant
	SvTRIDNone
	SvTRIDLong // 64 characters, the most that the schema allows
)

const (
	// constantSvTRID is the svTRID that the stub server of a widespread client library sends.
	constantSvTRID = "54322-XYZ"
	// maxTRID is the greatest length of a transaction id in characters (trIDStringType).
	maxTRID = 64
)

// quirkNames maps the names that Quirks.Add takes to their effect.
var quirkNames = map[string]func(*Quirks){
	"out-of-order":       func(q *Quirks) { q.OutOfOrder = true },
	"repeat-closes":      func(q *Quirks) { q.RepeatCloses = true },
	"malformed-closes":   func(q *Quirks) { q.MalformedCloses = true },
	"unknown-closes":     func(q *Quirks) { q.UnknownCloses = true },
	"long-cltrid-closes": func(q *Quirks) { q.LongClTRIDCloses = true },
	"ns0-login-closes":   func(q *Quirks) { q.PrefixedLoginCloses = true },
	"hello-closes":       func(q *Quirks) { q.HelloCloses = true },
	"no-cltrid":          func(q *Quirks) { q.ClTRID = ClTRIDNone },
	"invented-cltrid":    func(q *Quirks) { q.ClTRID = ClTRIDInvent },
	"foreign-cltrid":     func(q *Quirks) { q.ClTRID = ClTRIDForeign },
	"syntax-no-cltrid":   func(q *Quirks) { q.NoClTRIDOnSyntax = true },
	"constant-svtrid":    func(q *Quirks) { q.SvTRID = SvTRIDConstant },
	"no-svtrid":          func(q *Quirks) { q.SvTRID = SvTRIDNone },
	"long-svtrid":        func(q *Quirks) { q.SvTRID = SvTRIDLong },
	"dribble":            func(q *Quirks) { q.Dribble = true },
	"epp-prefix":         func(q *Quirks) { q.EPPPrefix = true },
	"own-namespace":      func(q *Quirks) { q.OwnNamespace = true },
	"split-writes":       func(q *Quirks) { q.SplitWrites = true },
	"comments":           func(q *Quirks) { q.Comments = true },
	"stay-after-logout":  func(q *Quirks) { q.StayAfterLogout = true },
	"stay-after-failure": func(q *Quirks) { q.StayAfterFailure = true },
	"login-sec-only":     func(q *Quirks) { q.LoginSecOnly = true },
	"login-first-2201":   func(q *Quirks) { q.LoginFirst = codeAuthorization },
	"login-first-2202":   func(q *Quirks) { q.LoginFirst = codeAuthInfo },
	"login-first-2500":   func(q *Quirks) { q.LoginFirst = codeFailedEnding },
}

// QuirkNames lists the names that Quirks.Add takes.
func QuirkNames() []string { return slices.Sorted(maps.Keys(quirkNames)) }

// Add adds the quirks named in text, which commas separate. An unknown name is an error, and q
// stays as it was.
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

// neighbour returns an id of the same form: those that a client makes differ in few characters.
func neighbour(id string) string {
	at := min(len(id)/2, 8)
	other := "0"
	if id[at] == '0' {
		other = "1"
	}
	return id[:at] + other + id[at+1:]
}

// idFor returns the clTRID of an answer, empty for none. ClTRIDForeign needs exactly one call for
// each answer, in the order of the answers.
func (s *session) idFor(ex *exchange) string {
	q, sent := &s.r.cfg.Quirks, ex.req.clTRID
	if ex.play != nil && ex.play.Kind == NoClTRID {
		return ""
	}
	if ex.play != nil && (ex.play.Kind == MadeUpClTRID || ex.play.Kind == WrongClTRID && sent == "") {
		return "WRONG-" + ex.svTRID
	}
	if ex.play != nil && ex.play.Kind == WrongClTRID {
		return neighbour(sent)
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

// ownID returns the svTRID of an answer, empty for none.
func (s *session) ownID(ex *exchange) string {
	switch s.r.cfg.Quirks.SvTRID {
	case SvTRIDConstant:
		return constantSvTRID
	case SvTRIDNone:
		return ""
	case SvTRIDLong:
		return ex.svTRID + strings.Repeat("0", max(0, maxTRID-len(ex.svTRID)))
	}
	return ex.svTRID
}

// bareTag matches the beginning of a tag whose name has no prefix. In documents of ours "<" begins
// a tag and nothing else, since text is escaped.
var bareTag = regexp.MustCompile(`(</?)(\w+[ />])`)

// prefixed replaces the default namespace of a document of ours by the prefix epp.
func prefixed(doc []byte) []byte {
	doc = bytes.Replace(doc, []byte(` xmlns="`+nsEPP), []byte(` xmlns:epp="`+nsEPP), 1)
	return bareTag.ReplaceAll(doc, []byte("${1}epp:${2}"))
}

// remark is the comment of Quirks.Comments. It deceives a client that searches the text for
// elements.
const remark = "<!-- <clTRID>REMARK-1</clTRID> -->"

// commented adds a remark behind the start tag of the root and another before its end tag.
func commented(b []byte) []byte {
	tail := bytes.LastIndex(b, []byte("</"))
	b = slices.Insert(b, tail, []byte(remark)...)
	head := bytes.Index(b, []byte(nsEPP+`">`)) + len(nsEPP+`">`)
	return slices.Insert(b, head, []byte(remark)...)
}

// dress changes the payload of a data unit as Quirks want it. A greeting has code 0.
func (q *Quirks) dress(b []byte, code int) []byte {
	if q.EPPPrefix {
		b = append(b[:headerLen], prefixed(b[headerLen:])...)
	}
	if q.Comments && code != 0 {
		b = commented(b)
	}
	if q.OwnNamespace {
		b = bytes.Replace(b, []byte(nsEPP), []byte(ownNamespace), 1)
	}
	return b
}

// ownNamespace is the root namespace of Quirks.OwnNamespace.
const ownNamespace = "https://registry.example/schema/epp-own-1.0.xsd"

// undress undoes in a payload that has come what dress does to what is sent.
func (q *Quirks) undress(payload []byte) []byte {
	if !q.OwnNamespace {
		return payload
	}
	payload = bytes.ReplaceAll(payload, []byte(`"`+nsEPP+`"`), []byte(`"another"`))
	return bytes.ReplaceAll(payload, []byte(`"`+ownNamespace+`"`), []byte(`"`+nsEPP+`"`))
}

// pieces cuts a data unit into the octets of its writes.
func (q *Quirks) pieces(b []byte) iter.Seq[[]byte] {
	switch {
	case q.Dribble:
		return slices.Chunk(b, 1)
	case q.SplitWrites:
		return slices.Values([][]byte{b[:headerLen], b[headerLen:]})
	}
	return slices.Values([][]byte{b})
}

// batch collects first and the messages that the client has sent ahead of its answer, and returns
// them in reverse order. It waits for the rest of a data unit that has begun. ok is false if the
// connection ended meanwhile.
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
