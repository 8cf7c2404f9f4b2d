package proxy

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// A login is verified against the hash of its password. That is slow by design, so each Server does
// it on a goroutine of its own, one login after the other; the loop goes on, and so does every
// client that is logged in. A flood of wrong logins delays only other logins, and those of other
// peers and client ids by little: they take turns, see turns. After a wrong password the goroutine
// rests for as long as it has worked, so that it never takes more than half a processor. A password
// that was right once does not wait at all: the loop keeps a proof of it, and finds the same one
// right at once.

const (
	// verificationsMax is how many logins may wait for each Server. Beyond it they are refused: a
	// client behind more of them would lose patience.
	verificationsMax = 32
	// doubtsMax is how many pairs of peer and client id are remembered that had a wrong password
	// last.
	doubtsMax = 1 << 10
)

// credential is a client id that may log in.
type credential struct {
	// Immutable.
	name string
	hash PasswordHash

	// Owned by the loop.
	proven bool              // proof is set
	proof  [sha256.Size]byte // of the password that was right, see Server.proofOf
}

// verification is one login under way.
type verification struct {
	// Immutable.
	claim
	doubted  bool // see line
	client   *client
	hash     PasswordHash // the user's, or a decoy
	password string
	clTRID   []byte        // nil: none was sent
	since    time.Duration // when it was handed in, by the Server's clock
}

// verifier is the goroutine that verifies, and the queue before it.
type verifier struct {
	mu      sync.Mutex
	waiting turns // guarded by mu

	more  chan struct{} // holds one when a login was handed in; not closed
	quit  chan struct{} // closed by stop
	ended chan struct{} // closed when run has ended
	post  func(func())
	rest  func(time.Duration) // pause, but in tests
}

// newVerifier returns a verifier whose run is to be started. post runs a function on the loop.
func newVerifier(post func(func())) *verifier {
	v := &verifier{
		more:  make(chan struct{}, 1),
		quit:  make(chan struct{}),
		ended: make(chan struct{}),
		post:  post,
	}
	v.rest = v.pause
	return v
}

// handIn lets a login wait for its turn. ok is false where too many wait. victim is one that has
// waited and makes room; nil: none has to.
func (v *verifier) handIn(check *verification) (victim *verification, ok bool) {
	v.mu.Lock()
	victim, ok = v.waiting.push(check)
	v.mu.Unlock()
	select {
	case v.more <- struct{}{}:
	default:
	}
	return victim, ok
}

// forget takes a login out of the queue, if it waits still.
func (v *verifier) forget(check *verification) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting.remove(check)
}

// next takes the login whose turn it is; nil where none waits.
func (v *verifier) next() *verification {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.waiting.pop()
}

// len is how many logins wait.
func (v *verifier) len() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.waiting.n
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

// step verifies one login. It reports whether one waited.
func (v *verifier) step() bool {
	next := v.next()
	if next == nil {
		return false
	}
	begin := time.Now()
	right := next.hash.Matches(next.password) && next.user != nil
	v.post(func() { next.client.verified(next, right) })
	if !right {
		v.rest(time.Since(begin))
	}
	return true
}

// pause waits for d, or until stop.
func (v *verifier) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-v.quit:
	}
}

// stop ends run and waits for it: for one login at most.
func (v *verifier) stop() {
	close(v.quit)
	<-v.ended
}

// doubts are the pairs of a peer and a client id of which the last password was wrong. Owned by the
// loop.
type doubts map[doubt]struct{}

type doubt struct {
	peer *pool.Budget
	user *credential
}

// note takes the result of a verification into account.
func (d doubts) note(of doubt, v verdict) {
	if v == loginRight {
		delete(d, of)
		return
	}
	for other := range d { // any
		if len(d) >= doubtsMax {
			delete(d, other)
		}
		break
	}
	d[of] = struct{}{}
}

// has reports whether the pair is one.
func (d doubts) has(of doubt) bool {
	_, is := d[of]
	return is
}

// setUsers says who may log in; nil: everybody, and nobody needs to. A client whose client id has
// been removed, or whose password has been changed, must log in again.
func (s *Server) setUsers(hashes map[string]PasswordHash) {
	if hashes == nil {
		s.users = nil
		for c := s.clients; c != nil; c = c.next {
			c.reidentify(c.identity.key.claimed) // nobody is a stranger any more
		}
		return
	}
	for c := s.clients; s.users == nil && c != nil; c = c.next {
		c.trusted = true // it came while no login was needed
	}
	old, now, most := s.users, make(map[string]*credential, len(hashes)), 1
	for name, hash := range hashes {
		u := old[name]
		if u == nil || u.hash != hash {
			u = &credential{name: name, hash: hash}
		}
		now[name], most = u, max(most, hash.iterations)
	}
	s.users, s.decoy = now, PasswordHash{iterations: most, salt: string(s.proofKey[:saltLen])}
	for c := s.clients; c != nil; c = c.next {
		if c.loggedIn && !s.stands(c.as) {
			c.loggedIn, c.as = false, nil
		}
		claimed := ""
		if c.loggedIn {
			claimed = c.identity.key.claimed
		}
		c.reidentify(claimed)
	}
}

