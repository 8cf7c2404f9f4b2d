package frame

import (
	"bytes"
	"unicode/utf8"
)

// value gives the content of a clTRID as a parser and then the type xs:token give it: references
// resolved, CDATA unwrapped, comments and processing instructions dropped, white space collapsed.
// The reason is EmptyClTRID or LongClTRID if that is not 1 to MaxClTRID characters long. The
// content must have been read before and hold no elements.
func (s *Scanner) value(c Span) ([]byte, Reason) {
	raw := s.p[c.Start:c.End]
	if isPlain(raw) {
		return raw, ReasonNone
	}
	start := len(s.text)
	v := collapse{out: s.text}
	for i := 0; i < len(raw); {
		switch rest := raw[i:]; {
		case rest[0] == '&':
			var r rune
			r, i = reference(raw, i)
			v.add(r)
		case rest[0] != '<':
			r, n := utf8.DecodeRune(rest)
			v.add(r)
			i += n
		case bytes.HasPrefix(rest, cdataStart):
			end := i + bytes.Index(rest, cdataEnd)
			for i += len(cdataStart); i < end; {
				r, n := utf8.DecodeRune(raw[i:])
				v.add(r)
				i += n
			}
			i += len(cdataEnd)
		case rest[1] == '!':
			i += len(commentStart) + bytes.Index(rest[len(commentStart):], commentEnd) + len("-->")
		default:
			i += bytes.Index(rest, piEnd) + len(piEnd)
		}
	}
	s.text = v.out
	switch out := v.out[start:len(v.out):len(v.out)]; {
	case v.count == 0:
		return nil, EmptyClTRID
	case v.count > MaxClTRID:
		return nil, LongClTRID
	default:
		return out, ReasonNone
	}
}

// isPlain reports whether raw is its own value: 1 to MaxClTRID octets of printable ASCII without
// markup, references and white space.
func isPlain(raw []byte) bool {
	for _, c := range raw {
		if c <= ' ' || c >= utf8.RuneSelf || c == '<' || c == '&' {
			return false
		}
	}
	return len(raw) > 0 && len(raw) <= MaxClTRID
}

// collapse gathers characters with white space collapsed. It stops a little above MaxClTRID.
type collapse struct {
	out   []byte
	count int  // characters
	space bool // white space was met behind the last of them
}

func (v *collapse) add(r rune) {
	if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
		v.space = v.count > 0
		return
	}
	if v.count > MaxClTRID {
		return
	}
	if v.space {
		v.out = append(v.out, ' ')
		v.space = false
		v.count++
	}
	v.out = utf8.AppendRune(v.out, r)
	v.count++
}
