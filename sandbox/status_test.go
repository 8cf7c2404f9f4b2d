package sandbox

import (
	"slices"
	"strings"
	"testing"
)

// statuses makes a set of names with spaces between.
func statuses(names string) statusSet {
	var ss statusSet
	for name := range strings.FieldsSeq(names) {
		ss.set(name)
	}
	return ss
}

func (ss statusSet) String() string {
	var names []string
	for _, s := range ss {
		names = append(names, s.name)
	}
	return strings.Join(names, " ")
}

// statusNodes makes the status elements of an update.
func statusNodes(names string) []*node {
	var out []*node
	for name := range strings.FieldsSeq(names) {
		out = append(out, &node{local: "status", attrs: []attr{{local: "s", value: name}}})
	}
	return out
}

// TestStatusProhibits: RFC 5731 section 2.3: the prohibitions of client and server hold for the one
// action that they name, a pending action for all.
func TestStatusProhibits(t *testing.T) {
	actions := []string{"Delete", "Renew", "Transfer", "Update"}
	for _, by := range []string{"client", "server"} {
		for _, named := range actions {
			ss := statuses("clientHold " + by + named + "Prohibited")
			for _, asked := range actions {
				want := ""
				if asked == named {
					want = by + named + "Prohibited"
				}
				if got := ss.prohibits(asked); got != want {
					t.Errorf("%v: %s is prohibited by %q, want %q", ss, asked, got, want)
				}
			}
			if ss.pending() {
				t.Errorf("%v: pending", ss)
			}
		}
	}
	for _, pending := range []string{"pendingCreate", "pendingDelete", "pendingRenew", "pendingTransfer", "pendingUpdate"} {
		ss := statuses(pending)
		for _, asked := range actions {
			if got := ss.prohibits(asked); got != pending {
				t.Errorf("%v: %s is prohibited by %q", ss, asked, got)
			}
		}
		if !ss.pending() {
			t.Errorf("%v: not pending", ss)
		}
	}
	for _, harmless := range []string{"", "clientHold serverHold", "ok linked inactive"} {
		for _, asked := range actions {
			if got := statuses(harmless).prohibits(asked); got != "" {
				t.Errorf("%q: %s is prohibited by %q", harmless, asked, got)
			}
		}
	}
}

// TestStatusUpdateProhibited: RFC 5731 section 2.3: clientUpdateProhibited lets through the update
// that removes it, if nothing else stands against that. Other statuses let nothing through.
func TestStatusUpdateProhibited(t *testing.T) {
	for _, tt := range []struct{ set, rem, want string }{
		{"", "", ""},
		{"clientHold", "", ""},
		{"clientUpdateProhibited", "", "clientUpdateProhibited"},
		{"clientUpdateProhibited", "clientHold", "clientUpdateProhibited"},
		{"clientUpdateProhibited", "clientUpdateProhibited", ""},
		{"clientUpdateProhibited clientHold", "clientHold clientUpdateProhibited", ""},
		{"clientUpdateProhibited serverUpdateProhibited", "clientUpdateProhibited", "serverUpdateProhibited"},
		{"serverUpdateProhibited clientUpdateProhibited", "clientUpdateProhibited", "serverUpdateProhibited"},
		{"clientUpdateProhibited pendingTransfer", "clientUpdateProhibited", "pendingTransfer"},
		{"serverUpdateProhibited", "serverUpdateProhibited", "serverUpdateProhibited"},
		{"pendingDelete", "pendingDelete", "pendingDelete"},
	} {
		ss := statuses(tt.set)
		if got := ss.updateProhibited(statusNodes(tt.rem)); got != tt.want {
			t.Errorf("%q without %q: got %q, want %q", tt.set, tt.rem, got, tt.want)
		}
		if ss.String() != tt.set {
			t.Errorf("the question changed %q into %q", tt.set, ss)
		}
	}
}

