package eppmux

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// floors are the packages of the house from the bottom up, without "eppmux/" in front. A package
// imports those of lower floors only. One that is not there yet keeps its place.
var floors = [][]string{
	{"frame", "ratelimit", "loop", "admin/metric", "upstream/lane", "cluster/internal/lazy"},
	{"audit", "upstream/pool", "loop/gnetloop", "cluster"},
	{"cluster/etcd", "cluster/redis"},
	{"upstream"},
	{"proxy", "peer", "admin/status", "gateway/mapping"},
	{"gateway/carry"},
	{"gateway/keys", "gateway/batch"},
	{"gateway/rpp"},
	{"gateway"},
	{"admin"},
	{"cmd/eppmux/internal/cli"},
	{"cmd/eppmux/internal/config"},
	{"cmd/eppmux/internal/localca", "cmd/eppmux/internal/talk"},
	{"cmd/eppmux/internal/serve"},
	{"cmd/eppmux"},
}

// aside are the packages that stand outside: they import nothing of ours. The sandbox must be able
// to judge the others; only the program, and what helps its tests, may run it.
var aside = []string{"", "sandbox", "bench", "deploy/deb", "docs/examples/go", "docs/examples/shop", clitest, metrictest, clustertest, enginetest}

// clitest helps the tests of cmd/eppmux, and only those; metrictest, clustertest and enginetest those of
// any package.
const (
	clitest     = "cmd/eppmux/internal/clitest"
	metrictest  = "admin/metric/metrictest"
	clustertest = "cluster/clustertest"
	enginetest  = "cluster/enginetest"
)

// alone has the packages that may import less of ours than their floor allows.
var alone = map[string][]string{
	"frame":         nil,
	"ratelimit":     nil,
	"loop":          nil,
	"admin/metric":  nil,
	"upstream/lane": nil,
	"cluster":       {"admin/metric"},
	"loop/gnetloop": {"loop"},
	"cluster/etcd":  {"cluster", "cluster/internal/lazy"},
	"cluster/redis": {"cluster", "cluster/internal/lazy"},
	"upstream/pool": {"frame", "ratelimit"},
}

// libraries are the imports from outside the standard library that each package may have.
var libraries = map[string][]string{
	"loop":                       {"golang.org/x/sys/unix"}, // sock_diag
	"cluster/etcd":               {"go.etcd.io/etcd/client/v3", "go.etcd.io/etcd/api/v3/v3rpc/rpctypes", "go.uber.org/zap", "google.golang.org/grpc", "google.golang.org/grpc/backoff", "google.golang.org/grpc/codes", "google.golang.org/grpc/status"},
	"cluster/redis":              {"github.com/redis/rueidis"},
	"audit":                      {"github.com/prometheus/client_golang/prometheus"},
	"loop/gnetloop":              {"github.com/panjf2000/gnet/v2", "github.com/panjf2000/gnet/v2/pkg/logging"},
	"upstream":                   {"github.com/valyala/bytebufferpool", "github.com/hashicorp/golang-lru/v2/simplelru"},
	"gateway/carry":              {"github.com/hashicorp/golang-lru/v2/simplelru"},
	"gateway/keys":               {"go.etcd.io/bbolt", "go.etcd.io/bbolt/errors"},
	"proxy":                      {"github.com/valyala/bytebufferpool", "golang.org/x/text/encoding/charmap", "golang.org/x/text/encoding/ianaindex"},
	"gateway/mapping":            {"golang.org/x/net/idna"},
	"cluster":                    {"github.com/prometheus/client_golang/prometheus", "golang.org/x/sys/unix"},
	"gateway/batch":              {"golang.org/x/net/idna"},
	"admin/metric":               {"github.com/prometheus/client_golang/prometheus"},
	"admin/metric/metrictest":    {"github.com/prometheus/client_golang/prometheus", "github.com/prometheus/client_golang/prometheus/promhttp"},
	"admin":                      {"github.com/prometheus/client_golang/prometheus", "github.com/prometheus/client_golang/prometheus/promhttp"},
	"gateway":                    {"github.com/danielgtaylor/huma/v2", "github.com/prometheus/client_golang/prometheus"},
	"cmd/eppmux/internal/cli":    {"github.com/spf13/cobra", "golang.org/x/sys/unix", "golang.org/x/term"},
	"cmd/eppmux/internal/config": {"gopkg.in/yaml.v3"},
	"cmd/eppmux/internal/serve": {"github.com/prometheus/client_golang/prometheus", "github.com/prometheus/client_golang/prometheus/collectors",
		"github.com/coreos/go-systemd/v22/activation", "github.com/coreos/go-systemd/v22/daemon", "golang.org/x/sys/unix"},
	"cmd/eppmux": {"github.com/spf13/cobra", "github.com/spf13/cobra/doc", "github.com/spf13/pflag"},
	clitest:      {"golang.org/x/sys/unix"},
}

