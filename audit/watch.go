package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
)

// MaxWatched is how far back a Watch reads a log, in octets of its newest files: some 100,000
// transforms. What is older is for a person to read.
const MaxWatched = 64 << 20

// Watch follows a log that a Log writes, and knows what is unknown and not resolved in it. It reads
// the newest files once, and then what is appended. After a rotation it reads them anew. It has one
// owner. The zero value with Path set is ready to use; Close must be called in the end.
type Watch struct {
	Path string
	most int64 // as MaxWatched, which 0 stands for

	found Unresolved
	part  bool // older lines than those of found were left out

	live   *os.File // the file at Path; nil: it is to be read from the beginning
	offset int64    // of live: what was read
	cut    []byte   // the end of that, without a newline
}

// Look reads what is new. It reports whether anything was read. After an error, which is about a
// file, the next Look begins from the beginning.
func (w *Watch) Look() (news bool, err error) {
	if !w.inPlace() {
		w.Close()
		if err := w.again(); err != nil {
			w.Close()
			return false, err
		}
		return true, nil
	}
	before := w.offset
	if err := w.appended(w.concerns); err != nil {
		w.Close()
		return false, err
	}
	return w.offset > before, nil
}

// Stories returns what is unknown and not resolved, as far as the last Look has seen. What the
// process that began to write last has in flight is not among it. part is set if the log goes
// further back than MaxWatched.
func (w *Watch) Stories() (all []*Story, part bool) {
	return slices.DeleteFunc(w.found.Stories(), func(s *Story) bool { return s.Fate == FateOpen }), w.part
}

// Close closes the file.
func (w *Watch) Close() {
	if w.live != nil {
		w.live.Close()
		w.live = nil
	}
}

// inPlace reports whether live is the file at Path and has not shrunk.
func (w *Watch) inPlace() bool {
	if w.live == nil {
		return false
	}
	here, err := w.live.Stat()
	if err != nil || here.Size() < w.offset {
		return false
	}
	there, err := os.Stat(w.Path)
	return err == nil && os.SameFile(here, there)
}

// again reads the newest files, the one at Path last.
func (w *Watch) again() (err error) {
	w.found, w.part, w.offset, w.cut = Unresolved{}, false, 0, nil
	r, err := OpenLog(w.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	if w.live, err = os.Open(w.Path); err != nil {
		return err
	}
	live, err := w.live.Stat()
	if err != nil {
		return err
	}
	r.sources = slices.DeleteFunc(r.sources, func(s *source) bool {
		info, err := s.f.Stat()
		same := err == nil && os.SameFile(info, live)
		if same {
			s.f.Close()
		}
		return same
	})
	room := w.most
	if room == 0 {
		room = MaxWatched
	}
	if w.offset = live.Size() - room; w.offset > 0 {
		w.part = true
	}
	if w.offset = max(0, w.offset); w.offset > 0 {
		w.offset-- // the line that it cuts is skipped, and this one may be a newline
		w.cut = []byte("?")
	}
	w.newest(r, room-live.Size())
	if err := w.older(r); err != nil {
		return err
	}
	return w.appended(func([]byte) bool { return true })
}

// newest leaves only the newest sources of r, which have no more than room octets in all. A
// compressed file counts for ten times its size.
func (w *Watch) newest(r *Reader, room int64) {
	from := len(r.sources)
	for ; from > 0; from-- {
		s := r.sources[from-1]
		info, err := s.f.Stat()
		if err != nil {
			break
		}
		size := info.Size()
		if strings.HasSuffix(s.name, ".gz") {
			size *= 10
		}
		if room -= size; room < 0 {
			break
		}
	}
	for _, s := range r.sources[:from] {
		w.part = true
		s.f.Close()
	}
	r.sources = r.sources[from:]
}

// older reads all of r.
func (w *Watch) older(r *Reader) error {
	for {
		raw, l, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		w.found.Add(raw, l)
	}
}

// appended reads live from offset to its end, and of that the lines that concerns picks.
func (w *Watch) appended(concerns func(raw []byte) bool) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.live.ReadAt(buf, w.offset)
		w.offset += int64(n)
		text := buf[:n]
		for {
			line, rest, whole := bytes.Cut(text, []byte("\n"))
			if !whole {
				break
			}
			if len(w.cut) > 0 {
				line = append(w.cut, line...)
				w.cut = nil
			}
			if concerns(line) {
				w.take(line)
			}
			text = rest
		}
		if len(w.cut)+len(text) <= maxLine {
			w.cut = append(w.cut, text...)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// take takes a line, if it is of an audit log.
func (w *Watch) take(line []byte) {
	l := new(Line)
	if json.Unmarshal(line, l) == nil && l.Event != "" && !l.Time.IsZero() {
		w.found.Add(line, l)
	}
}

// Parts of a line as a renderer writes it. Within its strings each quote has a backslash before it,
// so they occur as keys only.
var (
	keyRegistry = []byte(`,"registry":"`)
	keyMuxTRID  = []byte(`,"muxtrid":"`)
	quote       = []byte(`"`)
	eventEnd    = []byte(`,"event":"end"`)
	eventSend   = []byte(`,"event":"sending"`)
	endsUnknown = []byte(`,"end":"unknown"`)
)

// concerns reports whether a line that the running process has appended must be read: most say that
// a transform is sent or was answered, and reading them costs more than writing them did.
func (w *Watch) concerns(raw []byte) bool {
	_, after, named := bytes.Cut(raw, keyMuxTRID)
	switch {
	case !named || bytes.Contains(raw, endsUnknown):
		return true
	case bytes.Contains(raw, eventSend):
		return false
	case !bytes.Contains(raw, eventEnd):
		return true
	}
	id, _, _ := bytes.Cut(after, quote)
	_, after, _ = bytes.Cut(raw, keyRegistry)
	registry, _, _ := bytes.Cut(after, quote)
	return w.found.joiner.open[storyKey{registry: string(registry), muxtrid: string(id)}] != nil
}
