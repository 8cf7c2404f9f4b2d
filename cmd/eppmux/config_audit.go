package main

import (
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"eppmux/cmd/eppmux/internal/cli"
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

// readAudit reads what the file says of the audit log. All else may be wrong or out of reach:
// whoever reads the log need not be able to read passwords.
func readAudit(path string) (Audit, error) {
	cfg, err := readOnly(path)
	if err != nil {
		return Audit{}, err
	}
	if cfg.Audit.File != "" {
		cfg.Audit.File = files{folder: filepath.Dir(path)}.resolve(cfg.Audit.File)
	}
	return cfg.Audit, nil
}

// readOnly reads the values of a config file, without its rules and without what it refers to:
// passwords and certificates may be out of reach for who wants to know something else.
func readOnly(path string) (*Config, error) {
	data, _, err := cli.ReadFile(path, maxConfigFile)
	if err != nil {
		return nil, err
	}
	l := &faultList{lines: map[string]int{}}
	r := &reader{faultList: l}
	cfg := defaultConfig()
	if n := r.document(data); n != nil {
		r.value("", n, r.config(cfg))
	}
	if err := l.faults(path); err != nil {
		return nil, err
	}
	return cfg, nil
}
