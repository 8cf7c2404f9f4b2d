package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"unicode/utf16"

	"eppmux/cmd/eppmux/internal/clitest"
)

// What a client may send that has a secret in it, in every spelling that XML allows and in many
// that it does not. In the places of secrets stands {x}, in attributes {a}; both become a canary
// with the number of the document. E, D, C, S and X stand for the prefixes of EPP, of objects, of
// RFC 8807 and of a namespace that nobody knows.
var secretDocuments = []string{
	`<E:command><E:login><E:clID>ClientX</E:clID><E:pw>{x}</E:pw><E:options><E:version>1.0</E:version><E:lang>en</E:lang></E:options>` +
		`<E:svcs><E:objURI>urn:ietf:params:xml:ns:domain-1.0</E:objURI></E:svcs></E:login>{id}</E:command>`,
	`<E:command><E:login><E:clID>ClientX</E:clID><E:pw>{x}</E:pw><E:newPW>{x}</E:newPW><E:options><E:version>1.0</E:version><E:lang>en</E:lang>` +
		`</E:options><E:svcs><E:objURI>urn:ietf:params:xml:ns:domain-1.0</E:objURI></E:svcs></E:login>{id}</E:command>`,
	`<E:command><E:login><E:clID>ClientX</E:clID><E:pw>[LOGIN-SECURITY]</E:pw><E:options><E:version>1.0</E:version><E:lang>en</E:lang></E:options>` +
		`<E:svcs><E:objURI>urn:ietf:params:xml:ns:domain-1.0</E:objURI></E:svcs></E:login><E:extension><S:loginSec><S:pw>{x}</S:pw>` +
		`<S:newPW>{x}</S:newPW></S:loginSec></E:extension>{id}</E:command>`,
	// Where nobody looks for a password: elsewhere in the login, in a service that the registry
	// does not have, in an attribute.
	`<E:command><E:login pw="{a}"><E:options><E:pw>{x}</E:pw><E:version>9.9</E:version></E:options></E:login>{id}</E:command>`,
	`<E:command><E:login><E:clID>ClientX</E:clID><E:pw>{x}</E:pw><E:options><E:version>1.0</E:version><E:lang>en</E:lang></E:options>` +
		`<E:svcs><E:objURI>urn:unknown<E:pw>{x}</E:pw></E:objURI></E:svcs></E:login>{id}</E:command>`,
	`<E:command><E:create><D:create><D:name>example.com</D:name><D:authInfo><D:pw>{x}</D:pw></D:authInfo></D:create></E:create>{id}</E:command>`,
	`<E:command><E:create><D:create><D:name>example.com</D:name><D:authInfo><D:ext><X:any pw="{a}">{x}</X:any></D:ext></D:authInfo></D:create></E:create>{id}</E:command>`,
	`<E:command><E:info><D:info><D:name>example.com</D:name><D:authInfo><D:pw roid="{a}">{x}</D:pw></D:authInfo></D:info></E:info>{id}</E:command>`,
	`<E:command><E:transfer op="request"><D:transfer><D:name>example.com</D:name><D:authInfo><D:pw>{x}</D:pw></D:authInfo></D:transfer></E:transfer>{id}</E:command>`,
	`<E:command><E:transfer op="query"><D:transfer><D:name>taken.com</D:name><D:authInfo><D:pw>{x}</D:pw></D:authInfo></D:transfer></E:transfer>{id}</E:command>`,
	`<E:command><E:update><D:update><D:name>example.com</D:name><D:chg><D:authInfo><D:pw>{x}</D:pw></D:authInfo></D:chg></D:update></E:update>{id}</E:command>`,
	`<E:command><E:create><C:create><C:id>NEW-1</C:id><C:postalInfo type="loc"><C:name>A</C:name><C:addr><C:city>B</C:city><C:cc>CH</C:cc></C:addr>` +
		`</C:postalInfo><C:email>a@b.example</C:email><C:authInfo><C:pw>{x}</C:pw></C:authInfo></C:create></E:create>{id}</E:command>`,
	`<E:command><E:info><C:info><C:id>ALICE</C:id><C:authInfo><C:pw>{x}</C:pw></C:authInfo></C:info></E:info>{id}</E:command>`,
	`<E:command><E:transfer op="request"><C:transfer><C:id>BOB</C:id><C:authInfo><C:pw>{x}</C:pw></C:authInfo></C:transfer></E:transfer>{id}</E:command>`,
	`<E:command><E:update><C:update><C:id>ALICE</C:id><C:chg><C:authInfo><C:pw>{x}</C:pw></C:authInfo></C:chg></C:update></E:update>{id}</E:command>`,
	`<E:command><E:check><D:check pw="{a}"><D:name>{x}.example</D:name></D:check></E:check><E:extension><X:allocationToken>{x}</X:allocationToken></E:extension>{id}</E:command>`,
	`<E:command><E:poll op="ack" msgID="{a}"/>{id}</E:command>`,
	`<E:extension><X:extcommand><X:sendAuthInfo pw="{a}"><X:pw>{x}</X:pw></X:sendAuthInfo><X:clTRID>SAFE-1</X:clTRID></X:extcommand></E:extension>`,
	`<!-- {x} --><E:command><?pw {x}?><E:delete><D:delete><D:name>example.com<!-- {x} --></D:name></D:delete></E:delete>{id}</E:command>`,
	`<E:command><E:delete><D:delete><D:name>example.com</D:name></D:delete></E:delete><E:clTRID>SAFE<!-- {x} --><?pw {x}?>-1</E:clTRID></E:command>`,
	`<E:command><E:create><D:create/></E:create>{id}<E:pw>{x}</E:pw></E:command>`,
	`<E:command><E:create><D:create/></E:create><E:extension><X:x/></E:extension><X:pw>{x}</X:pw>{id}</E:command>`,
	`<E:command><E:{a}><D:{a}/></E:{a}>{id}</E:command>`,
	`<E:hello>{x}</E:hello>`,
	`<E:response><E:result code="1000"><E:msg>{x}</E:msg></E:result><E:trID><E:svTRID>{x}</E:svTRID></E:trID></E:response>`,
	`<X:pw>{x}</X:pw>`,
}

