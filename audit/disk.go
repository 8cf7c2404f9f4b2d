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

// file is the part of *os.File that a disk uses. Tests have files that fail.
type file interface {
	io.Writer
	io.Closer
	Stat() (fs.FileInfo, error)
}

// disk is the file of a Log and the files that it was rotated to. Owned by the goroutine of the
// Log.
type disk struct {
	// Immutable.
	path    string
	maxSize int64 // octets of the file; 0: it is never rotated
	keep    int   // rotated files that are kept; 0: all
	open    func(path string) (file, error)
	trouble func(err error) // called with a failure that does not stop writing
	warn    func(err error) // called with a remark that is no failure

	f        file           // nil: no file is open
	id       syscall.Stat_t // device and inode of f
	size     int64          // octets of f
	cut      bool           // f does not end with a newline
	rotateAt time.Time      // no rotation before, since one has failed
}

// openFile opens the file for appending, and creates it if there is none. It refuses anything but a
// regular file, and a symbolic link: rotation would rename the link and not its target.
func openFile(path string) (file, error) {
	// Without O_NONBLOCK, opening a named pipe would wait.
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

// write writes the lines p[1:] with one write(2). p[0] is a newline, which is written too if the
// file ends in mid-line. n is the number of octets of p that are done with, p[0] included. After an
// error the file is closed, and the next write opens it again.
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

// ready makes sure that the file is open, stands at its path, and has room for n octets more: if
// not, it rotates. A rotation that fails is told to trouble and is no error, since the file can
// grow.
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

// moved reports whether the open file no longer stands at its path: another program has rotated or
// removed it. If that cannot be found out, the file counts as in its place.
func (d *disk) moved() bool {
	var there syscall.Stat_t
	if err := syscall.Lstat(d.path, &there); err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	if there.Dev != d.id.Dev || there.Ino != d.id.Ino {
		return true
	}
	if there.Size != d.size { // another program has truncated it, or written to it
		d.size, d.cut = there.Size, endsInMidLine(d.f, there.Size)
	}
	return false
}

// reopen opens the file at the path and closes the one that was open. If it fails, the latter stays
// open.
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

// endsInMidLine reports whether the last octet of f is no newline. In doubt it is true: an empty
// line does no harm.
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

// close closes the file if one is open.
func (d *disk) close() {
	if d.f != nil {
		if err := d.f.Close(); err != nil {
			d.trouble(err)
		}
		d.f = nil
	}
}

// rotatedForm is the form of the time in the name of a rotated file, which is the path, a dot and
// that time in UTC. The order of the names is the order of time.
const rotatedForm = "20060102T150405.000000Z"

// rotate renames the file, opens a new one and removes the oldest. If no new one can be opened, the
// old one stays in use and gets its name back, unless another file has that name by now.
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

// renameBack gives the file at name its old path back. It fails if something else stands there by
// now, which a rename would overwrite.
func (d *disk) renameBack(name string) error {
	if err := os.Link(name, d.path); err != nil {
		return err
	}
	return os.Remove(name)
}

// nextName is the name for a file that is rotated now. It sorts behind the names of all files that
// were rotated before: otherwise, after the clock was put back, the newest would be taken for the
// oldest.
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

// prune removes the oldest rotated files until keep of them are left.
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

// rotated gives the paths of the files that rotate has made of path, in no order.
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
