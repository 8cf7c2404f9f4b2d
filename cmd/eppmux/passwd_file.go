package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
)

// passwordFile is a password_file and its candidate, a file beside it with the password that may
// become valid at any moment. Each step is on the disk before the next one.
type passwordFile struct {
	path string   // of the password, links resolved
	next string   // of the candidate
	held *os.File // of path, with a lock that keeps a second passwd away
}

// openPasswordFile locks the file: one process at a time has it. close must be called.
func openPasswordFile(path string) (*passwordFile, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	held, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || err == nil && !isFile(held, path) {
		err = errors.New("another eppmux passwd is at work on it")
	}
	if err != nil {
		held.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &passwordFile{path: path, next: path + ".new", held: held}, nil
}

// isFile reports whether f is the file at path. It is not if another run has put a new one there
// since f was opened; then a lock on f keeps nobody away.
func isFile(f *os.File, path string) bool {
	of, err := f.Stat()
	if err != nil {
		return false
	}
	at, err := os.Stat(path)
	return err == nil && os.SameFile(of, at)
}

// password returns the password. Behind the lock it does not change.
func (f *passwordFile) password() (config.Secret, error) {
	data, info, err := cli.ReadFile(f.path, cli.MaxPasswordFile)
	if err == nil {
		err = cli.Private(info)
	}
	text := strings.TrimRight(string(data), "\r\n")
	if err == nil && text == "" {
		err = errors.New("the password there is empty")
	}
	if err != nil {
		return config.Secret{}, fmt.Errorf("%s: %w", f.path, err)
	}
	return config.NewSecret(text), nil
}

// close gives the lock back.
func (f *passwordFile) close() { f.held.Close() }

// candidate returns the password that an earlier run has left; empty if there is none.
func (f *passwordFile) candidate() (config.Secret, error) {
	data, info, err := cli.ReadFile(f.next, cli.MaxPasswordFile)
	if errors.Is(err, fs.ErrNotExist) {
		return config.Secret{}, nil
	}
	if err == nil {
		err = cli.Private(info)
	}
	if err != nil {
		return config.Secret{}, fmt.Errorf("%s: %w", f.next, err)
	}
	if text := strings.TrimRight(string(data), "\r\n"); text != "" {
		return config.NewSecret(text), nil
	}
	// The run that made it was cut short before it sent anything.
	return config.Secret{}, f.discard()
}

// write makes the candidate, with the owner and group of the password file and mode 0600.
func (f *passwordFile) write(password config.Secret) (err error) {
	c, err := os.OpenFile(f.next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, c.Close()); err != nil {
			err = errors.Join(err, os.Remove(f.next))
		}
	}()
	if err := f.dress(c); err != nil {
		return err
	}
	if _, err := c.WriteString(password.Reveal() + "\n"); err != nil {
		return err
	}
	if err := c.Sync(); err != nil {
		return err
	}
	return f.syncFolder()
}

// dress gives the candidate c the owner and group of the password file.
func (f *passwordFile) dress(c *os.File) error {
	if err := c.Chmod(0o600); err != nil {
		return err
	}
	info, err := f.held.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return c.Chown(int(st.Uid), int(st.Gid))
}

// promote puts the candidate into the place of the password.
func (f *passwordFile) promote() error {
	if err := os.Rename(f.next, f.path); err != nil {
		return err
	}
	return f.syncFolder()
}

// discard removes the candidate.
func (f *passwordFile) discard() error {
	if err := os.Remove(f.next); err != nil {
		return err
	}
	return f.syncFolder()
}

// syncFolder makes renames and removals last.
func (f *passwordFile) syncFolder() error {
	d, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
