package frame

// Complete fills in what a login leaves to the registry: if l names no objects, it asks for those
// of the greeting, and likewise for extensions. A list that l has is left as it is. l shares the
// greeting's lists afterwards.
func (l *Login) Complete(g Greeting) {
	if len(l.ObjectURIs) == 0 {
		l.ObjectURIs = g.ObjectURIs
	}
	if len(l.ExtensionURIs) == 0 {
		l.ExtensionURIs = g.ExtensionURIs
	}
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
