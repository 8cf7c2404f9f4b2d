package sandbox

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestHostName(t *testing.T) {
	for name, want := range map[string]string{
		"A.Com": "a.com", "a-b.c": "a-b.c", "xn--a.com": "xn--a.com", "1.2": "1.2",
		"com": "", "a.com.": "", ".com": "", "a..b": "", "-a.b": "", "a-.b": "", "a_.b": "", "ab--c.d": "", "a b.c": "",
		strings.Repeat("a.", 127) + "a": "", strings.Repeat("a.", 126) + "a": strings.Repeat("a.", 126) + "a",
	} {
		got, f := hostName(&node{text: name})
		if got != want || (f == nil) != (want != "") {
			t.Errorf("%q gave %q, %v", name, got, f)
		}
	}
}

func TestSuperordinate(t *testing.T) {
	st := newStore(&Config{Zones: []string{"uk", "co.uk"}})
	for name, want := range map[string]string{
		"a.uk": "a.uk", "ns.a.uk": "a.uk", "a.co.uk": "a.co.uk", "ns.x.a.co.uk": "a.co.uk", "co.uk": "co.uk", "uk": "", "a.com": "", "xuk.a": "", "a.xuk": "",
	} {
		if got := st.superordinate(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestRegistrable: a domain stands directly below a zone, also where zones lie in each other.
func TestRegistrable(t *testing.T) {
	st := newStore(&Config{Zones: []string{"uk", "co.uk", "test"}})
	for name, reason := range map[string]string{
		"a.uk": "", "a.co.uk": "", "a.test": "", "co.uk": "",
		"b.a.uk": "not directly below", "b.a.co.uk": "not directly below",
		"uk": "not in a zone", "a.com": "not in a zone", "atest": "not in a zone", "a.ctest": "not in a zone",
	} {
		f := st.registrable(name)
		switch {
		case reason == "" && f != nil:
			t.Errorf("%s: %v", name, *f)
		case reason != "" && (f == nil || f.code != 2306 || !strings.Contains(f.reason, reason)):
			t.Errorf("%s: got %v, want %q", name, f, reason)
		}
	}
}

// TestZone: the longest zone counts, and a zone is not below itself.
func TestZone(t *testing.T) {
	st := newStore(&Config{Zones: []string{"co.uk", "uk", "net.co.uk"}})
	for name, want := range map[string]string{
		"a.uk": "uk", "a.co.uk": "co.uk", "a.net.co.uk": "net.co.uk", "net.co.uk": "co.uk", "co.uk": "uk", "uk": "", ".uk": "",
		"aco.uk": "uk", "a.com": "", "": "",
	} {
		if got := st.zone(name); got != want {
			t.Errorf("%s lies in %q, want %q", name, got, want)
		}
	}
}

// TestGoodLabel: RFC 1123 section 2.1 and, for hyphens in third and fourth place, RFC 5891 section
// 4.2.3.1.
func TestGoodLabel(t *testing.T) {
	for label, want := range map[string]bool{
		"a": true, "0": true, "a-b": true, "a--b": true, "abc--d": true, "xn--abc": true, "x--": false,
		"": false, "-": false, "-a": false, "a-": false, "ab--c": false, "12--3": false, "a_b": false, "A": false, "ä": false, "a.b": false,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
	} {
		if got := goodLabel(label); got != want {
			t.Errorf("%q: got %v", label, got)
		}
	}
}

// TestIPAddress: RFC 5732 section 2.5: an address is of the version that ip tells, v4 by default.
// Equal addresses become equal values, however they were written.
func TestIPAddress(t *testing.T) {
	for _, tt := range []struct{ text, ip, want string }{
		{"192.0.2.1", "", "192.0.2.1"},
		{"192.0.2.1", "v4", "192.0.2.1"},
		{" 192.0.2.1\n", "v4", "192.0.2.1"},
		{"2001:DB8:0:0::1", "v6", "2001:db8::1"},
		{"2001:db8::1", "", ""},
		{"2001:db8::1", "v4", ""},
		{"192.0.2.1", "v6", ""},
		{"192.0.2.256", "", ""},
		{"192.0.2.01", "", ""},
		{"192.0.2", "", ""},
		{"fe80::1%eth0", "v6", ""},
		{"::ffff:192.0.2.1", "v6", "::ffff:192.0.2.1"},
		{"", "", ""},
	} {
		n := &node{local: "addr", text: tt.text}
		if tt.ip != "" {
			n.attrs = []attr{{local: "ip", value: tt.ip}}
		}
		a, f := ipAddress(n)
		switch {
		case tt.want == "" && (f == nil || f.code != 2005):
			t.Errorf("%q as %q: got %v, %v, want 2005", tt.text, tt.ip, a, f)
		case tt.want != "" && (f != nil || a != netip.MustParseAddr(tt.want)):
			t.Errorf("%q as %q: got %v, %v, want %s", tt.text, tt.ip, a, f, tt.want)
		}
	}
}

// TestChangeList: rem goes before add, the rest keeps its order, and the list given is not written
// to.
func TestChangeList(t *testing.T) {
	for _, tt := range []struct{ list, add, rem, want, reason string }{
		{"", "", "", "", ""},
		{"a b c", "", "", "a b c", ""},
		{"a b c", "d e", "", "a b c d e", ""},
		{"a b c", "", "b", "a c", ""},
		{"a b c", "", "c a b", "", ""},
		{"a b c", "b", "b", "a c b", ""}, // as RFC 5910 section 5.2.5 has it for DS data
		{"a b c", "b", "", "", "b is there already"},
		{"a b c", "d d", "", "", "d is there already"},
		{"a b c", "", "d", "", "d is not there"},
		{"a b c", "", "a a", "", "a is not there"},
		{"a", "b", "b", "", "b is not there"},
	} {
		list := slices.Clip(strings.Fields(tt.list))
		before := slices.Clone(list)
		got, f := changeList(list, strings.Fields(tt.add), strings.Fields(tt.rem), sayName)
		if !slices.Equal(list, before) {
			t.Errorf("%+v: the list became %v", tt, list)
		}
		if tt.reason != "" {
			if f == nil || f.code != 2306 || f.reason != tt.reason {
				t.Errorf("%+v: got %v, %v", tt, got, f)
			}
			continue
		}
		if f != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: got %v, %v", tt, got, f)
		}
	}
}
