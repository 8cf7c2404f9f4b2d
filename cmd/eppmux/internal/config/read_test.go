package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/proxy"
)

func TestNotOneMapping(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "c.yaml: the file is empty"},
		{"# only a comment\n", "c.yaml: the file is empty"},
		{"---\n", "c.yaml: the file is empty"},
		{"~\n", "c.yaml: the file is empty"},
		{"- a\n", "c.yaml: must be a mapping, got a list"},
		{"text\n", "c.yaml: must be a mapping, got a text"},
		{clitest.SandboxYAML() + "---\nlog: {}\n", "c.yaml:3: a second document begins here: the file must hold exactly one"},
		{clitest.SandboxYAML() + "---\na: [\n", "c.yaml:4: not YAML: "},
		{"a: b: c\n", "not YAML: mapping values are not allowed in this context"},
		{"a: [\n", "not YAML: "},
		{"a: \x01\n", "not YAML: "},
		{"\xff\xfe\xfd", "not YAML"},
	} {
		_, err := parse(tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one fault with %q", tt.text, err, tt.want)
		}
	}
}

// TestFaultsHideThePassword writes a password wrongly in ways that people do.
func TestFaultsHideThePassword(t *testing.T) {
	for _, line := range []string{
		"login: {client_id: x, password:" + clitest.Canary + "}",
		"login: {client_id: x, password: *" + clitest.Canary + "}",
		"login: {client_id: x, password: &" + clitest.Canary + "}",
		"login: {client_id: x, password: !" + clitest.Canary + "}",
		"login: {client_id: x, password: !" + clitest.Canary + " y}",
		"login: {client_id: x, password: !!int " + clitest.Canary + "}",
		"login: {client_id: x, password: %" + clitest.Canary + "}",
		"login: {client_id: x, password: @" + clitest.Canary + "}",
		"login: {client_id: x, password: `" + clitest.Canary + "}",
		"login: {client_id: x, password: \"" + clitest.Canary + "}",
		"login: {client_id: x, password: \"\\" + clitest.Canary + "\"}",
		"login: {client_id: x, password: [" + clitest.Canary + "]}",
		"login: {client_id: x, password: {" + clitest.Canary + ": 1}}",
		"login: {client_id: x, password: " + clitest.Canary + ", password: " + clitest.Canary + "}",
		"login: {client_id: x, password: " + clitest.Canary + ", password_env: PATH}",
		"login: {client_id: x, password: \"" + clitest.Canary + "\\n\"}",
		"login: {client_id: x, password: " + clitest.Canary + ": " + clitest.Canary + "}",
		"login: password=" + clitest.Canary,
		"login: {client_id: x, password=" + clitest.Canary + "}",
		"login: {client_id: x, \"password: " + clitest.Canary + "\"}",
		"login: [password, " + clitest.Canary + "]",
		"login:\n      client_id: x\n      password: " + clitest.Canary + "\n     password_env: x",
		"login:\n      client_id: x\n      password:" + clitest.Canary,
		"login:\n      client_id: x\n      password: a\n        " + clitest.Canary + ": b",
	} {
		_, err := parse(clitest.RegistryYAML(line))
		if err == nil {
			t.Errorf("%s: got no fault", line)
			continue
		}
		if strings.Contains(err.Error(), clitest.Canary) {
			t.Errorf("%s: got the password in %v", line, err)
		}
	}
}

func TestAnchorsAndMerges(t *testing.T) {
	c, err := parse(`
registries:
  - &first
    name: a
    listen: ["unix:///a"]
    address: sandbox
    sessions: &few {min: 1, max: 2, keepalive: 1m}
  - <<: *first
    name: b
    listen: ["unix:///b"]
    sessions: {<<: *few, max: 9}
  - <<: [{unknown_outcome: fail}, *first]
    name: c
    listen: ["unix:///c"]
`)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name    string
		listen  string
		max     int
		outcome proxy.UnknownOutcome
	}{
		{"a", "unix:///a", 2, proxy.UnknownClose}, {"b", "unix:///b", 9, proxy.UnknownClose},
		{"c", "unix:///c", 2, proxy.UnknownFail},
	} {
		r := c.Registries[i]
		if r.Name != want.name || len(r.Listen) != 1 || r.Listen[0].String() != want.listen || r.Sessions.Max != want.max ||
			r.Sessions.Keepalive != time.Minute || r.UnknownOutcome != want.outcome || !r.Sandbox() {
			t.Errorf("%d: got %+v, want %+v", i, r, want)
		}
	}
}

