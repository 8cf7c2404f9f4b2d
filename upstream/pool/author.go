package pool

// Kind is a kind of command, as far as blame tells kinds apart: a verb and the namespace of its
// object. The shell numbers them from 1. 0 stands for all kinds that it has no number for; it is not
// blamed as a kind.
type Kind uint8

// Kinds is a set of kinds. From 64 on they share bits with others, so that it may have more in it than
// were put in. Half words keep it from making holes among a client's fields.
type Kinds [2]uint32

// With returns the set with k in it too.
func (s Kinds) With(k Kind) Kinds {
	s[k/32%2] |= 1 << (k % 32)
	return s
}

// Has reports whether k is in the set.
func (s Kinds) Has(k Kind) bool { return s[k/32%2]&(1<<(k%32)) != 0 }

// Author is who sent a command, and what is blamed with it when a session ends behind the command.
type Author struct {
	Client   uint64 // its connection, from 1 and never used again; 0: none
	Identity string // what it shares with other connections: a client id, a user, an address
	Kind     Kind   // of the command
	Content  uint64 // hash of the command without its clTRID
	Known    bool   // its connection has had a command of this kind answered
	Answers  uint32 // that its connection has had
	Shell    any    // the shell's; the Pool does not look at it
}

// isLike reports whether the ends behind commands of a and b may have one reason that is not the
// registry's.
func (a *Author) isLike(b *Author) bool {
	return a.Client == b.Client && a.Client != 0 || a.Content == b.Content ||
		a.Identity == b.Identity && a.Kind == b.Kind && !(a.Known && b.Known)
}