// secretCommand is the document that is a plain command; the first is a login.
const secretCommand = 5

var secretNamespaces = map[string]string{"E": "urn:ietf:params:xml:ns:epp-1.0", "D": "urn:ietf:params:xml:ns:domain-1.0",
	"C": "urn:ietf:params:xml:ns:contact-1.0", "S": "urn:ietf:params:xml:ns:epp:loginSec-1.0", "X": "urn:unknown"}

// secretPrefixes are ways to write E, D, C, S and X; "" is the default namespace, declared on each
// element.
var secretPrefixes = []map[string]string{
	{"E": "", "D": "", "C": "", "S": "", "X": ""},
	{"E": "", "D": "domain", "C": "contact", "S": "loginSec", "X": "x"},
	{"E": "ns0", "D": "ns1", "C": "ns2", "S": "ns3", "X": "ns4"},
	{"E": "pw", "D": "epp", "C": "ünï", "S": "login", "X": "clTRID"},
}

// secretTexts are ways to write text.
var secretTexts = []func(string) string{
	func(s string) string { return s },
	func(s string) string { return "<![CDATA[" + s + "]]>" },
	func(s string) string { return s[:3] + "<![CDATA[" + s[3:9] + "]]>" + s[9:] },
	func(s string) string { return clitest.References(s, "&#%d;") },
	func(s string) string { return clitest.References(s, "&#x%X;") },
	func(s string) string { return "\n <!-- " + s + " -->" + s + "<?x " + s + "?>\t" },
}

