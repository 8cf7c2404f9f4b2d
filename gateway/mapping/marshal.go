package mapping

import (
	"strconv"
	"strings"

	"eppmux/frame"
)

// The namespaces, each with the prefix that Marshal gives it.
const (
	nsDomain  = "urn:ietf:params:xml:ns:domain-1.0"
	nsHost    = "urn:ietf:params:xml:ns:host-1.0"
	nsContact = "urn:ietf:params:xml:ns:contact-1.0"
	nsSecDNS  = "urn:ietf:params:xml:ns:secDNS-1.1"
	nsRGP     = "urn:ietf:params:xml:ns:rgp-1.0"
	nsFee     = "urn:ietf:params:xml:ns:epp:fee-1.0"
	nsTTL     = "urn:ietf:params:xml:ns:epp:ttl-1.0"
)

// prologue is how frame.Root.Rewrite wants a payload to begin.
const (
	prologue = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n" +
		`<epp xmlns="` + frame.Namespace + `"><command>`
	epilogue = `</command></epp>`
)

// Marshal returns the payload of a command with a clTRID; an empty one is left out. The error is a *Fault.
// c is not changed, and the payload is the caller's.
func Marshal(c Command, clTRID string) ([]byte, error) {
	w := writer{b: make([]byte, 0, 512)}
	w.raw(prologue)
	c.write(&w)
	w.extend("")
	if clTRID != "" {
		w.token("clTRID", "clTRID", clTRID, 3, 64)
	}
	w.raw(epilogue)
	if w.fault != nil {
		return nil, w.fault
	}
	return w.b, nil
}

// writer writes elements one after another. After a fault what it has written is of no use.
type writer struct {
	b      []byte
	prefix string // of elements, with its colon
	// extending says that the extension element has been opened.
	extending bool
	fault     *Fault // the first one
}

// fail notes what is wrong with a member.
func (w *writer) fail(member, why string) {
	if w.fault == nil {
		w.fault = &Fault{Member: member, Why: why}
	}
}

func (w *writer) raw(s string) { w.b = append(w.b, s...) }

// open writes a start tag without its end: attributes may follow.
func (w *writer) open(name string) {
	w.b = append(append(append(w.b, '<'), w.prefix...), name...)
}

func (w *writer) close(name string) {
	w.b = append(append(append(append(w.b, "</"...), w.prefix...), name...), '>')
}

// in writes an element around what inside writes.
func (w *writer) in(name string, inside func()) {
	w.open(name)
	w.raw(">")
	inside()
	w.close(name)
}

// empty writes an element without content.
func (w *writer) empty(name string) {
	w.open(name)
	w.raw("/>")
}

// attribute writes an attribute whose value has been checked.
func (w *writer) attribute(name, value string) {
	w.b = append(append(append(append(w.b, ' '), name...), `="`...), escape(value)...)
	w.raw(`"`)
}

