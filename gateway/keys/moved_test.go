package keys

import (
	"errors"
	"os"
	"testing"

	"eppmux/gateway/carry"
)

// TestMoved: a claim in a file that was moved away, deleted or replaced is none, from the first one on: behind a
// restart the key would be new.
func TestMoved(t *testing.T) {
	for what, move := range map[string]func(path string) error{
		"moved":   func(path string) error { return os.Rename(path, path+".old") },
		"deleted": os.Remove,
		"replaced": func(path string) error {
			if err := os.WriteFile(path+".new", []byte("another"), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
	} {
		b := newBook(t)
		key := func(name string) *carry.Key { return &carry.Key{Name: name} }
		if _, first, err := b.Begin(t.Context(), "shop", "it", key("before"), []byte(createXML)); err != nil || !first {
			t.Fatalf("%s: got %v, %v", what, first, err)
		}
		if err := move(b.cfg.File); err != nil {
			t.Fatal(err)
		}
		for again := range 2 { // a repeat finds the claim in the file that is open still, and is not sent either
			if _, first, err := b.Begin(t.Context(), "shop", "it", key("behind"), []byte(createXML)); first || again == 0 && !errors.Is(err, carry.ErrKeyStorage) {
				t.Errorf("%s: got %v, %v", what, first, err)
			}
		}
		if err := b.End("shop", "it", key("before"), carry.Answer{Outcome: carry.Unknown}); err == nil {
			t.Errorf("%s: an end was written", what)
		}
		e, first, err := b.Begin(t.Context(), "shop", "it", key("before"), []byte(createXML))
		if err != nil || first || e.Outcome != carry.Unknown {
			t.Errorf("%s: a repeat got %+v, %v, %v", what, e, first, err)
		}
	}
}
