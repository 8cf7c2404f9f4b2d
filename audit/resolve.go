package audit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Resolution is what a person has found out about a sending of unknown outcome.
type Resolution struct {
	Registry string
	MuxTRID  string    // empty: the payload had no place for one, and Sent tells the sending
	Sent     time.Time // used without a MuxTRID only
	By       string    // the person
	Words    string    // what was found out
}

// Resolve appends a line for each resolution to the log at path, and waits until the disk has them.
// A Log of another process may write to the file meanwhile: the lines go with one write(2) to the
// file's end, as its own do. Resolve makes no file, which the owner of the Log could perhaps not
// write to.
func Resolve(path string, at time.Time, all []Resolution) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", path)
	}
	var lines []byte
	if endsInMidLine(f, info.Size()) {
		lines = append(lines, '\n')
	}
	r := newRenderer(false)
	for i := range all {
		lines = r.appendResolution(lines, at, &all[i])
	}
	if _, err := f.Write(lines); err != nil {
		return err
	}
	return f.Sync()
}

// appendResolution appends the line of v.
func (r *renderer) appendResolution(dst []byte, at time.Time, v *Resolution) []byte {
	dst = r.begin(dst, resolved, at)
	dst = appendField(dst, `,"registry":`, v.Registry)
	dst = appendField(dst, `,"muxtrid":`, v.MuxTRID)
	if v.MuxTRID == "" {
		dst = appendField(dst, `,"sent":`, Moment{v.Sent}.String())
	}
	dst = appendBounded(dst, `,"by":`, v.By, maxText)
	dst = appendBounded(dst, `,"words":`, v.Words, maxText)
	return append(dst, "}\n"...)
}

// ID is the name of s by which people resolve it: its muxTRID or, without one, the time of its
// sending.
func (s *Story) ID() string { return cmp.Or(s.MuxTRID, Moment{s.At()}.String()) }

// At is the time of the sending or, if that line is missing, of the end.
func (s *Story) At() time.Time {
	if s.Sent.IsZero() {
		return s.Time.Time
	}
	return s.Sent
}
