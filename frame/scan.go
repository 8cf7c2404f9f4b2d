package frame

import "bytes"

// Bounds of one document. A document beyond one of them is refused. EPP stays far below them; they
// keep the time for hostile input linear in its length, and the Scanner small.
const (
	MaxDepth      = 64   // elements within each other, the root included
	MaxAttributes = 128  // attributes of one element, namespace declarations included
	MaxNamespaces = 128  // namespace declarations in scope
	MaxName       = 1024 // octets of a QName
	MaxClTRID     = 256  // characters of a clTRID; the schema allows 64, but some clients send more
)

// Buffers that grew beyond these are dropped before the next Scan.
const (
	keepOctets  = 1 << 20 // octets
	keepEntries = 256     // of a list
)

// Scanner reads payloads, one after the other. The zero value is ready to use. A Scanner holds some
// 20 KiB, all the memory that a Scan needs, but for buffers that other encodings, references and the
// lists of a Message make grow and that are kept for the next Scan. It has one owner: it must not be
// used concurrently. One per event loop is enough.
type Scanner struct {
	// Names makes Scan fill in Message.Names. It must be set before the first Scan.
	Names bool

	// Charset gives the single-octet encoding that IANA prefers to call by that name, in lower case;
	// nil if it does not know it. A document in such an encoding with octets from 0x80 on is read
	// only with it. It may be changed between Scans. nil knows none.
	Charset func(name string) *Charset

	// Set by each Scan.
	p     []byte // the octets that are read: the payload, or its transcript
	msg   Message
	bad   Fault // what ended the Scan
	doubt Fault // the first fault that refuse has noted

	depth      int // open elements
	bindings   int // declarations in scope, builtin included
	attributes int // of the tag being read
	message    message

	// Kept between Scans.
	utf8    []byte // transcript
	text    []byte // values that do not stand in p as a parser gives them
	stack   [MaxDepth]element
	binding [MaxNamespaces + builtinBindings]binding
	// bindingKey is the nameKey of each binding's prefix, in an array of its own so that lookup
	// reads little memory.
	bindingKey [MaxNamespaces + builtinBindings]uint64
	attribute  [MaxAttributes]attribute
}

// element is one open element.
type element struct {
	start, local, end int // of its QName
	content           int // offset behind its start tag
	bindings          int // declarations in scope around it
	ns                int // id of the binding of its namespace
	role              role
	fault             Reason // what is wrong with it, if it is a clTRID
}

// NewScanner returns a Scanner that is ready to use.
func NewScanner() *Scanner { return new(Scanner) }

// Scan checks one payload, a data unit without its header, and says what it holds. The Message and
// all that it refers to are valid until the next Scan, and no longer than payload, which is not
// copied. An error is always a *Fault and is valid until the next Scan, too. Scan allocates only to
// grow its buffers.
func (s *Scanner) Scan(payload []byte) (*Message, error) {
	s.reset()
	i := s.decode(payload)
	if i < 0 || !s.document(i) {
		return nil, &s.bad
	}
	s.finish()
	if s.doubt.Reason != ReasonNone {
		s.bad = s.doubt
		return nil, &s.bad
	}
	s.msg.Payload = s.p
	return &s.msg, nil
}

func (s *Scanner) reset() {
	s.msg = Message{PaTRID: emptied(s.msg.PaTRID), Names: emptied(s.msg.Names), Extensions: emptied(s.msg.Extensions)}
	s.bad, s.doubt = Fault{}, Fault{}
	s.message = message{}
	s.depth, s.bindings, s.attributes = 0, builtinBindings, 0
	if s.binding[1].uri == nil {
		s.binding[1] = binding{prefix: xmlPrefix, uri: xmlURI, id: 1}
		s.bindingKey[1] = nameKey(xmlPrefix, 0, len(xmlPrefix))
	}
	if s.text = s.text[:0]; cap(s.text) > keepOctets {
		s.text = nil
	}
	if cap(s.utf8) > keepOctets {
		s.utf8 = nil
	}
}

// emptied is a list of the last Scan without its entries, to be filled again.
func emptied[T any](list []T) []T {
	if cap(list) > keepEntries {
		return nil
	}
	return list[:0]
}

// fail sets the fault that ends the Scan. It returns -1, the offset that callers return in turn.
func (s *Scanner) fail(r Reason, offset int) int {
	s.bad = Fault{r, offset}
	return -1
}

// refuse notes a fault that leaves the document well-formed; the first one counts. The Scan goes
// on: a later fault may show that the document is not well-formed either, and then nothing in it
// can be trusted, not even its clTRID.
func (s *Scanner) refuse(r Reason, offset int) {
	if s.doubt.Reason == ReasonNone {
		s.doubt = Fault{r, offset}
	}
}

