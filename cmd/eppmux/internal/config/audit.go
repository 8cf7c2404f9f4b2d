package config

import (
	"os"
	"path/filepath"
)

// Audit is the record of commands.
type Audit struct {
	// File is absolute, or relative to the folder of the config file; empty: none is kept.
	File string `yaml:"file"`

	Commands AuditCommands `yaml:"commands" default:"transform"`
	Frames   bool          `yaml:"frames"` // the payloads too, without their secrets
	OnError  AuditOnError  `yaml:"on_error" default:"warn"`
	Rotate   Rotate        `yaml:"rotate"`
}

// AuditCommands says which commands are recorded.
type AuditCommands string

const (
	AuditTransform AuditCommands = "transform" // transforms, before they are sent and when they have ended
	AuditAll       AuditCommands = "all"       // the ends of queries too
)

// AuditOnError says what becomes of transforms that cannot be recorded.
type AuditOnError string

const (
	AuditWarn  AuditOnError = "warn"  // they are sent all the same
	AuditBlock AuditOnError = "block" // they are not sent
)

// Rotate says when the file is renamed and a new one begun.
type Rotate struct {
	// MaxSize is in octets. Below its least value there would be a file for every few commands.
	MaxSize int `yaml:"max_size" default:"104857600" zero:"never" min:"65536" unit:"octets"`

	Keep int `yaml:"keep" default:"30" zero:"all"` // renamed files that are kept
}

// rule implements ruler: the file is there, or could be made.
func (a *Audit) rule(c *checker, path, key string) {
	if key != "file" || a.File == "" {
		return
	}
	at := join(path, key)
	a.File = c.files.resolve(a.File)
	if info, err := os.Lstat(a.File); err == nil {
		if !info.Mode().IsRegular() {
			c.add(at, "%s: not a regular file", a.File)
		}
		return
	}
	folder := filepath.Dir(a.File)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		c.add(at, "there is no folder %s", folder)
	}
}
