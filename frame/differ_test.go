package frame

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	differSeed    = flag.Uint64("differ.seed", 1, "seed of the mutants that Scan and libxml2 read; 0: a new one, printed")
	differMutants = flag.Int("differ.mutants", 3000, "number of those mutants")
)

// reading is what libxml2 makes of a document.
type reading struct {
	fault string // why it refuses it; empty: it does not
	again string // the document as it would write it
}

var (
	lintFault = regexp.MustCompile(`(?m)^[^\n]*?/([0-9]+)\.xml:[0-9]+: ([a-z]+ error : .*)$`)

	// lintURI is a fault that is none for us: namespace names need not be URIs, they compare octet
	// for octet.
	lintURI = regexp.MustCompile(`^namespace error : xmlns(:\S+)?: '`)

	// lintMark stands between documents in what xmllint prints, since it prints nothing for one
	// that it refuses.
	lintMark = "<differ-mark/>"
)

// readLikeXMLLint gives libxml2's reading of each document.
func readLikeXMLLint(t *testing.T, docs [][]byte) []reading {
	t.Helper()
	lint, dir := xmllint(t), t.TempDir()
	write := func(name string, data []byte) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	mark := write("mark", []byte(lintMark))
	all := make([]reading, len(docs))
	const batch = 200
	for from := 0; from < len(docs); from += batch {
		args := []string{"--nonet", "--nocdata", "--encode", "UTF-8"}
		n := min(batch, len(docs)-from)
		for i := range n {
			args = append(args, write(fmt.Sprintf("%d.xml", i), docs[from+i]), mark)
		}
		var out, faults bytes.Buffer
		cmd := exec.Command(lint, args...)
		cmd.Stdout, cmd.Stderr = &out, &faults
		_ = cmd.Run() // it fails when one is refused
		for _, m := range lintFault.FindAllStringSubmatch(faults.String(), -1) {
			var i int
			if _, err := fmt.Sscan(m[1], &i); err != nil || i >= n {
				t.Fatalf("xmllint prints %q", m[0])
			}
			if r := &all[from+i]; r.fault == "" && !lintURI.MatchString(m[2]) {
				r.fault = m[2]
			}
		}
		parts := strings.Split(out.String(), lintMark)
		if len(parts) != n+1 {
			t.Fatalf("xmllint printed %d documents for %d: %s", len(parts)-1, n, faults.String())
		}
		for i, part := range parts[:n] {
			_, all[from+i].again, _ = strings.Cut(part, "?>\n") // behind the declaration
		}
	}
	return all
}

// oldNames says whether encoding/xml refuses a document since it has the names of XML 1.0 (fourth
// edition), which had fewer letters.
func oldNames(err error, doc []byte) bool {
	return strings.Contains(err.Error(), "invalid XML name") && !isASCII(doc)
}

// differ holds Scan's reading of a document against libxml2's and encoding/xml's. What is not
// well-formed nobody reads, what Scan accepts all read in the same way, and what it refuses
// although libxml2 reads it, it refuses by a rule of ours.
func differ(t *testing.T, s *Scanner, doc []byte, theirs reading) {
	t.Helper()
	m, err := s.Scan(doc)
	if err != nil {
		if reason := err.(*Fault).Reason; malformed(reason) && theirs.fault == "" && !lax(doc, reason) {
			t.Errorf("%q\nrefused (%v), and libxml2 reads it", doc, err)
		}
		return
	}
	if theirs.fault != "" && beyondASCII.Match(doc) {
		agree(t, m, "encoding/xml", m.Payload) // what is passed on does not declare US-ASCII any more
		return
	}
	if theirs.fault != "" {
		t.Errorf("%q\naccepted, and libxml2 says: %s", doc, theirs.fault)
		return
	}
	if tree := agree(t, m, "encoding/xml", m.Payload); tree != nil && !tree.unwritten() {
		agree(t, m, "libxml2", []byte(theirs.again))
	}
}

// agree holds what Scan says of a message against what encoding/xml reads in text, which reader has
// made of it, and gives that; nil where encoding/xml reads nothing.
func agree(t *testing.T, m *Message, reader string, text []byte) *node {
	t.Helper()
	tree, err := readTree(text)
	if err != nil {
		if !oldNames(err, m.Payload) {
			t.Errorf("%q\naccepted, and %s has %q: %v", m.Payload, reader, text, err)
		}
		return nil
	}
	if tree.strange() {
		return tree
	}
	got, want := viewOf(m), tree.view()
	if m.Op == OpOther {
		got.op = want.op
	}
	if got != want {
		t.Errorf("%q\ngot  %+v\nwant %+v by %s", m.Payload, got, want, reader)
	}
	return tree
}

