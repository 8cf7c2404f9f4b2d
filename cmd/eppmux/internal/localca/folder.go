package localca

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// folder is the path of a folder. A file is put into it whole or not at all.
type folder string

// file is a file that is to be put into a folder.
type file struct {
	name    string
	content []byte
	mode    fs.FileMode
}

// in returns the path of a file in the folder.
func (d folder) in(name string) string { return filepath.Join(string(d), name) }

// put writes files beside their places and then renames them, in that order. A reader sees each
// file old or new. An old file that others could read, or a link to another place, is not written
// into. If a renaming fails, the files before it are the new ones.
func (d folder) put(files []file) (err error) {
	var ready []prepared
	defer func() {
		for _, f := range ready {
			_ = os.Remove(f.temp)
		}
	}()
	for _, f := range files {
		temp, err := d.prepare(f)
		if err != nil {
			return err
		}
		ready = append(ready, prepared{temp, d.in(f.name)})
	}
	for len(ready) > 0 {
		if err := os.Rename(ready[0].temp, ready[0].place); err != nil {
			return err
		}
		ready = ready[1:]
	}
	held, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(held.Sync(), held.Close())
}

// prepared is a file that is on the disk but not in its place yet.
type prepared struct{ temp, place string }

// prepare writes a file beside its place, and returns its path.
func (d folder) prepare(what file) (temp string, err error) {
	f, err := os.CreateTemp(string(d), ".new-")
	if err != nil {
		return "", err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := f.Chmod(what.mode); err != nil {
		return "", err
	}
	if _, err := f.Write(what.content); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}
