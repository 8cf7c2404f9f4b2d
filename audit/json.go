package audit

import (
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// plain has the octets that may stand in a JSON string, and be shown on a terminal, as they are.
var plain = func() (t [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends s as a JSON string in the form of encoding/json, with one difference: a
// character that does not print, such as a C1 control or a mark of direction, is written as \uXXXX,
// since a terminal would act on it. An octet that is no UTF-8 is written as \ufffd.
func appendString[T string | []byte](dst []byte, s T) []byte {
	return append(appendInside(append(dst, '"'), s), '"')
}

// appendInside does the work of appendString without the quotes.
func appendInside[T string | []byte](dst []byte, s T) []byte {
	from := 0
	for i := 0; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		n := 1
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			var r rune
			r, n = utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			dst = appendRune(dst, r, n)
		}
		i += n
		from = i
	}
	return append(dst, s[from:]...)
}

// appendRune appends the character r, which stood in n octets: as \uXXXX if it does not print.
func appendRune(dst []byte, r rune, n int) []byte {
	if unicode.IsPrint(r) && !(r == utf8.RuneError && n == 1) {
		return utf8.AppendRune(dst, r)
	}
	return appendEscape(dst, r)
}

// appendEscape appends r as \uXXXX, or as two of these from U+10000 on.
func appendEscape(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	one := func(u rune) { dst = append(dst, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15]) }
	if r > 0xffff {
		r -= 0x10000
		one(0xd800 + r>>10)
		r = 0xdc00 + r&0x3ff
	}
	one(r)
	return dst
}

// appendField appends a member of an object, unless s is empty. key is with the comma before it,
// the quotes, and the colon behind it.
func appendField[T string | []byte](dst []byte, key string, s T) []byte {
	if len(s) == 0 {
		return dst
	}
	return appendString(append(dst, key...), s)
}

// appendBounded does the work of appendField for at most n octets of s, in whole characters. If
// that is not all of s, three dots follow.
func appendBounded[T string | []byte](dst []byte, key string, s T, n int) []byte {
	if len(s) <= n {
		return appendField(dst, key, s)
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	dst = appendInside(append(append(dst, key...), '"'), s[:n])
	return append(dst, `..."`...)
}

// appendNumber appends a member of an object, unless n is 0.
func appendNumber(dst []byte, key string, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, key...), n, 10)
}

// appendSeconds appends a member of an object, unless d is 0: d in seconds, rounded to
// microseconds, without zeros at its end.
func appendSeconds(dst []byte, key string, d time.Duration) []byte {
	us := int64(d.Round(time.Microsecond) / time.Microsecond)
	if us == 0 {
		return dst
	}
	dst = append(dst, key...)
	if us < 0 {
		dst, us = append(dst, '-'), -us
	}
	dst = strconv.AppendInt(dst, us/1e6, 10)
	if us %= 1e6; us == 0 {
		return dst
	}
	dst = appendSix(append(dst, '.'), us)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendSix appends n, 0 to 999999, in six digits.
func appendSix(dst []byte, n int64) []byte {
	return append(dst, byte('0'+n/100000%10), byte('0'+n/10000%10), byte('0'+n/1000%10),
		byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10))
}

// moments writes times in the form of momentForm. It keeps the text of the last second, since most
// lines are of the same second as the line before.
type moments struct {
	second int64
	text   []byte // the second, up to the decimal point; nil: none is kept
}

// append appends t.
func (m *moments) append(dst []byte, t time.Time) []byte {
	if s := t.Unix(); m.text == nil || s != m.second {
		m.second, m.text = s, t.UTC().AppendFormat(m.text[:0], "2006-01-02T15:04:05.")
	}
	return append(appendSix(append(dst, m.text...), int64(t.Nanosecond()/1000)), 'Z')
}
