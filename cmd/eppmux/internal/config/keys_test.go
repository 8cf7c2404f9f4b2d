package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/ratelimit"
)

// tagged is a mapping with a key of each sort.
type tagged struct {
	Name   string `yaml:"name" default:"\"x: y\""`
	Note   string // no key
	Small  int    `yaml:"small" default:"2" min:"1"`
	Large  int    `yaml:"large" min:"small + 4" max:"100" unit:"octets"`
	Empty  int    `yaml:"empty" zero:"never"`
	Inside inside `yaml:"inside"`

	Limit ratelimit.Limit `yaml:",inline"`

	List []string `yaml:"list" default:"[a, 1]"`
}

type inside struct {
	Wait time.Duration `yaml:"wait" default:"1m"`
}

func TestKeysOf(t *testing.T) {
	keys := keysOf(reflect.TypeFor[tagged]())
	var got []string
	for _, k := range keys {
		got = append(got, k.name)
	}
	want := []string{"name", "small", "large", "empty", "inside", "limit", "per", "burst", "list"}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q, in the order of the fields", got, want)
	}
	v := reflect.ValueOf(tagged{Small: 7, Limit: ratelimit.Limit{N: 1, Per: 2, Burst: 3}})
	for i, n := range map[int]int64{1: 7, 5: 1, 6: 2, 7: 3} {
		if got := v.FieldByIndex(keys[i].index).Int(); got != n {
			t.Errorf("%s: got %d, want %d", keys[i].name, got, n)
		}
	}
	large := keys[2]
	if large.min != "small + 4" || large.max != "100" || large.unit != "octets" || large.zero != "" {
		t.Errorf("got %+v, want what the tags say", large)
	}
	if again := keysOf(reflect.TypeFor[tagged]()); &again[0] != &keys[0] {
		t.Error("got other keys for the same type, want them made once")
	}
	if got := keysOf(reflect.TypeFor[ratelimit.Limit]()); got != nil {
		t.Errorf("without tags: got %+v, want no key", got)
	}
}

