package frame

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// objectsByXML counts as Message.Objects does, by encoding/xml: elements at the fifth level, within a verb
// of the name check.
func objectsByXML(t *testing.T, payload []byte) (n int) {
	d := NewDecoder(payload)
	depth, in := 0, false
	for {
		token, err := d.Token()
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; depth == 3 {
				in = token.Name.Local == "check"
			}
			if depth == 5 && in {
				n++
			}
		case xml.EndElement:
			depth--
		}
		if errors.Is(err, io.EOF) {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestObjects: the names of a check are counted in any form, and nothing else is.
func TestObjects(t *testing.T) {
	const open = `<check><d:check xmlns:d="urn:d">`
	for _, tt := range []struct {
		inner string
		want  int
	}{
		{open + `<d:name>a</d:name></d:check></check>`, 1},
		{open + strings.Repeat("<d:name>a</d:name>\n", 1000) + `</d:check></check>`, 1000},
		{open + `<d:name/><d:name a=">"/><!-- <d:name> --><d:name><![CDATA[<d:name>]]></d:name><?x <d:name>?></d:check></check>`, 3},
		{open + `<d:id><d:name/><d:name>b</d:name></d:id></d:check></check>`, 1},
		{open + `</d:check></check>`, 0},
		{`<check><d:check xmlns:d="urn:d"/></check>`, 0},
		{`<check/>`, 0},
		{`<extension><check xmlns="urn:x"><a><b/></a></check></extension>` + open + `<d:name/><d:name/></d:check></check>`, 2},
		{open + `<d:name/></d:check></check><extension><d:check xmlns:d="urn:d"><d:x><d:name/><d:name/></d:x></d:check></extension>`, 1},
		{`<info><d:info xmlns:d="urn:d"><d:name>a</d:name></d:info></info>`, 0},
		{`<poll op="req"/>`, 0},
	} {
		for prefix, doc := range map[string]string{"": inCommand(tt.inner)} {
			m, err := NewScanner().Scan([]byte(doc))
			if err != nil {
				t.Errorf("%s%s: %v", prefix, tt.inner, err)
				continue
			}
			if got := m.Objects(); got != tt.want {
				t.Errorf("%.80s: got %d, want %d", tt.inner, got, tt.want)
			}
		}
	}
	m, err := NewScanner().Scan([]byte(`<e:epp xmlns:e="` + Namespace + `"><e:command ><e:check
		><check xmlns="urn:d"><name>a</name><name>b</name></check></e:check ></e:command></e:epp>`))
	if err != nil || m.Objects() != 2 {
		t.Errorf("got %v, %v of one with prefixes", m, err)
	}
	payload := []byte(inCommand(open + strings.Repeat("<d:name>a</d:name>", 100) + `</d:check></check>`))
	s := NewScanner()
	if n := testing.AllocsPerRun(100, func() {
		if m, err := s.Scan(payload); err != nil || m.Objects() != 100 {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("got %v allocations", n)
	}
}

// TestObjectsOfCorpus: of each command of other projects there are as many as encoding/xml finds.
func TestObjectsOfCorpus(t *testing.T) {
	s, checks := NewScanner(), 0
	for _, r := range readTable(t, "MANIFEST.tsv") {
		payload := readCorpus(t, r["path"])
		m, err := s.Scan(payload)
		if err != nil || m.Kind != KindCommand {
			continue
		}
		if got, want := m.Objects(), objectsByXML(t, bytes.Clone(m.Payload)); m.Command == CommandCheck && got != want || m.Command != CommandCheck && got != 0 {
			t.Errorf("%s: got %d, want %d", r["path"], got, want)
		}
		if m.Command == CommandCheck {
			checks++
		}
	}
	if checks < 20 {
		t.Errorf("only %d checks", checks)
	}
}
