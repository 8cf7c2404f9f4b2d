package audit

import (
	"slices"
	"time"
)

// Story is what the log says about one sending of a command, and what came of it.
type Story struct {
	Line           // the last line: of the end or, if there is none, of the sending, without Frame
	Sent time.Time // time of the line about the sending; zero: there is none
	Fate Fate      // how it ended
	// Raw is the last line as it is written. In a story that Joiner.Add returns it is borrowed from
	// the Reader until its next line.
	Raw []byte
}

// Fate says how the sending of a command ended, as far as the log knows.
type Fate uint8

const (
	FateEnded    Fate = iota // Line.End says how
	FateRejected             // the registry did not execute it; the next sending is another Story
	// FateOpen: no end is recorded. The command may be in flight, the process may have been killed,
	// or the line was lost.
	FateOpen
	// FateCutOff: no end is recorded, and the process that sent it is gone.
	FateCutOff
)

// Unknown reports whether somebody must find out at the registry whether the command was executed:
// it is a transform, and no end is recorded, or the end "unknown".
func (s *Story) Unknown() bool {
	if s.Line.query() {
		return false
	}
	return s.Fate >= FateOpen || s.Fate == FateEnded && s.End == "unknown"
}

// Joiner makes stories of lines. It holds one for each sending that has no end yet. The zero value
// is ready to use.
type Joiner struct {
	open map[storyKey]*Story
	left []*Story // without an end for good: a later line of that key is of another sending
}

// storyKey is what the lines of a sending and of its end have in common. It is the muxTRID, or, for
// a payload that has no place for one, the session, which has one command in flight at a time.
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

// Add takes the next line, in the order of a Reader, and returns the story that the line ends; nil
// if it ends none. raw and l may be changed afterwards, but for Story.Raw.
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

// restart marks all open stories as cut off, since a new process has begun. It numbers its sessions
// from 1 on again, so stories with a session as key are set aside.
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

// Rest returns the stories that have no end after the last line, in the order of their sending.
func (j *Joiner) Rest() []*Story {
	all := slices.Clone(j.left)
	for _, s := range j.open {
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b *Story) int { return a.Sent.Compare(b.Sent) })
	return all
}
