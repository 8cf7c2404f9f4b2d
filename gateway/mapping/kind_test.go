package mapping

import (
	"slices"
	"strings"
	"testing"

	"eppmux/frame"
)

// TestKind: what a command says of itself is what package frame sees in what is written of it.
func TestKind(t *testing.T) {
	all := []Command{}
	for _, c := range full {
		all = append(all, c)
	}
	for _, op := range []string{"request", "query", "approve", "reject", "cancel"} {
		all = append(all, &TransferCommand{Op: op, Name: "a.example"})
	}
	s := frame.Scanner{Names: true}
	for _, c := range all {
		p, err := Marshal(c, "")
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Scan(p)
		if err != nil {
			t.Fatalf("%v: %s", err, p)
		}
		kind := m.Command.String()
		if m.Op != frame.OpNone {
			kind += ":" + m.Op.String()
		}
		if kind != c.Kind() || m.Query(nil) == c.Transform() {
			t.Errorf("%T: got %s %v, want %s %v", c, c.Kind(), c.Transform(), kind, !m.Query(nil))
		}
		if c.Object() != NoObject && !strings.HasSuffix(string(m.Object), ":"+c.Object().String()+"-1.0") {
			t.Errorf("%T: got %v, want %s", c, c.Object(), m.Object)
		}
		var names []string
		for _, n := range m.Names {
			names = append(names, string(n))
		}
		var want []string
		for _, n := range c.Named() {
			if c.Object() != ContactObject {
				n, _ = ALabel(n)
			}
			want = append(want, n)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%T: got %q, want %q", c, want, names)
		}
	}
}