// TestStatusChange: rem goes before add, values of the server are not a client's to change, and the
// set given stays as it was.
func TestStatusChange(t *testing.T) {
	for _, tt := range []struct{ set, add, rem, want, reason string }{
		{"", "", "", "", ""},
		{"", "clientHold", "", "clientHold", ""},
		{"clientHold", "", "clientHold", "", ""},
		{"clientHold serverHold", "clientUpdateProhibited", "clientHold", "serverHold clientUpdateProhibited", ""},
		{"clientHold", "clientHold", "clientHold", "clientHold", ""},
		{"clientHold", "clientHold", "", "", "clientHold is set already"},
		{"", "clientHold clientHold", "", "", "clientHold is set already"},
		{"", "", "clientHold", "", "clientHold is not set"},
		{"serverHold", "", "serverHold", "", "serverHold is not a client's to change"},
		{"", "serverHold", "", "", "serverHold is not a client's to change"},
		{"", "ok", "", "", "ok is not a client's to change"},
		{"", "pendingDelete", "", "", "pendingDelete is not a client's to change"},
	} {
		ss := statuses(tt.set)
		got, f := ss.change(statusNodes(tt.add), statusNodes(tt.rem))
		if ss.String() != tt.set {
			t.Errorf("%+v: the set became %q", tt, ss)
		}
		if tt.reason != "" {
			if f == nil || f.code != 2306 || !strings.HasSuffix(f.reason, tt.reason) {
				t.Errorf("%+v: got %q, %v", tt, got, f)
			}
			continue
		}
		if f != nil || got.String() != tt.want {
			t.Errorf("%+v: got %q, %v", tt, got, f)
		}
	}
	n := statusNodes("clientHold")
	n[0].attrs = append(n[0].attrs, attr{local: "lang", value: "fr"})
	n[0].text = "non\tpayé "
	got, f := statusSet(nil).change(n, nil)
	if want := (statusSet{{"clientHold", "fr", "non payé "}}); f != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, f, want)
	}
}

// TestStatusShow: RFC 5731 section 2.3: ok stands alone, or beside linked for hosts and contacts
// (RFC 5732 and 5733, section 2.3 and 2.2).
func TestStatusShow(t *testing.T) {
	for _, tt := range []struct {
		set   statusSet
		extra string
		want  string
	}{
		{nil, "", `<s s="ok"/>`},
		{nil, "linked", `<s s="linked"/><s s="ok"/>`},
		{nil, "inactive", `<s s="inactive"/>`},
		{statuses("clientHold"), "", `<s s="clientHold"/>`},
		{statuses("serverHold clientHold"), "linked", `<s s="clientHold"/><s s="linked"/><s s="serverHold"/>`},
		{statusSet{{"clientHold", "en", "a < b"}}, "", `<s s="clientHold" lang="en">a &lt; b</s>`},
		{statusSet{{"clientHold", "", "text"}}, "", `<s s="clientHold">text</s>`},
		{statusSet{{"clientHold", "en", ""}}, "", `<s s="clientHold"/>`},
	} {
		var x xmlText
		before := tt.set.String()
		tt.set.show(&x, "s", strings.Fields(tt.extra)...)
		if string(x) != tt.want || tt.set.String() != before {
			t.Errorf("%v with %q: got %s, want %s", tt.set, tt.extra, x, tt.want)
		}
	}
}

// TestStatusValues: the tables have exactly the values of RFC 5731 section 2.3 (17), RFC 5732
// section 2.3 (10) and RFC 5733 section 2.2 (12), each once.
func TestStatusValues(t *testing.T) {
	for name, tt := range map[string]struct {
		values []string
		n      int
		not    []string
	}{
		"domain":  {domainStatuses, 17, []string{"linked"}},
		"host":    {hostStatuses, 10, []string{"clientHold", "clientTransferProhibited", "inactive", "pendingRenew"}},
		"contact": {contactStatuses, 12, []string{"clientHold", "clientRenewProhibited", "inactive", "pendingRenew"}},
	} {
		seen := map[string]bool{}
		for _, v := range tt.values {
			seen[v] = true
		}
		if len(seen) != tt.n || len(tt.values) != tt.n {
			t.Errorf("%s: %d values, want %d", name, len(tt.values), tt.n)
		}
		for _, v := range tt.not {
			if seen[v] {
				t.Errorf("%s: %s is there", name, v)
			}
		}
	}
}
