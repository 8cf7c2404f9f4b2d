package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxLine bounds the length of a line that is read, in octets. Two payloads and all other fields
// fit, even if each octet is escaped.
const maxLine = 8 << 20

// Reader gives the lines of files one after the other. It holds one line at a time. It has one
// owner. Make one with OpenFiles or OpenLog; Close must be called in the end.
type Reader struct {
	// Broken is called for each line that is skipped because it is no line of an audit log. file is
	// the path, line the number from 1 on. It may be set before the first Next; nil: not called.
	Broken func(file string, line int, why string)

	sources []*source
	in      *bufio.Reader // of the first source; nil: not begun
	number  int           // of the last line in the first source
	buf     []byte        // the last line
}

// source is an open file. All files are open from the start, since they may be rotated or removed
// while others are read.
type source struct {
	name  string
	f     *os.File
	begin time.Time // time of its first line; zero: it has none
}

// OpenFiles opens files, compressed with gzip or not. They are read in the order of the times of
// their first lines. A file under two names is read once.
func OpenFiles(paths []string) (*Reader, error) {
	r := new(Reader)
	for _, path := range paths {
		if err := r.open(path); err != nil {
			r.Close()
			return nil, err
		}
	}
	r.sort()
	return r, nil
}

// OpenLog opens the file at path and all files that it was rotated to, by a Log or another program:
// the files beside it whose names begin with its name and go on with a dot or a hyphen. A rotation
// meanwhile does no harm. It fails if there is no such file at all.
func OpenLog(path string) (*Reader, error) {
	r := new(Reader)
	// The file itself is opened first: if it is rotated from now on, os.SameFile tells.
	first := r.open(path)
	entries, err := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(path))
		if err != nil || !ok || rest == "" || rest[0] != '.' && rest[0] != '-' || !e.Type().IsRegular() {
			continue
		}
		if err = r.open(filepath.Join(filepath.Dir(path), e.Name())); errors.Is(err, fs.ErrNotExist) {
			err = nil // a rotation has removed it, as the oldest
		}
	}
	if err == nil && (len(r.sources) == 0 || !errors.Is(first, fs.ErrNotExist)) {
		err = first
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	r.sort()
	return r, nil
}

// sort puts the sources in the order in which they are read.
func (r *Reader) sort() {
	slices.SortStableFunc(r.sources, func(a, b *source) int { return a.begin.Compare(b.begin) })
}

// open adds the file at path, unless it is among the sources already.
func (r *Reader) open(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s: not a regular file", path)
	default:
		for _, s := range r.sources {
			if other, err := s.f.Stat(); err == nil && os.SameFile(other, info) {
				f.Close()
				return nil
			}
		}
	}
	s := &source{name: path, f: f}
	if err == nil {
		s.begin, err = firstTime(s)
	}
	if err != nil {
		f.Close()
		return err
	}
	r.sources = append(r.sources, s)
	return nil
}

// firstTime is the time of the first line that has one, among the first 1000; zero if none has. It
// leaves the file at its start.
func firstTime(s *source) (time.Time, error) {
	look := &Reader{sources: []*source{s}}
	if err := look.begin(); err != nil {
		return time.Time{}, err
	}
	var at time.Time
	for range 1000 {
		_, l, err := look.step()
		if err != nil {
			break
		}
		if l != nil {
			at = l.Time.Time
			break
		}
	}
	_, err := s.f.Seek(0, io.SeekStart)
	return at, err
}

// begin begins to read the first source.
func (r *Reader) begin() error {
	s := r.sources[0]
	in := bufio.NewReaderSize(s.f, 64<<10)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		in = bufio.NewReaderSize(z, 64<<10)
	}
	r.in, r.number = in, 0
	return nil
}

// Next gives the next line: raw as it is written, without its newline, and l as it reads. Lines
// that are not of an audit log are skipped. raw is valid until the next call, l for good. err is
// io.EOF after the last line; any other error is about a file, whose path it names.
func (r *Reader) Next() (raw []byte, l *Line, err error) {
	for len(r.sources) > 0 {
		if r.in == nil {
			if err := r.begin(); err != nil {
				return nil, nil, err
			}
		}
		raw, l, err := r.step()
		switch {
		case errors.Is(err, io.EOF):
			r.sources[0].f.Close()
			r.sources, r.in = r.sources[1:], nil
		case err != nil:
			return nil, nil, fmt.Errorf("%s: %w", r.sources[0].name, err)
		case l != nil:
			return raw, l, nil
		}
	}
	return nil, nil, io.EOF
}

// step reads one line. l is nil if it is empty or not of an audit log.
func (r *Reader) step() (raw []byte, l *Line, err error) {
	raw, why, err := r.line()
	if err != nil {
		return nil, nil, err
	}
	r.number++
	switch {
	case why != "":
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, nil, nil
	default:
		l = new(Line)
		if json.Unmarshal(raw, l) == nil && l.Event != "" && !l.Time.IsZero() {
			return raw, l, nil
		}
		why = "not a record"
	}
	if r.Broken != nil {
		r.Broken(r.sources[0].name, r.number, why)
	}
	return nil, nil, nil
}

// line reads up to the next newline, which it leaves out. why says what is wrong with the line;
// empty if nothing is seen to be.
func (r *Reader) line() (line []byte, why string, err error) {
	r.buf = r.buf[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		if len(r.buf)+len(part) <= maxLine {
			r.buf = append(r.buf, part...)
		} else {
			why = "too long"
		}
		switch {
		case err == nil:
			return bytes.TrimSuffix(r.buf, []byte("\n")), why, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && len(r.buf) > 0:
			return r.buf, cmp.Or(why, "cut off"), nil
		case errors.Is(err, io.ErrUnexpectedEOF): // gzip under way
			return nil, "", io.EOF
		default:
			return nil, "", err
		}
	}
}

// Close closes the files that have not been read to their end.
func (r *Reader) Close() {
	for _, s := range r.sources {
		s.f.Close()
	}
	r.sources = nil
}

// VisibleJSON appends raw, a line as Next gives it, made safe for a terminal: each character that
// does not print is written as \uXXXX. It appends nothing if raw is no JSON.
func VisibleJSON(dst, raw []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return dst
	}
	return AppendVisible(dst, b.Bytes())
}
