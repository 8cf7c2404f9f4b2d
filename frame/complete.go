package frame

import (
	"slices"
	"strings"
)

// Complete fills in what a login leaves to the registry: if l names no objects, it asks for those
// of the greeting, and likewise for extensions; if it names no language, for English where that is
// offered, and else for the first that is. What l has is left as it is. It is written in the
// greeting's namespace. l shares the greeting's lists afterwards.
func (l *Login) Complete(g Greeting) {
	l.Root = g.Root
	if l.Language == "" && len(g.Languages) > 0 {
		l.Language = g.Languages[max(0, g.language("en"))]
	}
	if len(l.ObjectURIs) == 0 {
		l.ObjectURIs = g.ObjectURIs
	}
	if len(l.ExtensionURIs) == 0 {
		l.ExtensionURIs = g.ExtensionURIs
	}
}

// Offers reports whether the greeting has the language. RFC 3066 section 2: tags are the same in any
// case.
func (g *Greeting) Offers(language string) bool { return g.language(language) >= 0 }

// language returns where a language stands among those of the greeting; -1 where it does not.
func (g *Greeting) language(tag string) int {
	return slices.IndexFunc(g.Languages, func(l string) bool { return strings.EqualFold(l, tag) })
}

// Words is what a registry says in its answer to the login, as ParseResult reads it, without the
// login's passwords: some registries repeat what they refuse. payload is one that Scan has
// accepted. It fails where ParseResult does.
func (l *Login) Words(payload []byte) (string, error) {
	_, words, err := ParseResult(payload)
	if err != nil {
		return "", err
	}
	return l.Hide(words), nil
}
