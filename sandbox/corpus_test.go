package sandbox

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// corpus is beside the repository.
const corpus = "../../shared/corpus"

// beside is a path in the folder shared, which lies beside the repository. The error says what is
// missing and what is then not checked: it fails a test in CI, elsewhere the test is skipped.
func beside(unchecked string, path ...string) (string, error) {
	name := filepath.Join(append([]string{"..", "..", "shared"}, path...)...)
	if _, err := os.Stat(name); err != nil {
		return "", fmt.Errorf("%w; not checked: %s", err, unchecked)
	}
	return name, nil
}

// corpusTable reads a manifest as one map per line.
func corpusTable(t *testing.T, name string) []map[string]string {
	t.Helper()
	path, err := beside("frames of other projects", "corpus", name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rd := csv.NewReader(f)
	rd.Comma, rd.LazyQuotes, rd.FieldsPerRecord = '\t', true, -1
	rows, err := rd.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, v := range row {
			m[rows[0][i]] = v
		}
		out = append(out, m)
	}
	return out
}

// TestCorpusRequests holds what the registry reads in real frames against what other parsers found.
func TestCorpusRequests(t *testing.T) {
	for _, m := range corpusTable(t, "MANIFEST.tsv") {
		if !strings.HasPrefix(m["path"], "requests/") || m["root_ns"] != nsEPP {
			continue
		}
		p, err := os.ReadFile(filepath.Join(corpus, m["path"]))
		if err != nil {
			t.Fatal(err)
		}
		req, f := readRequest(p)
		if m["well_formed"] != "yes" {
			if f == nil {
				t.Errorf("%s: accepted, but is %s", m["path"], m["well_formed"])
			}
			continue
		}
		if m["schema_valid"] == "yes" && f != nil && m["kind"] != "greeting" && m["kind"] != "response" {
			t.Errorf("%s: %v", m["path"], f)
		}
		if f != nil {
			continue
		}
		want, _ := url.PathUnescape(m["cltrid"])
		if want = collapse(want); want == "-" || !echoable(want) {
			want = ""
		}
		if req.clTRID != want && m["cltrid_alt"] == "-" {
			t.Errorf("%s: clTRID %q, want %q", m["path"], req.clTRID, want)
		}
		verb, op, _ := strings.Cut(m["verb"], ":")
		if req.kind == kindCommand && (req.verb != verb || req.op != op) {
			t.Errorf("%s: command %s %s, want %s", m["path"], req.verb, req.op, m["verb"])
		}
	}
}

// laxer are frames where we know that the shapes differ: another version is answered 2100,
// attributes in foreign namespaces are passed over, and what stands in check is named check.
var laxer = map[string]bool{
	"requests/epprestapi-login.xml":                        true,
	"requests/heppy-epp-login-test-epp-login-l41.xml":      true,
	"requests/nomulus-syntax-error.xml":                    true,
	"requests/nomulus-domain-check-flowpickertest-l68.xml": true,
}

// TestCorpusShapes: what the schemas accept, so do the shapes, and what they refuse, the shapes
// refuse.
func TestCorpusShapes(t *testing.T) {
	valid, invalid := 0, 0
	for _, m := range corpusTable(t, "MANIFEST.tsv") {
		known := m["object_ns"] == "-" || prefixes[m["object_ns"]] != ""
		if m["kind"] != "command" || m["schema_valid"] == "unknown-namespace" || !known || laxer[m["path"]] {
			continue
		}
		p, err := os.ReadFile(filepath.Join(corpus, m["path"]))
		if err != nil {
			t.Fatal(err)
		}
		req, f := readRequest(p)
		if f == nil {
			f = fullShape(&req)
		}
		switch {
		case m["schema_valid"] == "yes":
			valid++
			if f != nil {
				t.Errorf("%s is valid, got %v", m["path"], *f)
			}
		case m["schema_valid"] == "no":
			invalid++
			if f == nil {
				t.Errorf("%s is not valid (%s), but passed", m["path"], m["schema_note"])
			}
		}
	}
	t.Logf("%d valid, %d invalid frames", valid, invalid)
}