// TestMergeOrder: the mapping itself goes first, then what it merges, the first of them first. So
// does what those merge.
func TestMergeOrder(t *testing.T) {
	const rest = ", name: a, address: sandbox, listen: ['unix:///a']}"
	for _, tt := range []struct {
		sessions string
		min, max int
	}{
		{"{max: 7, <<: {max: 8}}", 1, 7},
		{"{<<: {max: 8}, max: 7}", 1, 7},
		{"{<<: [{max: 8}, {max: 9}]}", 1, 8},
		{"{<<: [{max: 8}, {max: 9, min: 2}]}", 2, 8},
		{"{<<: [{<<: {max: 8}}, {max: 9}]}", 1, 8},
		{"{<<: {max: 8, <<: {max: 9, min: 2}}}", 2, 8},
		{"{<<: {max: 8}, <<: {max: 9}}", 1, 8},
		{"{<<: [[{max: 8}], {max: 9}]}", 1, 8},
		{"{<<: []}", 1, 3},
		{"{<<: {}}", 1, 3},
	} {
		c, err := parse("registries:\n  - {sessions: " + tt.sessions + rest + "\n")
		if err != nil {
			t.Errorf("%s: got %v", tt.sessions, err)
			continue
		}
		if s := c.Registries[0].Sessions; s.Min != tt.min || s.Max != tt.max {
			t.Errorf("%s: got %d to %d, want %d to %d", tt.sessions, s.Min, s.Max, tt.min, tt.max)
		}
	}
}

// TestMergedFaults: a merged mapping is held to the keys of the place where it is merged, and its
// faults have their own lines.
func TestMergedFaults(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"log:\n  level: info\n  <<: {level: loud}\n", nil}, // it is not read
		{"log:\n  format: json\n  <<:\n    level: loud\n", []string{
			"c.yaml:4: log.level: must be debug, info, warn or error",
		}},
		{"log:\n  level: info\n  <<:\n    level: info\n    level: info\n", []string{
			"c.yaml:5: log.level: duplicate key",
		}},
		{"log:\n  <<: [{colour: 1},\n    {colour: 2}]\n", []string{
			"c.yaml:2: log.colour: unknown key",
			"c.yaml:3: log.colour: unknown key",
		}},
		{"log:\n  <<: [1, x]\n", []string{
			"c.yaml:1: log.<<: must be a mapping or a list of mappings, got a number",
		}},
	} {
		_, err := parse(clitest.SandboxYAML() + tt.text)
		var faults *Faults
		if errors.As(err, &faults) == (tt.want == nil) {
			t.Errorf("%q: got %v, want %q", tt.text, err, tt.want)
			continue
		}
		if err == nil {
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(tt.want) {
			t.Errorf("%q: got %q, want %q", tt.text, lines, tt.want)
			continue
		}
		// The sandbox stands above, in two lines.
		for i, want := range tt.want {
			_, wantRest, _ := strings.Cut(want, ": ")
			if _, rest, _ := strings.Cut(lines[i], ": "); !strings.HasPrefix(rest, wantRest) {
				t.Errorf("%q: got %q, want %q", tt.text, lines[i], want)
			}
		}
	}
}

// TestMergesAreBounded: one level less than the bound is read, one more is a fault.
func TestMergesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		depth int
		good  bool
	}{
		{1, true},
		{maxMerges, true},
		{maxMerges + 1, false},
	} {
		merged := "{level: warn}"
		for range tt.depth - 1 {
			merged = "{<<: " + merged + "}"
		}
		c, err := parse(clitest.SandboxYAML() + "log: {<<: " + merged + "}\n")
		switch {
		case tt.good && err != nil:
			t.Errorf("depth %d: got %v", tt.depth, err)
		case tt.good && c.Log.Level != slog.LevelWarn:
			t.Errorf("depth %d: got level %v, want the merged one", tt.depth, c.Log.Level)
		case !tt.good && (err == nil || !strings.Contains(err.Error(), "log.<<: merges too many mappings")):
			t.Errorf("depth %d: got %v, want a fault", tt.depth, err)
		}
	}
}

