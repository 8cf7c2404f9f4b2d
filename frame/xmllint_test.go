package frame

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// xmllint gives the path of the program of that name, and skips the test where it is not.
func xmllint(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("no xmllint")
	}
	return path
}

// validate holds payloads against the schemas of the RFCs.
func validate(t *testing.T, payloads ...[]byte) {
	t.Helper()
	lint := xmllint(t)
	schema := filepath.Join("..", "..", "shared", "schemas", "all.xsd")
	if _, err := os.Stat(schema); err != nil {
		t.Skipf("no schemas: %v", err)
	}
	args := []string{"--noout", "--nonet", "--schema", schema}
	dir := t.TempDir()
	for i, p := range payloads {
		name := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	if out, err := exec.Command(lint, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, bytes.Join(payloads, []byte("\n")))
	}
}

// TestScanLikeXMLLint changes single octets of the corpus: whatever Scan accepts, libxml2 has to read as well.
func TestScanLikeXMLLint(t *testing.T) {
	lint := xmllint(t)
	rows := readTable(t, "MANIFEST.tsv")
	mutants := 2000
	if testing.Short() {
		mutants = 200
	}
	random := rand.New(rand.NewPCG(5730, 5734))
	const signs = "<>/=\"'&;:!?-[] \t\n#xXaAepD0\x00\x0B\x7F\x80\xBF\xC3\xE2\xEF\xFF"
	dir := t.TempDir()
	var s Scanner
	var names []string
	for i := 0; i < mutants; i++ {
		p := bytes.Clone(readCorpus(t, rows[random.IntN(len(rows))]["path"]))
		at := random.IntN(len(p))
		switch random.IntN(3) {
		case 0:
			p = append(p[:at], p[at+1:]...)
		case 1:
			p[at] = signs[random.IntN(len(signs))]
		case 2:
			p = append(p[:at], append([]byte{signs[random.IntN(len(signs))]}, p[at:]...)...)
		}
		// What follows well-formed XML at once is another matter; so is a fault of meaning.
		if _, err := s.Scan(p); err != nil && !err.(*Fault).Reason.Unclear() {
			continue
		}
		name := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	t.Logf("%d of %d mutants are well-formed", len(names), mutants)
	for len(names) > 0 {
		n := min(len(names), 200)
		out, _ := exec.Command(lint, append([]string{"--noout", "--nonet"}, names[:n]...)...).CombinedOutput()
		for _, line := range strings.Split(string(out), "\n") {
			// A namespace name need not be a URI for us: names compare octet for octet.
			if strings.Contains(line, "error :") && !strings.Contains(line, "is not a valid URI") {
				doc, _ := os.ReadFile(strings.SplitN(line, ":", 2)[0])
				t.Errorf("%s\n%q", line, doc)
			}
		}
		names = names[n:]
	}
}
