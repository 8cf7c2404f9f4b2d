package batch

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// profile is IDNA as names are looked up: RFC 5891 section 5, with the mapping of UTS 46.
var profile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.StrictDomainName(true))

// maxName and maxLabel are octets (RFC 1035 section 2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

// canonical returns a name as A-labels in lower case. ok is false for what is no host name by RFC 1123
// section 2.1, or RFC 5891. It allocates nothing for a name that is as it returns it.
func canonical(name string) (string, bool) {
	ascii, upper := true, false
	for i := range len(name) {
		ascii = ascii && name[i] < 0x80
		upper = upper || 'A' <= name[i] && name[i] <= 'Z'
	}
	if !ascii {
		if len(name) > 4*maxName || !utf8.ValidString(name) { // what is longer is too long as A-labels too
			return "", false
		}
		a, err := profile.ToASCII(name)
		if err != nil {
			return "", false
		}
		name = a
	} else if upper {
		name = strings.ToLower(name)
	}
	return name, isHostName(name)
}

// isHostName reports whether a name in lower case consists of letters, digits and inner hyphens.
func isHostName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
			continue
		}
		if n := i - start; n == 0 || n > maxLabel || name[start] == '-' || name[i-1] == '-' {
			return false
		}
		start = i + 1
	}
	return true
}
