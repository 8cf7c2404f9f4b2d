package cluster

import (
	"errors"
	"strings"
)

// EngineError is a request to an Engine that failed. It never holds a password.
type EngineError struct {
	Engine  string // see Engine.Name
	Address string // those of the engine, as configured
	Step    string // "load leases"
	Err     error
	Do      string // what an operator can do about it; may be empty
	// Refused: the engine was reached, and will say the same again until somebody changes its setup
	// or the config.
	Refused bool
}

// Error implements error: "etcd at h:2379: load leases: the cause; what to do".
func (e *EngineError) Error() string {
	var b strings.Builder
	b.WriteString(e.Engine + " at " + e.Address + ": " + e.Step + ": " + e.Err.Error())
	if e.Do != "" {
		b.WriteString("; " + e.Do)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *EngineError) Unwrap() error { return e.Err }

// Refused reports whether an engine was reached, and will say the same again until somebody changes its
// setup or the config: a wrong password, a server that is too old.
func Refused(err error) bool {
	e, ok := errors.AsType[*EngineError](err)
	return ok && e.Refused
}
