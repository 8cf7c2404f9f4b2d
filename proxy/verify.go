package proxy

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"eppmux/frame"
)

// A login is verified against the hash of its password. That is slow by design, so it is done on a
// goroutine of its own, one for each Server, one login after the other; the loop goes on, and so
// does every client that is logged in. A flood of wrong logins waits for itself: the queue is
// short, and after a wrong password the goroutine rests for as long as it has worked, so that it
// never takes more than half a processor. Whoever has logged in before is not held up by it: of a
// password that was right the loop keeps a proof, and the same one is right at once.

// verificationsMax is how many logins may wait for each Server. Beyond it they are refused: who
// waits behind more of them has lost patience.
const verificationsMax = 32

// credential is a client id that may log in. Owned by the loop, but for what is immutable.
type credential struct {
	// Immutable.
	name string
	hash PasswordHash

	proven bool
	proof  [sha256.Size]byte // of the password that was right, see Server.proofOf
}

// verification is one login under way.
type verification struct {
	// Immutable.
	client   *client
	user     *credential  // nil: there is none of that name
	hash     PasswordHash // the user's, or a decoy
	password string
	clTRID   []byte // nil: none was sent

	gone atomic.Bool // set on the loop: the client does not wait any more
}

// verifier holds the goroutine.
type verifier struct {
	queue chan *verification // from the loop; not closed
	quit  chan struct{}      // closed by stop
	ended chan struct{}      // closed when run has ended
	post  func(func())
	rest  func(time.Duration) // pause, but in tests
}

func newVerifier(post func(func())) *verifier {
	v := &verifier{queue: make(chan *verification, verificationsMax), quit: make(chan struct{}), ended: make(chan struct{}), post: post}
	v.rest = v.pause
	return v
}

// run is the goroutine. stop ends it and waits for it.
func (v *verifier) run() {
	defer close(v.ended)
	for {
		select {
		case <-v.quit:
			return
		case next := <-v.queue:
			if next.gone.Load() {
				continue
			}
			begin := time.Now()
			right := next.hash.Matches(next.password) && next.user != nil
			v.post(func() { next.client.verified(next, right) })
			if !right {
				v.rest(time.Since(begin))
			}
		}
	}
}

func (v *verifier) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-v.quit:
	}
}

// stop waits for one login at the most.
func (v *verifier) stop() {
	close(v.quit)
	<-v.ended
}

// setUsers says who may log in; nil: everybody, and nobody needs to. Who is logged in as somebody
// that has gone, or with a password that is not valid any more, must log in again.
func (s *Server) setUsers(hashes map[string]PasswordHash) {
	if hashes == nil {
		s.users = nil
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
	}
}

// stands says whether a login as u would still be right.
func (s *Server) stands(u *credential) bool { return u != nil && s.users[u.name] == u }

// proofOf cannot be turned back into the password, nor tried against guesses without the key, which
// is this process's.
func (s *Server) proofOf(u *credential, password string) (proof [sha256.Size]byte) {
	m := hmac.New(sha256.New, s.proofKey[:])
	m.Write([]byte(u.name))
	m.Write([]byte{0}) // no name has it: XML does not
	m.Write([]byte(password))
	m.Sum(proof[:0])
	return proof
}

func newProofKey() (key [sha256.Size]byte) {
	rand.Read(key[:]) // never fails
	return key
}

// authenticate verifies a login that is in order otherwise. Where that takes time, pending is true,
// and verified will be called. clTRID is borrowed.
func (c *client) authenticate(l *frame.Login, clTRID []byte) (r reply, pending bool) {
	s := c.srv
	u := s.users[l.ClientID]
	if u != nil && u.proven {
		if proof := s.proofOf(u, l.Password); hmac.Equal(proof[:], u.proof[:]) {
			c.as = u
			return replyLoggedIn, false
		}
	}
	v := &verification{client: c, user: u, hash: s.decoy, password: l.Password, clTRID: clone(clTRID)}
	if u != nil {
		v.hash = u.hash
	}
	select {
	case s.verifier.queue <- v:
		c.check = v
		c.loginBegins()
		return reply{}, true
	default:
		return replyLoginsBusy, false
	}
}

// clone keeps nil.
func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// verified is called on the loop when a login has been verified.
func (c *client) verified(v *verification, right bool) {
	if c.check != v {
		return
	}
	c.check = nil
	c.loginStops()
	s, r := c.srv, replyCredentials
	switch {
	case s.users == nil: // a reload has made it needless
		r = replyLoggedIn
	case right && s.stands(v.user):
		r, c.as = replyLoggedIn, v.user
		v.user.proof, v.user.proven = s.proofOf(v.user, v.password), true
	}
	c.loginEnds(r, v.clTRID, v.user)
	c.awaitLogin()
	if c.state == clientServed {
		c.touch()
		c.parse()
	}
	c.weigh()
}

// forgetLogin ends a login that is under way.
func (c *client) forgetLogin() {
	if c.check != nil {
		c.check.gone.Store(true)
		c.check = nil
	}
}

// complainOfLogin tells of a login that was refused. The client id is told only where it is one of
// ours: others have put their password there before.
func (c *client) complainOfLogin(why refusal, u *credential) {
	c.srv.complaints.warn("client's login refused", func() []any {
		a := []any{"listener", c.listener.String(), "client", whence(c.stream.from()), "reason", why.String()}
		if u != nil {
			a = append(a, "clid", u.name)
		}
		return a
	})
}

// complainOfCommand tells of a command before login.
func (c *client) complainOfCommand(m *frame.Message) {
	command := m.Command.String()
	c.srv.complaints.warn("command before login refused", func() []any {
		return []any{"listener", c.listener.String(), "client", whence(c.stream.from()), "command", command}
	})
}
