package audit

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// faultyDisk opens files that fail and wait as the test says.
type faultyDisk struct {
	mu sync.Mutex
	// Guarded by mu.
	full   bool
	room   int                     // octets that may be written once full
	stuck  chan struct{}           // writes wait until it is closed; nil: they do not
	fails  error                   // of opening
	before func(path string) error // called before opening, which fails if it does; nil: nothing is
	opens  int
	waits  chan struct{} // one for each write that begins to wait; never closed
}

func newFaultyDisk() *faultyDisk { return &faultyDisk{waits: make(chan struct{}, 100)} }

func (d *faultyDisk) open(path string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opens++
	if d.fails != nil {
		return nil, d.fails
	}
	if d.before != nil {
		if err := d.before(path); err != nil {
			return nil, err
		}
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return faultyFile{f.(*os.File), d}, nil
}

func (d *faultyDisk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// unstick lets writes go on.
func (d *faultyDisk) unstick() {
	d.set(func() {
		if d.stuck != nil {
			close(d.stuck)
			d.stuck = nil
		}
	})
}

type faultyFile struct {
	*os.File
	d *faultyDisk
}

func (f faultyFile) Write(p []byte) (int, error) {
	f.d.mu.Lock()
	stuck := f.d.stuck
	f.d.mu.Unlock()
	if stuck != nil {
		f.d.waits <- struct{}{}
		<-stuck
	}
	f.d.mu.Lock()
	full, n := f.d.full, min(f.d.room, len(p))
	f.d.room -= n
	f.d.mu.Unlock()
	if !full || n == len(p) {
		return f.File.Write(p)
	}
	if _, err := f.File.Write(p[:n]); err != nil {
		return 0, err
	}
	return n, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
}

// stand is a Log with its file.
type stand struct {
	t    *testing.T
	path string
	disk *faultyDisk
	log  *Log
	text *bytes.Buffer // of the logger; read it when the Log is closed
}

func open(t *testing.T, change func(*Config)) *stand {
	t.Helper()
	s := &stand{t: t, path: filepath.Join(t.TempDir(), "audit.jsonl"), disk: newFaultyDisk(), text: new(bytes.Buffer)}
	s.start(change)
	return s
}

func (s *stand) start(change func(*Config)) {
	s.t.Helper()
	cfg := Config{File: s.path, Logger: slog.New(slog.NewTextHandler(s.text, nil)), open: s.disk.open}
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.log, err = Open(cfg); err != nil {
		s.t.Fatal(err)
	}
	log := s.log
	s.t.Cleanup(func() {
		s.disk.unstick()
		_ = log.Close(time.Minute)
	})
}

func (s *stand) close() {
	s.t.Helper()
	if err := s.log.Close(time.Minute); err != nil {
		s.t.Errorf("close: %v", err)
	}
}

// note records that a command is about to be sent and returns where what done gets arrives.
func (s *stand) note(e *Entry) chan bool {
	got := make(chan bool, 2) // what done was called with; twice would be a fault
	s.log.Record(e, 7, func(ticket uint64, ok bool) {
		if ticket != 7 {
			s.t.Errorf("got ticket %d", ticket)
		}
		got <- ok
	})
	s.log.Flush()
	return got
}

// add adds, and has it written.
func (s *stand) add(e *Entry) {
	s.log.Add(e)
	s.log.Flush()
}

func (s *stand) counts() (counts, int) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.counts, s.log.held
}

// events reads all files back: "event muxtrid" of each line.
func (s *stand) events() (events []string, broken int) {
	s.t.Helper()
	r, err := OpenLog(s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	r.Broken = func(string, int, string) { broken++ }
	for {
		_, l, err := r.Next()
		if err == io.EOF {
			return events, broken
		}
		if err != nil {
			s.t.Fatal(err)
		}
		events = append(events, strings.TrimSpace(l.Event+" "+l.MuxTRID))
	}
}

func (s *stand) want(broken int, want ...string) {
	s.t.Helper()
	got, n := s.events()
	if fmt.Sprint(got) != fmt.Sprint(want) || n != broken {
		s.t.Errorf("got %q and %d broken lines, want %q and %d", got, n, want, broken)
	}
}

const (
	headXML   = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0">`
	domainURI = "urn:ietf:params:xml:ns:domain-1.0"
)

func createXML(name, pw string) string {
	return headXML + `<command><create><d:create xmlns:d="` + domainURI + `"><d:name>` + name + `</d:name><d:authInfo><d:pw>` + pw +
		`</d:pw></d:authInfo></d:create></create><clTRID>M</clTRID></command></epp>`
}

func answerXML(code int, msg string) string {
	return fmt.Sprintf(headXML+`<response><result code="%d"><msg>%s</msg></result><trID><clTRID>C</clTRID><svTRID>S-1</svTRID></trID></response></epp>`, code, msg)
}

// sending is a note of a create.
func sending(id string) *Entry {
	return &Entry{Time: time.Now(), Event: Sending, Registry: "r", Listener: "unix:///s", Client: "uid 7", Session: 3, Command: "create",
		ClTRID: []byte("C-1"), MuxTRID: []byte(id), Payload: []byte(createXML("a.example", "secret-1"))}
}

func ended(id, end string, code int) *Entry {
	e := sending(id)
	e.Event, e.End, e.Code = End, end, code
	if code > 0 {
		e.Answer, e.SvTRID = []byte(answerXML(code, "m")), []byte("S-1")
	}
	return e
}
