package mapping

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The checks of this file say what is wrong with a text; empty: nothing. None repeats the text.

// charFault refuses what XML 1.0 cannot hold (production 2), and control characters, which nothing in
// EPP needs. Tab and line feed pass.
func charFault(s string) string {
	for i, r := range s {
		switch {
		case r == '\t' || r == '\n' || r >= ' ' && r < 0x7F:
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return "not UTF-8"
		case r == 0xFFFE || r == 0xFFFF || unicode.IsControl(r):
			return "has a control character"
		}
	}
	return ""
}

// lineFault refuses what a reader of an xs:normalizedString would change: line ends and tabs.
func lineFault(s string) string {
	if strings.ContainsAny(s, "\t\n") {
		return "has a line end or a tab"
	}
	return charFault(s)
}

// tokenFault refuses what a reader of an xs:token would change: also spaces at an end, and two in a row.
func tokenFault(s string) string {
	if s != "" && (s[0] == ' ' || s[len(s)-1] == ' ') || strings.Contains(s, "  ") {
		return "has a space too many"
	}
	return lineFault(s)
}

// hasLength reports whether s has from least to most characters.
func hasLength(s string, least, most int) bool {
	n := len(s)
	if n > most {
		n = utf8.RuneCountInString(s)
	}
	return n >= least && n <= most && (least < 2 || utf8.RuneCountInString(s) >= least)
}

// isLanguage is xs:language.
func isLanguage(s string) bool {
	for part, rest, more, first := "", s, true, true; more; first = false {
		part, rest, more = strings.Cut(rest, "-")
		if len(part) < 1 || len(part) > 8 {
			return false
		}
		for _, c := range []byte(part) {
			if !isLetter(c) && (first || !isDigit(c)) {
				return false
			}
		}
	}
	return true
}

// isROID is eppcom:roidType: (\w|_){1,80}-\w{1,8}, of letters, digits and the underscore.
func isROID(s string) bool {
	at := strings.LastIndexByte(s, '-')
	if at < 0 {
		return false
	}
	word := func(s string, least, most int, underscore bool) bool {
		for _, r := range s {
			if !unicode.In(r, unicode.L, unicode.Nd) && (!underscore || r != '_') {
				return false
			}
		}
		return hasLength(s, least, most)
	}
	return word(s[:at], 1, 80, true) && word(s[at+1:], 1, 8, false)
}

// isPhone is contact:e164StringType.
func isPhone(s string) bool {
	cc, number, ok := strings.Cut(strings.TrimPrefix(s, "+"), ".")
	return ok && s[0] == '+' && len(s) <= 17 && isDigits(cc, 3) && isDigits(number, 14)
}

// isDecimal is an xs:decimal without a sign: digits with a fraction or without.
func isDecimal(s string) bool {
	whole, fraction, dot := strings.Cut(s, ".")
	return isDigits(whole, 18) && (!dot || isDigits(fraction, 18))
}

// isCredit is an amount of at most 0.
func isCredit(s string) bool {
	return isDecimal(strings.TrimPrefix(s, "-")) && (s[0] == '-' || strings.Trim(s, "0.") == "")
}

// isDuration is an xs:duration that is not negative: PnYnMnDTnHnMnS, at least one part.
func isDuration(s string) bool {
	parts, ok := strings.CutPrefix(s, "P")
	date, clock, hasClock := strings.Cut(parts, "T")
	if !ok || parts == "" || hasClock && clock == "" {
		return false
	}
	return hasParts(date, "YMD") && hasParts(clock, "HMS")
}

// hasParts reports whether s is numbers that are followed by some of units, in this order.
func hasParts(s, units string) bool {
	for s != "" {
		n := strings.IndexAny(s, "YMDHS")
		if n < 0 {
			return false
		}
		unit := strings.IndexByte(units, s[n])
		if unit < 0 || !isDigits(s[:n], 9) {
			return false
		}
		s, units = s[n+1:], units[unit+1:]
	}
	return true
}

// isDigits reports whether s is 1 to most digits.
func isDigits(s string, most int) bool {
	for _, c := range []byte(s) {
		if !isDigit(c) {
			return false
		}
	}
	return len(s) > 0 && len(s) <= most
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
