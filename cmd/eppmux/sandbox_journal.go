package main

import (
	"errors"
	"fmt"
	"os"
)

// journalFile is the file of --journal. A nil one is none.
type journalFile struct {
	file *os.File
	err  error // of the first Write that failed; a registry calls one after the other
}

// openJournal makes the file new. It returns nil if there is no path.
func openJournal(path string) (*journalFile, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--journal: %w", err)
	}
	return &journalFile{file: f}, nil
}

// Write implements io.Writer. Each line goes to the file at once: whoever reads along sees it.
func (j *journalFile) Write(line []byte) (int, error) {
	n, err := j.file.Write(line)
	if err != nil && j.err == nil {
		j.err = err
	}
	return n, err
}

// Close closes the file and returns what has gone wrong with it. The registry must be closed.
func (j *journalFile) Close() error {
	if j == nil {
		return nil
	}
	if err := errors.Join(j.err, j.file.Close()); err != nil {
		return fmt.Errorf("--journal: %w", err)
	}
	return nil
}
