package frame

import "bytes"

// role is what an open element means to the Scanner. It follows from the role of its parent, its
// namespace and its name.
type role uint8

const (
	roleNone role = iota // no meaning; nothing inside it has one either
	roleRoot             // epp
	roleVerb             // the command in command
	roleGreeting
	roleResponse
	roleTrID      // of a response
	roleResData   // of a response
	roleData      // inside resData, or inside a response's extension
	rolePaTRID    // inside roleData
	roleProtocol  // epp/extension, and all below it
	roleObject    // the object in a command; where Scanner.Names wants names
	roleExtension // of a command

	// From here on leave is called at the element's end.
	roleCommand
	roleClTRID         // of a command or a response
	rolePaClTRID       // inside a paTRID
	roleProtocolClTRID // clTRID anywhere inside epp/extension
	roleSvTRID
	roleSvDate
	roleName // of an object

	firstWithEnd = roleCommand
)

// message is what Scan knows about the message while it reads it, beside Message.
type message struct {
	root      int    // id of the root's namespace: the EPP namespace of this document
	children  int    // element children of epp
	verbs     int    // in command
	verbNS    []byte // namespace of a verb that is not in the EPP namespace; nil otherwise
	objects   int    // element children of the verb
	foreign   int    // element children of the verb that are outside the EPP namespace
	results   int
	trIDs     int
	clTRIDs   int
	extension bool // command has an extension
	echo      Span // content of a command's only clTRID, if nothing before it was in doubt

	// Of a protocol extension: the deepest clTRID so far, its depth, and what is wrong with it.
	protocol      ClTRID
	protocolDepth int
	protocolFault Reason
}

// enter gives e its role. It is not called inside an element with roleNone. The attributes of e are
// in s.attribute, its parent is on top of the stack.
func (s *Scanner) enter(e *element) {
	e.role, e.fault = roleNone, ReasonNone
	if s.depth == 0 {
		s.enterRoot(e)
		return
	}
	parent := &s.stack[s.depth-1]
	local := s.p[e.local:e.end]
	isEPP := e.ns == s.message.root
	switch parent.role {
	case roleRoot:
		s.enterMessage(e, local, isEPP)
	case roleCommand:
		s.enterCommandChild(e, local, isEPP)
	case roleVerb:
		s.enterObject(e, local)
	case roleExtension:
		s.msg.Extensions = append(s.msg.Extensions, s.binding[e.ns].uri)
	case roleObject:
		if e.ns == parent.ns && (string(local) == "name" || string(local) == "id") {
			e.role = roleName
		}
	case roleName:
		parent.role = roleNone // a name holds no elements
	case roleClTRID, rolePaClTRID:
		parent.fault = ElementInClTRID
	case roleGreeting:
		if isEPP && string(local) == "svDate" {
			e.role = roleSvDate
		}
	case roleResponse:
		s.enterResponseChild(e, local, isEPP)
	case roleTrID:
		s.enterTrIDChild(e, local, isEPP)
	case roleResData, roleData, rolePaTRID:
		s.enterData(e, parent, local)
	case roleProtocol, roleProtocolClTRID:
		s.enterProtocol(e, parent, local)
	}
}

func (s *Scanner) enterRoot(e *element) {
	s.message.root = e.ns
	// Some registries have an EPP namespace of their own, and some clients send none, so any
	// namespace will do. But a namespace name has no space in it.
	if string(s.p[e.local:e.end]) != "epp" || bytes.IndexByte(s.binding[e.ns].uri, ' ') >= 0 {
		s.refuse(NotEPP, e.start)
		return
	}
	e.role = roleRoot
}

// enterMessage gives a child of epp its role. RFC 5730 section 2: epp holds exactly one of
// greeting, hello, command, response and extension.
func (s *Scanner) enterMessage(e *element, local []byte, isEPP bool) {
	s.message.children++
	if s.message.children > 1 {
		s.refuse(SecondMessage, e.start)
		s.message.echo = Span{}
		return
	}
	if !isEPP {
		s.refuse(NotEPP, e.start)
		return
	}
	m := &s.msg
	switch string(local) {
	case "greeting":
		m.Kind, e.role = KindGreeting, roleGreeting
	case "hello":
		m.Kind, m.Command = KindHello, CommandHello
	case "command":
		m.Kind, e.role = KindCommand, roleCommand
	case "response":
		m.Kind, e.role = KindResponse, roleResponse
	case "extension":
		m.Kind, m.Command, e.role = KindExtension, CommandExtension, roleProtocol
	default:
		s.refuse(NotEPP, e.start)
	}
}