// stands reports whether a login as u would still be right.
func (s *Server) stands(u *credential) bool { return u != nil && s.users[u.name] == u }

// proofOf is a proof that the password was right for u. Nobody can get the password from it, or try
// guesses against it, without the key, which never leaves this process.
func (s *Server) proofOf(u *credential, password string) (proof [sha256.Size]byte) {
	m := hmac.New(sha256.New, s.proofKey[:])
	m.Write([]byte(u.name))
	m.Write([]byte{0}) // no name has it: XML does not
	m.Write([]byte(password))
	m.Sum(proof[:0])
	return proof
}

// newProofKey returns a random key for proofOf.
func newProofKey() (key [sha256.Size]byte) {
	rand.Read(key[:]) // never fails
	return key
}

// authenticate looks at the credentials of a login that is in order otherwise. Where that takes
// time, pending is true, and verified will be called. clTRID is borrowed until it returns.
func (c *client) authenticate(l *frame.Login, clTRID []byte) (v verdict, pending bool) {
	s := c.srv
	u := s.users[l.ClientID]
	if u != nil && u.proven {
		if proof := s.proofOf(u, l.Password); hmac.Equal(proof[:], u.proof[:]) {
			c.as = u
			return loginRight, false
		}
	}
	check := &verification{claim: claim{c.identity.share.budget, u, c.refusals > 0}, client: c, hash: s.decoy,

		password: l.Password, clTRID: bytes.Clone(clTRID), since: s.clock()}
	check.doubted = u == nil || s.doubts.has(doubt{c.identity.share.budget, u})
	if u != nil {
		check.hash = u.hash
	}
	victim, ok := s.verifier.handIn(check)
	if !ok {
		return loginBusy, false
	}
	c.check = check
	if victim != nil { // answered later: this login's frame is borrowed
		s.loop.Post(func() { victim.client.ousted(victim) })
	}
	return v, true
}

// ousted is called on the loop when a login had to make room for another. The client may have gone.
func (c *client) ousted(check *verification) {
	if c.check == check {
		c.handle(func() { c.finishLogin(check, loginBusy) })
	}
}

// verified is called on the loop when a login has been verified. The client may have gone.
func (c *client) verified(check *verification, right bool) {
	if c.check != check {
		return
	}
	s, v := c.srv, loginCredentials
	switch {
	case s.users == nil: // a reload has made it needless
		v = loginRight
	case right && s.stands(check.user):
		v, c.as = loginRight, check.user
		check.user.proof, check.user.proven = s.proofOf(check.user, check.password), true
	}
	s.doubts.note(doubt{check.peer, check.user}, v)
	c.handle(func() { c.finishLogin(check, v) })
}

// finishLogin answers a login that has waited to be verified.
func (c *client) finishLogin(check *verification, v verdict) {
	c.check = nil
	c.loginBy += c.srv.clock() - check.since // a stranger's time did not run
	a := c.loginEnds(v, nil, check.clTRID, check.user)
	if v == loginRight && check.user != nil {
		c.reidentify(check.user.name)
	}
	c.do(a)
	c.awaitLogin()
	if c.state == clientServed {
		c.touch()
		c.parse()
	}
}

// forgetLogin gives up a login that is under way.
func (c *client) forgetLogin() {
	if c.check != nil {
		c.srv.verifier.forget(c.check)
		c.check = nil
	}
}

// complainOfLogin logs that a login was refused. The client id is shown only if it is one of ours:
// people have put their password in its place.
func (c *client) complainOfLogin(why refusal, u *credential) {
	c.srv.complaints.warn("client's login refused", func() []any {
		a := []any{"listener", c.listener.String(), "client", whence(c.stream.from()), "reason", why.String()}
		if u != nil {
			a = append(a, "clid", u.name)
		}
		return a
	})
}

// complainOfCommand logs that a command before login was refused.
func (c *client) complainOfCommand(m *frame.Message) {
	command := m.Command.String()
	c.srv.complaints.warn("command before login refused", func() []any {
		return []any{"listener", c.listener.String(), "client", whence(c.stream.from()), "command", command}
	})
}
