package frame

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are documents, written for this test, that have a bit of everything.
func seeds() []string {
	const declared = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>`
	return []string{
		sample,
		declared + "\n" + inHello(``),
		inCommand(`<hello/><clTRID>a</clTRID>`),
		inCommand(`<poll op="req"/><clTRID> a&#x20;<![CDATA[<b>]]><!-- c --><?d e?>&amp; </clTRID>`),
		inCommand(`<transfer op='query'><d:transfer xmlns:d="urn:d"><d:name>é例</d:name></d:transfer></transfer>`),
		`<q:epp xmlns:q="u" xmlns:r='u'><r:command><q:logout/></r:command></q:epp >` + "\r\n<!-- x --><?y?>",
		inCommand(obj + `<extension><x xmlns="u" xmlns:y="v" a="1" y:a="2"><clTRID>z</clTRID></x></extension><clTRID xmlns:p="w">a</clTRID>`),
		inCommand(obj + obj),
		inCommand(`<clTRID>a</clTRID><clTRID>b</clTRID>`),
		inEPP(`<extension><x xmlns="urn:x"><clTRID>a</clTRID><y><trID><clTRID>b</clTRID></trID><clTRID>c</clTRID></y></x></extension>`),
		inEPP(`<greeting><svID>x</svID><svDate>2026-01-02T03:04:05Z</svDate></greeting>`),
		inEPP(`<response><result code="1301"><msg>x</msg></result><resData><o:panData xmlns:o="urn:o"><o:paTRID><clTRID>p</clTRID></o:paTRID>` +
			`</o:panData></resData><trID><clTRID>M-1</clTRID><svTRID>S-1</svTRID></trID></response>`),
		string(toUTF16(`<?xml version="1.0" encoding="UTF-16"?>`+inCommand(`<logout/>`), true)),
		string(toUTF16(inCommand(`<logout/><clTRID>é例</clTRID>`), false)),
		`<!DOCTYPE epp>` + inHello(``),
		inCommand(`<k:keyrelay xmlns:k="urn:k"/><x:data xmlns:x="urn:x"/><k:clTRID xmlns:k="urn:k">a</k:clTRID>`),
		"\xEF\xBB\xBF" + inHello("&#10;]] >\t"),
		declaring("US-ASCII", "a"), declaring("utf8", "Zoë"), declaring("us-ascii", "Zoë"), declaring("ISO-8859-1", "Zo\xEB"),
		declaring("windows-1252", "\x80\x81"), declaring("TIS-620", "a"), declaring("Shift_JIS", "a"),
	}
}

// node is an element as encoding/xml sees it.
type node struct {
	name     xml.Name
	attr     []xml.Attr
	children []*node
	text     string
}

// readTree reads a whole document; there must be one root.
func readTree(payload []byte) (*node, error) {
	d := NewDecoder(payload)
	top := &node{}
	stack := []*node{top}
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		last := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			n := &node{name: tok.Name, attr: tok.Copy().Attr}
			last.children = append(last.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			last.text += string(tok)
		}
	}
	if len(top.children) != 1 || len(stack) != 1 {
		return nil, errors.New("not one root")
	}
	return top.children[0], nil
}

// strange says whether a namespace name holds white space that encoding/xml leaves as written.
func (n *node) strange() bool {
	if strings.ContainsAny(n.name.Space, "\t\r\n") {
		return true
	}
	for _, c := range n.children {
		if c.strange() {
			return true
		}
	}
	return false
}

// named gives the children of that local name in that namespace.
func (n *node) named(space, local string) (all []*node) {
	for _, c := range n.children {
		if c.name == (xml.Name{Space: space, Local: local}) {
			all = append(all, c)
		}
	}
	return all
}

func (n *node) value(attr string) (string, bool) {
	for _, a := range n.attr {
		if a.Name == (xml.Name{Local: attr}) {
			return a.Value, true
		}
	}
	return "", false
}

// view is what a tree has to say about a message.
type view struct {
	kind, command, op string
	clTRID            string // "-": none
	code              string
}

