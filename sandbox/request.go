package sandbox

import "unicode/utf8"

// The namespaces the registry serves.
const (
	nsEPP      = "urn:ietf:params:xml:ns:epp-1.0"
	nsDomain   = "urn:ietf:params:xml:ns:domain-1.0"
	nsHost     = "urn:ietf:params:xml:ns:host-1.0"
	nsContact  = "urn:ietf:params:xml:ns:contact-1.0"
	nsSecDNS   = "urn:ietf:params:xml:ns:secDNS-1.1"
	nsRGP      = "urn:ietf:params:xml:ns:rgp-1.0"
	nsLoginSec = "urn:ietf:params:xml:ns:epp:loginSec-1.0"
	nsFee      = "urn:ietf:params:xml:ns:epp:fee-1.0"
	nsTTL      = "urn:ietf:params:xml:ns:epp:ttl-1.0"
)

// kind is the kind of a client's message.
type kind uint8

const (
	kindNone      kind = iota // in doubt
	kindHello                 // RFC 5730 section 2.3
	kindCommand               // one of commands
	kindUnknown               // a command that RFC 5730 does not know
	kindExtension             // a protocol extension, RFC 5730 section 2.7.1
)

// request is one message of a client, as far as it could be read.
type request struct {
	kind   kind
	verb   string  // local name of the command; "extension" for kindExtension
	op     string  // attribute of poll and transfer
	what   *node   // the command's element, such as check
	object *node   // the only child of what, such as domain:check; nil for login, logout, poll
	ext    []*node // command extensions, or the children of a protocol extension
	clTRID string  // collapsed; empty if absent or not fit to be echoed
	longID bool    // the clTRID has more than maxTRID characters
	amiss  *fault  // a breach of the schema that leaves the meaning clear; nil if there is none
}

// fault is a reason not to carry out a message: a result code and words for extValue.
type fault struct {
	code   int
	reason string
}

func (f *fault) answer() answer { return refuse(f.code, f.reason) }

// commands are the commands of RFC 5730 section 2.9. The value tells whether a command carries one
// element of an object.
var commands = map[string]bool{
	"check": true, "create": true, "delete": true, "info": true, "renew": true, "transfer": true,
	"update": true, "login": false, "logout": false, "poll": false,
}

// readRequest finds the command and the clTRID of a payload. A fault means that the payload is not
// an EPP message, or leaves in doubt which command or clTRID it holds. checkShape tests later
// whether the command fits its schema.
func readRequest(p []byte) (request, *fault) {
	root, err := parseXML(p)
	if err != nil {
		return request{}, &fault{codeSyntax, "not well-formed: " + err.Error()}
	}
	if root.space != nsEPP || root.local != "epp" {
		return request{}, &fault{codeSyntax, "root element is not epp"}
	}
	if len(root.kids) != 1 || root.kids[0].space != nsEPP || !blank(root.text) {
		return request{}, &fault{codeSyntax, "epp must hold one message"}
	}
	switch n := root.kids[0]; n.local {
	case "hello":
		return request{kind: kindHello, verb: "hello"}, nil
	case "command":
		return readCommand(n)
	case "extension":
		return readExtension(n)
	default:
		return request{}, &fault{codeSyntax, "epp must hold hello, command or extension"}
	}
}

// readCommand reads a command element, RFC 5730 section 2.5.
func readCommand(n *node) (request, *fault) {
	req := request{kind: kindCommand}
	var verbs, ids, exts int
	var f *fault
	for _, k := range n.kids {
		switch {
		case k.space == nsEPP && k.local == "clTRID":
			ids++
			req.inOrder(k, verbs == 1)
			req.clTRID = k.token()
			req.longID = utf8.RuneCountInString(req.clTRID) > maxTRID
			if len(k.kids) > 0 || !echoable(req.clTRID) {
				req.clTRID = ""
				f = &fault{codeSyntax, "clTRID must be a token of 3 to 64 characters"}
			}
		case k.space == nsEPP && k.local == "extension":
			exts++
			req.inOrder(k, verbs == 1 && ids == 0)
			req.ext = k.kids
		default:
			verbs++
			req.what, req.verb = k, k.local
		}
	}
	if verbs != 1 || ids > 1 || exts > 1 {
		if ids > 1 {
			req.clTRID = ""
		}
		return req, &fault{codeSyntax, "command must hold one command, at most one extension and at most one clTRID"}
	}
	if f != nil {
		return req, f
	}
	if !blank(n.text) {
		req.amiss = &fault{codeSyntax, "command takes no text"}
	}
	req.identify()
	return req, nil
}

// inOrder sets amiss if a child of command is misplaced, has an attribute or, as an extension, is
// empty. ok: it stands in its place.
func (req *request) inOrder(k *node, ok bool) {
	if !ok {
		req.amiss = &fault{codeSyntax, "misplaced element " + k.local}
	}
	for _, a := range k.attrs {
		if a.space == "" || a.isNil() {
			req.amiss = &fault{codeSyntax, k.local + " takes no attribute " + a.local}
		}
	}
	if k.local == "extension" && (len(k.kids) == 0 || !blank(k.text)) {
		req.amiss = &fault{codeSyntax, "extension takes elements"}
	}
}

// identify fills in kind, op and object from the command's element.
func (req *request) identify() {
	carries, known := commands[req.verb]
	if !known || req.what.space != nsEPP {
		req.kind = kindUnknown
		return
	}
	req.op, _ = req.what.attr("op")
	if carries && len(req.what.kids) == 1 {
		req.object = req.what.kids[0]
	}
}

// readExtension reads a protocol extension and finds the clTRID that it defines for itself. That is
// the deepest element of this name outside trID and paTRID, and the last of equally deep ones.
func readExtension(n *node) (request, *fault) {
	req := request{kind: kindExtension, verb: "extension", ext: n.kids}
	if len(n.kids) == 0 {
		return req, &fault{codeSyntax, "empty extension"}
	}
	deepest := 0
	var walk func(n *node, depth int)
	walk = func(n *node, depth int) {
		for _, k := range n.kids {
			if k.local == "clTRID" && n.local != "trID" && n.local != "paTRID" && depth >= deepest {
				deepest, req.clTRID = depth, k.token()
			}
			walk(k, depth+1)
		}
	}
	walk(n, 1)
	if !echoable(req.clTRID) {
		req.clTRID = ""
	}
	return req, nil
}

// echoable reports whether an answer may hold id. trIDStringType takes 3 to 64 characters.
func echoable(id string) bool {
	n := utf8.RuneCountInString(id)
	return n >= 3 && n <= maxTRID
}

// name returns the message's name in the counters.
func (req *request) name() string {
	switch req.kind {
	case kindNone:
		return "unparseable"
	case kindUnknown:
		return "unknown"
	}
	return req.verb
}

// key returns the element with the name or id of the command's object, nil if there is none.
func (req *request) key() *node {
	if req.object == nil || len(req.object.kids) == 0 {
		return nil
	}
	if k := req.object.kids[0]; req.identifies(k) {
		return k
	}
	return nil
}

// identifies reports whether a child of the object's element is its name or id.
func (req *request) identifies(k *node) bool {
	return k.space == req.object.space && (k.local == "name" || k.local == "id")
}