// lax says whether a document is one that libxml2 reads against XML 1.0: in UTF-16 without the byte
// order mark that section 4.3.3 demands, or in UTF-32; with a NUL behind the root, which it takes
// for the end; with an XML declaration of another version 1.x (productions 24 and 26, fifth
// edition, allow a digit and more, but see readDeclaration), or without white space before
// standalone (production 32).
func lax(doc []byte, reason Reason) bool {
	for _, front := range []string{"<\x00", "\x00<", "\x00\x00", "\xFF\xFE\x00\x00"} {
		if bytes.HasPrefix(doc, []byte(front)) {
			return true
		}
	}
	switch reason {
	case TextOutsideRoot:
		return bytes.IndexByte(doc, 0) >= 0
	case BadDeclaration:
		return laxDeclaration.Match(bytes.ReplaceAll(doc, []byte{0}, nil))
	}
	return false
}

// beyondASCII is a document that declares US-ASCII and has other octets, which Scan reads as UTF-8.
var beyondASCII = regexp.MustCompile(`(?is)^[^<]{0,3}<\?xml [^>]*(us-)?ascii.*[^\x00-\x7F]`)

var laxDeclaration = regexp.MustCompile(`^[^<]{0,3}<\?xml\s+version\s*=\s*("1\.[0-9]*"|'1\.[0-9]*'|[^>]*["']standalone)`)

// unwritten says whether a namespace name holds what must be escaped: libxml2 writes it as it is.
func (n *node) unwritten() bool {
	for _, a := range n.attr {
		if (a.Name.Space == "xmlns" || a.Name.Local == "xmlns") && strings.ContainsAny(a.Value, "<&\"\t\r\n") {
			return true
		}
	}
	return slices.ContainsFunc(n.children, (*node).unwritten)
}

// wholeCorpus is the corpus, frames and hostile payloads.
func wholeCorpus(t *testing.T) (names []string, docs [][]byte) {
	for _, r := range readTable(t, "MANIFEST.tsv") {
		names = append(names, r["path"])
	}
	for _, r := range readTable(t, filepath.Join("hostile", "EXPECTED.tsv")) {
		names = append(names, filepath.Join("hostile", r["file"]))
	}
	for _, name := range names {
		docs = append(docs, readCorpus(t, name))
	}
	return names, docs
}

func TestCorpusLikeXMLLint(t *testing.T) {
	names, docs := wholeCorpus(t)
	s := Scanner{Charset: charset}
	for i, theirs := range readLikeXMLLint(t, docs) {
		t.Run(names[i], func(t *testing.T) { differ(t, &s, docs[i], theirs) })
	}
}

// TestMutantsLikeXMLLint changes the corpus, and splices its documents.
func TestMutantsLikeXMLLint(t *testing.T) {
	_, docs := wholeCorpus(t)
	seed := *differSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	n := *differMutants
	if testing.Short() {
		n /= 10
	}
	mu := mutator{rand.New(rand.NewPCG(seed, 0)), docs}
	mutants := make([][]byte, n)
	for i := range mutants {
		mutants[i] = mu.mutant()
	}
	s := Scanner{Charset: charset}
	accepted, read := 0, 0
	for i, theirs := range readLikeXMLLint(t, mutants) {
		differ(t, &s, mutants[i], theirs)
		if _, err := s.Scan(mutants[i]); err == nil {
			accepted++
		}
		if theirs.fault == "" {
			read++
		}
	}
	t.Logf("%d mutants from seed %d: Scan accepts %d, libxml2 reads %d", n, seed, accepted, read)
	if accepted < n/50 || read < accepted {
		t.Errorf("too few are well-formed to say something")
	}
}

// mutator changes documents.
type mutator struct {
	*rand.Rand
	docs [][]byte
}

// mutantMax is the longest document that is changed, in octets: longer ones take time and say no
// more.
const mutantMax = 8 << 10

func (r mutator) doc() []byte {
	for {
		if p := r.docs[r.IntN(len(r.docs))]; len(p) > 0 && len(p) <= mutantMax {
			return p
		}
	}
}

// mutant is a document with one to four changes, one more often than not.
func (r mutator) mutant() []byte {
	p := bytes.Clone(r.doc())
	for n := 1; n == 1 || n < 5 && r.IntN(3) == 0; n++ {
		if len(p) > 0 {
			p = r.change(p)
		}
	}
	return p
}

func (r mutator) change(p []byte) []byte {
	at := r.IntN(len(p))
	a, b := r.element(p)
	c, d := r.element(p)
	switch r.IntN(12) {
	case 11: // the XML declaration names another encoding
		i := bytes.Index(p, []byte("encoding=\"UTF-8\""))
		if i < 0 {
			return p
		}
		return join(p[:i], []byte(fmt.Sprintf("encoding=%q", differEncodings[r.IntN(len(differEncodings))])), p[i+len("encoding=\"UTF-8\""):])
	case 0: // an octet goes
		return join(p[:at], p[at+1:])
	case 1: // an octet changes
		return join(p[:at], r.sign(), p[at+1:])
	case 2: // an octet comes
		return join(p[:at], r.sign(), p[at:])
	case 3: // an element goes
		return join(p[:a], p[b:])
	case 4: // an element comes a second time
		return join(p[:c], p[a:b], p[c:])
	case 5: // two elements change places
		if c < a {
			a, b, c, d = c, d, a, b
		}
		if b <= c {
			return join(p[:a], p[c:d], p[b:c], p[a:b], p[d:])
		}
		return join(p[:c], p[a:b], p[d:]) // one is in the other
	case 6: // an element of another document in place of one
		q := r.doc()
		c, d := r.element(q)
		return join(p[:a], q[c:d], p[b:])
	case 7: // the front of one document, the back of another
		q := r.doc()
		c, _ := r.element(q)
		return join(p[:a], q[c:])
	case 8: // XML before an element
		return join(p[:a], r.word(), p[a:])
	case 9: // XML behind it
		return join(p[:b], r.word(), p[b:])
	default: // XML anywhere
		return join(p[:at], r.word(), p[at:])
	}
}

