package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
)

// messageDir is a folder with a file for each message. One process at a time uses it.
type messageDir struct {
	path string
	dir  *os.File // locked
}

// openMessageDir opens the folder, and makes it where it is missing.
func openMessageDir(path string) (*messageDir, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	dir, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		dir.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another eppmux poll uses it now")
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m := &messageDir{path, dir}
	m.clean()
	return m, nil
}

// clean removes what runs that were killed have left half written: its messages are still in the queue,
// or have their files.
func (m *messageDir) clean() {
	entries, _ := os.ReadDir(m.path) // what cannot be read cannot be written to either
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partName) {
			os.Remove(filepath.Join(m.path, e.Name()))
		}
	}
}

// partName is how the name of a file begins that is being written.
const partName = ".message-"

func (m *messageDir) close() { m.dir.Close() }

// variants bounds the number of messages with one id: a registry may begin to count anew.
const variants = 1000

// keep writes the message with the id that a brings to a file, and returns its path. The file has reached
// the disk when it returns, and never replaces another. Nothing is written where the message has a file
// already.
func (m *messageDir) keep(id string, a talk.Answer) (path string, err error) {
	for n := 1; n <= variants; n++ {
		path = filepath.Join(m.path, messageFile(id, n))
		old, _, err := cli.ReadFile(path, maxPayload)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, m.write(path, a.Octets)
		case err != nil:
			return "", err
		case sameMessage(old, a):
			return path, m.dir.Sync() // the run that has written it may have ended before
		}
	}
	return "", fmt.Errorf("%s has %d messages of that id", m.path, variants)
}

// write writes a new file.
func (m *messageDir) write(path string, octets []byte) error {
	f, err := os.CreateTemp(m.path, partName+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(octets)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return m.dir.Sync()
}

// idMax is the longest id that a file is named by, as it is written there, in octets.
const idMax = 150

// messageFile is the name of the file for the nth message with an id: the id, in which other characters
// than letters, digits, "-", "_" and "." are written as %XX. Of a long one its hash stands for the end.
func messageFile(id string, n int) string {
	var b strings.Builder
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	name := b.String()
	if len(name) > idMax {
		name = fmt.Sprintf("%s~%x", name[:idMax], sha256.Sum256([]byte(id)))
	}
	if n > 1 {
		name += fmt.Sprintf("~%d", n)
	}
	return name + ".xml"
}

// sameMessage reports whether a file has the message that a brings. Each answer has transaction ids of its
// own, and says anew how many messages wait.
func sameMessage(file []byte, a talk.Answer) bool {
	if a.Odd != frame.ReasonNone {
		return bytes.Equal(oddEssence(file), oddEssence(a.Octets))
	}
	m, err := new(frame.Scanner).Scan(file)
	return err == nil && bytes.Equal(essence(m.Payload), essence(a.Payload))
}

// oddEssence is essence for an answer that is no good XML: what comes anew with each answer is left out,
// and nothing else. nil where that cannot be told.
func oddEssence(octets []byte) []byte {
	m, ok := new(frame.Scanner).Glean(octets)
	if !ok {
		return nil
	}
	edits := []frame.Edit{m.ClTRID.Remove(), m.EmptyID.Remove(), {Span: m.SvTRID}, {Span: m.MsgQ}}
	return frame.AppendUnit(nil, octets, edits)
}

// essence returns what stays the same of a message's answer whenever it is asked for: all but trID and
// the tag of msgQ.
func essence(payload []byte) []byte {
	var b []byte
	w := frame.NewWalker(payload)
	for depth, skipped := 0, false; ; {
		t := w.Next()
		name := string(frame.Local(w.Name))
		switch t {
		case frame.TokenNone:
			return b
		case frame.TokenStart:
			if depth++; depth == 3 && name == "trID" {
				skipped = true
			}
		case frame.TokenEnd:
			if depth--; depth == 2 && skipped {
				skipped = false
				continue
			}
		}
		if !skipped && !(depth <= 3 && name == "msgQ") {
			b = append(b, w.Raw...)
		}
	}
}