func (s *Scanner) enterCommandChild(e *element, local []byte, isEPP bool) {
	g := &s.message
	switch isTRID := string(local) == "clTRID"; {
	case isTRID && (isEPP || g.verbNS != nil && s.inVerbNS(e)):
		g.clTRIDs++
		e.role = roleClTRID
		e.fault = s.clTRIDAttributes()
		if g.clTRIDs > 1 {
			s.refuse(SecondClTRID, e.start)
		}
	case isTRID:
		s.refuse(MisplacedClTRID, e.start)
	case isEPP && string(local) == "extension":
		if g.extension {
			s.refuse(SecondExtension, e.start)
		}
		g.extension = true
		e.role = roleExtension
	case isEPP || g.verbs == 0:
		g.verbs++
		if g.verbs > 1 {
			s.refuse(SecondVerb, e.start)
			return
		}
		e.role = roleVerb
		s.enterVerb(e, local, isEPP)
	case g.verbNS == nil || s.inVerbNS(e):
		s.refuse(ForeignElement, e.start)
	}
}

// inVerbNS reports whether e is in the namespace of the command's verb, for a verb that is not in
// the EPP namespace.
func (s *Scanner) inVerbNS(e *element) bool {
	return bytes.Equal(s.binding[e.ns].uri, s.message.verbNS)
}

// clTRIDAttributes says what is wrong with the attributes of a clTRID. The schema has none, so only
// declarations are let through, and what XML Schema part 1 section 2.6 allows on any element. Of that
// not xsi:nil, which would say that the element has no content.
func (s *Scanner) clTRIDAttributes() Reason {
	for i := range s.attribute[:s.attributes] {
		if a := &s.attribute[i]; !s.declares(a) && !s.hintsAtSchema(a) {
			return AttributeOnClTRID
		}
	}
	return ReasonNone
}

// hintsAtSchema reports whether a tells a validator which type or schema to use, and nobody else
// anything.
func (s *Scanner) hintsAtSchema(a *attribute) bool {
	if a.ns < 0 || string(s.binding[a.ns].uri) != "http://www.w3.org/2001/XMLSchema-instance" {
		return false
	}
	switch string(s.p[a.local:a.end]) {
	case "type", "schemaLocation", "noNamespaceSchemaLocation":
		return true
	}
	return false
}

// enterVerb takes e as the command's verb. Some registries have verbs in a namespace of their own,
// followed by clTRID and extension data in that namespace. But a foreign verb with the name of a
// command of RFC 5730 is refused, since a reader that ignores namespaces would take it for that
// command.
func (s *Scanner) enterVerb(e *element, local []byte, isEPP bool) {
	m := &s.msg
	m.Verb = Span{e.local, e.end}
	m.Command = CommandOf(local)
	if !isEPP {
		if m.Command != CommandOther {
			s.refuse(ForeignElement, e.start)
		}
		m.Object = s.binding[e.ns].uri
		s.message.verbNS = m.Object
	}
	if m.Command == CommandHello {
		m.Kind = KindHello // some clients write it inside command; the answer is a greeting too
	}
	if s.attributes == 0 {
		return
	}
	for i := range s.attribute[:s.attributes] {
		a := &s.attribute[i]
		if a.local > a.start && a.ns >= 0 && string(s.p[a.local:a.end]) == "op" {
			s.refuse(OtherOp, a.start) // a reader that ignores namespaces takes it for the real op
		}
	}
	if v, found := s.unprefixed("op"); found {
		m.Op = OpOf(v)
	}
}

// enterObject gives a child of the verb its role.
func (s *Scanner) enterObject(e *element, local []byte) {
	g, m := &s.message, &s.msg
	g.objects++
	if e.ns == g.root {
		if string(local) == "clTRID" {
			s.refuse(MisplacedClTRID, e.start)
		}
		return
	}
	g.foreign++
	if g.objects == 1 && g.verbNS == nil {
		m.Object = s.binding[e.ns].uri
	}
	if s.Names {
		e.role = roleObject
	}
	if !m.Command.onObject() {
		return
	}
	if g.foreign > 1 {
		s.refuse(SecondObject, e.start)
	}
	// Registries put objects of other names into info and update (list, release, ...). An object
	// with the name of another command is different: a reader that looks at the object alone would
	// take it for that command. Only the registry knows which of the two it is, so it counts as
	// neither.
	if c := CommandOf(local); c != m.Command && c.onObject() {
		m.Command = CommandOther
	}
}

func (s *Scanner) enterResponseChild(e *element, local []byte, isEPP bool) {
	if !isEPP {
		return
	}
	g := &s.message
	switch string(local) {
	case "result":
		g.results++
		if g.results == 1 {
			s.resultCode(e)
		}
	case "resData":
		e.role = roleResData
	case "extension":
		e.role = roleData // some registries have their panData here
	case "trID":
		g.trIDs++
		if g.trIDs > 1 {
			s.refuse(SecondTrID, e.start)
			return
		}
		e.role = roleTrID
	}
}

