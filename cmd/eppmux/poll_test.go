package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
)

// letterbox is a server with a message queue. Fault, if it is not nil, is asked before each command: what
// it returns is sent in place of the answer, and "-" closes the connection.
type letterbox struct {
	mu    sync.Mutex
	texts [][2]string // id and content of the messages; guarded by mu
	trids int         // guarded by mu
	fault func(payload string) string
	where string
}

var pollForm = regexp.MustCompile(`<poll op="(req|ack)"(?: msgID="([^"]*)")?/>`)

func startLetterbox(t *testing.T, texts ...[2]string) *letterbox {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &letterbox{texts: texts, where: ln.Addr().String()}
	done := make(chan struct{}) // closed when no connection is left
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b.serve(c)
			c.Close()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
	return b
}

func (b *letterbox) serve(c net.Conn) {
	say := func(inner string) {
		payload := `<epp xmlns="` + frame.Namespace + `">` + inner + `</epp>`
		c.Write(append(frame.AppendHeader(nil, len(payload)), payload...))
	}
	say(`<greeting><svID>box</svID><svDate>2026-01-01T00:00:00Z</svDate><svcMenu><version>1.0</version><lang>en</lang><objURI>urn:x</objURI></svcMenu></greeting>`)
	for {
		payload, err := clitest.ReadUnit(c)
		if err != nil {
			return
		}
		switch answer := b.answer(string(payload)); answer {
		case "-":
			return
		default:
			say(answer)
		}
	}
}

func (b *letterbox) answer(payload string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault != nil {
		if a := b.fault(payload); a != "" {
			return a
		}
	}
	m := pollForm.FindStringSubmatch(payload)
	switch {
	case m == nil:
		return b.respond(2000, "")
	case m[1] == "ack" && (len(b.texts) == 0 || m[2] != b.texts[0][0]):
		return b.respond(2303, "")
	case m[1] == "ack":
		b.texts = b.texts[1:]
		return b.respond(1000, fmt.Sprintf(`<msgQ count="%d" id="%s"/>`, len(b.texts), m[2]))
	case len(b.texts) == 0:
		return b.respond(1300, "")
	}
	return b.respond(1301, fmt.Sprintf(`<msgQ count="%d" id="%s"><qDate>2026-01-01T00:00:00Z</qDate><msg>%s</msg></msgQ>`,
		len(b.texts), b.texts[0][0], b.texts[0][1]))
}

// respond is a response. Each has a svTRID of its own. The caller holds mu.
func (b *letterbox) respond(code int, inner string) string {
	b.trids++
	return fmt.Sprintf(`<response><result code="%d"><msg>m</msg></result>%s<trID><svTRID>S-%d</svTRID></trID></response>`, code, inner, b.trids)
}

// drained runs poll --drain and returns what it did, and the files in dir.
func (b *letterbox) drained(t *testing.T, dir string) (result, []string) {
	t.Helper()
	got := eppmux(t, "poll", "--to", b.where, "--drain", dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		files = append(files, e.Name())
	}
	return got, files
}

