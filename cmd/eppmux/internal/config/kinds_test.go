package config

import (
	"io/fs"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"eppmux/frame"
	"eppmux/proxy"
)

// readAs reads a text of YAML as a value of one type.
func readAs[T any](t *testing.T, text string) (T, error) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var v T
	r := newReader()
	r.value("key", doc.Content[0], reflect.ValueOf(&v).Elem())
	return v, r.faults("f")
}

// kindTest is one text and the value that it stands for, or a part of the fault that it is.
type kindTest[T any] struct {
	text  string
	want  T
	fault string
}

func runKind[T any](t *testing.T, tests []kindTest[T]) {
	t.Helper()
	for _, tt := range tests {
		got, err := readAs[T](t, tt.text)
		switch {
		case tt.fault == "" && err != nil:
			t.Errorf("%s: got %v, want %v", tt.text, err, tt.want)
		case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), "f: key: "+tt.fault)):
			t.Errorf("%s: got %v, want the fault %q", tt.text, err, tt.fault)
		case !reflect.DeepEqual(got, tt.want):
			t.Errorf("%s: got %v, want %v", tt.text, got, tt.want)
		}
	}
}

func TestTexts(t *testing.T) {
	runKind(t, []kindTest[string]{
		{`abc`, "abc", ""},
		{`"a b"`, "a b", ""},
		{`0042`, "0042", ""},
		{`1.50`, "1.50", ""},
		{`0x10`, "0x10", ""},
		{`2001-01-01`, "2001-01-01", ""},
		{`!!str 1`, "1", ""},
		{`"true"`, "true", ""},
		{`no`, "no", ""},
		{`true`, "", "must be a text, got a truth value; put a text in quotes"},
		{`[a]`, "", "must be a text, got a list"},
		{`{a: b}`, "", "must be a text, got a mapping"},
		{`!x a`, "", "must be a text without a tag"},
		{`!!int a`, "", "must be a text without a tag"},
	})
}

func TestSecrets(t *testing.T) {
	runKind(t, []kindTest[Secret]{
		{`0042`, NewSecret("0042"), ""},
		{`"a: b"`, NewSecret("a: b"), ""},
		{`""`, NewSecret(""), ""},
		{`[a]`, Secret{}, "must be a text, got a list"},
		{`false`, Secret{}, "must be a text, got a truth value"},
	})
}

func TestNumbers(t *testing.T) {
	runKind(t, []kindTest[int]{
		{`0`, 0, ""},
		{`42`, 42, ""},
		{`-7`, -7, ""},
		{`9223372036854775807`, 9223372036854775807, ""},
		{`9223372036854775808`, 0, "must be a whole number"},
		{`00`, 0, `must be a whole number, got "00"`},
		{`+1`, 0, "must be a whole number"},
		{`1_000`, 0, "must be a whole number"},
		{`0o17`, 0, "must be a whole number"},
		{`"1"`, 0, "must be a whole number"},
		{`1.0`, 0, "must be a whole number"},
		{`-0`, 0, "must be a whole number"},
	})
}

func TestTruthValues(t *testing.T) {
	runKind(t, []kindTest[bool]{
		{`true`, true, ""},
		{`True`, true, ""},
		{`TRUE`, true, ""},
		{`false`, false, ""},
		{`yes`, false, "must be true or false"},
		{`1`, false, "must be true or false"},
		{`"true"`, false, "must be true or false"},
		{`[true]`, false, "must be true or false"},
	})
}

