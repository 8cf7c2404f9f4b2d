package config

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is all that is ever shown of a Secret.
const redacted = "[redacted]"

// Secret is a password. Nothing that prints, logs or encodes it, or anything that holds it, shows
// its value; only Reveal gives it away. Two secrets are reflect.DeepEqual when their values are
// equal.
type Secret struct {
	// A pointer, since fmt does not call methods on unexported fields: there it prints the address.
	value *string
}

// NewSecret hides value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal is the value, for the login and nothing else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says that there is no secret, or an empty one.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// String is "[redacted]".
func (s Secret) String() string { return redacted }

// GoString is "[redacted]".
func (s Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue is "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON is "[redacted]" in quotes.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML is "[redacted]".
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }
