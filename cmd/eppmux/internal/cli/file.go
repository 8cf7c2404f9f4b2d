package cli

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Bounds on what is read from files, in octets.
const (
	MaxPasswordFile = 4096
	MaxPEMFile      = 4 << 20
)

// ReadFile reads a regular file of at most limit octets. The FileInfo has its owner and mode.
func ReadFile(path string, limit int64) ([]byte, fs.FileInfo, error) {
	// Without O_NONBLOCK the opening of a named pipe would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: not a regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(data)) > limit {
		return nil, nil, fmt.Errorf("%s: larger than %d octets", path, limit)
	}
	return data, info, nil
}

// Private is an error unless the owner alone can reach the file, and is root or the user of this
// process. It is nil for a nil info.
func Private(info fs.FileInfo) error {
	if info == nil {
		return nil
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("group or others can reach it (mode %04o); chmod it to 0600", mode)
	}
	return owned(info)
}

// OwnFolder is an error if others than root and the user of this process can put files into the
// folder.
func OwnFolder(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("group or others can put files there (mode %04o); chmod it to 0755 or choose another folder",
			mode)
	}
	return owned(info)
}

// owned is an error unless the owner is root or the user of this process.
func owned(info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to another user (uid %d)", st.Uid)
	}
	return nil
}
