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

// wantWritten holds payloads against testdata/written, where each is two lines: the XML declaration
// and the rest. Then it holds them against the schemas of the RFCs, in a part of the test that alone
// is skipped where the schemas are not there. So the files have what is valid, and the octets are
// checked everywhere.
func wantWritten(t *testing.T, name string, payloads ...[]byte) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", "written", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	got := append(bytes.Join(payloads, []byte("\n")), '\n')
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%swant\n%s", name, got, want)
	}
	t.Run("schemas", func(t *testing.T) { validate(t, payloads...) })
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
