package frame

import (
	"bytes"
	"unicode/utf8"
)

// ScanGreeting does what Scan does, for a payload that should be a greeting. Where Scan refuses it and
// it is plainly one all the same, m is what Scan says of a mended copy, which m.Payload holds and the
// caller may keep, and mended is why Scan has refused what came; otherwise mended is ReasonNone.
//
// In the copy a "?" stands for each octet of a character that the document may not have, and for a "&"
// that begins no reference; a control character is a space. What is before the root's start tag and
// behind its end tag is left out, the declarations too. Only what Scan accepts then is mended. It is
// not so where tags, attributes or namespaces are wrong: one would have to guess what the registry offers.
func (s *Scanner) ScanGreeting(payload []byte) (m *Message, mended Reason, err error) {
	if m, err = s.Scan(payload); err == nil {
		return m, ReasonNone, nil
	}
	why := *err.(*Fault) // the next Scan ends it
	allowed := rune(utf8.MaxRune)
	switch why.Reason {
	case OctetBeyondASCII, BadOctet, BadEncoding: // which characters its octets mean is not known
		allowed = utf8.RuneSelf - 1
	}
	if p := rootOf(payload); p != nil {
		if m, err = s.Scan(mend(p, allowed)); err == nil && m.Kind == KindGreeting {
			return m, why.Reason, nil
		}
	}
	return nil, ReasonNone, &why
}

// rootOf is a copy of p from the first start tag to the last end tag; nil where there is none.
func rootOf(p []byte) []byte {
	from, last := firstTag(p), bytes.LastIndex(p, []byte("</"))
	if from < 0 || last < from {
		return nil
	}
	end := behind(p, last, []byte{'>'})
	if end < 0 {
		return nil
	}
	return bytes.Clone(p[from:end])
}

// firstTag is the offset of the first start tag of p that is in no comment or processing instruction;
// -1 if there is none.
func firstTag(p []byte) int {
	for i := 0; i >= 0; {
		n := bytes.IndexByte(p[i:], '<')
		if i += n; n < 0 || i+1 == len(p) {
			return -1
		}
		switch {
		case class[p[i+1]]&startsName != 0:
			return i
		case bytes.HasPrefix(p[i:], commentStart):
			i = behind(p, i+len(commentStart), commentClose)
		case p[i+1] == '?':
			i = behind(p, i+2, piEnd)
		default:
			i++
		}
	}
	return -1
}

// mend changes what stands for no character up to allowed in p, and returns it.
func mend(p []byte, allowed rune) []byte {
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		switch {
		case r < ' ' && class[r]&isSpace == 0:
			p[i] = ' '
		case r == '&':
			if _, next := reference(p, i); next < 0 {
				p[i] = '?'
			}
		case r == utf8.RuneError && n == 1, !isChar(r), r > allowed:
			copy(p[i:i+n], "????")
		}
		i += n
	}
	return p
}
