package mapping

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// mapped is UTS #46 as browsers do it for what people type: letters in small, wide forms and wide dots
// made plain, ß and joiners kept (not transitional), with the rules for joiners and for text from right
// to left. Symbols that IDNA 2008 does not allow but UTS #46 does, such as emoji, pass: some registries
// take them, the others refuse them by themselves.
var mapped = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true),
	idna.CheckHyphens(true), idna.CheckJoiners(true), idna.BidiRule())

// ALabel returns a domain name as it goes to a registry: A-labels in lower case, without a dot at its
// end (RFC 5731 section 2.1). The error is a *Fault without a member.
//
// A name in ASCII must have labels of letters, digits and hyphens, so no underscores; those that begin
// with xn-- must be Punycode of something that is not ASCII. Which of them it takes the registry
// decides: there are names of older rules. Other names are mapped by UTS #46 first.
func ALabel(name string) (string, error) {
	a, why := aLabel(name)
	if why != "" {
		return "", &Fault{Why: why}
	}
	return a, nil
}

// aLabel is ALabel; why is empty where the name is good.
func aLabel(name string) (a, why string) {
	if len(name) > 4*maxDomain {
		return "", "is no domain name: too long"
	}
	ascii, upper := true, false
	for i := range len(name) {
		ascii = ascii && name[i] < utf8.RuneSelf
		upper = upper || 'A' <= name[i] && name[i] <= 'Z'
	}
	switch {
	case !ascii && !utf8.ValidString(name):
		return "", "is no domain name: not UTF-8"
	case !ascii:
		mapped, err := mapped.ToASCII(name)
		if err != nil {
			return "", "is no domain name: it breaks the rules of IDNA"
		}
		name = mapped
	case upper:
		name = strings.ToLower(name)
	}
	name = strings.TrimSuffix(name, ".")
	return name, nameFault(name)
}

const (
	maxDomain = 253 // octets of a name without the dot at its end (RFC 1035 section 2.3.4)
	maxLabel  = 63
)

// nameFault says what is wrong with a name in ASCII and lower case; empty: nothing.
func nameFault(name string) string {
	if name == "" {
		return "is missing"
	}
	if len(name) > maxDomain {
		return "is no domain name: too long"
	}
	for rest, more := name, true; more; {
		var label string
		label, rest, more = strings.Cut(rest, ".")
		if why := labelFault(label); why != "" {
			return why
		}
	}
	return ""
}

// labelFault says what is wrong with a label (RFC 1123 section 2.1); empty: nothing.
func labelFault(label string) string {
	switch {
	case label == "":
		return "is no domain name: it has an empty label"
	case len(label) > maxLabel:
		return "is no domain name: it has a label of more than 63 characters"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "is no domain name: it has a hyphen at the end of a label"
	}
	for i := range len(label) {
		if c := label[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return "is no domain name: it has a character that is not allowed"
		}
	}
	if strings.HasPrefix(label, "xn--") {
		u, err := idna.Punycode.ToUnicode(label)
		if err != nil || u == label {
			return "is no domain name: it has a label that is no Punycode"
		}
		if back, err := idna.Punycode.ToASCII(u); err != nil || back != label {
			return "is no domain name: it has a label that is no Punycode"
		}
	}
	return ""
}
