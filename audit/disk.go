package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// file is what a disk needs of an *os.File.
type file interface {
	io.Writer
	io.Closer
	Stat() (fs.FileInfo, error)
}

// disk is the file and what it was rotated to. Owned by the goroutine of the Log.
type disk struct {
	// Immutable.
	path    string
	maxSize int64 // octets; 0: never rotated
	keep    int   // rotated files; 0: all
	open    func(path string) (file, error)
	trouble func(err error) // is told of what has gone wrong while writing goes on
	warn    func(err error) // is told of what is no failure

	f        file           // nil: none is open
	id       syscall.Stat_t // device and inode of f
	size     int64          // of f, octets
	cut      bool           // f does not end with a newline
	rotateAt time.Time
}

// openFile opens the file for appending and makes it where it is not there. What is no regular file
// is refused, and a link too: rotation would rename it and not what it leads to.
func openFile(path string) (file, error) {
	// Without O_NONBLOCK the opening of a named pipe would wait.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// write writes lines, p[1:], in one write(2); p[0] is a newline, which goes before them where the
// file ends in mid-line. n counts octets of p from its start. After an error the file is closed,
// and the next write opens it anew.
func (d *disk) write(p []byte, now time.Time) (n int, err error) {
	if err := d.ready(int64(len(p)), now); err != nil {
		return 0, err
	}
	from := 1
	if d.cut {
		from = 0
	}
	n, err = d.f.Write(p[from:])
	d.size += int64(n)
	if n > 0 {
		d.cut = p[from+n-1] != '\n'
	}
	if err == nil && n < len(p)-from {
		err = io.ErrShortWrite
	}
	if err != nil {
		d.close()
	}
	return from + n, err
}

// ready makes sure that the file is open, stands where it should, and has room for n octets more.
func (d *disk) ready(n int64, now time.Time) error {
	if d.f == nil || d.moved() {
		if err := d.reopen(); err != nil {
			return err
		}
	}
	if d.maxSize == 0 || d.size == 0 || d.size+n <= d.maxSize || now.Before(d.rotateAt) {
		return nil
	}
	if err := d.rotate(now); err != nil {
		d.rotateAt = now.Add(time.Minute)
		d.trouble(fmt.Errorf("rotate: %w", err))
	}
	return nil
}

// moved says whether something else, or nothing, stands at the path of the open file: another
// program has rotated or removed it. Where that cannot be told the file is as good as any.
func (d *disk) moved() bool {
	var there syscall.Stat_t
	if err := syscall.Lstat(d.path, &there); err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	if there.Dev != d.id.Dev || there.Ino != d.id.Ino {
		return true
	}
	d.size = there.Size // it may have been truncated
	return false
}

// reopen opens the file at the path in place of the one that is open, which stays where that fails.
func (d *disk) reopen() error {
	f, err := d.open(d.path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	d.close()
	d.f, d.size, d.cut = f, info.Size(), endsInMidLine(f, info.Size())
	if id, ok := info.Sys().(*syscall.Stat_t); ok {
		d.id = *id
	}
	if info.Mode().Perm()&0o077 != 0 {
		d.warn(fmt.Errorf("%s: group or others can reach it (mode %04o); chmod it to 0600", d.path, info.Mode().Perm()))
	}
	return nil
}

// endsInMidLine looks at the last octet; in doubt it does: an empty line does no harm.
func endsInMidLine(f file, size int64) bool {
	if size == 0 {
		return false
	}
	r, ok := f.(io.ReaderAt)
	var last [1]byte
	if !ok {
		return true
	}
	_, err := r.ReadAt(last[:], size-1)
	return err != nil || last[0] != '\n'
}

func (d *disk) close() {
	if d.f != nil {
		if err := d.f.Close(); err != nil {
			d.trouble(err)
		}
		d.f = nil
	}
}

// rotatedForm is the time in the name of a rotated file, behind the path and a dot: in order of
// names is in order of time.
const rotatedForm = "20060102T150405.000000Z"

// rotate renames the file and opens a new one; where that fails it goes on with the old one, under
// its old name unless another file has that by now.
func (d *disk) rotate(now time.Time) error {
	name, err := d.nextName(now)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(name); !os.IsNotExist(err) {
		return fmt.Errorf("%s is there already", name)
	}
	if err := os.Rename(d.path, name); err != nil {
		return err
	}
	if err := d.reopen(); err != nil {
		return errors.Join(err, d.renameBack(name))
	}
	d.prune()
	return nil
}

// renameBack gives the file its old name back, unless something else has it by now: a rename would
// overwrite that.
func (d *disk) renameBack(name string) error {
	if err := os.Link(name, d.path); err != nil {
		return err
	}
	return os.Remove(name)
}

// nextName is the name of a file that is rotated now, behind those of all that were rotated before:
// after the clock has been put back the newest would otherwise be taken for the oldest.
func (d *disk) nextName(now time.Time) (string, error) {
	all, err := rotated(d.path)
	if err != nil {
		return "", err
	}
	name := d.path + "." + now.UTC().Format(rotatedForm)
	for _, other := range all {
		if filepath.Base(other) < filepath.Base(name) {
			continue
		}
		at, err := time.Parse(rotatedForm, strings.TrimPrefix(filepath.Base(other), filepath.Base(d.path)+"."))
		if err != nil {
			return "", err
		}
		name = d.path + "." + at.Add(time.Microsecond).Format(rotatedForm)
	}
	return name, nil
}

// prune removes the oldest rotated files beyond keep.
func (d *disk) prune() {
	if d.keep == 0 {
		return
	}
	all, err := rotated(d.path)
	if err != nil {
		d.trouble(err)
		return
	}
	slices.Sort(all)
	for _, name := range all[:max(0, len(all)-d.keep)] {
		if err := os.Remove(name); err != nil {
			d.trouble(err)
		}
	}
}

// rotated are the files that rotate has made of path.
func rotated(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		at, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if _, err := time.Parse(rotatedForm, at); ok && err == nil {
			all = append(all, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return all, nil
}