// house is which package of ours imports what, without "eppmux/" in front where it is ours.
type house map[string][]string

// survey asks the go command. Imports of tests do not count.
func survey(t *testing.T) house {
	t.Helper()
	out, err := tool(t, "go", "list", "-json=ImportPath,Imports", "./...")
	if err != nil {
		t.Fatal(err, out)
	}
	h := make(house)
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return h
		} else if err != nil {
			t.Fatal(err)
		}
		h[room(p.ImportPath)] = p.Imports
	}
}

// room is the path of a package of ours as floors have it.
func room(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, "eppmux"), "/") }

// ours are the packages of ours that a room imports.
func (h house) ours(from string) []string {
	var all []string
	for _, im := range h[from] {
		if strings.HasPrefix(im, "eppmux/") {
			all = append(all, room(im))
		}
	}
	return all
}

// String is a drawing of the house, the roof first: each room with those that it imports.
func (h house) String() string {
	var b strings.Builder
	draw := func(rooms []string) {
		for _, r := range rooms {
			if _, built := h[r]; built {
				below := strings.Join(h.ours(r), " ")
				fmt.Fprintf(&b, "  %-30s %s\n", r, strings.ReplaceAll(below, "cmd/eppmux/internal/", ""))
			}
		}
	}
	for i, floor := range slices.Backward(floors) {
		fmt.Fprintf(&b, "floor %d\n", i)
		draw(floor)
	}
	b.WriteString("aside\n")
	draw(aside[1:])
	return b.String()
}

// floorOf is -1 for what is not in the house.
func floorOf(room string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, room) })
}

// TestLayout fails on an import that does not go down, or of a library in a package that has no
// business with it.
func TestLayout(t *testing.T) {
	h := survey(t)
	for from, imports := range h {
		if floorOf(from) < 0 && !slices.Contains(aside, from) {
			t.Errorf("package %q is not in the layout", from)
		}
		for _, to := range h.ours(from) {
			if !mayImport(from, to) {
				t.Errorf("%s imports %s, which is not below it", from, to)
			}
		}
		for _, im := range imports {
			if strings.Contains(strings.Split(im, "/")[0], ".") && !slices.Contains(libraries[from], im) {
				t.Errorf("%s imports %s", from, im)
			}
		}
	}
	if t.Failed() || testing.Verbose() {
		t.Logf("the house, each package with those of ours that it imports:\n%s", h)
	}
}

func mayImport(from, to string) bool {
	if only, ok := alone[from]; ok {
		return slices.Contains(only, to)
	}
	if from == clitest {
		return to == "sandbox" || to == "frame"
	}
	if from == clustertest || from == enginetest {
		return to == "cluster"
	}
	if to == "sandbox" {
		return strings.HasPrefix(from, "cmd/")
	}
	return floorOf(to) >= 0 && floorOf(from) > floorOf(to)
}

// TestMayImport holds the rules themselves to some cases.
func TestMayImport(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{"proxy", "upstream", true},
		{"upstream", "proxy", false},
		{"frame", "ratelimit", false},
		{"upstream/pool", "ratelimit", true},
		{"upstream/pool", "loop", false},
		{"loop/gnetloop", "frame", false},
		{"sandbox", "frame", false},
		{"admin", "sandbox", false},
		{"cmd/eppmux/internal/serve", "sandbox", true},
		{"cmd/eppmux/internal/talk", "cmd/eppmux/internal/localca", false},
		{"cmd/eppmux", clitest, false},
		{"bench", "frame", false},
		{"cluster/etcd", "cluster", true},
		{"cluster/etcd", "cluster/redis", false},
		{"upstream", enginetest, false},
	} {
		if got := mayImport(tt.from, tt.to); got != tt.want {
			t.Errorf("%s imports %s: got %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}