// TestGiven: a key is given when its first value could be read.
func TestGiven(t *testing.T) {
	for _, tt := range []struct {
		sessions string
		want     bool
	}{
		{"{max: 2}", true},
		{"{max: 2, max: 3}", true},
		{"{max: 2, max: x}", true},
		{"{<<: {max: 2}}", true},
		{"{max: x}", false},
		{"{max: ~}", false},
		{"{max: [2]}", false},
		{"{min: 1}", false},
		{"[]", false},
		{"~", false},
	} {
		r, v := newReader(), new(Config)
		doc := r.document([]byte("registries: [{sessions: " + tt.sessions + "}]\n"))
		r.value("", doc, reflect.ValueOf(v).Elem())
		if got := r.given("registries[0].sessions.max"); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.sessions, got, tt.want)
		}
	}
}

// TestUnreadKeepsDefault: a value that cannot be read leaves the default, and an entry that cannot
// be read stays in its list, so that no rule fails because of it.
func TestUnreadKeepsDefault(t *testing.T) {
	r, c := newReader(), new(Config)
	doc := r.document([]byte(`
registries: [{sessions: {max: x, min: 2}, login: {object_uris: ["urn:a", [], "urn:b"], language: [x]}}, 7]
drain_timeout: soon
`))
	setDefaults(reflect.ValueOf(c).Elem())
	r.value("", doc, reflect.ValueOf(c).Elem())
	if len(r.list) != 5 {
		t.Fatalf("got %v, want 5 faults", r.faults("f"))
	}
	if c.DrainTimeout != 30*time.Second || len(c.Registries) != 2 {
		t.Fatalf("got %+v, want the default of drain_timeout and two registries", c)
	}
	first := c.Registries[0]
	if first.Sessions.Max != 3 || first.Sessions.Min != 2 || first.Login.Language != "" {
		t.Errorf("got %+v, %+v, want min as it is written, and the defaults beside it", first.Sessions, first.Login)
	}
	if got := first.Login.ObjectURIs; !slices.Equal(got, []string{"urn:a", "", "urn:b"}) {
		t.Errorf("got %q, want the second empty", got)
	}
	if !reflect.DeepEqual(c.Registries[1], defaultRegistry()) {
		t.Errorf("got %+v, want the default of a registry", c.Registries[1])
	}
}

