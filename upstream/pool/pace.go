package pool

import "time"

// pace is how long the registry takes to answer commands of one kind, by its last answers: at least
// paceAnswers of them once there are so many, and less than twice as many.
type pace struct {
	n           int           // answers counted in now
	now, before time.Duration // the longest of those, and of the paceAnswers before them
}

// paceAnswers are so many that the longest time of steady answers is among them, and so few that an
// answer which took very long for once is forgotten soon.
const paceAnswers = 100

// answered counts an answer that took d.
func (p *pace) answered(d time.Duration) {
	if p.n == paceAnswers {
		p.n, p.now, p.before = 0, 0, p.now
	}
	p.n++
	p.now = max(p.now, d)
}

// longest returns the longest time that one of the last answers took; 0 without any.
func (p *pace) longest() time.Duration { return max(p.now, p.before) }

// paceOf returns the pace of commands like x's. Transforms may take much longer than queries, which
// must not make their times forgotten.
func (p *Pool) paceOf(x *Exchange) *pace {
	if x.Query {
		return &p.paces[0]
	}
	return &p.paces[1]
}