// document reads all behind the XML declaration, from i to the end of the payload. It is false
// after a fail.
func (s *Scanner) document(i int) bool {
	if i = s.misc(i); i < 0 {
		return false
	}
	if i == len(s.p) {
		s.fail(NoRoot, i)
		return false
	}
	if s.p[i+1] == '/' {
		s.fail(TagMismatch, i)
		return false
	}
	if i = s.content(i); i < 0 {
		return false
	}
	if i = s.misc(i); i < 0 {
		return false
	}
	if i < len(s.p) {
		s.fail(SecondRoot, i)
		return false
	}
	return true
}

// content reads from the root's start tag at i to its end tag, and gives the offset behind that, or
// -1.
func (s *Scanner) content(i int) int {
	p := s.p
	for {
		if i+1 >= len(p) {
			return s.fail(EndsEarly, len(p))
		}
		switch {
		case p[i] != '<':
			i = s.readText(i)
		case p[i+1] == '/':
			i = s.endTag(i)
			if s.depth == 0 {
				return i
			}
		case p[i+1] == '!':
			if bytes.HasPrefix(p[i:], cdataStart) {
				i = s.cdata(i)
			} else {
				i = s.comment(i)
			}
		case p[i+1] == '?':
			i = s.instruction(i)
		default:
			i = s.startTag(i)
			if s.depth == 0 {
				return i
			}
		}
		if i < 0 {
			return -1
		}
	}
}

// startTag reads the start tag or empty-element tag at i and gives the offset behind it, or -1.
func (s *Scanner) startTag(i int) int {
	p := s.p
	if s.depth == len(s.stack) {
		return s.fail(TooDeep, i)
	}
	e := &s.stack[s.depth]
	e.start, e.bindings = i+1, s.bindings
	s.attributes = 0
	end := s.elementName(e)
	if end < 0 {
		return -1
	}
	if p[end] != '>' {
		if end = s.readAttributes(end); end < 0 {
			return -1
		}
	}
	if e.end-e.start > MaxName {
		return s.fail(NameTooLong, i)
	}
	empty := p[end] == '/'
	if empty {
		end++
		if end == len(p) || p[end] != '>' {
			return s.fail(BadTag, i)
		}
	}
	e.content = end + 1
	if e.ns < 0 || s.bindings > e.bindings {
		if e.ns = s.lookup(e.start, max(e.start, e.local-1)); e.ns < 0 {
			return -1
		}
	}
	if s.depth == 0 || s.stack[s.depth-1].role != roleNone {
		s.enter(e)
	} else {
		e.role = roleNone
	}
	s.depth++
	if empty {
		s.pop(e.content, e.content)
	}
	return e.content
}

// elementName reads the name of e and gives its end, or -1. Most elements have the prefix of their
// parent, and so its namespace unless they declare one: for these e.ns is the parent's, for others
// it is -1 and must be looked up.
func (s *Scanner) elementName(e *element) int {
	e.ns = -1
	if s.depth == 0 {
		e.local, e.end = s.qname(e.start)
		return e.end
	}
	p, parent := s.p, &s.stack[s.depth-1]
	if n := parent.local - parent.start; n > 0 && n <= 8 && e.start+8 <= len(p) {
		if (load(p, e.start)^load(p, parent.start))<<(64-8*n) == 0 {
			e.local, e.ns = e.start+n, parent.ns
			e.end = s.ncname(e.local)
			return e.end
		}
	}
	e.local, e.end = s.qname(e.start)
	if e.end >= 0 && string(p[e.start:e.local]) == string(p[parent.start:parent.local]) {
		e.ns = parent.ns
	}
	return e.end
}

// endTag reads the end tag at i and gives the offset behind it, or -1. Its name must be, octet for
// octet, the name of the innermost open element, which has been checked already.
func (s *Scanner) endTag(i int) int {
	p := s.p
	e := &s.stack[s.depth-1]
	name := e.end - e.start
	end := i + 2 + name
	if end >= len(p) {
		return s.fail(EndsEarly, len(p))
	}
	if !same(p, i+2, e.start, name) {
		return s.fail(TagMismatch, i)
	}
	if p[end] != '>' {
		after := skipSpace(p, end)
		if after == len(p) {
			return s.fail(EndsEarly, after)
		}
		if p[after] != '>' {
			return s.fail(TagMismatch, i)
		}
		end = after
	}
	s.pop(i, end+1)
	return end + 1
}

// pop closes the innermost element. Its content ends at to, the element itself at end.
func (s *Scanner) pop(to, end int) {
	e := &s.stack[s.depth-1]
	if e.role >= firstWithEnd {
		s.leave(e, to, end)
	}
	s.bindings = e.bindings
	s.depth--
}