func TestKindOfNodes(t *testing.T) {
	for text, want := range map[string]string{
		"{}":         "a mapping",
		"[]":         "a list",
		"1":          "a number",
		"1.5":        "a number",
		"true":       "a truth value",
		"x":          "a text",
		"2001-01-01": "a text",
	} {
		if got := kind(newReader().document([]byte(text))); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestAnchorFaults(t *testing.T) {
	deep := "x: &a0 {}\n"
	for i := range 20 {
		deep += fmt.Sprintf("x%d: &a%d {<<: [*a%d, *a%d]}\n", i, i+1, i, i)
	}
	for _, tt := range []struct{ text, want string }{
		{"registries: &r\n  - *r\n", "registries[0]: must be a mapping, got a list"},
		{"registries:\n  - &r\n    <<: *r\n    name: a\n", "merges too many mappings"},
		{"registries:\n  - <<: text\n", "registries[0].<<: must be a mapping or a list of mappings, got a text"},
		{"registries:\n  - <<: {colour: red}\n", "registries[0].colour: unknown key"},
		{deep + "log: *a20\n", "merges too many mappings"},
		{"log: {level: info, level: info}\n", "c.yaml:1: log.level: duplicate key"},
	} {
		_, err := parse(tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.text, err, tt.want)
		}
	}
}

// TestBounds: a small file that stands for a huge one, and one that is all faults, end soon.
func TestBounds(t *testing.T) {
	_, err := parse("x: &x [" + strings.Repeat("a,", 1000) + "]\nregistries:\n" + strings.Repeat("  - {login: {object_uris: *x}}\n", 100))
	if err == nil || !strings.Contains(err.Error(), "more than 20000 values") {
		t.Errorf("got %.200v, want the bound on values", err)
	}
	_, err = parse("registries:\n" + strings.Repeat("  - {nonsense: 1}\n", 1000))
	var faults *Faults
	if !errors.As(err, &faults) || len(faults.List) != maxFaults+1 {
		t.Fatalf("got %.200v, want %d faults", err, maxFaults+1)
	}
	if got := err.Error(); !strings.HasSuffix(got, "\nc.yaml: there are more faults") {
		t.Errorf("got end %q", got[len(got)-80:])
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"address", "listen", "login", "name", "min", "max", "rate_limits", "sessions", "source_address"}
	for _, tt := range []struct{ word, want string }{
		{"adress", "address"}, {"Address", "address"}, {"rate_limit", "rate_limits"}, {"rate-limits", "rate_limits"},
		{"session", "sessions"}, {"mim", ""}, {"mn", ""}, {"verify", ""}, {"", ""}, {"nam", ""}, {"names", "name"},
	} {
		got := suggest(tt.word, known)
		if tt.want == "" && got != "" || tt.want != "" && !strings.Contains(got, `"`+tt.want+`"`) {
			t.Errorf("%q: got %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "axc", 1}, {"abc", "bc", 1}, {"kitten", "sitting", 3}, {"abcdefgh", "x", 5},
	} {
		if got := distance(tt.a, tt.b, 5); got != tt.want {
			t.Errorf("%q to %q: got %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

// FuzzConfig: no input makes the reader panic, and an input that it accepts keeps the rules that
// others rely on.
func FuzzConfig(f *testing.F) {
	for _, name := range []string{"testdata/faults.yaml", "testdata/every-key.yaml", "../../../../config.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(clitest.SandboxYAML("sessions: {min: 1}"))
	f.Add("registries: &r\n  - <<: *r\n")
	f.Add("a: &a [*a]\n---\n")
	for _, lines := range []string{fullCluster, fullEtcd, "registry cluster: {prefer: [a]}", `static: {owner: b, peer: "b.example:7070"}`} {
		f.Add(sharedYAML(lines))
	}
	files := clusterFiles(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseConfig("c.yaml", []byte(text), files)
		if err != nil {
			var faults *Faults
			if !errors.As(err, &faults) || len(faults.List) == 0 || err.Error() == "" {
				t.Fatalf("got %#v, want faults", err)
			}
			return
		}
		if len(c.Registries) == 0 {
			t.Fatal("got no registry and no fault")
		}
		for _, r := range c.Registries {
			if r.Name == "" || len(r.Listen) == 0 || r.Sessions.Min < 1 || r.Sessions.Max < r.Sessions.Min || r.Clients.MaxAhead < r.Clients.MaxFrame+4 {
				t.Fatalf("got %+v and no fault", r)
			}
			for _, l := range r.RateLimits {
				if err := l.Limit.Validate(); err != nil || len(l.Commands) == 0 {
					t.Fatalf("got %+v and no fault: %v", l, err)
				}
			}
		}
		if c.Cluster != nil {
			mustBeCluster(t, c.Cluster)
		}
	})
}

// mustBeCluster wants what others rely on of a cluster without a fault.
func mustBeCluster(t *testing.T, cl *Cluster) {
	t.Helper()
	engines := 0
	for _, there := range []bool{cl.Etcd != nil, cl.Redis != nil, cl.Static != nil} {
		if there {
			engines++
		}
	}
	reached := cl.Peer.Listen != "" && cl.Peer.Advertise != "" || cl.Follows() && cl.Static.Peer != ""
	if engines != 1 || !reached || cl.Name == "" || cl.Host == "" || cl.TTL < leastTTL || cl.Lanes < 1 ||
		cl.YieldAfter <= 0 || cl.MaxClockSkew <= 0 || cl.Peer.Roots == nil || cl.Peer.Certificate == nil {
		t.Fatalf("got %+v and no fault", cl)
	}
	if server, client := cl.PeerTLS(); server.ClientCAs == nil || client.RootCAs == nil {
		t.Fatal("got TLS of peers without authorities")
	}
	if cl.Etcd != nil && len(cl.Etcd.Endpoints) == 0 || cl.Redis != nil && (cl.Redis.Address == "") != (cl.Redis.Sentinel != nil) {
		t.Fatalf("got %+v and no fault", cl)
	}
}
