package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// A bounded is a mapping with each form of bounds.
type bounded struct {
	AtLeast  int `yaml:"at_least" default:"1" min:"1"`
	Between  int `yaml:"between" default:"5" min:"4" max:"6" unit:"octets"`
	Zero     int `yaml:"zero" zero:"no bound"`
	ZeroMin  int `yaml:"zero_min" zero:"never" min:"10" unit:"octets"`
	ZeroMax  int `yaml:"zero_max" zero:"as between" max:"between"`
	Relative int `yaml:"relative" default:"20" min:"between + 4"`
	LeftOut  int `yaml:"left_out" min:"1" max:"9"`
	Free     int `yaml:"free"`

	Above time.Duration `yaml:"above" default:"1s"`
	None  time.Duration `yaml:"none" zero:"none"`
}

// check returns the faults of a value, as the rules find them. The keys in written are in the file,
// each on a line of its own.
func check(v any, written ...string) []string {
	l := &faultList{lines: map[string]int{}}
	for i, key := range written {
		l.lines[key] = i + 1
	}
	c := &checker{faultList: l}
	c.rules("", reflect.ValueOf(v).Elem())
	var faults []string
	for _, f := range l.list {
		faults = append(faults, f.Path+": "+f.Text)
	}
	return faults
}

func TestBoundsOfTags(t *testing.T) {
	for _, tt := range []struct {
		set  func(b *bounded)
		want string // empty: no fault
	}{
		{func(b *bounded) {}, ""},

		{func(b *bounded) { b.AtLeast = math.MaxInt }, ""},
		{func(b *bounded) { b.AtLeast = 0 }, "at_least: must be at least 1, got 0"},
		{func(b *bounded) { b.AtLeast = -7 }, "at_least: must be at least 1, got -7"},

		{func(b *bounded) { b.Between = 4 }, ""},
		{func(b *bounded) { b.Between = 6 }, ""},
		{func(b *bounded) { b.Between = 3 }, "between: must be 4 to 6 octets, got 3"},
		{func(b *bounded) { b.Between = 7 }, "between: must be 4 to 6 octets, got 7"},

		{func(b *bounded) { b.Zero = 1 }, ""},
		{func(b *bounded) { b.Zero = -1 }, "zero: must be 0 (no bound) or more, got -1"},

		{func(b *bounded) { b.ZeroMin = 10 }, ""},
		{func(b *bounded) { b.ZeroMin = 9 }, "zero_min: must be 0 (never) or at least 10 octets, got 9"},
		{func(b *bounded) { b.ZeroMin = -1 }, "zero_min: must be 0 (never) or at least 10 octets, got -1"},

		{func(b *bounded) { b.ZeroMax = 5 }, ""},
		{func(b *bounded) { b.ZeroMax = 6 }, "zero_max: must be 0 (as between) to between (5), got 6"},
		{func(b *bounded) { b.ZeroMax = -1 }, "zero_max: must be 0 (as between) to between (5), got -1"},

		{func(b *bounded) { b.Relative = 9 }, ""},
		{func(b *bounded) { b.Relative = 8 }, "relative: must be at least between + 4 (9), got 8"},
		{func(b *bounded) { b.Between, b.Relative = 6, 9 }, "relative: must be at least between + 4 (10), got 9"},

		{func(b *bounded) { b.LeftOut = 10 }, "left_out: must be 1 to 9, got 10"},
		{func(b *bounded) { b.Free = -100 }, ""},

		{func(b *bounded) { b.Above = 1 }, ""},
		{func(b *bounded) { b.Above = 0 }, "above: must be above 0, got 0s"},
		{func(b *bounded) { b.Above = -time.Second }, "above: must be above 0, got -1s"},
		{func(b *bounded) { b.None = time.Hour }, ""},
		{func(b *bounded) { b.None = -time.Minute }, "none: must not be below 0, got -1m0s"},
	} {
		var b bounded
		setDefaults(reflect.ValueOf(&b).Elem())
		tt.set(&b)
		got := check(&b, "at_least", "between")
		if text := strings.Join(got, "\n"); text != tt.want {
			t.Errorf("%+v: got %q, want %q", b, text, tt.want)
		}
	}
}

// TestBoundsOfWhatIsLeftOut: a key without a default has none of its bounds until it is written.
func TestBoundsOfWhatIsLeftOut(t *testing.T) {
	var b bounded
	setDefaults(reflect.ValueOf(&b).Elem())
	if got := check(&b); got != nil {
		t.Errorf("left out: got %q, want no fault", got)
	}
	want := []string{"left_out: must be 1 to 9, got 0"}
	if got := check(&b, "left_out"); !slices.Equal(got, want) {
		t.Errorf("written as 0: got %q, want %q", got, want)
	}
}

// A told says when its keys are checked.
type told struct {
	A int    `yaml:"a" default:"1" min:"1"`
	B inner  `yaml:"b"`
	C []told `yaml:"c"`
	D int    `yaml:"d" default:"1" min:"1"`
}

