package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	"eppmux/gateway/carry"
	"eppmux/proxy"
)

// credential is a name with a password.
type credential struct {
	// Immutable.
	name string // no other credential has it
	hash proxy.PasswordHash

	proof atomic.Pointer[[sha256.Size]byte] // of the password that was right, see verifier.proofOf; nil: none was
}

// users are those who may send requests. Immutable.
type users struct {
	open     bool // whoever reaches a listener may
	byName   map[string]*known
	byTokens []*known
}

// known is one of them.
type known struct {
	User
	password *credential // nil: none
}

// newUsers makes all ready. Those who were there before keep the proofs of their passwords.
func newUsers(all []User, before *state) *users {
	u := &users{open: all == nil, byName: make(map[string]*known)}
	for _, one := range all {
		k := &known{User: one}
		if one.Password != (proxy.PasswordHash{}) {
			var old *credential
			if before != nil && before.users.byName[one.Name] != nil {
				old = before.users.byName[one.Name].password
			}
			k.password = renewCredential(old, "/"+one.Name, one.Password)
		}
		u.byName[one.Name] = k
		if one.Token != [32]byte{} {
			u.byTokens = append(u.byTokens, k)
		}
	}
	return u
}

// Errors of authentication.
var (
	errNoCredentials    = errors.New("no credentials: send Authorization, with Bearer and a token or with Basic")
	errWrongCredentials = errors.New("wrong credentials: the operator says which users there are, in gateway.users")
	errBusy             = errors.New("too many logins wait to be verified")
)

// authenticate finds out who sends a request.
func (s *Server) authenticate(c *call, r *http.Request) (*carry.User, error) {
	u, peer := c.state.users, c.conn.peerName()
	if u.open {
		return c.conn.anybody(), nil
	}
	k, err := s.whoSends(r, u, peer)
	if err != nil {
		return nil, err
	}
	return &carry.User{Name: k.Name, Listener: c.conn.listener.String(), Client: c.conn.address(),
		Weight: max(1, k.Weight), Registries: k.Registries, Commands: k.Commands}, nil
}

// whoSends looks at the credentials of a request: one header of Basic (RFC 7617) or Bearer (RFC 6750).
func (s *Server) whoSends(r *http.Request, u *users, peer string) (*known, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return nil, errNoCredentials
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	switch {
	case len(headers) > 1:
		return nil, errWrongCredentials
	case strings.EqualFold(scheme, "Bearer"):
		return u.byToken(strings.TrimSpace(token))
	}
	name, password, ok := r.BasicAuth()
	if !ok {
		return nil, errWrongCredentials
	}
	k := u.byName[name]
	var cred *credential
	if k != nil {
		cred = k.password
	}
	if err := s.verifier.verify(r.Context(), peer, cred, password); err != nil {
		return nil, err
	}
	return k, nil
}

// byToken finds the user with a token. It takes as long for each token, known or not.
func (u *users) byToken(token string) (found *known, err error) {
	sum := sha256.Sum256([]byte(token))
	for _, k := range u.byTokens {
		if subtle.ConstantTimeCompare(sum[:], k.Token[:]) == 1 {
			found = k
		}
	}
	if found == nil {
		return nil, errWrongCredentials
	}
	return found, nil
}

// login checks a client id and a password as the login of an EPP client of r. Where any login is right, client
// ids and passwords need not be there at all.
func (s *Server) login(ctx context.Context, peer string, r *registry, id, password string) error {
	if r.logins == nil {
		return nil
	}
	return s.verifier.verify(ctx, peer, r.logins[id], password)
}

// proofOf is a proof that a password was right for a credential. Nobody can get the password from it, or try
// guesses against it, without the key, which never leaves this process.
func (v *verifier) proofOf(c *credential, password string) (proof [sha256.Size]byte) {
	m := hmac.New(sha256.New, v.key[:])
	m.Write([]byte(c.name))
	m.Write([]byte{0})
	m.Write([]byte(password))
	m.Sum(proof[:0])
	return proof
}
