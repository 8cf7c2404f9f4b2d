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
)

// kind is what a client's message is.
type kind uint8

const (
	kindNone kind = iota // not to be made out
	kindHello
	kindCommand
	kindUnknown   // a command that RFC 5730 does not know
	kindExtension // protocol extension, RFC 5730 section 2.7.1
)

// request is one message of a client as far as it could be understood.
type request struct {
	kind   kind
	verb   string  // local name of the command; "extension" for kindExtension
	op     string  // of poll and transfer
	what   *node   // the command's element, such as check
	object *node   // its only child, such as domain:check; nil for login, logout, poll
	ext    []*node // command extensions
	clTRID string  // collapsed; empty when absent or not fit to be echoed
	longID bool    // the clTRID is longer than a clTRID can be
	amiss  *fault  // against the schema, though the meaning is clear
}

// fault is why a message cannot be carried out.
type fault struct {
	code   int
	reason string
}

func (f *fault) answer() answer { return refuse(f.code, f.reason) }

// commands are those of RFC 5730 section 2.9; the value says whether they carry one object element.
var commands = map[string]bool{
	"check": true, "create": true, "delete": true, "info": true, "renew": true, "transfer": true, "update": true,
	"login": false, "logout": false, "poll": false,
}

// readRequest finds out what a payload asks for. A fault means that it is no EPP message, or leaves
// a doubt about which command or clTRID it holds. Whether the command fits its schema is for
// checkShape.
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

// inOrder notes if a child of command stands where it should not, or has attributes.
func (req *request) inOrder(k *node, ok bool) {
	if !ok {
		req.amiss = &fault{codeSyntax, "misplaced element " + k.local}
	}
	for _, a := range k.attrs {
		if a.space == "" {
			req.amiss = &fault{codeSyntax, k.local + " takes no attribute " + a.local}
		}
	}
	if k.local == "extension" && (len(k.kids) == 0 || !blank(k.text)) {
		req.amiss = &fault{codeSyntax, "extension takes elements"}
	}
}

// identify fills in what follows from the command's element.
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

// readExtension finds the clTRID that a protocol extension defines for itself: the deepest of that
// name whose parent is not trID or paTRID, and of equally deep ones the last.
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

// echoable: a trID takes 3 to 64 characters (trIDStringType); anything else would make the answer
// invalid.
func echoable(id string) bool {
	n := utf8.RuneCountInString(id)
	return n >= 3 && n <= maxTRID
}

// name is the command's name in the counters.
func (req *request) name() string {
	switch req.kind {
	case kindNone:
		return "unparseable"
	case kindUnknown:
		return "unknown"
	}
	return req.verb
}

// key is the name or id of the object a command is about, nil if it has none.
func (req *request) key() *node {
	if req.object == nil || len(req.object.kids) == 0 {
		return nil
	}
	if k := req.object.kids[0]; k.space == req.object.space && (k.local == "name" || k.local == "id") {
		return k
	}
	return nil
}
