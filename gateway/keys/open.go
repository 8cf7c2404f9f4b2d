package keys

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The buckets of the file.
var (
	metaBucket = []byte("meta") // format: the file's, as a big-endian uint32
	keysBucket = []byte("keys") // keyOf: record
	ageBucket  = []byte("age")  // expiryOf: nothing

	formatKey = []byte("format")
)

// fileFormat is the form of the file that this program writes. It opens no later one.
const fileFormat = 1

// lockPatience is how long Open waits for another process that has the file.
const lockPatience = 2 * time.Second

// guarded calls f, which reads or writes the file. bbolt maps it into memory and trusts its pages: where
// they are damaged it panics, or touches memory behind the end of the file. Both become errors.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}

var errDamaged = errors.New("the file is damaged")

// openFile opens the file, or makes it, and looks at all that is in it. file is what db has open.
func openFile(path string) (db *bolt.DB, file *os.File, c counts, newest int64, err error) {
	_, err = os.Lstat(path)
	fresh := errors.Is(err, fs.ErrNotExist)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, nil, c, 0, fmt.Errorf("key file %s: it is no regular file; name another, or move it away", path)
	}
	err = guarded(func() (err error) {
		db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockPatience,
			FreelistType: bolt.FreelistMapType, NoStatistics: true,
			OpenFile: func(path string, flag int, mode fs.FileMode) (f *os.File, err error) {
				file, err = os.OpenFile(path, flag, mode)
				return file, err
			}})
		return err
	})
	if err != nil {
		if file != nil {
			_ = file.Close() // after a panic it is open, and locked
		}
		return nil, nil, c, 0, explain(path, err)
	}
	err = guarded(func() error {
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
		if err := db.Update(prepare); err != nil {
			return err
		}
		return db.View(func(tx *bolt.Tx) error {
			newest, err = survey(tx, &c)
			return err
		})
	})
	if err == nil && fresh {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		_ = shut(db, file, err)
		return nil, nil, c, 0, explain(path, err)
	}
	return db, file, c, newest, nil
}

// shut closes the file. why is what has gone wrong with it; nil: nothing. bbolt may hold its locks after a
// panic, and is left as it is then: the memory into which it has mapped the file goes with the process.
func shut(db *bolt.DB, file *os.File, why error) error {
	if errors.Is(why, errDamaged) {
		return file.Close()
	}
	err := guarded(db.Close)
	if err != nil {
		_ = file.Close() // else it stays open, and locked
	}
	return err
}

// prepare makes the buckets of a new file, and checks the format of another.
func prepare(tx *bolt.Tx) error {
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	switch format := meta.Get(formatKey); {
	case format == nil:
		if err := meta.Put(formatKey, binary.BigEndian.AppendUint32(nil, fileFormat)); err != nil {
			return err
		}
	case len(format) != 4 || binary.BigEndian.Uint32(format) != fileFormat:
		return fmt.Errorf("%w: it has format %x", errNewer, format)
	}
	for _, b := range [][]byte{keysBucket, ageBucket} {
		if _, err := tx.CreateBucketIfNotExists(b); err != nil {
			return err
		}
	}
	return nil
}

var errNewer = errors.New("it was written by another version of eppmux")

// survey counts what is in the file, and so reads each of its pages. newest is the last stamp. A record has
// its stamp under its checksum, and the index by age must have the same: by another one, all keys might look
// old, and be forgotten.
func survey(tx *bolt.Tx, c *counts) (newest int64, err error) {
	byAge := tx.Bucket(ageBucket).Cursor()
	err = tx.Bucket(keysBucket).ForEach(func(k, v []byte) error {
		r, err := readRecord(v)
		c.add(&r, len(k)+len(v), err)
		if err != nil {
			c.broken++
			return nil
		}
		newest = max(newest, r.stamp)
		age := expiryOf(r.stamp, k)
		if at, _ := byAge.Seek(age); !bytes.Equal(at, age) {
			return fmt.Errorf("%w: the age of a key is not known", errDamaged)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	ages := int64(0)
	err = tx.Bucket(ageBucket).ForEach(func([]byte, []byte) error {
		ages++
		return nil
	})
	if err == nil && ages < c.entries {
		err = fmt.Errorf("%w: %d keys, of %d of which the age is known", errDamaged, c.entries, ages)
	}
	if err == nil && ages > c.entries {
		err = fmt.Errorf("%w: %d keys are missing", errDamaged, ages-c.entries)
	}
	return newest, err
}

// explain says what is wrong with the file, where it is, and what to do. The file is left as it is.
func explain(path string, err error) error {
	const forget = "with another file the keys of the last hours are forgotten, and repeats of them would be sent again"
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("key file %s: another process has it open; stop that, "+
			"or give each eppmux a state.dir of its own", path)
	case errors.Is(err, errNewer):
		return fmt.Errorf("key file %s: %w; use that version, or move the file away: %s", path, err, forget)
	case errors.Is(err, errDamaged), errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum),
		errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrInvalidMapping),
		errors.Is(err, bolterrors.ErrIncompatibleValue):
		return fmt.Errorf("key file %s: it is damaged or no key file (%w); move it away: %s", path, err, forget)
	}
	var reason *fs.PathError
	if errors.As(err, &reason) {
		err = reason.Err // the path is named already
	}
	return fmt.Errorf("key file %s: %w; eppmux must be able to read and write it, and its folder", path, err)
}

// syncDir has a new file's name outlive a loss of power.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
