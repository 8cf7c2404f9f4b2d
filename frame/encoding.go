package frame

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// Charset is a single-octet encoding whose octets below 0x80 are ASCII: the characters of its octets
// from 0x80 on, [utf8.RuneError] for an octet that stands for none.
type Charset [0x80]rune

// encoding is an encoding that a document can declare. Where the document has no octets from 0x80 on,
// they are the same as in UTF-8.
type encoding struct {
	name string // that IANA prefers
	// utf8 says that octets from 0x80 on are read as UTF-8, too.
	utf8 bool
}

const (
	nameUTF8  = "utf-8"
	nameASCII = "us-ascii"
	nameUTF16 = "utf-16"
)

// encodings are the encodings by their names in lower case: those of IANA that XML 1.0 production 81
// allows, and those that other software has for them. Encodings of more than one octet a character
// are not among them, but for UTF-8: in some of these an octet below 0x80 is a part of another
// character, so that readers could differ about where markup begins. Nor are those that are not
// ASCII below 0x80, such as UTF-7 and EBCDIC.
var encodings = encodingTable()

// encodingNames are the names of encodings, the preferred one first.
var encodingNames = [][]string{
	{nameUTF8, "utf8", "utf_8", "csutf8"},
	{nameASCII, "ascii", "usascii", "us_ascii", "ansi_x3.4-1968", "ansi_x3.4-1986", "iso646-us",
		"iso-ir-6", "ibm367", "cp367", "csascii"},

	{"iso-8859-1", "iso_8859-1", "iso8859-1", "iso8859_1", "iso88591", "iso-ir-100", "latin1", "latin-1",
		"l1", "ibm819", "cp819", "csisolatin1"},
	{"iso-8859-2", "iso_8859-2", "iso8859-2", "iso8859_2", "iso88592", "iso-ir-101", "latin2", "latin-2",
		"l2", "csisolatin2"},
	{"iso-8859-3", "iso_8859-3", "iso8859-3", "iso8859_3", "iso88593", "iso-ir-109", "latin3", "latin-3",
		"l3", "csisolatin3"},
	{"iso-8859-4", "iso_8859-4", "iso8859-4", "iso8859_4", "iso88594", "iso-ir-110", "latin4", "latin-4",
		"l4", "csisolatin4"},
	{"iso-8859-5", "iso_8859-5", "iso8859-5", "iso8859_5", "iso88595", "iso-ir-144", "cyrillic",
		"csisolatincyrillic"},
	{"iso-8859-6", "iso_8859-6", "iso8859-6", "iso8859_6", "iso88596", "iso-ir-127", "ecma-114",
		"asmo-708", "arabic", "csisolatinarabic"},
	{"iso-8859-7", "iso_8859-7", "iso8859-7", "iso8859_7", "iso88597", "iso-ir-126", "ecma-118",
		"elot_928", "greek", "greek8", "csisolatingreek"},
	{"iso-8859-8", "iso_8859-8", "iso8859-8", "iso8859_8", "iso88598", "iso-ir-138", "hebrew",
		"csisolatinhebrew"},
	{"iso-8859-9", "iso_8859-9", "iso8859-9", "iso8859_9", "iso88599", "iso-ir-148", "latin5", "latin-5",
		"l5", "csisolatin5"},
	{"iso-8859-10", "iso_8859-10", "iso8859-10", "iso8859_10", "iso885910", "iso-ir-157", "latin6",
		"latin-6", "l6", "csisolatin6"},
	{"iso-8859-11", "iso_8859-11", "iso8859-11", "iso8859_11", "iso885911", "tis-620", "cstis620",
		"csiso885911"},
	{"iso-8859-13", "iso_8859-13", "iso8859-13", "iso8859_13", "iso885913", "latin7", "latin-7", "l7",
		"csiso885913"},
	{"iso-8859-14", "iso_8859-14", "iso8859-14", "iso8859_14", "iso885914", "iso-ir-199", "iso-celtic",
		"latin8", "latin-8", "l8", "csiso885914"},
	{"iso-8859-15", "iso_8859-15", "iso8859-15", "iso8859_15", "iso885915", "latin9", "latin-9", "l9",
		"csiso885915"},
	{"iso-8859-16", "iso_8859-16", "iso8859-16", "iso8859_16", "iso885916", "iso-ir-226", "latin10",
		"latin-10", "l10", "csiso885916"},

	{"windows-874", "cp874", "cswindows874"},
	{"windows-1250", "cp1250", "cp-1250", "cswindows1250"},
	{"windows-1251", "cp1251", "cp-1251", "cswindows1251"},
	{"windows-1252", "cp1252", "cp-1252", "cswindows1252"},
	{"windows-1253", "cp1253", "cp-1253", "cswindows1253"},
	{"windows-1254", "cp1254", "cp-1254", "cswindows1254"},
	{"windows-1255", "cp1255", "cp-1255", "cswindows1255"},
	{"windows-1256", "cp1256", "cp-1256", "cswindows1256"},
	{"windows-1257", "cp1257", "cp-1257", "cswindows1257"},
	{"windows-1258", "cp1258", "cp-1258", "cswindows1258"},

	{"koi8-r", "koi8r", "cskoi8r"},
	{"koi8-u", "koi8u", "cskoi8u"},
	{"macintosh", "mac", "csmacintosh"},
	{"ibm437", "cp437", "cspc8codepage437"},
	{"ibm850", "cp850", "cspc850multilingual"},
	{"ibm852", "cp852", "cspcp852"},
	{"ibm855", "cp855", "csibm855"},
	{"ibm00858", "cp00858", "cp858", "ccsid00858", "csibm00858"},
	{"ibm860", "cp860", "csibm860"},
	{"ibm862", "cp862", "cspc862latinhebrew"},
	{"ibm863", "cp863", "csibm863"},
	{"ibm865", "cp865", "csibm865"},
	{"ibm866", "cp866", "csibm866"},
}

