package proxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"gopkg.in/yaml.v3"

	"eppmux/frame"
)

// beside is a path in the folder shared, which lies beside the repository. Where it is not there
// the test is skipped, and in CI it fails. unchecked says what is then not checked.
func beside(t *testing.T, unchecked string, path ...string) string {
	t.Helper()
	name := filepath.Join(append([]string{"..", "..", "shared"}, path...)...)
	if _, err := os.Stat(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v; CI has to have it", err)
		}
		t.Skipf("%v; not checked: %s", err, unchecked)
	}
	return name
}

// corpusTable reads a tab-separated table with a line of column names.
func corpusTable(t *testing.T, name string) []map[string]string {
	t.Helper()
	data, err := os.ReadFile(beside(t, "frames of other projects", "corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	columns := strings.Split(lines[0], "\t")
	var rows []map[string]string
	for _, line := range lines[1:] {
		r := map[string]string{}
		for i, v := range strings.Split(line, "\t") {
			r[columns[i]] = v
		}
		rows = append(rows, r)
	}
	return rows
}

func corpusFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(beside(t, "a frame of other projects", "corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// corpusCase is what the tables of our own corpus have of one file, as far as a proxy is concerned.
type corpusCase struct {
	Kind, Verb, Object, Element, Reason, Echo string
}

// corpusCases reads a set of our own corpus, frame/testdata/corpus: its table and its payloads.
func corpusCases(t *testing.T, set string) (cases map[string]corpusCase, payloads map[string][]byte) {
	t.Helper()
	dir := filepath.Join("..", "frame", "testdata", "corpus")
	table, err := os.ReadFile(filepath.Join(dir, set+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(table, &cases); err != nil {
		t.Fatal(err)
	}
	payloads = make(map[string][]byte)
	for name := range cases {
		if payloads[name], err = os.ReadFile(filepath.Join(dir, set, name+".xml")); err != nil {
			t.Fatal(err)
		}
	}
	return cases, payloads
}

// fate is what must become of a request.
type fate int

const (
	fateThrough fate = iota // the registry receives it and its answer comes back
	fateLocal               // it has an answer of our own
	fateRefused             // it is answered 2001
	fateUnknown             // it is answered 2000
)

// fateOf is the fate of a request that is well-formed and clear, by its kind, its verb, and the
// namespace of its object or of a verb that is not of EPP.
func fateOf(kind, verb, object string) fate {
	switch {
	case kind == "hello" || verb == "hello" || verb == "login" || verb == "logout":
		return fateLocal
	case kind == "extension" || slices.Contains([]string{"check", "create", "delete", "info", "poll", "renew", "transfer", "update"}, verb):
		return fateThrough
	case object == "urn:ietf:params:xml:ns:domain-1.0" || object == echoExtension: // what an echoRegistry offers
		return fateThrough
	}
	return fateUnknown
}

// corpusRig is a server in front of an echo registry.
type corpusRig struct {
	*fixture
	r *echoRegistry
}

func startCorpus(t *testing.T) corpusRig {
	t.Helper()
	f, r := startEcho(t, nil)
	return corpusRig{f, r}
}

// send sends a payload on a connection of its own. It gives the answer, and what the registry has
// received.
func (c corpusRig) send(payload []byte) (answer string, received [][]byte) {
	c.t.Helper()
	p := c.dial()
	defer p.nc.Close()
	answer = p.ask(string(payload))
	return answer, c.r.take()
}

// check sends a payload and holds what becomes of it against its fate. It gives the answer.
func (c corpusRig) check(name string, payload []byte, want fate) string {
	c.t.Helper()
	answer, got := c.send(payload)
	switch want {
	case fateRefused:
		if len(got) > 0 || !strings.Contains(answer, `code="2001"`) {
			c.t.Errorf("%s: got %s and %q at the registry, want 2001 and nothing", name, answer, got)
		}
	case fateUnknown:
		if len(got) > 0 || !strings.Contains(answer, `code="2000"`) {
			c.t.Errorf("%s: got %s and %q at the registry, want 2000 and nothing", name, answer, got)
		}
	case fateLocal:
		if len(got) > 0 || !strings.Contains(answer, "<greeting>") && !strings.Contains(answer, "code=") {
			c.t.Errorf("%s: got %s and %q at the registry, want an answer of our own", name, answer, got)
		}
	case fateThrough:
		if err := unchanged(payload, got, answer); err != nil {
			c.t.Errorf("%s: %v", name, err)
		}
	}
	return answer
}

// refused are the requests of the corpus that are no command: each with the reason.
var refused = map[string]string{
	"requests/pyepp-test-base-command-l18.xml":      "a command without a verb",
	"requests/pyepp-val1-test-base-command-l58.xml": "two verbs",
}

// TestCorpusThrough sends every request of other projects: the registry's side receives it octet
// for octet but for the clTRID, and the clTRID comes back octet for octet.
func TestCorpusThrough(t *testing.T) {
	rows := corpusTable(t, "MANIFEST.tsv")
	c := startCorpus(t)
	through := 0
	for _, row := range rows {
		if !strings.HasPrefix(row["path"], "requests/") {
			continue
		}
		verb, _, _ := strings.Cut(row["verb"], ":") // its op
		want := fateOf(row["kind"], verb, row["object_ns"])
		if row["well_formed"] != "yes" || row["kind"] == "other" || refused[row["path"]] != "" {
			want = fateRefused
		}
		if want == fateThrough {
			through++
		}
		c.check(row["path"], corpusFile(t, row["path"]), want)
	}
	if through < 300 {
		t.Errorf("only %d requests went through", through)
	}
}

// TestCorpusOwnThrough does the same with our own corpus.
func TestCorpusOwnThrough(t *testing.T) {
	cases, payloads := corpusCases(t, "well")
	c := startCorpus(t)
	through := 0
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		tt := cases[name]
		if tt.Kind == "greeting" || tt.Kind == "response" {
			continue
		}
		want := fateOf(tt.Kind, tt.Verb, tt.Object)
		if want == fateThrough {
			through++
		}
		c.check(name, payloads[name], want)
	}
	if through < 50 {
		t.Errorf("only %d requests went through", through)
	}
}

// TestCorpusOwnAnswers lets the registry answer with every response of our own corpus that has a
// clTRID: the client receives it octet for octet but for the clTRID, which is its own as written.
func TestCorpusOwnAnswers(t *testing.T) {
	const own = `A&amp;B <![CDATA[<1>]]>`
	cases, payloads := corpusCases(t, "well")
	c := startCorpus(t)
	answered := 0
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		tt := cases[name]
		if tt.Kind != "response" || tt.Element == "" {
			continue
		}
		answered++
		response := string(inUTF8(payloads[name]))
		at := strings.Index(response, tt.Element)
		start := at + strings.IndexByte(tt.Element, '>') + 1
		before, after := response[:start], response[at+strings.LastIndex(tt.Element, "</"):]
		c.r.answerWith(func(_, id []byte) string { return before + string(id) + after })
		answer, got := c.send([]byte(check("lantern.example", own)))
		if want := before + own + after; answer != want || len(got) != 1 {
			t.Errorf("%s: got %s\nwant %s\nand the registry received %q", name, answer, want, got)
		}
	}
	if answered < 10 {
		t.Errorf("only %d answers came", answered)
	}
}

// inUTF8 is what a payload is in UTF-8, where it does not declare another encoding any more.
func inUTF8(payload []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(payload, []byte{0xFE, 0xFF}):
		order = binary.BigEndian
	case bytes.HasPrefix(payload, []byte{0xFF, 0xFE}):
		order = binary.LittleEndian
	default:
		return payload
	}
	var units []uint16
	for i := 2; i < len(payload); i += 2 {
		units = append(units, order.Uint16(payload[i:]))
	}
	return declaredUTF16.ReplaceAll([]byte(string(utf16.Decode(units))), []byte("$1"))
}

var declaredUTF16 = regexp.MustCompile(`^(<\?xml [^>]*?) encoding="(?i:utf-16)"`)

// unchanged compares what a client sent with what the registry received and the client got back.
func unchanged(sent []byte, received [][]byte, answer string) error {
	sent = inUTF8(sent)
	if len(received) != 1 {
		return fmt.Errorf("the registry received %d payloads; the answer is %s", len(received), answer)
	}
	got := received[0]
	id := muxForm.FindIndex(got)
	own := ""
	if id != nil {
		// What stands around the muxTRID is the client's, or else the element was put there whole.
		before, after := got[:id[0]], got[id[1]:]
		switch {
		case bytes.HasPrefix(sent, before) && bytes.HasSuffix(sent, after) && len(before)+len(after) <= len(sent):
			own = string(sent[len(before) : len(sent)-len(after)])
		default:
			i := bytes.LastIndexByte(before, '<')
			j := bytes.IndexByte(after, '>') + 1
			if !bytes.Equal(slices.Concat(before[:i], after[j:]), sent) {
				return fmt.Errorf("sent %q\nreceived %q", sent, got)
			}
		}
	} else if !bytes.Equal(got, sent) {
		return fmt.Errorf("sent %q\nreceived %q", sent, got)
	}
	if own == "" && strings.Contains(answer, "clTRID") || own != "" && !strings.Contains(answer, "<clTRID>"+own+"</clTRID>") {
		return fmt.Errorf("the client's clTRID is %q, the answer %s", own, answer)
	}
	return nil
}

// TestHostileThrough sends every hostile payload beside the repository: each gets a wanted answer,
// and what is refused does not reach the registry.
func TestHostileThrough(t *testing.T) {
	rows := corpusTable(t, filepath.Join("hostile", "EXPECTED.tsv"))
	c := startCorpus(t)
	for _, row := range rows {
		if row["stored"] != "yes" {
			continue
		}
		answer, got := c.send(corpusFile(t, filepath.Join("hostile", row["file"])))
		reached := len(got) > 0
		outcome := "pass"
		for _, code := range []string{"2000", "2001", "2005"} {
			if strings.Contains(answer, `code="`+code+`"`) {
				outcome = code
			}
		}
		want := append([]string{row["answer"]}, strings.Split(row["also_seen"], ", ")...)
		if row["file"] == "enc-ascii-declared.xml" {
			want = []string{"pass"} // read as UTF-8, which its octets are; what goes on declares no US-ASCII any more
		}
		if !slices.Contains(want, outcome) || outcome != "pass" && reached {
			t.Errorf("%s: got %s (at the registry: %v), want one of %v: %s", row["file"], answer, reached, want, row["reason"])
		}
	}
}

// TestCorpusOwnHostile sends those of our own corpus: each is answered 2001 with the reason, with
// the clTRID that may be echoed and with no other, and does not reach the registry.
func TestCorpusOwnHostile(t *testing.T) {
	cases, payloads := corpusCases(t, "hostile")
	c := startCorpus(t)
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		tt := cases[name]
		answer := c.check(name, payloads[name], fateRefused)
		echo := ""
		if tt.Echo != "" {
			echo = "<clTRID>" + tt.Echo + "</clTRID>"
		}
		if !strings.Contains(answer, tt.Reason) || !strings.Contains(answer, "<trID>"+echo+"<svTRID>") {
			t.Errorf("%s: got %s, want the reason %q and the clTRID %q", name, answer, tt.Reason, tt.Echo)
		}
	}
}

// TestUTF16Through: the registry gets UTF-8.
func TestUTF16Through(t *testing.T) {
	f, r := startEcho(t, nil)
	p := f.dial()
	text := strings.Replace(check("zoë.example", "U-1"), "UTF-8", "UTF-16", 1)
	b := []byte{0xfe, 0xff}
	for _, c := range text {
		b = append(b, byte(c>>8), byte(c))
	}
	p.want(p.ask(string(b)), 1000, "U-1")
	got := r.take()
	if len(got) != 1 || !bytes.Contains(got[0], []byte("zoë.example")) || bytes.Contains(got[0], []byte("UTF-16")) {
		t.Errorf("got %q", got)
	}
	var s frame.Scanner
	if _, err := s.Scan(got[0]); err != nil {
		t.Error(err)
	}
}
