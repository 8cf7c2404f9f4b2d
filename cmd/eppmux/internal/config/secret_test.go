package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestSecretIsNeverShown tries every way of showing that a program comes upon by accident.
func TestSecretIsNeverShown(t *testing.T) {
	type hidden struct{ s Secret }
	s := NewSecret(clitest.Canary)
	values := map[string]any{
		"value": s, "pointer": &s, "config": Login{Password: s}, "list": []Secret{s}, "unexported": hidden{s},
		"map": map[string]Secret{"k": s}, "pointer in unexported": &hidden{s},
	}
	var shown []string
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T"} {
			shown = append(shown, name+" "+verb+" "+fmt.Sprintf(verb, v))
		}
		j, err := json.Marshal(v)
		shown = append(shown, name+" json "+string(j)+fmt.Sprint(err))
		y, err := yaml.Marshal(v)
		shown = append(shown, name+" yaml "+string(y)+fmt.Sprint(err))
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "k", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "k", v)
		shown = append(shown, name+" slog "+log.String())
	}
	shown = append(shown, fmt.Sprint(fmt.Errorf("e: %v", s)))
	text, _ := s.MarshalText()
	shown = append(shown, string(text), s.String(), s.GoString())
	for _, text := range shown {
		if strings.Contains(text, clitest.Canary) || strings.Contains(text, fmt.Sprintf("%x", clitest.Canary)) || strings.Contains(text, fmt.Sprintf("%X", clitest.Canary)) {
			t.Errorf("got the secret in %q", text)
		}
	}
	if got := fmt.Sprintf("%v %d %q", s, s, &s); got != "[redacted] [redacted] [redacted]" {
		t.Errorf("got %q, want [redacted] three times", got)
	}
}

func TestSecretReveal(t *testing.T) {
	if got := NewSecret(clitest.Canary).Reveal(); got != clitest.Canary {
		t.Errorf("got %q, want %q", got, clitest.Canary)
	}
	if got := (Secret{}).Reveal(); got != "" {
		t.Errorf("zero: got %q, want nothing", got)
	}
	if !(Secret{}).Empty() || !NewSecret("").Empty() || NewSecret("x").Empty() {
		t.Error("Empty: got it wrong for the zero, an empty or a full secret")
	}
	if !reflect.DeepEqual(NewSecret("a"), NewSecret("a")) || reflect.DeepEqual(NewSecret("a"), NewSecret("b")) {
		t.Error("DeepEqual: want it to compare values")
	}
}