func (n *node) view() view {
	epp := n.name.Space
	v := view{command: "none", op: "none", clTRID: "-"}
	if len(n.children) != 1 {
		return v
	}
	m := n.children[0]
	v.kind = m.name.Local
	var ids []*node
	switch v.kind {
	case "hello":
		v.command = "hello"
	case "command":
		// namespace of the verb: some registries' verbs have one of their own, and elements of
		// others behind them
		own := epp
		for _, c := range m.children {
			if c.name.Local == "clTRID" || c.name == (xml.Name{Space: epp, Local: "extension"}) || v.command != "none" {
				continue
			}
			v.command, own = c.name.Local, c.name.Space
			if op, found := c.value("op"); found {
				v.op = op
			}
			if v.command == "hello" {
				v.kind = "hello"
			}
		}
		if ids = m.named(epp, "clTRID"); own != epp {
			ids = append(ids, m.named(own, "clTRID")...)
		}
	case "response":
		v.code, _ = m.named(epp, "result")[0].value("code")
		for _, tr := range m.named(epp, "trID") {
			ids = append(ids, tr.named(epp, "clTRID")...)
		}
	case "extension":
		v.command = "extension"
		depth := 0
		var walk func(n *node, at int)
		walk = func(n *node, at int) {
			for _, c := range n.children {
				walk(c, at+1)
				if n.name.Local != "trID" && n.name.Local != "paTRID" && c.name.Local == "clTRID" && at >= depth {
					depth, ids = at, []*node{c}
				}
			}
		}
		walk(m, 1)
	}
	for _, id := range ids {
		v.clTRID = token(id.text)
	}
	if v.clTRID == "" {
		v.clTRID = "-"
	}
	return v
}

func viewOf(m *Message) view {
	v := view{kind: m.Kind.String(), command: m.Command.String(), op: m.Op.String(), clTRID: "-"}
	if m.Command == CommandOther {
		v.command = string(m.Payload[m.Verb.Start:m.Verb.End])
	}
	if m.ClTRID.Present() {
		v.clTRID = string(m.ClTRID.Value)
	}
	if m.Kind == KindResponse {
		v.code = string([]byte{byte('0' + m.Code/1000), byte('0' + m.Code/100%10), byte('0' + m.Code/10%10), byte('0' + m.Code%10)})
	}
	return v
}

func isASCII(b []byte) bool {
	return bytes.IndexFunc(b, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func FuzzScan(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	s := Scanner{Charset: charset}
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		m, err := s.Scan(payload)
		if !bytes.Equal(payload, before) {
			t.Fatalf("payload changed: %q", payload)
		}
		echo := s.EchoClTRID()
		if err != nil {
			if f := err.(*Fault); f.Offset < 0 || f.Offset > 3*len(payload) || f.Reason.unclear() && m != nil {
				t.Fatalf("%q: %+v", payload, f)
			}
			if echo != nil {
				// What is echoed goes into a response as it is, so that has to be well-formed, and
				// hold that value only.
				unit := AppendResponse(nil, 2001, "x", "", echo, []byte("s-1"))
				if m, err := s.Scan(unit[HeaderLen:]); err != nil || !m.ClTRID.Present() {
					t.Fatalf("%q: echo %q: %v", payload, echo, err)
				}
			}
			return
		}
		tree, err := readTree(m.Payload)
		if err != nil {
			// encoding/xml has the names of XML 1.0 (fourth edition), which had fewer letters.
			if strings.Contains(err.Error(), "invalid XML name") && !isASCII(m.Payload) {
				return
			}
			t.Fatalf("%q: accepted, but %v", m.Payload, err)
		}
		if tree.strange() {
			return
		}
		got, want := viewOf(m), tree.view()
		if m.Op == OpOther {
			got.op = want.op
		}
		if got != want {
			t.Fatalf("%q:\ngot  %+v\nwant %+v", m.Payload, got, want)
		}
	})
}

func FuzzSplice(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	s := Scanner{Charset: charset}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := s.Scan(payload)
		if err != nil {
			return
		}
		if unit := AppendUnit(nil, m.Payload, nil); !bytes.Equal(unit[HeaderLen:], m.Payload) {
			t.Fatalf("%q: changed without an edit", m.Payload)
		}
		checkRestore(t, payload, m)
	})
}

func FuzzSize(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x05x\x00\x00\x00\x06yz"), uint16(1), uint16(100))
	f.Add([]byte("\x00\x00\x00\x04"), uint16(3), uint16(100))
	f.Add([]byte("\xFF\xFF\xFF\xFF"), uint16(2), uint16(0))
	f.Fuzz(func(t *testing.T, stream []byte, piece, limit uint16) {
		whole, wholeErr := cut(t, stream, len(stream)+1, int(limit))
		parts, err := cut(t, stream, int(piece)+1, int(limit))
		if err != wholeErr || len(parts) != len(whole) {
			t.Fatalf("in pieces: %d units %v, at once: %d units %v", len(parts), err, len(whole), wholeErr)
		}
		if !bytes.HasPrefix(stream, bytes.Join(parts, nil)) {
			t.Fatal("units are not the stream")
		}
		for _, u := range parts {
			if len(u) < MinUnit || len(u)-HeaderLen > int(limit) {
				t.Fatalf("unit of %d octets", len(u))
			}
			if again := AppendUnit(nil, u[HeaderLen:], nil); !bytes.Equal(again, u) {
				t.Fatalf("got %q, want %q", again, u)
			}
		}
	})
}
