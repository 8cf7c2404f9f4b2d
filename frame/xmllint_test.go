package frame

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// xmllint gives the path of the program of that name. Where it is not there the test is skipped,
// and in CI it fails.
func xmllint(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v; CI has to have it", err)
		}
		t.Skip(err)
	}
	return path
}

// validate holds payloads against the schemas of the RFCs.
func validate(t *testing.T, payloads ...[]byte) {
	t.Helper()
	lint := xmllint(t)
	schema := beside(t, "what is written against the schemas of the RFCs", "schemas", "all.xsd")
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