// text ends a start tag, writes content that has been checked, and the end tag.
func (w *writer) text(name, content string) {
	w.raw(">")
	w.raw(escape(content))
	w.close(name)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;")

// escape escapes text for content and attributes alike: a parser makes spaces of tabs and line feeds in
// attributes.
func escape(s string) string {
	if strings.ContainsAny(s, "&<>\"\t\n") {
		return escaper.Replace(s)
	}
	return s
}

// object writes the command's verb around its object: <create><domain:create xmlns:domain="…">.
func (w *writer) object(verb, prefix, namespace string, inside func()) {
	w.raw("<" + verb + ">")
	w.namespaced(prefix, verb, namespace, nil, inside)
	w.raw("</" + verb + ">")
}

// namespaced writes an element that declares its namespace, and its children. What attributes writes
// goes into the start tag.
func (w *writer) namespaced(prefix, name, namespace string, attributes, inside func()) {
	before := w.prefix
	w.prefix = prefix
	w.open(name)
	w.attribute("xmlns:"+strings.TrimSuffix(prefix, ":"), namespace)
	if attributes != nil {
		attributes()
	}
	if inside == nil {
		w.raw("/>")
	} else {
		w.raw(">")
		inside()
		w.close(name)
	}
	w.prefix = before
}

// extend begins the extension of the command, or goes on with it, in front of an element of prefix. An
// empty prefix ends it.
func (w *writer) extend(prefix string) {
	if prefix == "" {
		if w.extending {
			w.raw("</extension>")
		}
		return
	}
	if !w.extending {
		w.raw("<extension>")
		w.extending = true
	}
}

// extension writes an element of the command's extension.
func (w *writer) extension(prefix, name, namespace string, attributes, inside func()) {
	w.extend(prefix)
	w.namespaced(prefix, name, namespace, attributes, inside)
}

// token writes an element of type xs:token with least to most characters.
func (w *writer) token(name, member, value string, least, most int) {
	w.checkToken(member, value, least, most)
	w.open(name)
	w.text(name, value)
}

// checkToken holds a value against xs:token with least to most characters.
func (w *writer) checkToken(member, value string, least, most int) {
	w.check(member, tokenFault(value))
	w.checkLength(member, value, least, most)
}

// line writes an element of type xs:normalizedString with least to most characters.
func (w *writer) line(name, member, value string, least, most int) {
	w.check(member, lineFault(value))
	w.checkLength(member, value, least, most)
	w.open(name)
	w.text(name, value)
}

func (w *writer) check(member, why string) {
	if why != "" {
		w.fail(member, why)
	}
}

func (w *writer) checkLength(member, value string, least, most int) {
	w.check(member, lengthFault(value, least, most))
}

// lengthFault says that a value has not from least to most characters; empty: it has.
func lengthFault(value string, least, most int) string {
	switch {
	case value == "" && least > 0:
		return "is missing"
	case hasLength(value, least, most):
		return ""
	case most == unbounded:
		return "is too long"
	}
	return "has not " + strconv.Itoa(least) + " to " + strconv.Itoa(most) + " characters"
}

// unbounded is the length of a text that the schemas do not bound. A frame does.
const unbounded = 1 << 20

// id writes an identifier of a client or contact.
func (w *writer) id(name, member, value string) {
	w.check(member, idFault(value))
	w.open(name)
	w.text(name, value)
}

// idFault says what is wrong with a value of eppcom:clIDType; empty: nothing.
func idFault(value string) string {
	if why := tokenFault(value); why != "" {
		return why
	}
	return lengthFault(value, 3, 16)
}

// name writes a domain name as A-labels.
func (w *writer) name(element, member, value string) {
	w.open(element)
	w.text(element, w.aLabel(member, value))
}

// aLabel is the name as A-labels.
func (w *writer) aLabel(member, value string) string {
	a, why := aLabel(value)
	w.check(member, why)
	return a
}

// one refuses a value that is not in a list.
func (w *writer) one(member, value string, of ...string) {
	for _, v := range of {
		if v == value {
			return
		}
	}
	if value == "" {
		w.fail(member, "is missing")
		return
	}
	w.fail(member, "is none of "+strings.Join(of, ", "))
}

// item is the path of an element of a list: list[2].
func item(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// under is the path of a member of a member; the outer may be empty.
func under(outer, member string) string {
	if outer == "" {
		return member
	}
	return outer + "." + member
}

func (c *CheckCommand) write(w *writer) {
	prefix, namespace, element := "domain:", nsDomain, "name"
	switch c.Of {
	case HostObject:
		prefix, namespace = "host:", nsHost
	case ContactObject:
		prefix, namespace, element = "contact:", nsContact, "id"
	case DomainObject:
	default:
		w.fail("", "a check is of domains, hosts or contacts")
	}
	if len(c.Names) == 0 {
		w.fail("names", "is missing")
	}
	w.object("check", prefix, namespace, func() {
		for i, name := range c.Names {
			var why string
			if c.Of == ContactObject {
				why = idFault(name)
			} else {
				name, why = aLabel(name)
			}
			if why != "" { // the path of a name is made up only now: there may be many
				w.fail(item("names", i), why)
			}
			w.open(element)
			w.text(element, name)
		}
	})
	if c.Fee != nil {
		if c.Of != DomainObject {
			w.fail("fee", "is for domains only")
		}
		w.feeCheck(c.Fee)
	}
}

func (c *PollRequest) write(w *writer) { w.raw(`<poll op="req"/>`) }

func (c *PollAck) write(w *writer) {
	w.checkToken("id", c.ID, 1, unbounded)
	w.raw(`<poll op="ack"`)
	w.attribute("msgID", c.ID)
	w.raw("/>")
}
