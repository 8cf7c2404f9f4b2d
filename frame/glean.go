package frame

import (
	"bytes"
	"unicode/utf8"
)

// maxBroken is how many "<" of one answer may begin no markup. Each can cost a look at what is left
// of the answer.
const maxBroken = 64

// Glean looks for the result code, clTRID and svTRID of a response in a payload that Scan has
// refused: a whole data unit whose author broke a rule of XML. Of the Message, it sets Payload, Kind,
// Broken, Code, ClTRID, EmptyID, SvTRID, PaTRID and MsgQ; they are borrowed as those of Scan, whose last
// Message and Fault end with it. Glean is false wherever a doubt is left.
//
// It wants the frame of the response to stand as it should: epp, response, result, trID and clTRID
// within each other, of one prefix, each once (result: several times where all of them are failures)
// and closed by its own end tag. Only what is inside of result, svTRID and the other children of
// response, before epp and behind it may be anything. Whatever stands in there, in comments, CDATA,
// attributes or elements without an end, is not taken for a result or a clTRID. UTF-16 is not read.
func (s *Scanner) Glean(payload []byte) (*Message, bool) {
	s.reset()
	s.msg.Payload, s.msg.Kind, s.msg.Broken = payload, KindResponse, true
	g := gleaner{p: payload, m: &s.msg}
	return &s.msg, g.read()
}

var xmlnsName = []byte("xmlns")

// gleaner is one Glean.
type gleaner struct {
	p      []byte
	m      *Message
	prefix []byte // of all names that count, with its colon
	open   [MaxDepth]gleaned
	depth  int  // open elements
	broken int  // what was taken for text, and end tags of no element
	ended  bool // the root has

	responses, trIDs, clTRIDs, msgQs int
}

// gleaned is one open element.
type gleaned struct {
	name    []byte
	start   int // of its start tag
	content int // behind that
	place   place
}

// place is where an element stands.
type place uint8

const (
	placeInside   place = iota // in a result or an svTRID, at any depth
	placeOutside               // of the root
	placeEPP                   // the root itself
	placeResponse              // the response itself
	placeResult                // a result itself
	placeTrID                  // the trID itself
	placeClTRID
	placeSvTRID
	placeData     // in another child of response, at any depth; that child, too
	placePaTRID   // as placeData, and a paTRID
	placePaClTRID // the clTRID of that
)

// bare reports whether an element there holds nothing but elements that count: nothing in it may be
// in doubt.
func (l place) bare() bool {
	return l == placeOutside || l == placeEPP || l == placeResponse || l == placeTrID
}

// in is the place of the innermost open element.
func (g *gleaner) in() place {
	if g.depth == 0 {
		return placeOutside
	}
	return g.open[g.depth-1].place
}

// read reads all of the payload.
func (g *gleaner) read() bool {
	for i := 0; ; {
		n := bytes.IndexByte(g.p[i:], '<')
		if n < 0 {
			return g.ended && g.m.Code > 0
		}
		if i = g.markup(i + n); i < 0 {
			return false
		}
	}
}

// markup reads what the "<" at i begins, and gives the offset behind it, or -1.
func (g *gleaner) markup(i int) int {
	p := g.p
	switch rest := p[i:]; {
	case bytes.HasPrefix(rest, commentStart):
		return behind(p, i+len(commentStart), commentClose)
	case bytes.HasPrefix(rest, cdataStart):
		return behind(p, i+len(cdataStart), cdataEnd)
	case bytes.HasPrefix(rest, docType):
		return g.docType(i)
	case len(rest) > 1 && rest[1] == '?':
		return behind(p, i+2, piEnd)
	case len(rest) > 1 && rest[1] == '/':
		return g.endTag(i)
	}
	return g.startTag(i)
}

// docType reads the DOCTYPE at i, which may stand before the root and declare nothing.
func (g *gleaner) docType(i int) int {
	end := behind(g.p, i, []byte{'>'})
	if end < 0 || g.depth > 0 || g.ended || bytes.IndexByte(g.p[i:end], '[') >= 0 {
		return -1
	}
	return end
}

// text takes the "<" at i for a character of text, where there may be one.
func (g *gleaner) text(i int) int {
	if g.broken++; g.broken > maxBroken || g.in().bare() {
		return -1
	}
	return i + 1
}

// isTagName reports whether name can be meant for the name of an element or an attribute.
func isTagName(name []byte) bool {
	for _, c := range name {
		if class[c]&inName == 0 && c != ':' && c < utf8.RuneSelf {
			return false
		}
	}
	return len(name) > 0 && len(name) <= MaxName && (class[name[0]]&startsName != 0 || name[0] >= utf8.RuneSelf)
}

// startTag reads the start tag or empty-element tag at i.
func (g *gleaner) startTag(i int) int {
	w := Walker{p: g.p}
	t := w.start(i)
	if t == TokenNone || !isTagName(w.Name) {
		return g.text(i)
	}
	for attributes := w; ; {
		name, _, ok := attributes.Attribute()
		if !ok {
			break
		}
		if !isTagName(name) {
			return g.text(i)
		}
	}
	e := gleaned{name: w.Name, start: i, content: w.end}
	if g.depth == len(g.open) || !g.enter(&e, w) {
		return -1
	}
	if t == TokenStart {
		g.open[g.depth] = e
		g.depth++
	} else if e.place.bare() || !g.leave(&e, w.end, w.end) {
		return -1 // an epp, response or trID with nothing in it
	}
	return w.end
}

