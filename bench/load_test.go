package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestCompose: commands are well-formed, and as long as they are to be.
func TestCompose(t *testing.T) {
	for _, want := range []int{0, 400, 2000, 60000} {
		for _, transform := range []bool{false, true} {
			l := &Load{Octets: want, Transform: transform}
			l.filler = l.fill()
			c := loadClient{l: l, id: 12}
			c.compose()
			if n := len(c.out); n < want-20 || want > 0 && n > want+70 {
				t.Errorf("%d octets, want %d", n, want)
			}
			names := 0
			for d := xml.NewDecoder(bytes.NewReader(c.out[4:])); ; {
				tok, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%v in %s", err, c.out[4:])
				}
				if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "name" {
					names++
				}
			}
			if names > maxNames || transform && names > 1 {
				t.Errorf("%d names, transform: %v", names, transform)
			}
		}
	}
}

// TestRight: an answer counts only if clTRID, name and code are those that the command asks for.
func TestRight(t *testing.T) {
	c := loadClient{l: &Load{}, id: 3}
	c.compose()
	good := `<epp><result code="1000"/><domain:name avail="1">` + string(c.name) + `</domain:name><trID><clTRID>` + string(c.trid) + `</clTRID></trID></epp>`
	if !c.right([]byte(good)) {
		t.Errorf("refused: %s", good)
	}
	for _, change := range [][2]string{{"1000", "2400"}, {string(c.trid), string(c.trid) + "1"}, {string(c.name), "load-4-1.example"}, {"<clTRID>", "<svTRID>"}} {
		if bad := strings.Replace(good, change[0], change[1], 1); c.right([]byte(bad)) {
			t.Errorf("taken: %s", bad)
		}
	}
	c.l = &Load{Transform: true}
	if !c.right([]byte(strings.Replace(good, "1000", "2303", 1))) || c.right([]byte(good)) {
		t.Error("a transform's answer is one that there is no such object")
	}
}
