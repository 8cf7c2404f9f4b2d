package upstream

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"eppmux/ratelimit"
	"eppmux/upstream/pool"
)

// Keeper keeps what an Account must remember beyond its process: one content at a time, the last.
// Keepers are compared with ==, so a Keeper is a pointer.
type Keeper interface {
	// Keep begins to write content in place of what was kept before. It is called on the loop and must
	// not block. content belongs to the Keeper from then on. It calls done once, from any goroutine:
	// true when content would outlive the process, false when it could not be written. A newer Keep may
	// stand for an older one that has not begun: then done is called for both.
	Keep(content []byte, ticket uint64, done func(ticket uint64, ok bool))
}

// MemoryState is what an Account knows of the process before it.
type MemoryState uint8

const (
	// MemoryNone: nothing was ever kept, as at the first start.
	MemoryNone MemoryState = iota
	// MemoryKept: Content is what the Keeper kept last.
	MemoryKept
	// MemoryLost: something was kept and cannot be read. Windows count as full.
	MemoryLost
)

// Memory is what a process finds of the one before it.
type Memory struct {
	State   MemoryState
	Content []byte // with MemoryKept; CheckLedger has taken it
}

// ledgerVersion is that of the content. One of another version is not read.
const ledgerVersion = 1

// content is what is kept: JSON.
type content struct {
	Version int
	// Login is the keyed hash of the login that Ledger.Refused is about; empty: none is kept.
	Login  string `json:",omitempty"`
	Ledger pool.Ledger
}

// CheckLedger returns why content is not a ledger that this program reads, or nil. From any
// goroutine.
func CheckLedger(kept []byte) error {
	_, err := readLedger(kept)
	return err
}

func readLedger(kept []byte) (*content, error) {
	c := new(content)
	if err := json.Unmarshal(kept, c); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if c.Version != ledgerVersion {
		return nil, fmt.Errorf("ledger: version %d, want %d", c.Version, ledgerVersion)
	}
	return c, c.Ledger.Validate()
}