func encodingTable() map[string]encoding {
	t := make(map[string]encoding)
	for _, names := range encodingNames {
		e := encoding{names[0], names[0] == nameUTF8 || names[0] == nameASCII}
		for _, n := range names {
			t[n] = e
		}
	}
	return t
}

// encodingOf returns the encoding of that name, in any case; the zero encoding if it is not among
// encodings.
func encodingOf(name []byte) encoding {
	var lower [24]byte // no name is longer
	if len(name) > len(lower) {
		return encoding{}
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return encodings[string(lower[:len(name)])]
}

// decode finds out the encoding, sets s.p to the payload in UTF-8, and gives the offset behind the
// XML declaration, or -1. It leaves no doubt: a declared encoding that is not the one used is a
// fault, but for US-ASCII, whose octets from 0x80 on are read as UTF-8.
func (s *Scanner) decode(payload []byte) int {
	s.p = payload
	if n := usualDeclaration(payload); n > 0 {
		return n
	}
	order, at := byteOrder(payload)
	if order != nil && !s.transcript(payload, order) {
		return -1
	}
	next, enc, name := s.readDeclaration(at)
	if next < 0 || enc == (Span{}) {
		return next
	}
	declared := s.p[name.Start:name.End]
	if wide := bytes.EqualFold(declared, []byte(nameUTF16)); wide || order != nil {
		if !wide || order == nil {
			return s.fail(WrongEncoding, name.Start)
		}
		return next - s.undeclare(enc)
	}
	return s.decodeAs(encodingOf(declared), next, enc, name.Start)
}

// decodeAs does the work of decode for a payload that is not UTF-16 and declares e with enc. name is
// where the name of e stands, next the offset behind the XML declaration.
func (s *Scanner) decodeAs(e encoding, next int, enc Span, name int) int {
	high := firstHigh(s.p, 0)
	switch {
	case e.name == "":
		return s.fail(BadEncoding, name)
	case e.name == nameUTF8:
		return next
	case high == len(s.p):
		s.msg.Encoding = enc
		return next
	case e.utf8:
		s.utf8 = append(s.utf8[:0], s.p...)
		s.p = s.utf8
	case bytes.HasPrefix(s.p, bomUTF8):
		return s.fail(WrongEncoding, name)
	default:
		if !s.recode(e.name, high) {
			return -1
		}
	}
	return next - s.undeclare(enc)
}

// undeclare takes the encoding declaration enc out of the transcript, which would be wrong about
// itself, and gives its length. A document that declares no encoding is UTF-8.
func (s *Scanner) undeclare(enc Span) int {
	s.p = append(s.p[:enc.Start], s.p[enc.End:]...)
	return enc.Len()
}

// byteOrder gives the byte order of UTF-16 by its byte order mark, and nil for anything else. at is
// where the document then begins, in UTF-8.
func byteOrder(payload []byte) (order binary.ByteOrder, at int) {
	switch {
	case bytes.HasPrefix(payload, bomUTF8):
		return nil, len(bomUTF8)
	case bytes.HasPrefix(payload, bomUTF16BE):
		return binary.BigEndian, 0
	case bytes.HasPrefix(payload, bomUTF16LE):
		return binary.LittleEndian, 0
	}
	return nil, 0
}

// recode sets s.p to the UTF-8 transcript of a payload in the single-octet encoding of that name. Its
// first octet from 0x80 on is at high. It is false after a fail.
func (s *Scanner) recode(name string, high int) bool {
	var set *Charset
	if s.Charset != nil {
		set = s.Charset(name)
	}
	if set == nil {
		s.fail(OctetBeyondASCII, high)
		return false
	}
	out, p := s.utf8[:0], s.p
	for i := 0; i < len(p); {
		out = append(out, p[i:high]...)
		for i = high; i < len(p) && p[i] >= utf8.RuneSelf; i++ {
			r := set[p[i]-utf8.RuneSelf]
			if r == utf8.RuneError {
				s.fail(BadOctet, i)
				return false
			}
			out = utf8.AppendRune(out, r)
		}
		high = firstHigh(p, i)
	}
	s.utf8, s.p = out, out
	return true
}

// firstHigh gives the offset of the first octet of p from i on that is 0x80 or above; the end of p if
// there is none.
func firstHigh(p []byte, i int) int {
	for ; i+8 <= len(p); i += 8 {
		if mask := load(p, i) & highs; mask != 0 {
			return i + first(mask)
		}
	}
	for i < len(p) && p[i] < utf8.RuneSelf {
		i++
	}
	return i
}
