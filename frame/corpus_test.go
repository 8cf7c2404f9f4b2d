package frame

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// beside is a path in the folder shared, which lies beside the repository. Where it is not there
// the test is skipped, and in CI it fails. unchecked says what is then not checked.
func beside(t testing.TB, unchecked string, path ...string) string {
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

// corpusDir has the corpus beside the repository.
var corpusDir = filepath.Join("..", "..", "shared", "corpus")

// row is one line of a tab-separated table by column name.
type row map[string]string

func readTable(t testing.TB, name string) []row {
	t.Helper()
	data, err := os.ReadFile(beside(t, "frames of other projects", "corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	columns := strings.Split(lines[0], "\t")
	var rows []row
	for _, line := range lines[1:] {
		r := row{}
		for i, v := range strings.Split(line, "\t") {
			r[columns[i]] = v
		}
		rows = append(rows, r)
	}
	return rows
}

func readCorpus(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpusDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// unescape undoes the table's percent-encoding; "-" is absent.
func unescape(t *testing.T, v string) (text string, present bool) {
	t.Helper()
	switch v {
	case "-":
		return "", false
	case "%":
		return "", true
	}
	text, err := url.PathUnescape(v)
	if err != nil {
		t.Fatalf("table: %q: %v", v, err)
	}
	return text, true
}

// unlike lists the frames that Scan refuses although they are well-formed, each with the reason it
// has to give.
var unlike = map[string]Reason{
	"requests/pyepp-test-base-command-l18.xml":      NoVerb,     // a base class's output
	"requests/pyepp-val1-test-base-command-l58.xml": SecondVerb, // the same
	// fragments of tests, without a result
	"responses/domainrepp2-response-response-test-l104.xml":              BadResult,
	"responses/domainrepp2-response-response-test-l21.xml":               BadResult,
	"responses/epplb-response-frame-test-l169.xml":                       BadResult,
	"responses/metaregistrar-response-cozaeppinfocontactresponse-l6.xml": BadResult,
	// dcp beside the greeting, not in it
	"responses/nomulus-invalid-greeting.xml": SecondMessage,
}

func TestScanCorpus(t *testing.T) {
	var s Scanner
	for _, r := range readTable(t, "MANIFEST.tsv") {
		t.Run(r["path"], func(t *testing.T) {
			payload := readCorpus(t, r["path"])
			m, err := s.Scan(payload)
			if r["well_formed"] != "yes" || r["kind"] == "other" {
				if err == nil {
					t.Errorf("accepted as %v", m.Kind)
				}
				if r["well_formed"] != "yes" && err != nil && !malformed(err.(*Fault).Reason) {
					t.Errorf("got %v, want not well-formed", err)
				}
				return
			}
			if want, ok := unlike[r["path"]]; ok {
				if err == nil || err.(*Fault).Reason != want {
					t.Errorf("got %v, want %v", err, want)
				}
				return
			}
			if err != nil {
				t.Fatalf("got %v", err)
			}
			checkRow(t, m, r)
			checkRestore(t, payload, m)
		})
	}
}

// checkRow holds a message against its row.
func checkRow(t *testing.T, m *Message, r row) {
	t.Helper()
	text := func(s Span) string { return string(m.Payload[s.Start:s.End]) }
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	want("kind", m.Kind.String(), r["kind"])
	verb, op, _ := strings.Cut(r["verb"], ":")
	switch m.Kind {
	case KindCommand:
		want("verb", text(m.Verb), verb)
		if m.Command != CommandOther {
			want("command", m.Command.String(), verb)
		}
		if m.Op != OpOther {
			want("op", m.Op.String(), orElse(op, "none"))
		}
	case KindResponse, KindExtension:
		want("verb", orElse(text(m.Verb), "-"), verb)
	}
	if r["object_ns"] != "-" {
		want("object", string(m.Object), r["object_ns"])
	}
	codes, _, _ := strings.Cut(r["result_codes"], ",")
	if codes != "-" {
		want("code", strconv.Itoa(m.Code), codes)
	}
	var pending []string
	for _, c := range m.PaTRID {
		pending = append(pending, string(c.Value))
	}
	if r["patrid_cltrids"] != "-" {
		want("paTRID", strings.Join(pending, "|"), r["patrid_cltrids"])
	} else if len(pending) > 0 {
		t.Errorf("paTRID: got %q, want none", pending)
	}
	checkClTRID(t, m, r)
}

func checkClTRID(t *testing.T, m *Message, r row) {
	t.Helper()
	number := func(column string) int {
		n, err := strconv.Atoi(r[column])
		if err != nil {
			return 0
		}
		return n
	}
	value, present := unescape(t, r["cltrid"])
	spans := Span{number("el_start"), number("el_end")}
	content := Span{number("text_start"), number("text_end")}
	if r["cltrid_alt"] != "-" {
		value, _ = unescape(t, r["cltrid_alt"])
		spans, content = m.ClTRID.Element, m.ClTRID.Content // the table has those of the other one
	}
	if m.Kind != KindCommand && token(value) == "" {
		present = false
	}
	if m.ClTRID.Present() != present {
		t.Fatalf("clTRID: present %v, want %v", m.ClTRID.Present(), present)
	}
	if parent := number("parent_close"); m.Kind == KindCommand && !present && m.Insert != parent {
		t.Errorf("insert: got %d, want %d", m.Insert, parent)
	}
	if !present {
		return
	}
	if got := string(m.ClTRID.Value); got != token(value) {
		t.Errorf("clTRID: got %q, want %q", got, token(value))
	}
	if m.ClTRID.Element != spans || m.ClTRID.Content != content {
		t.Errorf("clTRID: got %v %v, want %v %v", m.ClTRID.Element, m.ClTRID.Content, spans, content)
	}
	if m.Insert != 0 {
		t.Errorf("insert: got %d with a clTRID there", m.Insert)
	}
}

// checkRestore puts an id into a message and takes it out again: every octet must be as it was.
func checkRestore(t *testing.T, payload []byte, m *Message) {
	t.Helper()
	const id = "M0123456789ABC-x"
	var raw []byte
	if m.ClTRID.Present() {
		raw = bytes.Clone(m.Payload[m.ClTRID.Content.Start:m.ClTRID.Content.End])
	}
	before := bytes.Clone(m.Payload)
	at0, mayInsert := m.ClTRID.Content.Start, m.Insert != 0
	unit, at := AppendCommand([]byte("before"), m, []byte(id))
	unit = unit[len("before"):]
	if n, err := Size(unit, len(unit)); n != len(unit) || err != nil {
		t.Fatalf("size: got %d %v, want %d", n, err, len(unit))
	}
	if raw == nil && !mayInsert {
		if at != 0 || !bytes.Equal(unit[HeaderLen:], before) {
			t.Errorf("no place for a clTRID, but at = %d\n%s", at, unit)
		}
		return
	}
	at -= len("before") + HeaderLen
	if got := string(unit[HeaderLen+at:][:len(id)]); got != id || raw != nil && at != at0 {
		t.Fatalf("at: got %d with %q there", at, got)
	}
	var s Scanner
	m2, err := s.Scan(unit[HeaderLen:])
	if err != nil {
		t.Fatalf("spliced: %v\n%s", err, unit)
	}
	if string(m2.ClTRID.Value) != id || m2.ClTRID.Content.Start != at {
		t.Fatalf("spliced: got %q at %d, want %q at %d", m2.ClTRID.Value, m2.ClTRID.Content.Start, id, at)
	}
	edit := m2.ClTRID.Remove()
	if raw != nil {
		edit = m2.ClTRID.Replace(raw)
	}
	back := AppendUnit(nil, m2.Payload, []Edit{edit})
	if !bytes.Equal(back[HeaderLen:], before) {
		t.Errorf("restored: got\n%s\nwant\n%s", back[HeaderLen:], before)
	}
}

// lenient lists the hostile payloads that Scan accepts although the table would rather refuse them,
// and strict the ones it refuses although the table would let them pass. The reasons are those of
// the comments.
var (
	lenient = map[string]string{
		"cltrid-2.xml":                 "1, 2 and 65 to 256 characters never reach the registry alone, and are given back as they came",
		"cltrid-65.xml":                "as cltrid-2",
		"ns-none.xml":                  "met in real clients; the registry judges",
		"ns-uppercase-urn.xml":         "registries have root namespaces of their own; the registry judges",
		"root-response.xml":            "Scan serves both directions; the kind tells",
		"root-greeting.xml":            "as root-response",
		"cmd-login-newpw-empty.xml":    "login is answered by the proxy, ParseLogin tells of the newPW",
		"cmd-login-newpw-nested.xml":   "no validation: login is answered by the proxy",
		"cmd-unknown-verb.xml":         "registries have verbs of their own",
		"cmd-verb-case.xml":            "as cmd-unknown-verb",
		"cmd-verb-empty.xml":           "no doubt about the command; the registry judges",
		"cmd-poll-no-op.xml":           "as cmd-verb-empty; not taken for a query",
		"cmd-poll-content.xml":         "as cmd-verb-empty",
		"cmd-value-syntax.xml":         "no validation: the registry judges",
		"cmd-value-space.xml":          "as cmd-value-syntax",
		"cmd-verb-object-mismatch.xml": "taken for neither command; the registry judges",
		"cltrid-first.xml":             "order within command is the schema's; there is one clTRID and it is a child of command",
		"cltrid-before-extension.xml":  "as cltrid-first",
		"enc-ascii-declared.xml":       "octets that are UTF-8 are read as such; what is passed on declares no US-ASCII any more",
		"enc-windows1252-declared.xml": "support is optional, and there is a Charset for it; what is passed on is UTF-8",
	}
	strict = map[string]Reason{
		"size-attributes-3000.xml": TooManyAttributes,
		"size-namespaces-1000.xml": TooManyNamespaces,
	}
)

func TestScanHostile(t *testing.T) {
	s := Scanner{Charset: charset}
	for _, r := range readTable(t, filepath.Join("hostile", "EXPECTED.tsv")) {
		name := r["file"]
		t.Run(name, func(t *testing.T) {
			payload := readCorpus(t, filepath.Join("hostile", name))
			m, err := s.Scan(payload)
			pass := r["answer"] == "pass"
			reason, isStrict := strict[name]
			_, isLenient := lenient[name]
			switch {
			case isStrict && (err == nil || err.(*Fault).Reason != reason):
				t.Fatalf("got %v, want %v", err, reason)
			case isStrict && !pass, isLenient && (pass || err != nil):
				t.Fatalf("no deviation: %v", err)
			case pass && !isStrict && err != nil:
				t.Fatalf("refused: %v", err)
			case !pass && !isLenient && err == nil:
				t.Fatalf("accepted, want %s: %s", r["answer"], r["reason"])
			}
			if err != nil {
				f := err.(*Fault)
				if r["well_formed"] == "no" && f.Reason.unclear() {
					t.Errorf("got %v, want not well-formed", err)
				}
				return
			}
			if r["well_formed"] == "no" {
				checkRestore(t, payload, m) // the table has no tree
				return
			}
			value, present := unescape(t, r["cltrid"])
			if present != m.ClTRID.Present() || string(m.ClTRID.Value) != token(value) {
				t.Errorf("clTRID: got %q, want %q", m.ClTRID.Value, token(value))
			}
			if got := m.Payload[m.Verb.Start:m.Verb.End]; m.Kind == KindCommand && string(got) != r["verb"] {
				t.Errorf("verb: got %q, want %q", got, r["verb"])
			}
			checkRestore(t, payload, m)
		})
	}
}