// element is where an element begins and ends, if p is simple enough; both are the same where there
// is none.
func (r mutator) element(p []byte) (start, end int) {
	for range 10 {
		at := r.IntN(len(p))
		i := bytes.IndexByte(p[at:], '<')
		if i < 0 {
			continue
		}
		start = at + i
		n := bytes.IndexAny(p[start:], " \t\r\n/>")
		if n < 2 {
			continue
		}
		shut := "</" + string(p[start+1:start+n]) + ">"
		if i := bytes.Index(p[start:], []byte(shut)); i >= 0 {
			return start, start + i + len(shut)
		}
	}
	return start, start
}

var differEncodings = []string{"ISO-8859-1", "iso-8859-1", "latin1", "US-ASCII", "ascii", "utf8", "UTF-8", "ISO-8859-2", "ISO-8859-15", "windows-1251", "KOI8-R", "UTF-16", "utf-9", ""}

const differSigns = "<>/=\"'&;:!?-[] \t\r\n#xXaAepD0\x00\x0B\x7F\x80\xBF\xC3\xE2\xEF\xFF"

func (r mutator) sign() []byte {
	i := r.IntN(len(differSigns))
	return []byte(differSigns[i : i+1])
}

// differWords are what XML is made of, whole and broken.
var differWords = []string{
	"<!-- c -->", "<!-- -- -->", "<!---->", "<!--->", "<![CDATA[x]]>", "<![CDATA[]]>", "<![CDATA[<b>&]]>", "]]>", "<?p i?>", "<?xml version='1.0'?>", "<?XML?>", "<?p:q?>",
	"<?xml-stylesheet href='x'?>", "&amp;", "&lt;", "&#65;", "&#x41;", "&#0;", "&#xD800;", "&#x110000;", "&#xFFFE;", "&#10;", "&x;", "&#;", "<!DOCTYPE epp>", "<!DOCTYPE epp [<!ENTITY x 'y'>]>",
	"<a/>", "<a>", "</a>", "<a></a >", "<a b='c'/>", "<a b='1' b='2'/>", "<a xmlns='u'/>", "<a xmlns=''/>", "<a xmlns:p=''/>", "<p:a/>", "<a p:b=''/>", "<p:a xmlns:p='u'/>",
	"<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", "<a:b:c/>", "<:a/>", "<a:/>", "<xml:a/>", "<xmlns:a/>", "<a xml:lang='en'/>", "<a xmlns:xml='u'/>", "<a xmlns:xmlns='u'/>", "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
	"<a xmlns='http://www.w3.org/2000/xmlns/'/>", "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>", "<1/>", "<\u00E9/>", "<\u2070a/>", "<a\u0300/>", "<\u00D7/>", "<a b=\"'\"/>", "<a b='<'/>", "<a b='>'/>", "<a b='&lt;'/>", "<a b='\t\n'/>", "<a b=c/>", "<a b/>", "<a b='c'd='e'/>", "< a/>", "<a / >",
	"<clTRID>a</clTRID>", "<clTRID/>", "<clTRID xmlns='u'>a</clTRID>", "<epp:clTRID>a</epp:clTRID>", "<extension/>", "<extension><clTRID>a</clTRID></extension>", "<check/>", "<hello/>", "<logout/>", "<command><hello/></command>", "<trID><clTRID>a</clTRID></trID>",
	"<result code='1000'/>", " op='query'", " op=\"&#113;uery\"", " xmlns='u'", " xmlns='urn:ietf:params:xml:ns:epp-1.0'", " xmlns:epp='urn:ietf:params:xml:ns:epp-1.0'", " encoding='UTF-8'", " standalone='yes'",
	"<?xml version='1.0' encoding='ISO-8859-1'?>", "<?xml version='1.0' encoding='us-ascii'?>", "<?xml version='1.0' encoding='utf8'?>", "<?xml version='1.0' encoding='ISO-8859-15'?>",
	"\xEF\xBB\xBF", "\uFFFE", "\uFFFF", "\uD7FF", "\U00010000", "\U0010FFFF", "\xF4\x90\x80\x80", "\xED\xA0\x80", "\xC0\x80", "\u0085", "\u2028", "\x7F", "\x01",
}

func (r mutator) word() []byte { return []byte(differWords[r.IntN(len(differWords))]) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
