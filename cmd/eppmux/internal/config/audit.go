package config

import (
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// Audit is the record of commands.
type Audit struct {
	File     string // absolute, or relative to the folder of the config file; empty: none is kept
	Commands AuditCommands
	Frames   bool // the payloads too, without their secrets
	OnError  AuditOnError
	Rotate   Rotate
}

// AuditCommands says what is recorded.
type AuditCommands string

// Transforms only, before they are sent and when they have ended, the default; or the ends of
// queries too.
const (
	AuditTransform AuditCommands = "transform"
	AuditAll       AuditCommands = "all"
)

// AuditOnError is what becomes of transforms that cannot be recorded.
type AuditOnError string

// They are sent all the same, the default, or not.
const (
	AuditWarn  AuditOnError = "warn"
	AuditBlock AuditOnError = "block"
)

// Rotate is when the file is renamed and a new one begun.
type Rotate struct {
	MaxSize int // octets; default 100 MiB; 0: never
	Keep    int // files that are kept beside it; default 30; 0: all
}

func (r *reader) audit(to *Audit) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"file":     r.text(&to.File),
			"commands": oneOf(r, &to.Commands, AuditTransform, AuditAll),
			"frames":   r.boolean(&to.Frames),
			"on_error": oneOf(r, &to.OnError, AuditWarn, AuditBlock),
			"rotate":   r.rotate(&to.Rotate),
		})
	}
}

func (r *reader) rotate(to *Rotate) read {
	return func(path string, n *yaml.Node) {
		r.mapping(path, n, fields{
			"max_size": r.integer(&to.MaxSize),
			"keep":     r.integer(&to.Keep),
		})
	}
}

// smallestRotation is the least audit.rotate.max_size, in octets: below it there would be a file
// for every few commands.
const smallestRotation = 1 << 16

func (c *checker) audit(path string, a *Audit) {
	if a.File != "" {
		a.File = c.files.resolve(a.File)
		c.auditFile(join(path, "file"), a.File)
	}
	rotate := join(path, "rotate")
	if n := a.Rotate.MaxSize; n != 0 && n < smallestRotation {
		c.add(join(rotate, "max_size"), "must be 0 (never) or at least %d octets, got %d", smallestRotation, n)
	}
	if a.Rotate.Keep < 0 {
		c.add(join(rotate, "keep"), "must be 0 (all) or more, got %d", a.Rotate.Keep)
	}
}

// auditFile checks that the file is there or could be made.
func (c *checker) auditFile(path, file string) {
	if info, err := os.Lstat(file); err == nil {
		if !info.Mode().IsRegular() {
			c.add(path, "%s: not a regular file", file)
		}
		return
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		c.add(path, "there is no folder %s", filepath.Dir(file))
	}
}
