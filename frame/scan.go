package frame

import "bytes"

// Bounds of one document. What EPP needs stays far below them; they keep hostile input linear in
// time and the Scanner small. A document beyond them is refused.
const (
	MaxDepth      = 64   // elements within each other, the root included
	MaxAttributes = 128  // attributes of one element, declarations included
	MaxNamespaces = 128  // declarations in scope
	MaxName       = 1024 // octets of a QName
	// characters of a clTRID, white space collapsed; the schema allows 64, clients send more
	MaxClTRID = 256
)

// Buffers of a Scanner that grew beyond these are not kept for the next Scan.
const (
	keepOctets = 1 << 20
	keepPaTRID = 256
	keepNames  = 256
)

// Scanner reads payloads, one after the other. The zero value is ready. It holds some 20 KiB, which
// are all the memory a Scan needs, save that UTF-16 and references grow a buffer, which is kept.
// One per event loop will do; it is not safe for concurrent use.
type Scanner struct {
	// Names makes Scan look for the names of objects, see Message.Names. To be set before the first
	// Scan.
	Names bool

	// Set by each Scan.
	p     []byte // what is read: the payload or its transcript
	msg   Message
	bad   Fault // what ended the Scan
	doubt Fault // first fault of a document that is well-formed so far

	depth      int // open elements
	bindings   int // declarations in scope, builtin included
	attributes int // of the tag being read
	message    message

	// Kept between Scans.
	utf8    []byte // transcript
	text    []byte // values that are not in p as they are
	stack   [MaxDepth]element
	binding [MaxNamespaces + builtinBindings]binding
	// nameKey of the prefix; by itself, to be searched quickly
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
	fault             Reason // of a clTRID: what is wrong with it
}

// NewScanner makes a Scanner.
func NewScanner() *Scanner { return new(Scanner) }

// Scan checks one payload (a data unit without its header) and says what it holds. The Message, the
// octets it refers to and the error, always a *Fault, are valid until the next Scan; the Message
// refers to payload, which is not copied. Scan allocates nothing, save for growing its buffers.
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
	patrid := s.msg.PaTRID[:0]
	if cap(patrid) > keepPaTRID {
		patrid = nil
	}
	names := s.msg.Names[:0]
	if cap(names) > keepNames {
		names = nil
	}
	s.msg = Message{PaTRID: patrid, Names: names}
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

// fail ends the Scan. It gives -1, for the callers that give offsets.
func (s *Scanner) fail(r Reason, offset int) int {
	s.bad = Fault{r, offset}
	return -1
}

// refuse notes a fault that leaves the document well-formed. The Scan goes on, since a document
// that is not well-formed either has nothing in it that could be trusted, the clTRID included.
func (s *Scanner) refuse(r Reason, offset int) {
	if s.doubt.Reason == ReasonNone {
		s.doubt = Fault{r, offset}
	}
}

// document reads what follows the XML declaration, to the end of the payload.
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

// content reads from the root's start tag at i to its end tag, and gives the offset behind that.
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

// startTag reads the start tag or empty-element tag at i and gives the offset behind it.
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

// elementName reads the name of e and gives its end, or -1. Most elements have their parent's
// prefix, and so, if they declare nothing, its namespace: then e.ns is that, else -1.
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

// endTag reads the end tag at i and gives the offset behind it. It must be that of the innermost
// open element, whose name it repeats octet for octet, so there is nothing else to check about the
// name.
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

// pop closes the innermost element: its content ends at to, it itself at end.
func (s *Scanner) pop(to, end int) {
	e := &s.stack[s.depth-1]
	if e.role >= firstWithEnd {
		s.leave(e, to, end)
	}
	s.bindings = e.bindings
	s.depth--
}
