package audit

import "slices"

// Unresolved collects from the lines of a log the sendings of unknown outcome that nobody has
// resolved yet. It holds one Story for each, one for each sending without an end, and one line for
// each resolution. The zero value is ready to use.
type Unresolved struct {
	joiner   Joiner
	ended    []*Story // with the end "unknown"
	resolved map[resolvedKey]*Line
}

// resolvedKey tells a sending by its registry and its Story.ID.
type resolvedKey struct{ registry, id string }

// Add takes the next line, in the order of a Reader. It keeps neither raw nor l.
func (u *Unresolved) Add(raw []byte, l *Line) {
	if l.Event == resolved.String() {
		u.resolve(l)
		return
	}
	s := u.joiner.Add(raw, l)
	if s == nil || !s.Unknown() {
		return
	}
	s.Raw, s.Frame, s.Answer = slices.Clone(s.Raw), "", ""
	u.ended = append(u.ended, s)
}

// resolve notes a resolution. The first one of a sending counts.
func (u *Unresolved) resolve(l *Line) {
	k := resolvedKey{l.Registry, l.MuxTRID}
	if k.id == "" {
		k.id = l.Sent
	}
	if u.resolved == nil {
		u.resolved = make(map[resolvedKey]*Line)
	}
	if u.resolved[k] == nil {
		u.resolved[k] = l
	}
}

// By returns the line that resolves s; nil if there is none.
func (u *Unresolved) By(s *Story) *Line { return u.resolved[resolvedKey{s.Registry, s.ID()}] }

// All returns all sendings of unknown outcome, the resolved ones too: those with an end in the
// order of these, then those without one in the order of their sending.
func (u *Unresolved) All() []*Story {
	all := slices.Clone(u.ended)
	for _, s := range u.joiner.Rest() {
		if s.Unknown() {
			all = append(all, s)
		}
	}
	return all
}

// Stories returns those of All that nobody has resolved.
func (u *Unresolved) Stories() []*Story {
	return slices.DeleteFunc(u.All(), func(s *Story) bool { return u.By(s) != nil })
}
