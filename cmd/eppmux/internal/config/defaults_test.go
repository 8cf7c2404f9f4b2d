package config

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// partDefaults returns what the function setDefaults of a package of ours makes of zero fields: the
// pairs &cfg.Field and number in it. Durations are nanoseconds.
func partDefaults(t *testing.T, folder string) map[string]int64 {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../../../..", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != "setDefaults" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr: // setDefault(&cfg.Field, number)
					if len(n.Args) == 2 {
						addDefault(found, n.Args[0], n.Args[1])
					}
				case *ast.KeyValueExpr: // &cfg.Field: number
					addDefault(found, n.Key, n.Value)
				}
				return true
			})
		}
	}
	return found
}

// addDefault adds a pair to found if it is one of &cfg.Field and a number.
func addDefault(found map[string]int64, to, value ast.Expr) {
	address, ok := to.(*ast.UnaryExpr)
	if !ok || address.Op != token.AND {
		return
	}
	field, ok := address.X.(*ast.SelectorExpr)
	if !ok {
		return
	}
	text := types.ExprString(value)
	for name, unit := range map[string]time.Duration{
		"time.Millisecond": time.Millisecond,
		"time.Second":      time.Second,
		"time.Minute":      time.Minute,
		"time.Hour":        time.Hour,
	} {
		text = strings.ReplaceAll(text, name, strconv.FormatInt(int64(unit), 10))
	}
	tv, err := types.Eval(token.NewFileSet(), nil, token.NoPos, text)
	if err != nil {
		return
	}
	if n, exact := constant.Int64Val(constant.ToInt(tv.Value)); exact {
		found[field.Sel.Name] = n
	}
}

// TestDefaultsOfTheParts: the parts have defaults of their own, for a zero field. The program never
// needs them, since the config has all of these keys. So that the comments of the parts, and what
// their tests run with, stay what the program does, both must be the same.
func TestDefaultsOfTheParts(t *testing.T) {
	r := defaultRegistry()
	for _, part := range []struct {
		folder string
		want   map[string]int64
		own    []string // fields that no key sets
	}{
		{
			folder: "proxy",
			want: map[string]int64{
				"MaxClients":      int64(r.Clients.Max),
				"MaxFrame":        int64(r.Clients.MaxFrame), // there without the 4 octets of the header
				"MaxAhead":        int64(r.Clients.MaxAhead),
				"FrameTimeout":    int64(r.Clients.FrameTimeout),
				"GreetingTimeout": int64(r.Timeouts.Greeting),
				"PollLease":       int64(r.PollLease),
			},
			own: []string{"MaxMemory"},
		},
		{
			folder: "upstream",
			want: map[string]int64{
				"ConnectTimeout":  int64(r.Timeouts.Connect),
				"GreetingTimeout": int64(r.Timeouts.Greeting),
				"LoginTimeout":    int64(r.Timeouts.Login),
			},
			own: []string{"MaxResponse"},
		},
	} {
		got := partDefaults(t, part.folder)
		for _, field := range slices.Sorted(maps.Keys(part.want)) {
			n, ok := got[field]
			if !ok {
				t.Errorf("%s: found no default of %s", part.folder, field)
			} else if n != part.want[field] {
				t.Errorf("%s: got %s %d, want %d as in the config", part.folder, field, n, part.want[field])
			}
		}
		for _, field := range slices.Sorted(maps.Keys(got)) {
			if _, ok := part.want[field]; !ok && !slices.Contains(part.own, field) {
				t.Errorf("%s: %s has a default, want it compared with its key here", part.folder, field)
			}
		}
	}
}

func TestAddDefault(t *testing.T) {
	for _, tt := range []struct {
		to, value string
		want      map[string]int64
	}{
		{"&cfg.A", "50_000", map[string]int64{"A": 50000}},
		{"&cfg.A", "256 << 20", map[string]int64{"A": 256 << 20}},
		{"&cfg.A", "30 * time.Second", map[string]int64{"A": int64(30 * time.Second)}},
		{"&cfg.A", "time.Minute", map[string]int64{"A": int64(time.Minute)}},
		{"cfg.A", "1", map[string]int64{}},
		{"&a", "1", map[string]int64{}},
		{"&cfg.A", "someConst", map[string]int64{}},
	} {
		to, err := parser.ParseExpr(tt.to)
		if err != nil {
			t.Fatal(err)
		}
		value, err := parser.ParseExpr(tt.value)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		addDefault(got, to, value)
		if !maps.Equal(got, tt.want) {
			t.Errorf("%s, %s: got %v, want %v", tt.to, tt.value, got, tt.want)
		}
	}
}
