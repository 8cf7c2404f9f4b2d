package frame

import "strconv"

// Kind is what a payload holds: the child of the root element that decides.
type Kind uint8

// The kinds of RFC 5730 section 2; the zero value is never returned without an error.
const (
	KindNone      Kind = iota
	KindGreeting       // server to client, after connecting and after a hello
	KindHello          // client to server; also a hello written inside command
	KindCommand        // client to server
	KindResponse       // server to client
	KindExtension      // protocol extension, RFC 5730 section 2.7.1
)

// Command is the command of RFC 5730 section 2.9 that a payload of KindCommand holds.
type Command uint8

// CommandOther is a command that RFC 5730 does not define (registries have some of their own), or
// one around an object that is named as another command. CommandExtension stands for a payload of
// KindExtension. CommandHello is given to KindHello, so that limits and metrics can name it.
const (
	CommandNone Command = iota
	CommandCheck
	CommandCreate
	CommandDelete
	CommandHello
	CommandInfo
	CommandLogin
	CommandLogout
	CommandPoll
	CommandRenew
	CommandTransfer
	CommandUpdate
	CommandExtension
	CommandOther
	NumCommands = int(CommandOther) + 1 // for tables indexed by Command
)

// Op is the value of the op attribute of poll and transfer.
type Op uint8

// OpOther is any other value, OpNone no such attribute.
const (
	OpNone Op = iota
	OpRequest
	OpQuery
	OpApprove
	OpReject
	OpCancel
	OpReq
	OpAck
	OpOther
)

// Span is a half-open range of octets of Message.Payload; the zero Span means "not there".
type Span struct{ Start, End int }

// Len is the number of octets in the span.
func (s Span) Len() int { return s.End - s.Start }

// ClTRID is one clTRID element.
type ClTRID struct {
	Element Span // from its "<" to the end of its end tag (or "/>")
	Content Span // the octets between its tags; empty, at Element.End, for "<clTRID/>"
	// Value is the content as a parser sees it: references resolved, CDATA unwrapped, comments and
	// processing instructions dropped, white space collapsed as xs:token. Borrowed until the next
	// Scan.
	Value []byte
}

// Present says whether the element is there.
func (c *ClTRID) Present() bool { return c.Element.End != 0 }

// Message is what Scan found. It and all it refers to are valid until the Scanner's next Scan.
type Message struct {
	// Payload holds the octets that all spans refer to: what was given to Scan, or, for UTF-16, its
	// UTF-8 transcript without the declaration's encoding.
	Payload []byte
	Kind    Kind
	Command Command
	Op      Op
	Verb    Span // local name of the command's (or extension's) first element, as written
	// namespace name of the object in the command or in resData; of KindExtension, the extension's;
	// nil when absent
	Object []byte
	Code   int // KindResponse: code of the first result; 0 otherwise
	// ClTRID is the one that counts; see Present. Of a command it is that of command; of a response
	// that of trID; of a protocol extension the deepest (of these the last) that is not in a trID
	// or paTRID. Outside commands an empty one is as good as none.
	ClTRID ClTRID
	// Insert is the offset at which a missing clTRID element goes (before the end tag of command),
	// Prefix the prefix it needs (without colon; empty for the default namespace). Insert is 0
	// where none may be added: when there is one, and in anything but a KindCommand.
	Insert int
	Prefix Span
	// Names are those of the objects that a command names: the text of the elements name and id in
	// its object, in document order, save those that are longer than a clTRID may be. Only where
	// Scanner.Names is set.
	Names [][]byte
	// every clTRID inside a paTRID inside resData or the response's extension, in document order
	PaTRID []ClTRID
	SvTRID Span // KindResponse: content of trID/svTRID
	SvDate Span // KindGreeting: content of svDate
}

// String is the kind as it is called in RFC 5730.
func (k Kind) String() string { return nameOf(kindNames[:], int(k)) }

var kindNames = [...]string{"none", "greeting", "hello", "command", "response", "extension"}

// String is the element name of the command, "extension" or "other"; it comes from a closed set,
// fit for a metric.
func (c Command) String() string { return nameOf(commandNames[:], int(c)) }

var commandNames = [NumCommands]string{
	"none", "check", "create", "delete", "hello", "info", "login", "logout", "poll", "renew", "transfer", "update",
	"extension", "other",
}

// onObject says whether RFC 5730 section 2.9 gives the command exactly one object to act on.
func (c Command) onObject() bool {
	switch c {
	case CommandCheck, CommandCreate, CommandDelete, CommandInfo, CommandRenew, CommandTransfer, CommandUpdate:
		return true
	}
	return false
}

// CommandOf is the command of that element name; CommandOther if RFC 5730 section 2.9 has none of
// that name.
func CommandOf(name []byte) Command {
	switch string(name) {
	case "check":
		return CommandCheck
	case "create":
		return CommandCreate
	case "delete":
		return CommandDelete
	case "hello":
		return CommandHello
	case "info":
		return CommandInfo
	case "login":
		return CommandLogin
	case "logout":
		return CommandLogout
	case "poll":
		return CommandPoll
	case "renew":
		return CommandRenew
	case "transfer":
		return CommandTransfer
	case "update":
		return CommandUpdate
	}
	return CommandOther
}

// String is the value of the attribute, "none" or "other".
func (o Op) String() string { return nameOf(opNames[:], int(o)) }

var opNames = [...]string{"none", "request", "query", "approve", "reject", "cancel", "req", "ack", "other"}

// OpOf is the op of that attribute value as a parser gives it; OpOther if RFC 5730 has no such
// value.
func OpOf(value []byte) Op {
	for i, name := range opNames {
		if o := Op(i); o != OpNone && name == string(value) {
			return o
		}
	}
	return OpOther
}

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return strconv.Itoa(i)
}

// Query reports whether the command only reads, see IsQuery.
func (m *Message) Query() bool { return IsQuery(m.Command, m.Op) }

// IsQuery reports whether a command only reads, so that a second execution gives the same: check,
// info, poll op=req and transfer op=query. Any other command, and any in doubt, is a transform.
func IsQuery(c Command, op Op) bool {
	switch c {
	case CommandCheck, CommandInfo:
		return true
	case CommandPoll:
		return op == OpReq
	case CommandTransfer:
		return op == OpQuery
	}
	return false
}
