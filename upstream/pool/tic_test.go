package pool

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// restarts has the registry close all sessions, again and again.
func (s *street) restarts(every time.Duration) {
	s.after(every, func() {
		for _, x := range slices.Clone(s.open) {
			s.after(time.Duration(s.rand.Int64N(int64(time.Millisecond))), func() { s.close(x) })
		}
		s.restarts(every)
	})
}

// TestTics: a registry that ends sessions by itself, each behind so many commands or all at once, ends
// them behind everybody's commands. That costs its clients nearly nothing, whether they keep their
// connections or have one for each command. Where so many sessions end, the budget of logins is all that
// holds them back.
func TestTics(t *testing.T) {
	tics := map[string]func(*street){
		"after 100 commands":  func(s *street) { s.most = 100 },
		"after 40 commands":   func(s *street) { s.most = 40 },
		"restarts each 20 s":  func(s *street) { s.restarts(20 * time.Second) },
		"restarts each 40 s":  func(s *street) { s.restarts(40 * time.Second) },
		"restarts each 3 min": func(s *street) { s.restarts(3 * time.Minute) },
	}
	for _, sessions := range []int{2, 8} {
		for _, brief := range []bool{false, true} {
			for _, pause := range []time.Duration{40 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second} {
				for _, clients := range []int{1, 4, 10} {
					play := func(tic func(*street)) (answered, failed int) {
						s := newStreet(1, sessions)
						tic(s)
						var all []*neighbour
						for i := range clients {
							n := &neighbour{varies: true, brief: brief, pause: pause}
							all = append(all, n.start(s, time.Second+time.Duration(i)*time.Millisecond))
						}
						s.run(5 * time.Minute)
						for _, n := range all {
							answered, failed = answered+n.answered, failed+n.failed
						}
						return answered, failed
					}
					most, _ := play(func(*street) {})
					behind := map[string]int{"after 100 commands": 100, "after 40 commands": 40}
					for tic, f := range tics {
						t.Run(fmt.Sprintf("%d/brief=%v,pause=%v,clients=%d/%s", sessions, brief, pause, clients, tic), func(t *testing.T) {
							answered, failed := play(f)
							want, fail := most, answered/100
							if n := behind[tic] * loginBudget(sessions).N * 5; n > 0 && n < most {
								want, fail = n, answered/50
							}
							if answered < want*95/100 || failed > fail {
								t.Errorf("%d answered and %d not, want %d; without tics %d", answered, failed, want, most)
							}
						})
					}
				}
			}
		}
	}
}

// TestCrowdOfNeighbours: beside five programs that ruin a session now and then, each behind some
// commands that are answered, others are served. The registry ends some sessions by an answer, which
// it also does where it restarts.
func TestCrowdOfNeighbours(t *testing.T) {
	for _, sessions := range []int{2, 4, 8} {
		for _, every := range []uint64{2, 6, 20} {
			for _, r := range []ruin{ruinCode, ruinClose, ruinFrame} {
				t.Run(fmt.Sprintf("%d/%v/every=%d", sessions, r, every), func(t *testing.T) {
					s := newStreet(every, sessions)
					good := []*neighbour{{varies: true, pause: 40 * time.Millisecond}, {varies: true, pause: 40 * time.Millisecond}}
					for _, g := range good {
						g.start(s, time.Second)
					}
					for i := range 5 {
						bad := &neighbour{ruin: r, every: every, query: true, varies: true, kind: 1}
						bad.start(s, 2*time.Second+time.Duration(i)*time.Millisecond)
					}
					s.run(3 * time.Minute)
					for _, g := range good {
						if share := float64(g.answered) / float64(g.answered+g.failed); share < 0.98 || g.answered < 1000 {
							t.Errorf("%d of %d commands answered", g.answered, g.answered+g.failed)
						}
					}
				})
			}
		}
	}
}

// TestHoppingNeighbour: beside a client that has another identity and another command each time, those
// that work are served.
func TestHoppingNeighbour(t *testing.T) {
	for _, sessions := range []int{2, 4, 8} {
		for r := ruinCode; r < numRuins; r++ {
			s := newStreet(1, sessions)
			good := []*neighbour{{varies: true, pause: 40 * time.Millisecond}, {varies: true, pause: 40 * time.Millisecond}}
			for _, g := range good {
				g.start(s, time.Second)
			}
			bad := &neighbour{ruin: r, query: true, varies: true, kind: 1, hops: true}
			bad.start(s, 2*time.Second)
			s.run(3 * time.Minute)
			for _, g := range good {
				if share := float64(g.answered) / float64(g.answered+g.failed); share < 0.98 || g.answered < 500 {
					t.Errorf("%d/%v: %d of %d commands answered", sessions, r, g.answered, g.answered+g.failed)
				}
			}
		}
	}
}

// TestCrowdWithoutAnswers: five programs have all sessions at work on commands that the registry never
// answers, so that it answers nobody. They wait all the same, from the second time on.
func TestCrowdWithoutAnswers(t *testing.T) {
	for _, sessions := range []int{2, 4} {
		for _, every := range []uint64{1, 2} {
			query := every == 1
			s := newStreet(1, sessions)
			g := (&neighbour{varies: true, pause: 40 * time.Millisecond}).start(s, time.Second)
			for i := range 5 {
				bad := &neighbour{ruin: ruinTimeout, every: every, query: query, varies: true, kind: 1}
				bad.start(s, 2*time.Second+time.Duration(i)*time.Millisecond)
			}
			s.run(time.Minute) // until they are known
			g.answered, g.failed = 0, 0
			s.run(5 * time.Minute)
			if share := float64(g.answered) / float64(g.answered+g.failed); share < 0.98 {
				t.Errorf("%d sessions, every=%d: %d of %d commands answered", sessions, every, g.answered, g.answered+g.failed)
			}
		}
	}
}