// secretFaults are what may be wrong with a document (before it is encoded) or with its data unit
// (after).
var secretFaults = []struct {
	name     string
	document func(s, canary string) string
	wire     func(s string) string
}{
	{"none", nil, nil},
	{"none once more", nil, nil},
	{"cut in the secret", func(s, c string) string {
		return s[:max(strings.Index(s, "<E"), strings.LastIndex(s, c[len(c)-4:]))]
	}, nil},
	{"wrong nesting", func(s, c string) string { return strings.Replace(s, "</", "</wrong></", 1) }, nil},
	{"second root", func(s, c string) string { return s + "<pw>" + c + "</pw>" }, nil},
	{"doctype", func(s, c string) string { return `<!DOCTYPE epp [<!ENTITY pw "` + c + `">]>` + s }, nil},
	{"unknown entity", func(s, c string) string { return strings.Replace(s, "</", "&"+c+";</", 1) }, nil},
	{"control character", func(s, c string) string { return strings.Replace(s, "</", c+"\x01</", 1) }, nil},
	{"duplicate attribute", func(s, c string) string {
		return strings.Replace(s, ">", ` pw="`+c+`" pw="`+c+`">`, 1)
	}, nil},
	{"unbound prefix", func(s, c string) string { return strings.Replace(s, "</", "<"+c+":pw/></", 1) }, nil},
	{"encoding", func(s, c string) string { return `<?xml version="1.0" encoding="` + c + `"?>` + s }, nil},
	{"text between", func(s, c string) string { return strings.Replace(s, "command>", "command>"+c, 1) }, nil},
	{"too deep", func(s, c string) string { return strings.Replace(s, "</", strings.Repeat("<"+c+">", 200)+"</", 1) }, nil},
	{"ends early", nil, func(s string) string { return s[:len(s)-len(s)/3] }},
	{"no header", nil, func(s string) string { return s[4:] }},
	{"header too short", nil, func(s string) string { return "\x00\x00\x00\x04" + s }},
	{"two at once", nil, func(s string) string { return s + s + s[:len(s)/2] }},
}

var elementStart = regexp.MustCompile(`<(/?)([EDCSX]):([^\s/>]+)`)

// secretUnit writes document i of the list with a fault, in a spelling of the generator's choice.
func secretUnit(random *rand.Rand, i, fault int, text func(string) string) string {
	f := &secretFaults[fault]
	secret := fmt.Sprintf("%s%02d", clitest.Canary, i)
	doc := "<E:epp>" + strings.NewReplacer("{id}", fmt.Sprintf("<E:clTRID>SAFE-%d</E:clTRID>", i), "{x}", text(secret), "{a}", secret).Replace(secretDocuments[i]) + "</E:epp>"
	if f.document != nil {
		doc = f.document(doc, secret)
	}
	prefixes := secretPrefixes[random.IntN(len(secretPrefixes))]
	first := true
	doc = elementStart.ReplaceAllStringFunc(doc, func(tag string) string {
		m := elementStart.FindStringSubmatch(tag)
		prefix, declared := prefixes[m[2]], ""
		switch {
		case m[1] != "":
		case prefix == "":
			declared = ` xmlns="` + secretNamespaces[m[2]] + `"`
		}
		if first {
			for _, k := range []string{"E", "D", "C", "S", "X"} {
				if p := prefixes[k]; p != "" {
					declared += ` xmlns:` + p + `="` + secretNamespaces[k] + `"`
				}
			}
			first = false
		}
		if prefix != "" {
			prefix += ":"
		}
		return "<" + m[1] + prefix + m[3] + declared
	})
	wire := string(clitest.Unit(secretEncodings[random.IntN(len(secretEncodings))](doc)))
	if f.wire != nil {
		wire = f.wire(wire)
	}
	return wire
}

// secretEncodings are ways to write characters.
var secretEncodings = []func(string) string{
	func(s string) string { return `<?xml version="1.0" encoding="UTF-8"?>` + s },
	func(s string) string { return "\ufeff" + s },
	func(s string) string { return inUTF16("\ufeff"+s, 0) },
	func(s string) string { return inUTF16("\ufeff"+`<?xml version="1.0" encoding="UTF-16"?>`+s, 1) },
}

// inUTF16 writes code units with their low octet at the place low.
func inUTF16(s string, low int) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		pair := [2]byte{}
		pair[low], pair[1-low] = byte(u), byte(u>>8)
		b = append(b, pair[:]...)
	}
	return string(b)
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
