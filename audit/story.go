package audit

import (
	"slices"
	"time"
)

// Story is what the log says of one command: of one sending and what came of it.
type Story struct {
	Line           // the last one: of its end, or of its sending
	Sent time.Time // when it was announced; zero: no such line
	// Fate says how it ended.
	Fate Fate
	Raw  []byte // the last line as it is written; of a story with an end only valid until the Reader goes on
}

// Fate is how a command ended, as far as the log knows.
type Fate uint8

const (
	FateEnded    Fate = iota // as Line.End says
	FateRejected             // the registry did not execute it; it was sent again, as another Story
	// FateOpen: no end is recorded. It may be in flight, the process may have been killed, or the
	// line was lost.
	FateOpen
	// FateCutOff: no end is recorded, and the process that sent it is gone.
	FateCutOff
)

// Unknown says whether somebody must find out at the registry whether the command was executed.
func (s *Story) Unknown() bool {
	if s.Line.query() {
		return false
	}
	return s.Fate >= FateOpen || s.Fate == FateEnded && s.End == "unknown"
}

// Joiner makes stories of lines. It holds one for each command that has no end yet.
type Joiner struct {
	open map[storyKey]*Story
	left []*Story // whose end cannot be told from another's any more
}

// storyKey is what a sending and its end have in common. Where the payload has no place for a
// muxTRID it is the session, which has one command in flight at a time.
type storyKey struct {
	registry, muxtrid string
	session           uint64
}

func keyOf(l *Line) storyKey {
	if l.MuxTRID != "" {
		return storyKey{registry: l.Registry, muxtrid: l.MuxTRID}
	}
	return storyKey{registry: l.Registry, session: l.Session}
}

// Add takes the next line, in the order of the files, and gives the story that it ends; nil: none.
func (j *Joiner) Add(raw []byte, l *Line) *Story {
	if j.open == nil {
		j.open = make(map[storyKey]*Story)
	}
	k := keyOf(l)
	s := &Story{Line: *l, Raw: raw}
	switch l.Event {
	case Sending.String():
		s.Sent, s.Raw, s.Fate = l.Time.Time, slices.Clone(raw), FateOpen
		s.Frame = ""
		if old := j.open[k]; old != nil && k.muxtrid == "" {
			j.left = append(j.left, old)
		}
		j.open[k] = s
		return nil
	case Rejected.String():
		s.Fate = FateRejected
	case End.String():
	case start.String():
		j.restart()
		return nil
	default:
		return nil
	}
	if from := j.open[k]; from != nil {
		s.Sent = from.Sent
		delete(j.open, k)
	}
	return s
}

// restart is for a new process: it numbers its sessions from 1 on again.
func (j *Joiner) restart() {
	for _, s := range j.left {
		s.Fate = FateCutOff
	}
	for k, s := range j.open {
		s.Fate = FateCutOff
		if k.muxtrid == "" {
			j.left = append(j.left, s)
			delete(j.open, k)
		}
	}
}

// Rest are the stories without an end after the last line, in the order of their sending.
func (j *Joiner) Rest() []*Story {
	all := slices.Clone(j.left)
	for _, s := range j.open {
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b *Story) int { return a.Sent.Compare(b.Sent) })
	return all
}
