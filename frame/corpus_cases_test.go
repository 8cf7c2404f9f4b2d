package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"gopkg.in/yaml.v3"
)

// casesDir holds the corpus that comes with the project; its README.md says what the keys mean.
var casesDir = filepath.Join("testdata", "corpus")

// wellCase is what must be seen in a file of well.
type wellCase struct {
	Why, Kind, Command, Op, Verb, Object string

	Names      []string
	ClTRID     string `yaml:"clTRID"`
	Element    string
	Insert     string
	Occurrence int
	Codes      []int
	PaTRIDs    []string `yaml:"paTRIDs"`
	SvTRID     string   `yaml:"svTRID"`
	SvDate     string   `yaml:"svDate"`
}

// hostileCase is why a file of hostile is refused.
type hostileCase struct {
	Why, Reason, Kind, Echo string

	WellFormed bool `yaml:"wellFormed"`
}

// readCases reads the table of a set, and the payloads. It wants a file for each line of the table
// and the other way round.
func readCases[C any](t *testing.T, set string) (cases map[string]C, payloads map[string][]byte) {
	t.Helper()
	table, err := os.ReadFile(filepath.Join(casesDir, set+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(table))
	dec.KnownFields(true)
	if err := dec.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	if err := dec.Decode(&cases); !errors.Is(err, io.EOF) {
		t.Fatalf("%s.yaml: got %v behind the first document", set, err)
	}
	files, err := os.ReadDir(filepath.Join(casesDir, set))
	if err != nil {
		t.Fatal(err)
	}
	payloads = make(map[string][]byte)
	for _, f := range files {
		name, isXML := strings.CutSuffix(f.Name(), ".xml")
		if _, known := cases[name]; !known || !isXML {
			t.Errorf("%s/%s is not in the table", set, f.Name())
		}
		if payloads[name], err = os.ReadFile(filepath.Join(casesDir, set, f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	for name := range cases {
		if payloads[name] == nil {
			t.Errorf("%s: no such file in %s", name, set)
		}
	}
	return cases, payloads
}

func TestCorpusWell(t *testing.T) {
	cases, payloads := readCases[wellCase](t, "well")
	if len(cases) < 60 {
		t.Errorf("got %d cases, want 60 at least", len(cases))
	}
	s := Scanner{Names: true, Charset: charset}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		want := cases[name]
		t.Run(name, func(t *testing.T) {
			m, err := s.Scan(payloads[name])
			if err != nil {
				t.Fatal(err)
			}
			if text := inUTF8(payloads[name]); !bytes.Equal(m.Payload, text) {
				t.Errorf("payload: got %q, want %q", m.Payload, text)
			}
			want.check(t, m)
			want.checkCodes(t, agree(t, m, "encoding/xml", m.Payload))
			checkParsed(t, m)
			checkRestore(t, payloads[name], m)
			if !walkLikeXML(t, &s, payloads[name]) {
				t.Error("a Walker was not tried")
			}
		})
	}
}

// checkParsed reads in full what is read in full.
func checkParsed(t *testing.T, m *Message) {
	t.Helper()
	switch {
	case m.Command == CommandLogin:
		if l, err := ParseLogin(m.Payload); err != nil || l.ClTRID != string(m.ClTRID.Value) {
			t.Errorf("login: got %v with clTRID %q, %v", l, l.ClTRID, err)
		}
	case m.Kind == KindGreeting:
		if g, err := ParseGreeting(m.Payload); err != nil || len(g.ObjectURIs) == 0 {
			t.Errorf("greeting: got %+v, %v", g, err)
		}
	case m.Kind == KindResponse:
		if code, msg, err := ParseResult(m.Payload); err != nil || code != m.Code || msg == "" {
			t.Errorf("result: got %d %q, %v", code, msg, err)
		}
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

// check holds a message against the table.
func (want *wellCase) check(t *testing.T, m *Message) {
	t.Helper()
	text := func(s Span) string { return string(m.Payload[s.Start:s.End]) }
	values := func(all [][]byte) (values []string) {
		for _, v := range all {
			values = append(values, string(v))
		}
		return values
	}
	var pending [][]byte
	for _, c := range m.PaTRID {
		pending = append(pending, c.Value)
	}
	got := wellCase{
		Why: want.Why, Occurrence: want.Occurrence, Codes: want.Codes, // those are not the message's
		Kind: m.Kind.String(), Command: m.Command.String(), Op: m.Op.String(), Verb: text(m.Verb), Object: string(m.Object),
		Names: values(m.Names), ClTRID: string(m.ClTRID.Value), Element: text(m.ClTRID.Element), Insert: want.Insert,
		PaTRIDs: values(pending), SvTRID: text(m.SvTRID), SvDate: text(m.SvDate),
	}
	if m.Op == OpNone {
		got.Op = ""
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("got  %#v\nwant %#v", got, *want)
	}
	want.checkPlaces(t, m)
}

// checkPlaces holds the offsets against those of the texts of the table.
func (want *wellCase) checkPlaces(t *testing.T, m *Message) {
	t.Helper()
	var element, content Span
	insert, prefix := 0, ""
	switch {
	case want.Element != "":
		at := want.find(t, m.Payload, want.Element)
		element = Span{at, at + len(want.Element)}
		content = Span{at + strings.IndexByte(want.Element, '>') + 1, at + strings.LastIndex(want.Element, "</")}
	case want.Insert != "":
		insert = want.find(t, m.Payload, want.Insert)
		if name, _, ok := strings.Cut(want.Insert[len("</"):], ":"); ok {
			prefix = name
		}
	}
	if m.ClTRID.Element != element || m.ClTRID.Content != content {
		t.Errorf("clTRID: got %v %v, want %v %v", m.ClTRID.Element, m.ClTRID.Content, element, content)
	}
	if got := string(m.Payload[m.Prefix.Start:m.Prefix.End]); m.Insert != insert || got != prefix {
		t.Errorf("insert: got %d with prefix %q, want %d with %q", m.Insert, got, insert, prefix)
	}
}

// find gives the offset of a text of the table in the payload.
func (want *wellCase) find(t *testing.T, payload []byte, text string) int {
	t.Helper()
	n := bytes.Count(payload, []byte(text))
	if n != 1 && want.Occurrence == 0 || n < want.Occurrence {
		t.Fatalf("%q is there %d times, and the occurrence is %d", text, n, want.Occurrence)
	}
	at := 0
	for i := range max(1, want.Occurrence) {
		if i > 0 {
			at += len(text)
		}
		at += bytes.Index(payload[at:], []byte(text))
	}
	return at
}

// checkCodes holds the results of a response, as encoding/xml reads them, against the table.
func (want *wellCase) checkCodes(t *testing.T, tree *node) {
	t.Helper()
	var codes []int
	for _, m := range tree.named(tree.name.Space, "response") {
		for _, r := range m.named(tree.name.Space, "result") {
			v, _ := r.value("code")
			code, err := strconv.Atoi(v)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
	}
	if !slices.Equal(codes, want.Codes) {
		t.Errorf("codes: got %v, want %v", codes, want.Codes)
	}
}

func TestCorpusHostile(t *testing.T) {
	cases, payloads := readCases[hostileCase](t, "hostile")
	if len(cases) < 40 {
		t.Errorf("got %d cases, want 40 at least", len(cases))
	}
	s := Scanner{Charset: charset}
	var seen [numReasons]bool
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		want := cases[name]
		t.Run(name, func(t *testing.T) {
			m, err := s.Scan(payloads[name])
			reason := ReasonNone
			if err != nil {
				f := err.(*Fault)
				reason = f.Reason
				if f.Offset < 0 || f.Offset > len(payloads[name]) {
					t.Errorf("got offset %d of %d", f.Offset, len(payloads[name]))
				}
			} else if m.Kind.String() != want.Kind {
				t.Errorf("got %v, want %q", m.Kind, want.Kind)
			}
			if reason == ReasonNone && want.Reason != "" || reason != ReasonNone && reason.String() != want.Reason {
				t.Errorf("got %v, want %q", err, want.Reason)
			}
			if got := string(s.EchoClTRID()); got != want.Echo {
				t.Errorf("echo: got %q, want %q", got, want.Echo)
			}
			if malformed(reason) == want.WellFormed && !refused(reason) {
				t.Errorf("got %v, and the table says of well-formed: %v", reason, want.WellFormed)
			}
			if _, err := readTree(payloads[name]); err != nil && want.WellFormed && !refused(reason) {
				t.Errorf("well-formed, and encoding/xml says: %v", err)
			}
			seen[reason] = true
		})
	}
	if t.Failed() {
		return
	}
	for r, ok := range seen {
		if !ok && Reason(r) != ReasonNone {
			t.Errorf("no case for %q", Reason(r))
		}
	}
}

// TestCorpusCasesLikeXMLLint holds Scan's reading of both sets against libxml2's, where that is.
func TestCorpusCasesLikeXMLLint(t *testing.T) {
	_, well := readCases[wellCase](t, "well")
	_, hostile := readCases[hostileCase](t, "hostile")
	delete(hostile, "utf-16-half-a-unit") // libxml2 leaves out what is less than a code unit
	var names []string
	var docs [][]byte
	for _, set := range []map[string][]byte{well, hostile} {
		for _, name := range slices.Sorted(maps.Keys(set)) {
			names, docs = append(names, name), append(docs, set[name])
		}
	}
	s := Scanner{Charset: charset}
	for i, theirs := range readLikeXMLLint(t, docs) {
		t.Run(names[i], func(t *testing.T) { differ(t, &s, docs[i], theirs) })
	}
}