// fullShape tests a command as a session would.
func fullShape(req *request) *fault {
	if req.amiss != nil {
		return req.amiss
	}
	if req.kind != kindCommand {
		return &fault{codeUnknownCommand, req.verb}
	}
	if f := checkShape(req.what, verbShapes[req.verb]); f != nil {
		return f
	}
	for _, e := range req.ext {
		if sh := extensionShapes[shapeName{e.space, e.local}]; sh != nil {
			if f := checkShape(e, sh); f != nil {
				return f
			}
		}
	}
	if req.object == nil {
		return nil
	}
	sh := objectShapes[shapeName{req.object.space, req.verb}]
	if sh == nil {
		return &fault{codeUnimplementedCommand, req.verb}
	}
	return checkShape(req.object, sh)
}

// TestCorpusHostile: what no registry should take for a command is not taken for one.
func TestCorpusHostile(t *testing.T) {
	for _, m := range corpusTable(t, "hostile/EXPECTED.tsv") {
		p, err := os.ReadFile(filepath.Join(corpus, "hostile", m["file"]))
		if err != nil {
			continue // too large to be stored
		}
		req, f := readRequest(p)
		if f == nil && req.kind == kindCommand {
			f = fullShape(&req)
		}
		also := m["also_seen"]
		switch {
		case m["answer"] == "2001" && f == nil && !strings.Contains(also, "pass"):
			t.Errorf("%s: passed, want 2001 (%s)", m["file"], also)
		case m["answer"] == "pass" && f != nil && also == "-" && f.code == codeSyntax:
			t.Errorf("%s: %v, want it to pass", m["file"], *f)
		}
	}
}

// corpusCase is what the tables of the corpus that comes with the project have of one file, as far
// as a registry is concerned.
type corpusCase struct {
	Kind, Op, Verb string

	ClTRID string `yaml:"clTRID"`
}

// corpusCases reads a set of that corpus: its table and its payloads.
func corpusCases(t *testing.T, set string) (cases map[string]corpusCase, payloads map[string][]byte) {
	t.Helper()
	const dir = "../frame/testdata/corpus"
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

// stricter are the messages that a proxy passes on and this registry refuses, since the schema
// does.
var stricter = map[string]bool{
	"cltrid-256-characters":        true,
	"cltrid-one-character":         true,
	"root-of-a-registry":           true,
	"root-without-namespace":       true,
	"verb-foreign-with-its-cltrid": true,
}

// TestCorpusOwnRequests holds what the registry reads in the requests of the corpus that comes with
// the project against its table.
func TestCorpusOwnRequests(t *testing.T) {
	cases, payloads := corpusCases(t, "well")
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		want := cases[name]
		switch want.Kind {
		case "greeting", "response":
			continue
		case "hello", "extension":
			want.Verb = want.Kind // what the registry calls them
		}
		req, f := readRequest(payloads[name])
		if (f != nil) != stricter[name] {
			t.Errorf("%s: got %v, and refused should be %v", name, f, stricter[name])
		}
		if f != nil {
			continue
		}
		if want.Op == "other" {
			want.Op = req.op
		}
		if req.verb != want.Verb || req.op != want.Op || req.clTRID != want.ClTRID {
			t.Errorf("%s: got %s %q with clTRID %q, want %s %q with %q",
				name, req.verb, req.op, req.clTRID, want.Verb, want.Op, want.ClTRID)
		}
	}
}

// laxerOwn are the hostile payloads that the registry does not refuse, each with the reason.
var laxerOwn = map[string]string{
	"character-ffff":                         "encoding/xml does not look into comments",
	"instruction-with-colon":                 "encoding/xml does not know the rule",
	"utf-16-declares-utf-8":                  "the byte order mark counts",
	"utf-16-half-a-unit":                     "the last octet is not read",
	"deep-65":                                "a bound of eppmux",
	"name-1025":                              "a bound of eppmux",
	"op-with-a-prefix":                       "it looks at namespaces, so there is no doubt",
	"verb-of-another-namespace":              "answered 2000, a command that is not known",
	"cltrid-in-an-extension-with-an-element": "the schema does not say what a protocol extension holds",
}

// TestCorpusOwnHostile: what no registry should take for a command is not taken for one.
func TestCorpusOwnHostile(t *testing.T) {
	cases, payloads := corpusCases(t, "hostile")
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		req, f := readRequest(payloads[name])
		if f == nil && req.kind == kindCommand {
			f = fullShape(&req)
		}
		if (f == nil) != (laxerOwn[name] != "") {
			t.Errorf("%s: got %v, and the list says: %q", name, f, laxerOwn[name])
		}
	}
}
