package frame

import "strconv"

// Kind is what a payload holds. The child of the root element decides.
type Kind uint8

// The kinds of RFC 5730 section 2. Scan returns KindNone only with an error.
const (
	KindNone      Kind = iota
	KindGreeting       // server to client, after connecting and after a hello
	KindHello          // client to server; also a hello written inside command
	KindCommand        // client to server
	KindResponse       // server to client
	KindExtension      // protocol extension, RFC 5730 section 2.7.1
)

// Command is the command in a payload, RFC 5730 section 2.9.
type Command uint8

// CommandOther is a command that RFC 5730 does not define (registries have some of their own), or
// one whose object element bears another command's name, as in check around domain:create. A
// payload of KindExtension has CommandExtension and one of KindHello CommandHello, so that limits
// and metrics can name them. Any other payload has CommandNone.
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

// OpOther is any other value; OpNone means that there is no such attribute.
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

// Span is a half-open range of offsets in Message.Payload, in octets. The zero Span means "not
// there".
type Span struct{ Start, End int }

// Len is the number of octets in the span.
func (s Span) Len() int { return s.End - s.Start }

// ClTRID is one clTRID element.
type ClTRID struct {
	Element Span // from its "<" to the end of its end tag (or "/>")
	Content Span // what stands between its tags; empty, at Element.End, for "<clTRID/>"
	// Value is the content as a parser gives it: references resolved, CDATA unwrapped, comments and
	// processing instructions dropped, white space collapsed as in xs:token. It has 1 to MaxClTRID
	// characters; a longer one of a response is as written. Borrowed until the next Scan.
	Value []byte
}

// Present reports whether the message has the element.
func (c *ClTRID) Present() bool { return c.Element.End != 0 }

// Message is what Scan found in a payload. It and all that it refers to are borrowed from the
// Scanner and valid until its next Scan.
type Message struct {
	// Payload holds the octets that all spans refer to: the payload that Scan was given, or, where
	// its octets are not UTF-8 by what it declares, its UTF-8 transcript, whose XML declaration names
	// no encoding.
	Payload []byte
	// Encoding is the encoding declaration in Payload, with the white space before it, where it names
	// another encoding than UTF-8. All octets are ASCII then; who puts in others takes it out.
	Encoding Span
	Kind     Kind
	Command  Command
	Op       Op
	// Verb is the local name, as written, of the verb in the command, of the first element in
	// resData, or of the first element in a protocol extension.
	Verb Span
	// Object is the namespace name of the object in the command (of the verb, if that is outside
	// the EPP namespace), of the first element in resData, or of the first element in a protocol
	// extension; nil if there is none.
	Object []byte
	// Broken says that Glean has read the payload, which Scan refuses. Of words in it one cannot say where
	// they end, nor whether a secret is in them.
	Broken bool
	Code   int // KindResponse: code of the first result, 1000 to 9999, see Code; otherwise 0
	// ClTRID is the clTRID of the message, if Present: in a command the child of command, in a
	// response the child of trID, in a protocol extension the deepest one that is not in a trID or
	// paTRID (the last, if several are as deep). Outside commands an empty one counts as none.
	ClTRID ClTRID
	// EmptyID is the clTRID of a response that has nothing but white space in it, so that it counts as
	// none; otherwise it is not Present. Its Value is nil.
	EmptyID ClTRID
	// Insert is the offset at which a missing clTRID element goes, before the end tag of command.
	// Prefix is the prefix that it needs there, without the colon; empty for the default namespace.
	// Insert is 0 if no clTRID may be added: the command has one, or the message is no KindCommand.
	Insert int
	Prefix Span
	// Names are the names of the objects that a command is about: the text of the elements name and
	// id directly in its object, in document order, as a parser gives it. Empty names and those of
	// more than MaxClTRID characters are left out. nil unless Scanner.Names is set.
	Names [][]byte
	// Extensions are the namespace names of the elements in a command's extension, in document order.
	Extensions [][]byte
	// PaTRID are the clTRIDs of every paTRID in resData or in the response's extension, in document
	// order. Those that are empty, too long or have an element in them are left out.
	PaTRID []ClTRID
	SvTRID Span // KindResponse: content of trID/svTRID
	// MsgQ is the start tag of the one msgQ of a response. Set by Glean alone: of what Scan accepts,
	// ParseMessageQueue finds it.
	MsgQ   Span
	SvDate Span // KindGreeting: content of svDate
}

// String is the name of the kind in RFC 5730, or "none".
func (k Kind) String() string { return nameOf(kindNames[:], int(k)) }

var kindNames = [...]string{"none", "greeting", "hello", "command", "response", "extension"}

// String is the element name of the command, or "extension", "other" or "none". The set is closed,
// so it is fit for the label of a metric.
func (c Command) String() string { return nameOf(commandNames[:], int(c)) }

var commandNames = [NumCommands]string{
	"none", "check", "create", "delete", "hello", "info", "login", "logout", "poll", "renew", "transfer", "update",
	"extension", "other",
}

// onObject reports whether RFC 5730 section 2.9 gives the command exactly one object to act on.
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

// Unknown reports whether the verb in a command is none of RFC 5730 section 2.9: one that a registry
// has of its own, or a mistake. A protocol extension is not unknown, nor is a command of RFC 5730
// around an object that bears another command's name.
func (m *Message) Unknown() bool {
	return m.Kind == KindCommand && m.Command == CommandOther &&
		CommandOf(m.Payload[m.Verb.Start:m.Verb.End]) == CommandOther
}
