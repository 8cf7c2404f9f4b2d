package frame

import (
	"bytes"
	"slices"
	"testing"
)

// TestNames: what a command is about is found by the element's name in its object, whatever the
// prefix.
func TestNames(t *testing.T) {
	for _, test := range []struct {
		payload string
		want    []string
	}{
		{inCommand(`<check><d:check xmlns:d="urn:d"><d:name>a.example</d:name><d:name> b.example </d:name></d:check></check>`), []string{"a.example", "b.example"}},
		{inCommand(`<info><info xmlns="urn:c"><id>C-1</id></info></info>`), []string{"C-1"}},
		{inCommand(`<create><d:create xmlns:d="urn:d"><d:name>a&amp;b<![CDATA[<c>]]><!-- d --></d:name><d:ns><d:name>deep</d:name></d:ns></d:create></create>`), []string{"a&b<c>"}},
		{inCommand(`<create><d:create xmlns:d="urn:d"><d:name>a<d:x/></d:name><x:id xmlns:x="urn:x">other</x:id></d:create></create>`), nil},
		{inCommand(`<create><d:create xmlns:d="urn:d"><d:name></d:name><d:name/></d:create></create>`), nil},
		{inCommand(`<poll op="req"/><clTRID>a</clTRID>`), nil},
	} {
		s := Scanner{Names: true}
		m, err := s.Scan([]byte(test.payload))
		if err != nil {
			t.Errorf("%s: %v", test.payload, err)
			continue
		}
		var got []string
		for _, n := range m.Names {
			got = append(got, string(n))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.payload, got, test.want)
		}
		view := viewOf(m)
		if m, err := NewScanner().Scan([]byte(test.payload)); err != nil || m.Names != nil || viewOf(m) != view {
			t.Errorf("%s: got %q, %v without Names", test.payload, bytes.Join(m.Names, nil), err)
		}
	}
}