type inner struct {
	X int `yaml:"x" default:"1" min:"1"`
}

func (*told) rule(c *checker, path, key string) {
	c.put(Fault{Path: path, Text: fmt.Sprintf("rule of %q", key)})
}

// TestRulesInTheOrderOfTheFields: faults of one line are reported in this order.
func TestRulesInTheOrderOfTheFields(t *testing.T) {
	v := &told{C: []told{{A: 1, B: inner{1}, D: 1}, {A: 1}}}
	want := []string{
		`: rule of "a"`,
		`a: must be at least 1, got 0`,
		`: rule of "b"`,
		`b.x: must be at least 1, got 0`,
		`: rule of "c"`,
		`c[0]: rule of "a"`,
		`c[0]: rule of "b"`,
		`c[0]: rule of "c"`,
		`c[0]: rule of "d"`,
		`c[0]: rule of ""`,
		`: rule of "d"`,
		`d: must be at least 1, got 0`,
		`: rule of ""`,
	}
	// The second entry of c is not in the file.
	if got := check(v, "a", "b", "b.x", "c", "c[0]", "d"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestEntryThatCouldNotBeRead: it has a fault already, and its defaults are nobody's.
func TestEntryThatCouldNotBeRead(t *testing.T) {
	l := &faultList{lines: map[string]int{"c": 1, "c[0]": 1, "c[1]": 2}}
	l.add("c[0]", "must be a mapping")
	c := &checker{faultList: l}
	c.entries("c", reflect.ValueOf([]told{{}, {A: 1, B: inner{1}, D: 1}}))
	for _, f := range l.list[1:] {
		if strings.HasPrefix(f.Path, "c[0]") {
			t.Errorf("got %+v, want nothing more of c[0]", f)
		}
	}
	if !l.hasFault("c[1]") {
		t.Error("got no word of c[1], want its rules called")
	}
	before := len(l.list)
	c.entries("c", reflect.ValueOf([]string{"a"}))
	if len(l.list) != before {
		t.Error("got a fault of a list of texts")
	}
}

// TestFaultsOfOneLine: what is read comes before what is checked, and both in their order.
func TestFaultsOfOneLine(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
	}{
		{`sessions: {max_age: -1s, min: 4, max: 2, keepalive: soon, nonsense: 1}`, []string{
			"sessions.keepalive: must be a duration",
			"sessions.nonsense: unknown key",
			"sessions.max: must be at least min (4), got 2",
			"sessions.max_age: must not be below 0",
		}},
		{`clients: {frame_timeout: 0s, max_ahead: 5, max_frame: 1, max: 0, tls: {cert_file: x}}`, []string{
			"clients.max: must be at least 1",
			"clients.max_frame: must be 4096 to 1073741824 octets, got 1",
			"clients.frame_timeout: must be above 0",
			"clients.tls.key_file: is missing beside cert_file",
		}},
		{`rate_limits: [{burst: 9, limit: 0, scope: x}, {per: -1s, name: "A", commands: []}]`, []string{
			"rate_limits[0].scope: must be registry, session or client",
			"rate_limits[0].per: is missing",
			"rate_limits[0].limit: must be at least 1, got 0",
			"rate_limits[0].burst: must be 0 (as limit) to limit (0), got 9",
			"rate_limits[1].name: must be 1 to 63 of a-z, 0-9 and -",
			"rate_limits[1].limit: is missing",
			"rate_limits[1].per: must be above 0, got -1s",
			"rate_limits[1].commands: must not be empty",
		}},
		{`listen: [{weight: 0, address: "unix:///a", mode: "0666", allow: []}, "unix:///a", {mode: x, address: y}]`, []string{
			`listen[2].mode: must be permissions such as "0660", got "x"`,
			`listen[2].address: must be tcp://host:port`,
			"listen[0].mode: must not let others in",
			"listen[0].allow: must not be empty",
			"listen[0].weight: must be 1 to 100, got 0",
			"listen[1]: registries[0].listen[0] listens there already",
		}},
		{`login: {extension_uris: [x], object_uris: [y], language: "", password_env: NONE_SUCH, password: "a\nb"}`, []string{
			"login.password: the password there has more than one line",
			"login.password_env: there is no environment variable",
			"login: needs exactly one of password, password_file and password_env, has password and password_env",
			"login.object_uris[0]: must be a namespace URI",
			"login.extension_uris[0]: must be a namespace URI",
		}},
	} {
		_, err := parse(inRegistry(tt.line))
		if err == nil {
			t.Errorf("%s: got no fault", tt.line)
			continue
		}
		got := strings.Split(err.Error(), "\n")
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %d faults\n%v\nwant %d", tt.line, len(got), err, len(tt.want))
			continue
		}
		for i, want := range tt.want {
			if !strings.HasPrefix(got[i], "c.yaml:2: registries[0]."+want) {
				t.Errorf("%s: fault %d: got %q, want %q", tt.line, i, got[i], want)
			}
		}
	}
}
