package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// auditOf is the log of a reload stand.
func (st *reloadStand) auditOf(name string) string {
	st.t.Helper()
	data, err := os.ReadFile(filepath.Join(st.dir, name))
	if err != nil {
		st.t.Fatal(err)
	}
	return string(data)
}

// TestServeAudit: the log is kept over reloads, opened anew by them, and follows those keys that
// may change.
func TestServeAudit(t *testing.T) {
	st := &reloadStand{t: t, dir: t.TempDir(), log: clitest.NewTranscript()}
	st.begin("audit: {file: audit.jsonl}", "a")
	conn := st.connect("a")
	send := func(inner, object string) {
		t.Helper()
		if _, err := conn.Write(clitest.Unit(clitest.CommandXML(fmt.Sprintf(inner, object)))); err != nil {
			t.Fatal(err)
		}
		if answer, err := clitest.ReadUnit(conn); err != nil || !strings.Contains(string(answer), `code="1000"`) {
			t.Errorf("%s: got %s, %v", object, answer, err)
		}
	}
	get := func(object string) {
		t.Helper()
		send(`<info><d:info xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>%s</d:name></d:info></info>`, object)
	}
	create := func(object string) {
		t.Helper()
		send(`<create><d:create xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>%s</d:name><d:authInfo><d:pw>`+clitest.Canary+
			`</d:pw></d:authInfo></d:create></create>`, object)
	}
	create("a1.example")
	get("a1.example")
	if err := os.Rename(filepath.Join(st.dir, "audit.jsonl"), filepath.Join(st.dir, "audit.jsonl.1")); err != nil {
		t.Fatal(err)
	}
	st.write("audit: {file: other.jsonl, commands: all, on_error: block, frames: true}", "a")
	st.want(st.reload(), "audit.file, audit.frames and audit.rotate change at a restart only", "msg=reloaded changed=a settings=audit\n")
	st.want(st.reload(), "msg=reloaded unchanged=a\n")
	create("a2.example")
	get("a2.example")
	if err := st.s.record.close(); err != nil { // so that all is written
		t.Fatal(err)
	}
	first, second := st.auditOf("audit.jsonl.1"), st.auditOf("audit.jsonl")
	if !strings.Contains(first, "a1.example") || strings.Contains(first, `"command":"info"`) || !strings.Contains(second, "a2.example") ||
		!strings.Contains(second, `"command":"info"`) || !strings.Contains(second, `"event":"stop"`) || strings.Contains(first+second, clitest.Canary) {
		t.Errorf("got\n%s\nand\n%s", first, second)
	}
	if _, err := os.Stat(filepath.Join(st.dir, "other.jsonl")); err == nil {
		t.Error("there is a file that no restart has asked for")
	}
}
