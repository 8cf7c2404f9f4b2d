// Package config is the config file: which keys there are, what each may be, what they stand for,
// and the files with secrets that they name.
//
//	c, err := config.Load("config.yaml") // err is a *Faults: all that is wrong, each with its line
//
// Load reads the YAML into a Config that has its defaults (read.go, keys.go), those of a registry's
// profile among them (profile.go), then checks what values must keep together and loads passwords
// and certificates (check.go, load.go). LoadValues does the first of these only, for commands that
// need no password.
//
// A Config and all that it holds is immutable once it is loaded, but for a KeyPair, which follows
// its files by itself. Passwords are Secrets, which nothing prints.
package config