// resultCode reads the code attribute of the first result. RFC 5730 section 3: four decimal digits.
func (s *Scanner) resultCode(e *element) {
	v, _ := s.unprefixed("code")
	s.msg.Code = codeOf(v)
	if s.msg.Code == 0 {
		s.refuse(BadResult, e.start)
	}
}

// codeOf is the code that v is, 1000 to 9999; 0 where v is none.
func codeOf(v []byte) (code int) {
	for _, c := range v {
		if len(v) != 4 || c < '0' || c > '9' {
			return 0
		}
		code = code*10 + int(c-'0')
	}
	if code < 1000 {
		return 0
	}
	return code
}

func (s *Scanner) enterTrIDChild(e *element, local []byte, isEPP bool) {
	switch {
	case !isEPP:
	case string(local) == "svTRID":
		e.role = roleSvTRID
	case string(local) == "clTRID":
		s.message.clTRIDs++
		if s.message.clTRIDs > 1 {
			s.refuse(SecondClTRID, e.start)
		}
		e.role = roleClTRID
	}
}

// enterData gives an element its role that is inside resData or a response's extension, at any
// depth.
func (s *Scanner) enterData(e, parent *element, local []byte) {
	e.role = roleData
	if parent.role == roleResData && s.msg.Verb == (Span{}) {
		s.msg.Verb = Span{e.local, e.end}
		s.msg.Object = s.binding[e.ns].uri
	}
	if len(local) != len("clTRID") {
		return
	}
	if string(local) == "paTRID" {
		e.role = rolePaTRID
	} else if parent.role == rolePaTRID && string(local) == "clTRID" {
		e.role = rolePaClTRID
	}
}

// leave ends e. Its content ends at to, the element itself at end; the two are equal for an
// empty-element tag.
func (s *Scanner) leave(e *element, to, end int) {
	m, g := &s.msg, &s.message
	c := ClTRID{Element: Span{e.start - 1, end}, Content: Span{e.content, to}}
	switch e.role {
	case roleSvTRID:
		m.SvTRID = c.Content
	case roleSvDate:
		m.SvDate = c.Content
	case roleCommand:
		s.leaveCommand(e, to)
	case roleClTRID:
		s.leaveClTRID(e, c)
	case roleName:
		if v, r := s.value(c.Content); r == ReasonNone {
			m.Names = append(m.Names, v)
		}
	case rolePaClTRID:
		if e.fault != ReasonNone {
			return
		}
		if v, r := s.value(c.Content); r == ReasonNone {
			c.Value = v
			m.PaTRID = append(m.PaTRID, c)
		}
	case roleProtocolClTRID:
		// e is still open, so s.depth is its depth.
		if s.depth >= g.protocolDepth {
			g.protocol, g.protocolDepth, g.protocolFault = c, s.depth, e.fault
		}
	}
}

func (s *Scanner) leaveCommand(e *element, to int) {
	if s.message.verbs == 0 {
		s.refuse(NoVerb, e.start)
	}
	if s.message.clTRIDs > 0 || s.msg.Kind != KindCommand {
		return
	}
	s.msg.Insert = to
	if e.local > e.start {
		s.msg.Prefix = Span{e.start, e.local - 1}
	}
}

// leaveClTRID ends the clTRID c of a command or a response.
func (s *Scanner) leaveClTRID(e *element, c ClTRID) {
	g := &s.message
	if g.clTRIDs > 1 {
		g.echo = Span{}
		return
	}
	if e.fault != ReasonNone {
		s.refuse(e.fault, e.start)
		return
	}
	v, r := s.value(c.Content)
	if s.msg.Kind == KindResponse {
		switch r {
		case EmptyClTRID:
			s.msg.EmptyID = c
			return
		case LongClTRID:
			v, r = s.p[c.Content.Start:c.Content.End], ReasonNone
		}
	}
	if r != ReasonNone {
		s.refuse(r, e.start)
		return
	}
	c.Value = v
	s.msg.ClTRID = c
	if s.doubt.Reason == ReasonNone && s.msg.Kind != KindResponse {
		g.echo = c.Content
	}
}

// finish is called at the end of a well-formed document.
func (s *Scanner) finish() {
	m, g := &s.msg, &s.message
	switch m.Kind {
	case KindNone:
		s.refuse(NotEPP, len(s.p))
	case KindResponse:
		if g.results == 0 {
			s.refuse(BadResult, len(s.p))
		}
	case KindExtension:
		s.finishProtocol()
	}
}

// EchoClTRID gives the clTRID of a command that the last Scan refused, so that the refusal can
// carry it: the content of the element, as written. It is nil unless the document is well-formed to
// its end, has exactly one clTRID in its proper place, and nothing before that was in doubt. Valid
// until the next Scan.
func (s *Scanner) EchoClTRID() []byte {
	if !s.bad.Reason.unclear() || s.message.echo == (Span{}) {
		return nil
	}
	return s.p[s.message.echo.Start:s.message.echo.End]
}