func TestDurations(t *testing.T) {
	runKind(t, []kindTest[time.Duration]{
		{`0`, 0, ""},
		{`0s`, 0, ""},
		{`30s`, 30 * time.Second, ""},
		{`1h30m`, 90 * time.Minute, ""},
		{`250ms`, 250 * time.Millisecond, ""},
		{`1.5h`, 90 * time.Minute, ""},
		{`-1s`, -time.Second, ""},
		{`"4m"`, 4 * time.Minute, ""},
		{`87600h`, longest, ""},
		{`87600h1ns`, 0, `must be 87600h (ten years) at most, got "87600h1ns"`},
		{`2562047h47m16.854775807s`, 0, "must be 87600h (ten years) at most"},
		{`-2562047h47m16.854775808s`, 0, "must be 87600h (ten years) at most"},
		{`9999999h`, 0, "must be a duration such as"}, // more than a time.Duration
		{`30`, 0, `must be a duration such as 30s, 4m or 1h30m, got "30"`},
		{`1d`, 0, "must be a duration such as"},
		{`soon`, 0, "must be a duration such as"},
		{`[1s]`, 0, "must be a duration such as 30s, got a list"},
	})
}

func TestModes(t *testing.T) {
	runKind(t, []kindTest[fs.FileMode]{
		{`0660`, 0o660, ""},
		{`"0600"`, 0o600, ""},
		{`660`, 0o660, ""},
		{`"777"`, 0o777, ""},
		{`"0"`, 0, "must be permissions"},
		{`"1000"`, 0, "must be permissions"},
		{`"0o660"`, 0, "must be permissions"},
		{`"68"`, 0, "must be permissions"},
	})
}

func TestAddressesOfIP(t *testing.T) {
	runKind(t, []kindTest[netip.Addr]{
		{`192.0.2.7`, netip.MustParseAddr("192.0.2.7"), ""},
		{`"2001:db8::7"`, netip.MustParseAddr("2001:db8::7"), ""},
		{`"fe80::1%eth0"`, netip.MustParseAddr("fe80::1%eth0"), ""},
		{`""`, netip.Addr{}, ""},
		{`192.0.2.7:700`, netip.Addr{}, "must be an IP address"},
		{`192.0.2`, netip.Addr{}, "must be an IP address"},
	})
}

func TestNetworks(t *testing.T) {
	runKind(t, []kindTest[netip.Prefix]{
		{`192.0.2.0/24`, netip.MustParsePrefix("192.0.2.0/24"), ""},
		{`192.0.2.7/32`, netip.MustParsePrefix("192.0.2.7/32"), ""},
		{`0.0.0.0/0`, netip.MustParsePrefix("0.0.0.0/0"), ""},
		{`"2001:db8::/32"`, netip.MustParsePrefix("2001:db8::/32"), ""},
		{`192.0.2.7`, netip.Prefix{}, "must be a network"},
		{`192.0.2.7/24`, netip.Prefix{}, "has host bits set: 192.0.2.7 is in the network 192.0.2.0/24"},
		{`192.0.2.0/33`, netip.Prefix{}, "must be a network"},
	})
}

func TestListeners(t *testing.T) {
	runKind(t, []kindTest[Listen]{
		{`tcp://127.0.0.1:7000`, Listen{Network: "tcp", Address: "127.0.0.1:7000"}, ""},
		{`tls://[::1]:7700`, Listen{Network: "tcp", Address: "[::1]:7700", TLS: true}, ""},
		{`unix:///run/a.sock`, Listen{Network: "unix", Address: "/run/a.sock"}, ""},
		{`{address: "unix:///a", mode: "0600", group: g, weight: 7}`,
			Listen{Network: "unix", Address: "/a", Mode: 0o600, Group: "g", Weight: 7}, ""},
		{`{weight: 2, address: "tls://:1", allow: [check]}`,
			Listen{Network: "tcp", Address: ":1", TLS: true, Weight: 2, Allow: []LimitedCommand{{Command: frame.CommandCheck}}}, ""},
		{`""`, Listen{}, ""},
		{`{}`, Listen{}, ""},
		{`TCP://127.0.0.1:7000`, Listen{}, "must be tcp://host:port, tls://host:port or unix:///path"},
		{`tcp:127.0.0.1:7000`, Listen{}, "must be tcp://"},
		{`[a]`, Listen{}, "must be a mapping, got a list"},
		{`true`, Listen{}, "must be a text, got a truth value"},
	})
}

