package proxy

import "strings"

const (
	nsEPP    = "urn:ietf:params:xml:ns:epp-1.0"
	nsDomain = "urn:ietf:params:xml:ns:domain-1.0"
)

// element is a piece of a command, before a client's habits of writing XML.
type element struct {
	object bool // of a domain; else of EPP
	name   string
	attrs  string // with a space before each
	text   string // as it stands in the document
	kids   []element
}

func el(name string, kids ...element) element { return element{name: name, kids: kids} }
func text(name, s string) element             { return element{name: name, text: s} }

// domain is a command about a domain.
func domain(verb string, kids ...element) element {
	o := element{object: true, name: verb, kids: kids}
	return el(verb, o)
}

func domainText(name, s string) element { return element{object: true, name: name, text: s} }

// document is a message as a client of these habits writes it.
func (h habit) document(message element) string {
	w := xmlWriter{habit: h}
	w.prolog()
	w.element(element{name: "epp", attrs: h.rootAttrs(), kids: []element{message}}, 0)
	if h.has(newlineAtEnd) {
		w.WriteString(w.lineEnd())
	}
	return w.String()
}

func (h habit) rootAttrs() string {
	a := ` xmlns="` + nsEPP + `"`
	switch {
	case h.has(prefixNS0):
		a = ` xmlns:ns0="` + nsEPP + `"`
	case h.has(prefixBoth):
		a += ` xmlns:epp="` + nsEPP + `"`
	}
	if h.has(schemaLocation) {
		a += ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="` + nsEPP + ` epp-1.0.xsd"`
	}
	if h.has(rootDeclares) {
		a += ` xmlns:domain="` + nsDomain + `" xmlns:contact="urn:ietf:params:xml:ns:contact-1.0" xmlns:host="urn:ietf:params:xml:ns:host-1.0"`
	}
	return a
}

// xmlWriter writes elements.
type xmlWriter struct {
	strings.Builder
	habit habit
}

func (w *xmlWriter) lineEnd() string {
	if w.habit.has(crlf) {
		return "\r\n"
	}
	return "\n"
}

func (w *xmlWriter) prolog() {
	h := w.habit
	if h.has(newlineAtStart) {
		w.WriteString(w.lineEnd())
	}
	switch {
	case h.has(noDeclaration):
		return
	case h.has(latin1):
		w.WriteString(`<?xml version="1.0" encoding="ISO-8859-1"?>`)
	case h.has(bareDeclaration):
		w.WriteString(`<?xml version="1.0"?>`)
	case h.has(standalone):
		w.WriteString(`<?xml version="1.0" encoding="UTF-8" standalone="no"?>`)
	default:
		w.WriteString(`<?xml version="1.0" encoding="UTF-8"?>`)
	}
	if h.has(pretty | crlf) {
		w.WriteString(w.lineEnd())
	}
}

func (w *xmlWriter) element(e element, depth int) {
	name := w.prefix(e) + e.name
	w.WriteString("<" + name + e.attrs)
	if e.object && depth == 3 { // epp, command, verb
		w.WriteString(w.declared())
	}
	if e.text == "" && len(e.kids) == 0 && !w.habit.has(expandedTags) {
		w.WriteString("/>")
		return
	}
	w.WriteString(">" + e.text)
	for _, k := range e.kids {
		w.indent(depth + 1)
		w.element(k, depth+1)
	}
	if len(e.kids) > 0 {
		w.indent(depth)
	}
	w.WriteString("</" + name + ">")
}

func (w *xmlWriter) indent(depth int) {
	if w.habit.has(pretty) {
		w.WriteString(w.lineEnd() + strings.Repeat("  ", depth))
	}
}

func (w *xmlWriter) prefix(e element) string {
	switch {
	case e.object && w.habit.has(defaultObjects):
		return ""
	case e.object:
		return "domain:"
	case w.habit.has(prefixNS0):
		return "ns0:"
	}
	return ""
}

// declared is what the outermost element of an object declares.
func (w *xmlWriter) declared() string {
	h, a := w.habit, ""
	if h.has(defaultObjects | twiceDeclared) {
		a = ` xmlns="` + nsDomain + `"`
	}
	if !h.has(defaultObjects | rootDeclares) {
		a += ` xmlns:domain="` + nsDomain + `"`
	}
	if h.has(schemaLocation) {
		a += ` xsi:schemaLocation="` + nsDomain + ` domain-1.0.xsd"`
	}
	return a
}
