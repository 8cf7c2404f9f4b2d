package proxy

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// knownHash is of "demo-secret ä", made with another implementation.
const knownHash = "pbkdf2-sha256$10000$c2l4dGVlbiBvY3RldHMhIQ$ovesOjWVCjVTV8t9RIiieWzod3TcuE4rfuZ+Y1p9OEw"

func TestPasswordHash(t *testing.T) {
	h, err := ParsePasswordHash(knownHash)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Matches("demo-secret ä") || h.Matches("demo-secret a") || h.Matches("") {
		t.Error("the known hash does not match its password, or does another one")
	}
	if got := h.Encode(); got != knownHash {
		t.Errorf("got %s, want %s", got, knownHash)
	}
	a, err := HashPassword("one", HashIterationsMin)
	if err != nil {
		t.Fatal(err)
	}
	b, err := HashPassword("one", HashIterationsMin)
	if err != nil || a == b || a.Encode() == b.Encode() {
		t.Errorf("got %s and %s, %v, want another salt", a.Encode(), b.Encode(), err)
	}
	if again, err := ParsePasswordHash(a.Encode()); err != nil || again != a || !again.Matches("one") || again.Matches("two") {
		t.Errorf("got %s, %v from %s", again.Encode(), err, a.Encode())
	}
}

// TestPasswordHashFaults: what is wrong is refused, and never repeated, since it may be a password.
func TestPasswordHashFaults(t *testing.T) {
	for _, text := range []string{
		"", "demo-secret", "$$$", knownHash + "$", " " + knownHash, knownHash + "\n", strings.Replace(knownHash, "sha256", "sha1", 1),
		strings.Replace(knownHash, "10000", "9999", 1), strings.Replace(knownHash, "10000", "5000001", 1), strings.Replace(knownHash, "10000", "demo-secret", 1),
		strings.Replace(knownHash, "10000", "-10000", 1), strings.Replace(knownHash, "10000", "99999999999999999999", 1),
		strings.Replace(knownHash, "c2l4dGVlbiBvY3RldHMhIQ", "", 1), strings.Replace(knownHash, "c2l4dGVlbiBvY3RldHMhIQ", "c2l4dGVlbiBvY3RldHMhIR", 1),
		strings.Replace(knownHash, "c2l4dGVlbiBvY3RldHMhIQ", strings.Repeat("AAAA", 22), 1), knownHash[:len(knownHash)-3], knownHash + "AAAA", knownHash + "=",
	} {
		if h, err := ParsePasswordHash(text); err == nil || strings.Contains(err.Error(), "demo-secret") || strings.Contains(err.Error(), "ovesO") {
			t.Errorf("%q: got %s, %v", text, h.Encode(), err)
		}
	}
}

func TestPasswordHashIsNotShown(t *testing.T) {
	h, err := ParsePasswordHash(knownHash)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "hash", h, "all", map[string]PasswordHash{"a": h})
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "hash", h, "config", Config{Users: map[string]PasswordHash{"a": h}}.Users)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb, h)
		fmt.Fprintf(&b, verb, []PasswordHash{h})
		fmt.Fprintf(&b, verb, Config{Users: map[string]PasswordHash{"a": h}})
	}
	if got := b.String(); strings.Contains(got, "sixteen") || strings.Contains(got, "ovesO") || strings.Contains(got, "7369") || strings.Contains(got, "162 247") {
		t.Errorf("got %s", got)
	}
}
