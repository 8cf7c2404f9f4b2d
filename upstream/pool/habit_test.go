package pool

import (
	"testing"
	"time"
)

// TestHabit: ends behind equally many answers, or at an equal age, are a row; those of sessions that
// were short by both say nothing.
func TestHabit(t *testing.T) {
	const s = time.Second
	type end struct {
		answers int
		age     time.Duration
		want    int
	}
	for what, ends := range map[string][]end{
		"answers":   {{40, 4 * s, 1}, {40, 9 * s, 2}, {40, 5 * s, 3}, {41, 6 * s, 1}, {40, 7 * s, 1}},
		"age":       {{40, time.Minute, 1}, {70, time.Minute + s/2, 2}, {50, time.Minute - s/2, 3}, {60, time.Minute + 2*s, 1}},
		"few":       {{seasoned - 1, s, 0}, {seasoned - 1, 2 * s, 0}},
		"young":     {{3, habitAge - 1, 0}, {2, habitAge - 1, 0}, {1, habitAge, 3}},
		"no answer": {{0, s, 0}, {0, s, 0}, {0, s, 0}},
	} {
		var h habit
		for i, e := range ends {
			if got := h.ended(e.answers, e.age); got != e.want {
				t.Errorf("%s, end %d: got %d in a row, want %d", what, i+1, got, e.want)
			}
		}
	}
}

// TestLastCommandIsNobodysFault: where each session ends behind as many commands, the one client there
// is, which has had them all answered, is not held back for it.
func TestLastCommandIsNobodysFault(t *testing.T) {
	for _, sessions := range []int{1, 3} {
		s := newStreet(1, sessions)
		s.most = 40
		n := (&neighbour{varies: true, pause: 80 * time.Millisecond}).start(s, time.Second)
		s.run(2 * time.Minute)
		if got := s.pool.EndsBehind(n.client, s.now); got > 1 || n.failed > 0 || n.answered < 1000 {
			t.Errorf("%d sessions: %d ends are held against it; %d answered, %d not", sessions, got, n.answered, n.failed)
		}
	}
}

// TestRegularNeighbour: a client whose every command ends a session is held back, also where it asks so
// regularly, beside a neighbour that does so too, that sessions end behind about as many commands each.
// Without a wait it would end 44.
func TestRegularNeighbour(t *testing.T) {
	for _, sessions := range []int{1, 3} {
		for _, brief := range []bool{false, true} {
			for r := ruinCode; r < numRuins; r++ {
				if r == ruinTimeout && sessions == 1 { // its command has the only session for so long
					continue
				}
				s := newStreet(1, sessions)
				s.rtt = 2 * time.Millisecond
				g := (&neighbour{varies: true, pause: 99 * time.Millisecond, kind: 1}).start(s, time.Second)
				bad := (&neighbour{ruin: r, query: true, varies: true, kind: 1, pause: 4 * time.Second, brief: brief}).start(s, 2*time.Second)
				s.run(3 * time.Minute)
				if most := 30; bad.tries > most {
					t.Errorf("%d sessions, %v, brief=%v: %d sessions ended, want %d at most", sessions, r, brief, bad.tries, most)
				}
				if g.failed > g.answered/100 {
					t.Errorf("%d sessions, %v, brief=%v: %d of the neighbour's were answered, %d not", sessions, r, brief, g.answered, g.failed)
				}
			}
		}
	}
}