// enter gives e, whose start tag w is at, its place. It is false where that leaves a doubt.
func (g *gleaner) enter(e *gleaned, w Walker) bool {
	in, local := g.in(), string(Local(e.name))
	switch in {
	case placeOutside:
		e.place = placeEPP
		g.prefix = e.name[:len(e.name)-len(local)]
		return !g.ended && local == "epp"
	case placeEPP:
		e.place = placeResponse
		g.responses++
		return local == "response" && g.responses == 1 && g.counts(e, w)
	case placeResponse:
		return g.enterResponseChild(e, w, local)
	case placeTrID:
		return g.enterTrIDChild(e, w, local)
	case placeClTRID:
		return false
	case placeData, placePaTRID:
		e.place = placeData
		if local == "paTRID" {
			e.place = placePaTRID
		} else if in == placePaTRID && local == "clTRID" {
			e.place = placePaClTRID
		}
	}
	return true
}

func (g *gleaner) enterResponseChild(e *gleaned, w Walker, local string) bool {
	e.place = placeData
	switch local {
	case "result":
		e.place = placeResult
		return g.counts(e, w) && g.result(w)
	case "trID":
		e.place = placeTrID
		g.trIDs++
		return g.trIDs == 1 && g.counts(e, w)
	case "msgQ":
		if g.msgQs++; g.msgQs == 1 && g.counts(e, w) {
			g.m.MsgQ = Span{e.start, w.end}
		} else {
			g.m.MsgQ = Span{}
		}
	}
	return true
}

func (g *gleaner) enterTrIDChild(e *gleaned, w Walker, local string) bool {
	switch local {
	case "clTRID":
		e.place = placeClTRID
		g.clTRIDs++
		return g.clTRIDs == 1 && g.counts(e, w)
	case "svTRID":
		e.place = placeSvTRID
		return g.counts(e, w)
	}
	return true
}

// counts reports whether e, whose start tag w is at, has the root's prefix, and with it the root's
// namespace.
func (g *gleaner) counts(e *gleaned, w Walker) bool {
	if string(e.name[:len(e.name)-len(Local(e.name))]) != string(g.prefix) {
		return false
	}
	for name, _, ok := w.Attribute(); ok; name, _, ok = w.Attribute() {
		if bytes.HasPrefix(name, xmlnsName) {
			return false
		}
	}
	return true
}

// result takes the code of the result whose start tag w is at. RFC 5730 section 2.6: there is more
// than one only where the command failed.
func (g *gleaner) result(w Walker) bool {
	code, codes := 0, 0
	for name, value, ok := w.Attribute(); ok; name, value, ok = w.Attribute() {
		if string(Local(name)) == "code" {
			code = codeOf(value)
			codes += len(name) - len("code") + 1 // one with a prefix leaves a doubt
		}
	}
	switch first := g.m.Code; {
	case codes != 1 || code < 1000:
		return false
	case first == 0:
		g.m.Code = code
	default:
		return first >= 2000 && code >= 2000
	}
	return true
}

// endTag reads the end tag at i. It closes the innermost element of its name, and those in it.
func (g *gleaner) endTag(i int) int {
	w := Walker{p: g.p}
	name := w.name(i + 2)
	end := skipSpace(g.p, i+2+len(name))
	if !isTagName(name) || end == len(g.p) || g.p[end] != '>' {
		return g.text(i)
	}
	for d := g.depth - 1; d >= 0; d-- {
		e := &g.open[d]
		switch {
		case string(e.name) == string(name):
			if e.place.bare() && d < g.depth-1 {
				return -1
			}
			g.depth = d
			g.ended = d == 0
			if !g.leave(e, i, end+1) {
				return -1
			}
			return end + 1
		case e.place.bare():
			return g.stray(end + 1)
		}
	}
	return -1
}

// stray leaves out an end tag that ends no element, and ends itself at end.
func (g *gleaner) stray(end int) int {
	if g.text(end-1) < 0 {
		return -1
	}
	return end
}

// leave ends e, whose content ends at to, the element itself at end.
func (g *gleaner) leave(e *gleaned, to, end int) bool {
	content := Span{e.content, to}
	raw := g.p[e.content:to]
	switch e.place {
	case placeSvTRID:
		g.m.SvTRID = content
	case placeClTRID, placePaClTRID:
		id := ClTRID{Element: Span{e.start, end}, Content: content, Value: bytes.Trim(raw, " \t\r\n")}
		switch {
		case e.place == placePaClTRID && isPlain(id.Value):
			g.m.PaTRID = append(g.m.PaTRID, id)
		case e.place == placePaClTRID:
		case len(id.Value) == 0:
			id.Value = nil
			g.m.EmptyID = id
		case !isPlain(id.Value):
			return false
		default:
			g.m.ClTRID = id
		}
	}
	return true
}