// loginHash returns the keyed hash of all that a registry may refuse a login for; empty without a key.
// It may read the certificate's file, so it is not for the loop.
func loginHash(cfg *Config) string {
	if len(cfg.LedgerKey) == 0 {
		return ""
	}
	h, l := hmac.New(sha256.New, cfg.LedgerKey), &cfg.Login
	for _, s := range []string{cfg.Address, l.ClientID, l.Password, l.NewPassword, l.Language,
		fmt.Sprintf("%q %q %d", l.ObjectURIs, l.ExtensionURIs, l.Security), string(certificate(cfg.TLS))} {
		fmt.Fprintf(h, "%d ", len(s))
		io.WriteString(h, s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// certificate returns the certificate that a session shows; nil for none.
func certificate(c *tls.Config) []byte {
	if c == nil || c.GetClientCertificate == nil {
		return nil
	}
	pair, err := c.GetClientCertificate(new(tls.CertificateRequestInfo))
	if err != nil || len(pair.Certificate) == 0 {
		return nil
	}
	return pair.Certificate[0]
}

// remembered returns what the config's Memory says of the process before; nil: nothing.
func (a *Account) remembered() *pool.Ledger {
	m := &a.cfg.Memory
	switch {
	case a.cfg.Ledger == nil || m.State == MemoryNone:
		return nil
	case m.State == MemoryKept:
		c, err := readLedger(m.Content)
		if err == nil {
			if a.cfg.login == "" || c.Login != a.cfg.login {
				c.Ledger.Refused = 0 // it was another login, so this one is tried
			}
			if slices.Contains(a.left, sha256.Sum256(m.Content)) { // nobody has used it meanwhile
				c.Ledger.Rules, c.Ledger.Logins = nil, ratelimit.Page{Limit: c.Ledger.Logins.Limit}
			}
			return &c.Ledger
		}
		a.log.Warn("what was kept cannot be read; limits count as full", "err", err.Error())
	}
	return pool.LostLedger()
}

// keep has the Keeper write what the pool must remember.
func (a *Account) keep(ticket uint64) {
	if a.cfg.Ledger == nil {
		panic("BUG: a ledger without a keeper")
	}
	now := a.now()
	a.keptSince = now
	a.cfg.Ledger.Keep(a.page(a.pool.WriteDown(now, now+a.aheadNow())), ticket, a.kept)
}

// page returns l as it is kept.
func (a *Account) page(l *pool.Ledger) []byte {
	c := content{Version: ledgerVersion, Ledger: *l}
	if l.Refused > 0 {
		c.Login = a.cfg.login
	}
	text, err := json.Marshal(&c)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return text
}

// kept takes the end of a writing. From any goroutine.
func (a *Account) kept(ticket uint64, ok bool) {
	a.loop.Post(func() {
		if a.pool.Keeps(ticket) {
			a.counts.LedgerWrite.observe(a.clock() - a.keptSince)
			if !ok {
				a.counts.LedgerErrors++
			}
		}
		a.turn(func() { a.pool.Kept(ticket, ok, a.now()) })
		a.watchLedger()
	})
}

// watchLedger says when the ledger cannot be written any more, and when it can again.
func (a *Account) watchLedger() {
	broken := a.pool.LedgerBroken()
	if broken == a.ledgerBroken {
		return
	}
	if a.ledgerBroken = broken; !broken {
		a.log.Info("what is used of limits is written down again")
		return
	}
	if a.pool.Keeping() { // it takes too long; one that failed is counted already
		a.counts.LedgerErrors++
	}
	text := "what is used of limits cannot be written down; a crash would forget it"
	switch a.poolConfig().Ledger {
	case pool.LedgerBlock:
		text = "what is used of limits cannot be written down; commands under long limits wait"
	case pool.LedgerStrict:
		text = "what is used of limits cannot be written down; commands under long limits and logins wait"
	}
	a.log.Error(text)
}

// leftMost is how many accounts that a reload has left are known again.
const leftMost = 8

// leaveLedger writes to the Keeper of an account that is being left how things are there. The pool counts
// on what it has counted so far, so that a reload which comes back must not count the same once more: the
// sum says that it is the same.
func (a *Account) leaveLedger() {
	if a.cfg.Ledger == nil {
		return
	}
	now := a.clock()
	text := a.page(a.pool.Ledger(now, now+a.aheadNow()))
	a.left = append(a.left[max(0, len(a.left)-leftMost+1):], sha256.Sum256(text))
	a.cfg.Ledger.Keep(text, 0, func(uint64, bool) {})
}

// forgetLeft forgets the accounts that were left where the rules are about to be others: the pool may
// forget some of what it has counted.
func (a *Account) forgetLeft(rules []pool.Rule) {
	if !slices.Equal(rules, a.cfg.Pool.Rules) {
		a.left = nil
	}
}

// clockSet is a difference between two comparisons of the clocks from which the wall clock was set. What
// is kept has the old one's instants then.
const clockSet = time.Second

// Remember sets Ledger, Memory, LedgerKey and Pool.Ledger of the config, for a Memory that can be had
// only behind NewAccount. It is called before Start, and on no loop.
func (a *Account) Remember(k Keeper, m Memory, key []byte, policy pool.LedgerPolicy) {
	a.cfg.Ledger, a.cfg.Memory, a.cfg.LedgerKey, a.cfg.Pool.Ledger = k, m, key, policy
	a.cfg.login = loginHash(&a.cfg)
}

// SetLedgerKey sets LedgerKey of the config of an account that works, for a key that is known late. It is
// called behind Start, on no loop, and does nothing behind Close.
func (a *Account) SetLedgerKey(key []byte) {
	for {
		var cfg Config
		if !a.await(func() { cfg = a.cfg }) {
			return
		}
		cfg.LedgerKey = key
		login := loginHash(&cfg)
		var set bool
		if !a.await(func() {
			set = cfg.Address == a.cfg.Address && cfg.TLS == a.cfg.TLS && reflect.DeepEqual(cfg.Login, a.cfg.Login)
			if set {
				a.cfg.LedgerKey, a.cfg.login = key, login
			}
		}) || set {
			return
		}
	}
}

// await runs f on the loop, and waits for its end. It reports false where the account is closed meanwhile;
// then f may still run.
func (a *Account) await(f func()) bool {
	done := make(chan struct{}) // closed behind f
	a.loop.Post(func() {
		f()
		close(done)
	})
	select {
	case <-done:
		return true
	case <-a.ctx.Done():
		return false
	}
}
