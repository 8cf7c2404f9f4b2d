package sandbox

import (
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// written collects what the registry wrote in all tests, and accepted what it carried out, to be
// held against the schemas at the end.
var written, accepted collector

// collector keeps some documents of every sort.
type collector struct {
	mu   sync.Mutex
	docs map[string]map[string]bool // guarded by mu; by what makes up the sort
}

// keptOfSort bounds the documents of one sort: many are the same but for a name.
const keptOfSort = 30

func (co *collector) add(doc []byte) {
	sort := strings.Join(kindsOf(doc), "; ")
	co.mu.Lock()
	defer co.mu.Unlock()
	if co.docs == nil {
		co.docs = map[string]map[string]bool{}
	}
	if co.docs[sort] == nil {
		co.docs[sort] = map[string]bool{}
	}
	if len(co.docs[sort]) < keptOfSort {
		co.docs[sort][string(doc)] = true
	}
}

// kinds counts the documents of each kind.
func (co *collector) kinds() map[string]int {
	co.mu.Lock()
	defer co.mu.Unlock()
	n := map[string]int{}
	for sort, docs := range co.docs {
		for kind := range strings.SplitSeq(sort, "; ") {
			n[kind] += len(docs)
		}
	}
	return n
}

// all gives the documents.
func (co *collector) all() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, docs := range co.docs {
			for doc := range docs {
				if !yield(doc) {
					return
				}
			}
		}
	}
}

// schemas is the path of the schemas. The error says that they are not there, or no xmllint, and
// what is then not checked.
func schemas() (path string, err error) {
	const unchecked = "the messages of the sandbox against the schemas"
	if path, err = beside(unchecked, "schemas", "all-vendor.xsd"); err != nil {
		return "", err
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		return "", fmt.Errorf("%w; not checked: %s", err, unchecked)
	}
	return path, nil
}

// TestSchemas is skipped where collector.validate has nothing to hold messages against: TestMain
// calls that, and has no way to skip. In CI it fails.
func TestSchemas(t *testing.T) {
	if _, err := schemas(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v; CI has to have it", err)
		}
		t.Skip(err)
	}
}

// validate runs xmllint over the collected documents. Where that cannot be done, TestSchemas says
// so.
func (co *collector) validate() error {
	if len(co.docs) == 0 {
		return nil
	}
	schema, err := schemas()
	if err != nil {
		if os.Getenv("CI") == "" {
			return nil
		}
		return err
	}
	dir, err := os.MkdirTemp("", "sandbox")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"--noout", "--nonet", "--schema", schema}
	for doc := range co.all() {
		name := filepath.Join(dir, strconv.Itoa(len(args))+".xml")
		if err := os.WriteFile(name, []byte(doc), 0o600); err != nil {
			return err
		}
		args = append(args, name)
	}
	out, err := exec.Command("xmllint", args...).CombinedOutput()
	if err == nil {
		return nil
	}
	var bad []string
	for line := range strings.Lines(string(out)) {
		if file, why, ok := strings.Cut(line, ":"); ok && strings.Contains(line, "error") {
			doc, _ := os.ReadFile(file)
			bad = append(bad, strings.TrimSpace(why)+"\n"+string(doc))
		}
	}
	return fmt.Errorf("not valid: %d faults, the first:\n%s", len(bad), strings.Join(bad[:min(3, len(bad))], "\n"))
}