// TestPollDrain: each message is in a file of its own, as it came, and none is left at the registry. Another
// run finds nothing to do.
func TestPollDrain(t *testing.T) {
	b := startLetterbox(t, [2]string{"1", "one"}, [2]string{"a/b", "two"}, [2]string{".c", "three"})
	dir := filepath.Join(t.TempDir(), "messages")
	got, files := b.drained(t, dir)
	if want := []string{"%2Ec.xml", "1.xml", "a%2Fb.xml"}; got.code != cli.ExitDone || !slices.Equal(files, want) {
		t.Fatalf("got %+v and %q, want %q", got, files, want)
	}
	if text := string(clitest.ReadFile(t, filepath.Join(dir, "1.xml"))); !strings.Contains(text, "<msg>one</msg>") || !strings.HasSuffix(text, "</epp>") {
		t.Errorf("got %s", text)
	}
	if info, err := os.Stat(filepath.Join(dir, "1.xml")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	if len(b.texts) > 0 || !strings.HasSuffix(got.out, "3 messages kept; the queue is empty\n") {
		t.Errorf("%d are left; %q", len(b.texts), got.out)
	}
	if got, _ := b.drained(t, dir); got.code != cli.ExitDone || got.out != "0 messages kept; the queue is empty\n" {
		t.Errorf("got %+v", got)
	}
}

// TestPollDrainGoesOn: whatever happens to an acknowledgement, the next run goes on there, and no message
// is lost or written twice.
func TestPollDrainGoesOn(t *testing.T) {
	for name, fault := range map[string]struct {
		answer string
		taken  bool // the message was taken off all the same
		code   int
	}{
		"closed before":  {"-", false, cli.ExitFailed},
		"closed behind":  {"-", true, cli.ExitFailed},
		"refused":        {`<response><result code="2400"><msg>no</msg></result><trID><svTRID>S</svTRID></trID></response>`, false, 8},
		"is not allowed": {`<response><result code="2201"><msg>no</msg></result><trID><svTRID>S</svTRID></trID></response>`, false, 4},
	} {
		t.Run(name, func(t *testing.T) {
			b := startLetterbox(t, [2]string{"1", "one"}, [2]string{"2", "two"}, [2]string{"3", "three"})
			b.fault = func(payload string) string {
				if !strings.Contains(payload, `op="ack" msgID="2"`) {
					return ""
				}
				if b.fault = nil; fault.taken {
					b.texts = b.texts[1:]
				}
				return fault.answer
			}
			dir := t.TempDir()
			got, files := b.drained(t, dir)
			if got.code != fault.code || !slices.Equal(files, []string{"1.xml", "2.xml"}) || !strings.Contains(got.errs, "was not acknowledged for sure") {
				t.Fatalf("got %+v and %q", got, files)
			}
			got, files = b.drained(t, dir)
			if got.code != cli.ExitDone || !slices.Equal(files, []string{"1.xml", "2.xml", "3.xml"}) || len(b.texts) > 0 {
				t.Errorf("the next run: got %+v and %q, %d left", got, files, len(b.texts))
			}
		})
	}
}

// TestPollDrainStops: where something is wrong with a message, it stays at the registry.
func TestPollDrainStops(t *testing.T) {
	same := [2]string{"1", "one"}
	for _, c := range []struct {
		name, answer string // to the request
		texts        [][2]string
		code         int
		want         string
	}{
		{"no msgQ", `<response><result code="1301"><msg>m</msg></result><trID><svTRID>S</svTRID></trID></response>`, [][2]string{same}, cli.ExitFailed, "no msgQ with an id"},
		{"no id", `<response><result code="1301"><msg>m</msg></result><msgQ count="1" id=" "/><trID><svTRID>S</svTRID></trID></response>`, [][2]string{same}, cli.ExitFailed, "no msgQ with an id"},
		{"not EPP", `<response>`, [][2]string{same}, cli.ExitFailed, "the answer is not EPP"},
		{"another client has it", `<response><result code="1300"><msg>m</msg></result><trID><svTRID>eppmux-1</svTRID></trID></response>`, [][2]string{same}, 8, "another client of eppmux has the message queue"},
		{"refused", `<response><result code="2201"><msg>not` + "\u202e" + ` you</msg></result><trID><svTRID>S</svTRID></trID></response>`, [][2]string{same}, 4, "2201 not&#x202E; you"},
		{"the same again", "", [][2]string{same, same}, cli.ExitFailed, `message "1" comes again`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := startLetterbox(t, c.texts...)
			b.fault = func(string) string { return c.answer }
			got, _ := b.drained(t, t.TempDir())
			if got.code != c.code || !strings.Contains(got.errs, c.want) || len(b.texts) != 1 {
				t.Errorf("got %+v, %d left, want code %d, %q and 1 left", got, len(b.texts), c.code, c.want)
			}
		})
	}
}

// TestPollDrainWithoutPlace: what cannot be written is not acknowledged.
func TestPollDrainWithoutPlace(t *testing.T) {
	b := startLetterbox(t, [2]string{"1", "one"})
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "1.xml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.drained(t, dir); got.code != cli.ExitFailed || !strings.Contains(got.errs, "it was not acknowledged") || len(b.texts) != 1 {
		t.Errorf("got %+v, %d left", got, len(b.texts))
	}
	held, err := openMessageDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer held.close()
	if got, _ := b.drained(t, dir); got.code != cli.ExitFailed || !strings.Contains(got.errs, "another eppmux poll uses it") {
		t.Errorf("got %+v", got)
	}
	file := clitest.WriteFile(t, t.TempDir(), "file", "x", 0o600)
	for _, args := range [][]string{{"--drain", filepath.Join(dir, "no", "such")}, {"--drain", file}} {
		if got := eppmux(t, append([]string{"poll", "--to", b.where}, args...)...); got.code != cli.ExitFailed || !strings.Contains(got.errs, "--drain: ") {
			t.Errorf("%q: got %+v", args, got)
		}
	}
	if got := eppmux(t, "poll"); got.code != cli.ExitUsage || !strings.Contains(got.errs, "--drain DIR is missing") {
		t.Errorf("got %+v", got)
	}
}

// TestMessageDirIsCleaned: what a killed run has left half written is removed, and nothing else.
func TestMessageDirIsCleaned(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".message-123", "7.xml", ".message"} {
		clitest.WriteFile(t, dir, name, "x", 0o600)
	}
	m, err := openMessageDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); !slices.Equal(files, []string{filepath.Join(dir, ".message"), filepath.Join(dir, "7.xml")}) {
		t.Errorf("got %q", files)
	}
}

