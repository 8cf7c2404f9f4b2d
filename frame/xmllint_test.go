package frame

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
