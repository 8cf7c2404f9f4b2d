package proxy

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"

	"eppmux/frame"
)

// setEncodings makes the scanner read what cfg.Encodings wants, on the loop or before it runs.
func (s *Server) setEncodings() {
	s.scanner.Charset = nil
	if s.cfg.Encodings == EncodingsAccept {
		s.scanner.Charset = charset
	}
}

// c1 is the number of C1 controls, which the encodings ISO-8859-n have from octet 0x80 on.
const c1 = 0x20

// charset is the single-octet encoding that IANA calls by that name; nil where it is not known, or
// where its octets below 0x80 are not ASCII. See frame.Scanner.
func charset(name string) *frame.Charset {
	e, err := ianaindex.IANA.Encoding(name)
	m, single := e.(*charmap.Charmap)
	if err != nil || !single {
		return nil
	}
	for c := range byte(utf8.RuneSelf) {
		if m.DecodeByte(c) != rune(c) {
			return nil
		}
	}
	set := new(frame.Charset)
	for i := range set {
		set[i] = m.DecodeByte(utf8.RuneSelf + byte(i))
	}
	// RFC 1345 and IANA: "ISO-8859-n" has the C1 controls, which the tables leave out but for n = 1.
	if strings.HasPrefix(name, "iso-8859-") {
		for i := range set[:c1] {
			set[i] = utf8.RuneSelf + rune(i)
		}
	}
	return set
}
