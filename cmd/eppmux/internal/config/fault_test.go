package config

import (
	"errors"
	"math"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
)

func TestFaultsText(t *testing.T) {
	f := &Faults{File: "x.yaml", List: []Fault{
		{0, "", "of the file"},
		{0, "a.b", "of a key that is not there"},
		{7, "", "of a line"},
		{8, "a[0].c", "of a key"},
		{math.MaxInt, "", "at the end"},
	}}
	want := strings.Join([]string{
		"x.yaml: of the file",
		"x.yaml: a.b: of a key that is not there",
		"x.yaml:7: of a line",
		"x.yaml:8: a[0].c: of a key",
		"x.yaml: at the end",
	}, "\n")
	if got := f.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFaultListLine(t *testing.T) {
	l := &faultList{lines: map[string]int{"a": 1, "a[0]": 2, "a[0].b": 3, "ab": 9}}
	for _, tt := range []struct {
		path string
		want int
	}{
		{"a[0].b", 3},
		{"a[0].b.c.d", 3},
		{"a[0].x", 2},
		{"a[1]", 1},
		{"a[1].b", 1},
		{"a", 1},
		{"ab.c", 9},
		{"b", 0},
		{"b[0].c", 0},
		{"", 0},
	} {
		if got := l.line(tt.path); got != tt.want {
			t.Errorf("%s: got line %d, want %d", tt.path, got, tt.want)
		}
	}
}

func TestFaultListOrder(t *testing.T) {
	l := &faultList{lines: map[string]int{"late": 5, "early": 2, "same": 5}}
	l.add("late", "first said of line %d", 5)
	l.add("early", "x")
	l.add("late", "said again: dropped")
	l.add("same", "second said of line 5")
	l.add("", "of the file")
	l.add("", "of the file, again")
	var faults *Faults
	if !errors.As(l.faults("f"), &faults) {
		t.Fatal("got no faults")
	}
	want := []string{"of the file", "of the file, again", "x", "first said of line 5", "second said of line 5"}
	if len(faults.List) != len(want) {
		t.Fatalf("got %+v, want %q", faults.List, want)
	}
	for i, w := range want {
		if got := faults.List[i].Text; got != w {
			t.Errorf("%d: got %q, want %q", i, got, w)
		}
	}
	if err := (&faultList{}).faults("f"); err != nil {
		t.Errorf("without faults: got %v, want nil", err)
	}
}

func TestQuote(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", `""`},
		{"a b", `"a b"`},
		{"a\nb\x1b[2J", `"a\nb\x1b[2J"`},
		{strings.Repeat("x", 60), `"` + strings.Repeat("x", 60) + `"`},
		{strings.Repeat("x", 61), `"` + strings.Repeat("x", 60) + `"...`},
	} {
		if got := cli.Quote(tt.in); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestEither(t *testing.T) {
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{[]string{"a"}, "a"},
		{[]string{"a", "b"}, "a or b"},
		{[]string{"a", "b", "c"}, "a, b or c"},
	} {
		if got := cli.Either(tt.words); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.words, got, tt.want)
		}
	}
}

func TestFaultListKnowsPaths(t *testing.T) {
	l := &faultList{lines: map[string]int{"a": 1, "a.password": 2}}
	l.add("a.password_file", "is wrong")
	l.put(Fault{3, "b[0]", duplicateKey})
	for _, tt := range []struct {
		path             string
		has, fault, some bool // in the file, has a fault, has one or begins a path that has one
	}{
		{"a", true, false, true},
		{"a.password", true, false, true},
		{"a.password_file", false, true, true},
		{"a.password_file.x", false, false, false},
		{"b", false, false, true},
		{"b[0]", false, true, true},
		{"b[1]", false, false, false},
		{"c", false, false, false},
	} {
		if l.has(tt.path) != tt.has || l.hasFault(tt.path) != tt.fault || l.hasFaultUnder(tt.path) != tt.some {
			t.Errorf("%s: got %v, %v, %v, want %v, %v, %v", tt.path, l.has(tt.path), l.hasFault(tt.path),
				l.hasFaultUnder(tt.path), tt.has, tt.fault, tt.some)
		}
	}
}

func TestPaths(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{join("", "registries"), "registries"},
		{index("registries", 0), "registries[0]"},
		{join(index("registries", 12), "name"), "registries[12].name"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}
