package sandbox

import (
	"encoding/csv"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus is beside the repository; tests that need it are skipped where it is not.
const corpus = "../../shared/corpus"

// corpusTable reads a manifest as one map per line; the test is skipped where there is none.
func corpusTable(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus, name))
	if err != nil {
		t.Skip(err)
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
