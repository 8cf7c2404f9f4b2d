package pool

import (
	"fmt"
	"time"
)

// What the world's registry says of itself: which services it offers, and by which codes it answers.

// simSays is how it does so, drawn from a seed of its own.
type simSays struct {
	offers  int           // see offered
	changes time.Duration // of the services, each time one or two such times later
	errors  float64       // chance that a command is answered by an error
	equal   int           // equal errors with which a session ends; 0: none does
	fails   float64       // chance that a session fails from its login on
	left    [NumCauses]int
}

// The ways in which greetings offer services.
const (
	offersOne      = iota // always the same
	offersChanging        // others from time to time, on all sessions
	offersByFront         // two sets: a session has one of them
	offersByChance        // two sets: a greeting has one of them
	numOfferings
)

// saysWith draws it.
func (w *world) saysWith() {
	r := w.quiet
	w.says.offers = r.IntN(numOfferings)
	w.says.changes = []time.Duration{time.Minute, 20 * time.Minute}[r.IntN(2)]
	w.says.errors = []float64{0, 0.02, 0.3}[r.IntN(3)]
	w.says.equal = []int{0, 0, 2, 3}[r.IntN(4)]
	w.says.fails = []float64{0, 0, 0.3}[r.IntN(3)]
	w.cfg.EqualErrors = w.says.equal
}

// offered is the set of a greeting on k.
func (w *world) offered(k *simSocket) string {
	switch w.says.offers {
	case offersChanging:
		return fmt.Sprint(int(w.now/w.says.changes) % 5)
	case offersByFront:
		return fmt.Sprint(k.front)
	case offersByChance:
		return fmt.Sprint(w.quiet.IntN(2))
	}
	return "always"
}

// opened logs s in, behind a greeting.
func (w *world) opened(s *Session, k *simSocket) {
	k.front, k.fails = w.quiet.IntN(2), w.quiet.Float64() < w.says.fails
	set := w.offered(k)
	w.pool.Greeted(s, set, w.now)
	s.LogsInWith(set)
	w.pool.Opened(s, w.now)
}

// code is by which what was written on k is answered, and the cause for which the session ends by it.
func (w *world) code(k *simSocket, end Cause) (int, Cause) {
	switch {
	case k.fails:
		return 2400, end
	case w.quiet.Float64() >= w.says.errors:
		return 1000, end
	}
	code := 2302 + w.quiet.IntN(2)
	if k.errors[code-2302]++; w.says.equal > 0 && k.errors[code-2302] >= w.says.equal {
		return code - 2302 + 2502, CauseCodeCloses
	}
	return code, end
}

// hears tells the pool what the answer to what is in flight says beside its end, and returns that.
func (w *world) hears(s *Session, k *simSocket, end Cause) Cause {
	switch s.InFlight() {
	case HelloInFlight:
		w.pool.Greeted(s, w.offered(k), w.now)
	case CommandInFlight, PollInFlight:
		var code int
		code, end = w.code(k, end)
		w.pool.Heard(s, code, w.now)
	}
	return end
}

// checkSays: whatever the registry says, few sessions are replaced for it, and those that are to be are.
func (w *world) checkSays(s *Session) {
	w.says.left[s.Cause()]++
	processes := 1 + w.disk.lives
	most := map[Cause]int{
		CauseErrors:  processes + int(w.now/errorsEvery),
		CauseFailing: processes + int(w.now/failingEvery),
		// In two hours there are four changes at 10, 20, 40, 80 minutes, and the first.
		CauseServices: 5 * 6 * (processes + w.reloads),
	}
	if w.says.offers == offersChanging {
		most[CauseServices] = (2 + int(w.now/offerWait)) * 6 * (processes + w.reloads)
	}
	if n, bounded := most[s.Cause()]; bounded && w.says.left[s.Cause()] > n {
		w.errorf("%d sessions were replaced for %v, at most %d may be", w.says.left[s.Cause()], s.Cause(), n)
	}
	if s.Cause() == CauseServices && w.says.offers == offersOne {
		w.errorf("a session was replaced for services that are always the same")
	}
	if s.Cause() == CauseErrors && w.says.equal == 0 {
		w.errorf("a session was replaced for equal errors, of which nothing is known")
	}
}
