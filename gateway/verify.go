package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"eppmux/proxy"
)

// A password is verified against its hash. That is slow by design, so one goroutine does it, one after the other,
// and takes no more than half a processor while passwords are wrong. A password that was right once does not wait
// at all: a proof of it is kept. Others stand in lines, one for each pair of peer and credential, and the lines
// take turns; those of which the last password was wrong, or whose name is unknown, come behind the rest. So who
// guesses delays nobody else.

const (
	// verificationsMax is how many passwords may wait. Beyond it they are refused.
	verificationsMax = 32
	// doubtsMax is how many lines are remembered that had a wrong password last.
	doubtsMax = 1 << 10
)

// claim is who a request says it is from, and where it comes from.
type claim struct {
	peer string
	cred *credential // nil: no such name
}

// verification is one password that waits.
type verification struct {
	claim
	password string
	result   chan error // one result; not closed
}

// line is what waits of one claim.
type line struct {
	claim
	waiting []*verification
}

// verifier is the goroutine that verifies, and the lines before it.
type verifier struct {
	// Immutable.
	key   [sha256.Size]byte // of proofs
	more  chan struct{}     // holds one when a password was handed in; not closed
	quit  chan struct{}     // closed by stop
	ended chan struct{}     // closed when run has ended

	decoy atomic.Pointer[proxy.PasswordHash] // for unknown names: no password matches
	wrong atomic.Uint64                      // passwords

	mu     sync.Mutex
	lines  []*line // each has one at least; in the order of their turns. Guarded by mu.
	n      int     // in all lines; guarded by mu
	doubts map[claim]struct{}
}

func newVerifier() *verifier {
	v := &verifier{more: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
		doubts: make(map[claim]struct{})}
	rand.Read(v.key[:]) // never fails
	v.setDecoy(nil)
	return v
}

// setDecoy makes an unknown name take as long as the slowest of the known ones.
func (v *verifier) setDecoy(hashes []proxy.PasswordHash) {
	most := proxy.HashIterationsMin
	for _, h := range hashes {
		if parts := strings.Split(h.Encode(), "$"); len(parts) > 1 {
			n, _ := strconv.Atoi(parts[1])
			most = max(most, n)
		}
	}
	var random [16 + sha256.Size]byte
	rand.Read(random[:]) // never fails
	b64 := base64.RawStdEncoding
	decoy, err := proxy.ParsePasswordHash(fmt.Sprintf("pbkdf2-sha256$%d$%s$%s", most,
		b64.EncodeToString(random[:16]), b64.EncodeToString(random[16:])))
	if err != nil {
		panic("BUG: decoy: " + err.Error())
	}
	v.decoy.Store(&decoy)
}

// verify returns nil where the password is right. cred nil is an unknown name. It waits for its turn; ctx ends
// that.
func (v *verifier) verify(ctx context.Context, peer string, cred *credential, password string) error {
	if cred != nil {
		if proof := cred.proof.Load(); proof != nil {
			if now := v.proofOf(cred, password); hmac.Equal(now[:], proof[:]) {
				return nil
			}
		}
	}
	w := &verification{claim: claim{peer, cred}, password: password, result: make(chan error, 1)}
	if !v.handIn(w) {
		return errBusy
	}
	select {
	case err := <-w.result:
		return err
	case <-ctx.Done():
		v.forget(w)
		return ctx.Err()
	case <-v.quit:
		return errBusy
	}
}

// handIn lets w wait. Where too many wait, the newest of the longest line makes room, so long as w's line stays
// shorter.
func (v *verifier) handIn(w *verification) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.n >= verificationsMax {
		longest := slices.MaxFunc(v.lines, func(x, y *line) int { return v.weight(x) - v.weight(y) })
		own := &line{claim: w.claim}
		if i := v.lineOf(w.claim); i >= 0 {
			own = v.lines[i]
		}
		if v.weight(own)+2 >= v.weight(longest) {
			return false
		}
		victim := longest.waiting[len(longest.waiting)-1]
		v.remove(victim)
		victim.result <- errBusy
	}
	i := v.lineOf(w.claim)
	if i < 0 {
		i = len(v.lines)
		v.lines = append(v.lines, &line{claim: w.claim})
	}
	v.lines[i].waiting = append(v.lines[i].waiting, w)
	v.n++
	select {
	case v.more <- struct{}{}:
	default:
	}
	return true
}

func (v *verifier) lineOf(c claim) int {
	return slices.IndexFunc(v.lines, func(l *line) bool { return l.claim == c })
}

// doubted reports whether a line comes behind all others.
func (v *verifier) doubted(c claim) bool {
	_, is := v.doubts[c]
	return is || c.cred == nil
}

// weight is by how much a line is the one to make room.
func (v *verifier) weight(l *line) int {
	if v.doubted(l.claim) {
		return 2*len(l.waiting) + 1
	}
	return 2 * len(l.waiting)
}

// next takes the one whose turn it is; nil where none waits.
func (v *verifier) next() *verification {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.n == 0 {
		return nil
	}
	i := max(0, slices.IndexFunc(v.lines, func(l *line) bool { return !v.doubted(l.claim) }))
	l := v.lines[i]
	w := l.waiting[0]
	v.lines = append(slices.Delete(v.lines, i, i+1), l) // its next turn is the last
	v.remove(w)
	return w
}

// forget takes w out of its line, if it waits still.
func (v *verifier) forget(w *verification) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.remove(w)
}

// remove is forget under mu.
func (v *verifier) remove(w *verification) {
	i := v.lineOf(w.claim)
	if i < 0 {
		return
	}
	l := v.lines[i]
	at := slices.Index(l.waiting, w)
	if at < 0 {
		return
	}
	l.waiting = slices.Delete(l.waiting, at, at+1)
	v.n--
	if len(l.waiting) == 0 {
		v.lines = slices.Delete(v.lines, i, i+1)
	}
}

// run is the goroutine. stop ends it and waits for it.
func (v *verifier) run() {
	defer close(v.ended)
	for {
		select {
		case <-v.quit:
			return
		case <-v.more:
		}
		for v.step() {
			select {
			case <-v.quit:
				return
			default:
			}
		}
	}
}

// step verifies one password. It reports whether one waited.
func (v *verifier) step() bool {
	w := v.next()
	if w == nil {
		return false
	}
	begin := time.Now()
	right := false
	if w.cred == nil {
		v.decoy.Load().Matches(w.password)
	} else {
		right = w.cred.hash.Matches(w.password)
	}
	v.note(w, right)
	if right {
		w.result <- nil
		return true
	}
	w.result <- errWrongCredentials
	v.rest(time.Since(begin))
	return true
}

// note remembers how a verification ended.
func (v *verifier) note(w *verification, right bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if right {
		proof := v.proofOf(w.cred, w.password)
		w.cred.proof.Store(&proof)
		delete(v.doubts, w.claim)
		return
	}
	v.wrong.Add(1)
	for other := range v.doubts { // any
		if len(v.doubts) >= doubtsMax {
			delete(v.doubts, other)
		}
		break
	}
	v.doubts[w.claim] = struct{}{}
}

// rest waits for d, or until stop.
func (v *verifier) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-v.quit:
	}
}

// stop ends run and waits for it: for one password at most.
func (v *verifier) stop() {
	close(v.quit)
	<-v.ended
}