// TestMessageDir: a message is the same whatever transaction ids and counts come with it. Another one with
// its id gets a file of its own.
func TestMessageDir(t *testing.T) {
	m, err := openMessageDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	answer := func(count, text, trid string) talk.Answer {
		octets := []byte(`<epp xmlns="` + frame.Namespace + `"><response><result code="1301"><msg>m</msg></result><msgQ count="` + count +
			`" id="7"><msg>` + text + `</msg></msgQ><trID><clTRID>` + trid + `</clTRID><svTRID>s` + trid + `</svTRID></trID></response></epp>`)
		message, err := new(frame.Scanner).Scan(octets)
		if err != nil {
			t.Fatal(err)
		}
		return talk.Answer{Octets: octets, Message: message}
	}
	for _, c := range []struct{ count, text, trid, want string }{
		{"3", "one", "ABC-1", "7.xml"},
		{"9", "one", "ABC-2", "7.xml"},
		{"3", "two", "ABC-1", "7~2.xml"},
		{"2", "two", "ABC-9", "7~2.xml"},
		{"3", "one", "ABC-3", "7.xml"},
	} {
		path, err := m.keep("7", answer(c.count, c.text, c.trid))
		if err != nil || filepath.Base(path) != c.want {
			t.Errorf("%+v: got %s, %v", c, path, err)
		}
	}
	long := messageFile(strings.Repeat("é", 300), 1)
	if other := messageFile(strings.Repeat("é", 301), 1); len(long) > 250 || other == long {
		t.Errorf("got %s and %s", long, other)
	}
}

// TestPollDrainOdd: an answer that is no good XML is kept as it came, and acknowledged where its id is
// beyond doubt. It is not written again where it was not acknowledged for sure.
func TestPollDrainOdd(t *testing.T) {
	const one, two = "R&D caf\xE9 a<b", "page\f1"
	b := startLetterbox(t, [2]string{"1", one}, [2]string{"2", two}, [2]string{"a&b", "three"})
	b.fault = func(payload string) string {
		if !strings.Contains(payload, `op="ack" msgID="2"`) {
			return ""
		}
		b.fault = nil
		return "-"
	}
	dir := t.TempDir()
	if got, files := b.drained(t, dir); got.code != cli.ExitFailed || !slices.Equal(files, []string{"1.xml", "2.xml"}) {
		t.Fatalf("got %+v and %q", got, files)
	}
	got, files := b.drained(t, dir)
	if got.code != cli.ExitFailed || !slices.Equal(files, []string{"1.xml", "2.xml"}) || len(b.texts) != 1 ||
		!strings.Contains(got.errs, `message "2" is kept as it came; it is no good XML`) || !strings.Contains(got.errs, "no id that is beyond doubt") {
		t.Errorf("got %+v and %q, %d left", got, files, len(b.texts))
	}
	for file, text := range map[string]string{"1.xml": one, "2.xml": two} {
		if kept := string(clitest.ReadFile(t, filepath.Join(dir, file))); !strings.Contains(kept, "<msg>"+text+"</msg>") {
			t.Errorf("%s: got %q", file, kept)
		}
	}
}

// TestMessageDirOdd: a message that is no good XML is the same whatever transaction ids and counts come
// with it, and another one where a single octet is another.
func TestMessageDirOdd(t *testing.T) {
	m, err := openMessageDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	for _, c := range []struct{ count, text, trid, want string }{
		{"3", "a<b one", "<clTRID>ABC-1</clTRID>", "7.xml"},
		{"9", "a<b one", "<clTRID>ABC-2</clTRID>", "7.xml"},
		{"9", "a<b one", "<clTRID/>", "7.xml"},
		{"3", "a<b two", "<clTRID>ABC-1</clTRID>", "7~2.xml"},
		{"2", "a<b two", "<clTRID>ABC-9</clTRID>", "7~2.xml"},
	} {
		octets := []byte(`<epp xmlns="` + frame.Namespace + `"><response><result code="1301"><msg>m</msg></result><msgQ count="` + c.count +
			`" id="7"><msg>` + c.text + `</msg></msgQ><trID>` + c.trid + `<svTRID>s` + c.count + `</svTRID></trID></response></epp>`)
		message, ok := new(frame.Scanner).Glean(octets)
		path, err := m.keep("7", talk.Answer{Octets: octets, Message: message, Odd: frame.BadTag})
		if !ok || err != nil || filepath.Base(path) != c.want {
			t.Errorf("%+v: got %s, %v", c, path, err)
		}
	}
}