func TestSetDefaults(t *testing.T) {
	var got tagged
	setDefaults(reflect.ValueOf(&got).Elem())
	want := tagged{Name: "x: y", Small: 2, Inside: inside{Wait: time.Minute}, List: []string{"a", "1"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	text := "unchanged"
	setDefaults(reflect.ValueOf(&text).Elem())
	if text != "unchanged" {
		t.Errorf("got %q for what is no mapping", text)
	}
}

// TestDefaultsAreNotShared: what one registry gets in place of a default, the next does not.
func TestDefaultsAreNotShared(t *testing.T) {
	c, err := parse(`
registries:
  - {name: a, address: sandbox, listen: ["unix:///a"], profile: brussels}
  - {name: b, address: sandbox, listen: ["unix:///b"]}
  - {name: c, address: sandbox, listen: ["unix:///c"], rate_limits: [{limit: 1, per: 1s, commands: [check]}]}
  - {name: d, address: sandbox, listen: ["unix:///d"], rate_limits: [{limit: 2, per: 1s}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"all-100-per-1s, protected-transactions",
		"all-100-per-1s",
		"check-1-per-1s",
		"all-2-per-1s",
	} {
		if got := strings.Join(LimitNames(c.Registries[i].RateLimits), ", "); got != want {
			t.Errorf("%s: got %s, want %s", c.Registries[i].Name, got, want)
		}
	}
}

// mustPanic wants f to find a bug of ours.
func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got, _ := recover().(string)
		if !strings.HasPrefix(got, "BUG: ") || !strings.Contains(got, want) {
			t.Errorf("got %q, want a panic about a bug with %q", got, want)
		}
	}()
	f()
}

// TestWrongTags: a tag that cannot be right is found as soon as the keys are.
func TestWrongTags(t *testing.T) {
	mustPanic(t, "default of n: must be a whole number", func() {
		keysOf(reflect.TypeFor[struct {
			N int `yaml:"n" default:"many"`
		}]())
	})
	mustPanic(t, "default of n: yaml: ", func() {
		keysOf(reflect.TypeFor[struct {
			N int `yaml:"n" default:"[1"`
		}]())
	})
	mustPanic(t, "no key for the bound other", func() {
		amount("other", reflect.ValueOf(tagged{}))
	})
}

func TestAmount(t *testing.T) {
	v := reflect.ValueOf(tagged{Small: 7})
	for _, tt := range []struct {
		tag  string
		n    int64
		said string
	}{
		{"0", 0, "0"},
		{"1073741824", 1 << 30, "1073741824"},
		{"-5", -5, "-5"},
		{"small", 7, "small (7)"},
		{"small + 4", 11, "small + 4 (11)"},
		{"large", 0, "large (0)"},
	} {
		if n, said := amount(tt.tag, v); n != tt.n || said != tt.said {
			t.Errorf("%s: got %d, %q, want %d, %q", tt.tag, n, said, tt.n, tt.said)
		}
	}
}

// eachKey calls f for every key of the file.
func eachKey(t reflect.Type, path string, f func(path string, k key, field reflect.Type)) {
	for _, k := range keysOf(t) {
		field, at := t.FieldByIndex(k.index).Type, join(path, k.name)
		f(at, k, field)
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		if field.Kind() == reflect.Slice {
			field, at = field.Elem(), at+"[0]"
		}
		if field.Kind() == reflect.Struct {
			eachKey(field, at, f)
		}
	}
}

// TestEveryKeyCanBeRead: a type that no code reads is one of a closed set, and has its row there.
func TestEveryKeyCanBeRead(t *testing.T) {
	leaves := 0
	eachKey(reflect.TypeFor[Config](), "", func(path string, k key, field reflect.Type) {
		if keyTypes[path] == "" {
			t.Errorf("%s: want it in keyTypes", path)
		}
		if keyTypes[path] != "word" {
			return
		}
		leaves++
		if words := closedSets[field]; len(words) < 2 {
			t.Errorf("%s: got the words %v of %v, want two at least", path, words, field)
		}
		if !k.def.IsValid() {
			t.Errorf("%s: got no default, want one of the words", path)
		}
	})
	if leaves < 5 {
		t.Errorf("got %d keys with words, want those of the file", leaves)
	}
}

// TestTagsAreKnown: no tag is misspelt, and none stands where nothing looks at it.
func TestTagsAreKnown(t *testing.T) {
	tag := regexp.MustCompile(`(\w+):"(?:[^"\\]|\\.)*"`)
	seen := map[reflect.Type]bool{}
	var look func(t reflect.Type)
	look = func(s reflect.Type) {
		if s.Kind() == reflect.Slice || s.Kind() == reflect.Pointer {
			s = s.Elem()
		}
		if twin := inlined[s]; twin != nil {
			s = twin
		}
		if s.Kind() != reflect.Struct || seen[s] || len(keysOf(s)) == 0 {
			return
		}
		seen[s] = true
		for i := range s.NumField() {
			f := s.Field(i)
			rest := strings.TrimSpace(tag.ReplaceAllString(string(f.Tag), ""))
			if rest != "" {
				t.Errorf("%v.%s: got the tag %s, want pairs only", s, f.Name, f.Tag)
			}
			for _, m := range tag.FindAllStringSubmatch(string(f.Tag), -1) {
				switch name := m[1]; name {
				case "yaml", "default":
				case "zero":
					if k := f.Type.Kind(); k != reflect.Int && f.Type != reflect.TypeFor[time.Duration]() {
						t.Errorf("%v.%s: got the tag zero of %v", s, f.Name, f.Type)
					}
				case "min", "max", "unit":
					if f.Type.Kind() != reflect.Int {
						t.Errorf("%v.%s: got the tag %s of %v", s, f.Name, name, f.Type)
					}
				default:
					t.Errorf("%v.%s: got the tag %s, want one of those in the package's doc", s, f.Name, name)
				}
			}
			look(f.Type)
		}
	}
	look(reflect.TypeFor[Config]())
	if len(seen) < 10 {
		t.Errorf("got %d structs, want those of the file", len(seen))
	}
}

// TestShippedConfigNamesEveryKey: who reads config.yaml has seen what there is.
func TestShippedConfigNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	eachKey(reflect.TypeFor[Config](), "", func(path string, k key, _ reflect.Type) {
		// In a comment a key may also be named in a sentence.
		if !regexp.MustCompile(`(?m)(^|[\s{#-])` + k.name + `(:|,| )`).Match(text) {
			t.Errorf("%s: config.yaml does not name it", path)
		}
	})
}

// TestShippedConfigShowsTheDefaults: the values in config.yaml are those of a file without them, as
// its first comment says.
func TestShippedConfigShowsTheDefaults(t *testing.T) {
	got, err := Load("../../../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := parse(strings.Replace(clitest.SandboxYAML(), "name: a", "name: sandbox", 1))
	if err != nil {
		t.Fatal(err)
	}
	got.folder, want.folder = "", ""
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