func TestCommands(t *testing.T) {
	runKind(t, []kindTest[[]LimitedCommand]{
		{`[]`, nil, ""},
		{`[all]`, []LimitedCommand{{}}, ""},
		{`[check, "poll:ack"]`, []LimitedCommand{
			{Command: frame.CommandCheck},
			{Command: frame.CommandPoll, Op: frame.OpAck},
		}, ""},
		{`check`, nil, "must be a list, got a text"},
	})
	for name, of := range commandNames {
		if got := of.String(); got != name {
			t.Errorf("%+v: got %s, want %s", of, got, name)
		}
	}
	if got := (LimitedCommand{Command: frame.CommandCheck, Op: frame.OpAck}).String(); got != frame.CommandCheck.String() {
		t.Errorf("without a word: got %s, want that of the command", got)
	}
	_, err := readAs[[]LimitedCommand](t, `[check, ceate, nonsense]`)
	want := []string{
		`f: key[1]: no such command: "ceate" (did you mean "create"?)`,
		`f: key[2]: no such command: "nonsense"; known are all, check, create, delete, extension, hello, info, `,
	}
	if err == nil {
		t.Fatal("got no fault")
	}
	for i, line := range strings.Split(err.Error(), "\n") {
		if got := strings.Replace(line, "f:1:", "f:", 1); i >= len(want) || !strings.HasPrefix(got, want[i]) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWords(t *testing.T) {
	runKind(t, []kindTest[proxy.Services]{
		{`accept`, proxy.ServicesAccept, ""},
		{`enforce`, proxy.ServicesEnforce, ""},
		{`"enforce"`, proxy.ServicesEnforce, ""},
		{`Enforce`, 0, `must be accept or enforce, got "Enforce" (did you mean "enforce"?)`},
		{`1`, 0, `must be accept or enforce, got "1"`},
		{`[accept]`, 0, "must be accept or enforce, got a list"},
	})
	runKind(t, []kindTest[proxy.Encodings]{
		{`accept`, proxy.EncodingsAccept, ""},
		{`refuse`, proxy.EncodingsRefuse, ""},
		{`"utf-8"`, 0, `must be accept or refuse, got "utf-8"`},
	})
	runKind(t, []kindTest[proxy.UnknownOutcome]{
		{`close`, proxy.UnknownClose, ""},
		{`fail`, proxy.UnknownFail, ""},
		{`""`, 0, `must be close or fail, got ""`},
	})
	runKind(t, []kindTest[frame.LoginSecurity]{
		{`auto`, frame.SecureLong, ""},
		{`always`, frame.SecureAlways, ""},
		{`never`, frame.SecureNever, ""},
		{`true`, 0, "must be auto, always or never, got a truth value"},
	})
	runKind(t, []kindTest[slog.Level]{
		{`debug`, slog.LevelDebug, ""},
		{`info`, slog.LevelInfo, ""},
		{`warn`, slog.LevelWarn, ""},
		{`error`, slog.LevelError, ""},
		{`WARN`, 0, `must be debug, info, warn or error, got "WARN" (did you mean "warn"?)`},
	})
	runKind(t, []kindTest[TLSVersion]{
		{`1.2`, TLS12, ""},
		{`"1.3"`, TLS13, ""},
		{`1.1`, "", `must be 1.2 or 1.3, got "1.1"`},
	})
}

// TestClosedSets: each word is known by one value, and each value by one word.
func TestClosedSets(t *testing.T) {
	for of, words := range closedSets {
		texts, values := map[string]bool{}, map[any]bool{}
		for _, w := range words {
			if w.text == "" || texts[w.text] || values[w.value] {
				t.Errorf("%v: got %q twice, or for a value that has a word", of, w.text)
			}
			texts[w.text], values[w.value] = true, true
			if got := reflect.TypeOf(w.value); got != of {
				t.Errorf("%v: got a value of type %v for %q", of, got, w.text)
			}
		}
	}
}
