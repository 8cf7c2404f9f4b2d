package batch

import (
	"sync"

	"eppmux/gateway/mapping"
)

// request is a Request under way: what is known of its names, and was not given to its caller yet.
type request struct {
	r      *Request
	notify chan struct{} // that as many are ready as want says; holds one; not closed

	mu    sync.Mutex
	ready []delivery // guarded by mu, as want
	want  int        // how many must be ready before notify tells
	spare []delivery // memory for ready; owned by Check
}

// delivery is the outcome of one name of a request.
type delivery struct {
	index  int32
	noFees bool // prices were asked for, and the registry has none
	out    *outcome
}

// outcome is what became of a name, for all that have asked for it. Immutable.
type outcome struct {
	registry string
	check    *mapping.Check
	fees     *mapping.Fees
	noFees   NoFees
	code     int
	clTRID   string
	problem  *Problem
}

func newRequest(r *Request) *request {
	return &request{r: r, notify: make(chan struct{}, 1), want: len(r.Names)}
}

// user is the name of who asks; empty: nobody is known.
func (q *request) user() string {
	if q.r.User == nil {
		return ""
	}
	return q.r.User.Name
}

func (q *request) weight() uint8 { return max(1, q.r.User.Weight) }

// deliver puts deliveries where Check finds them.
func (q *request) deliver(all []posted) {
	q.mu.Lock()
	for i := range all {
		q.ready = append(q.ready, all[i].delivery)
	}
	enough := len(q.ready) >= q.want
	q.mu.Unlock()
	if enough {
		q.tell()
	}
}

func (q *request) tell() {
	select {
	case q.notify <- struct{}{}:
	default:
	}
}

// take returns what has been delivered since the last call, if that are so many. If not, it returns nothing, and
// notify tells when they are. What it returns is valid until the next call.
func (q *request) take(want int) []delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.want = want; len(q.ready) < want {
		return nil
	}
	q.ready, q.spare = q.spare[:0], q.ready
	return q.spare
}

// problem answers one name that goes to no registry.
func (q *request) problem(index int, registry string, kind Kind, detail string) {
	out := &outcome{registry: registry, problem: &Problem{kind, detail}}
	q.deliver([]posted{{q, delivery{index: int32(index), out: out}}})
}

// fail answers all names.
func (q *request) fail(p Problem) {
	out := &outcome{problem: &p}
	all := make([]posted, len(q.r.Names))
	for i := range all {
		all[i] = posted{q, delivery{index: int32(i), out: out}}
	}
	q.deliver(all)
}

func (d *delivery) answer(r *Request) Answer {
	o := d.out
	a := Answer{Index: int(d.index), Name: r.Names[d.index], Registry: o.registry, Check: o.check, Fees: o.fees,
		NoFees: o.noFees, Code: o.code, ClTRID: o.clTRID, Problem: o.problem}
	if d.noFees && o.check != nil {
		a.NoFees = FeesUnsupported
	}
	return a
}
