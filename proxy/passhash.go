package proxy

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// PasswordHash is the hash of a client's password: PBKDF2 with HMAC-SHA-256 (RFC 8018 section 5.2).
// It can be compared with ==. Only Encode shows it.
type PasswordHash struct {
	iterations int
	salt       string
	key        [sha256.Size]byte
}

// Iterations of a hash. More make each guess, and each login, take longer.
const (
	HashIterationsMin = 10_000
	HashIterationsMax = 5_000_000 // some seconds, for which Close may wait
)

const (
	hashScheme  = "pbkdf2-sha256"
	saltLen     = 16 // octets, of a new hash
	saltLenMin  = 8
	saltLenMax  = 64
	hashRefused = "must be " + hashScheme + "$ITERATIONS$SALT$HASH, as \"eppmux hash\" prints it"
)

// errNotAHash does not repeat the text: it may be a password.
var errNotAHash = errors.New(hashRefused)

// HashPassword hashes a password with a new salt.
func HashPassword(password string, iterations int) (PasswordHash, error) {
	salt := make([]byte, saltLen)
	rand.Read(salt) // never fails
	h := PasswordHash{iterations: iterations, salt: string(salt)}
	key, err := h.derive(password)
	copy(h.key[:], key)
	return h, err
}

// ParsePasswordHash reads what Encode wrote. Its error shows nothing of text.
func ParsePasswordHash(text string) (PasswordHash, error) {
	var h PasswordHash
	parts := strings.Split(text, "$")
	if len(parts) != 4 || parts[0] != hashScheme {
		return h, errNotAHash
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return h, errNotAHash
	}
	if n < HashIterationsMin || n > HashIterationsMax {
		return h, fmt.Errorf("the number of iterations must be %d to %d", HashIterationsMin, HashIterationsMax)
	}
	strict := base64.RawStdEncoding.Strict()
	salt, err := strict.DecodeString(parts[2])
	if err != nil || len(salt) < saltLenMin || len(salt) > saltLenMax {
		return h, errNotAHash
	}
	key, err := strict.DecodeString(parts[3])
	if err != nil || len(key) != len(h.key) {
		return h, errNotAHash
	}
	h.iterations, h.salt = n, string(salt)
	copy(h.key[:], key)
	if h.Encode() != text { // line breaks, zeros before a number
		return PasswordHash{}, errNotAHash
	}
	return h, nil
}

// Encode is the hash as it stands in a config file: pbkdf2-sha256$ITERATIONS$SALT$HASH, the last
// two in base 64 (RFC 4648 section 4) without padding.
func (h PasswordHash) Encode() string {
	b64 := base64.RawStdEncoding
	salt, key := b64.EncodeToString([]byte(h.salt)), b64.EncodeToString(h.key[:])
	return fmt.Sprintf("%s$%d$%s$%s", hashScheme, h.iterations, salt, key)
}

// Matches reports whether h is the password's. It takes as long as the iterations demand, whatever
// the answer.
func (h PasswordHash) Matches(password string) bool {
	key, err := h.derive(password)
	return err == nil && subtle.ConstantTimeCompare(key, h.key[:]) == 1
}

// derive is the key that a password gives with h's salt and iterations.
func (h PasswordHash) derive(password string) ([]byte, error) {
	return pbkdf2.Key(sha256.New, password, []byte(h.salt), h.iterations, len(h.key))
}

// Format implements fmt.Formatter. It writes no more than the scheme, for every verb.
func (h PasswordHash) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hashScheme)) }

// LogValue implements slog.LogValuer. It is no more than the scheme.
func (h PasswordHash) LogValue() slog.Value { return slog.StringValue(hashScheme) }
