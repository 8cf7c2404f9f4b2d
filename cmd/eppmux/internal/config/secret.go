package config

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is all that is ever shown of a Secret.
const redacted = "[redacted]"

// Secret is a password. No way of printing, logging or encoding it, or a value that holds it, shows
// the password; only Reveal does. Two secrets are reflect.DeepEqual when their passwords are equal.
type Secret struct {
	// It is a pointer because fmt calls no methods on unexported fields: there it prints the
	// address.
	value *string
}

// NewSecret returns the secret whose password is value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal returns the password. It is for the login and nothing else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no password, or an empty one.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// String implements fmt.Stringer. It returns "[redacted]", as all the methods below do.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return redacted }

// Format implements fmt.Formatter: every verb writes "[redacted]".
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML implements yaml.Marshaler.
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }
