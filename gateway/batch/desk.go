package batch

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"eppmux/frame"
	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/upstream"
)

// defaultCheckMax is the number of names in a check where the config says none.
const defaultCheckMax = 10

// feeNamespace is that of RFC 8748.
const feeNamespace = "urn:ietf:params:xml:ns:epp:fee-1.0"

// desk is what is asked of one registry.
type desk struct {
	// Immutable.
	c       *Checker
	name    string
	account account

	// mu guards all below, and all parts, lines, items and groups. The loop of the account never waits for
	// it: what is sent next lies ready in an atomic pointer.
	mu       sync.Mutex
	registry *carry.Registry
	lines    map[lineKey]*line
	callers  map[uint8]caller // of all users of a weight
	offer    offer
	greeting uint64 // number of greetings that have come
	feeOff   map[string]refusals
	care     care
	out      []posted // to be delivered when mu is unlocked
}

// offer is what the registry's greeting says of prices.
type offer uint8

const (
	offerUnknown offer = iota // no greeting yet
	offerNo
	offerYes
)

// posted is a delivery on its way: no request is locked within mu.
type posted struct {
	to *request
	delivery
}

func newDesk(c *Checker, r *carry.Registry) *desk {
	d := &desk{c: c, name: r.Name, registry: r, account: c.open(r), lines: make(map[lineKey]*line),
		callers: make(map[uint8]caller), feeOff: make(map[string]refusals)}
	seq := uint64(0) // owned by the loop
	d.account.greetings(func(payload []byte) {
		seq++
		go d.greeted(payload, seq)
	})
	return d
}

// uses reports whether the desk is that of r's account.
func (d *desk) uses(r *carry.Registry) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.registry.Account == r.Account
}

// change takes another config of the registry.
func (d *desk) change(r *carry.Registry) {
	d.mu.Lock()
	defer d.unlock()
	d.registry = r
	d.repack()
}

// greeted learns from a greeting, the seq-th, whether there are prices. It runs on a goroutine of its own,
// which ends with it: the loop need not read XML for this.
func (d *desk) greeted(payload []byte, seq uint64) {
	g, err := frame.ParseGreeting(payload)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.unlock()
	if seq <= d.greeting {
		return
	}
	d.greeting, d.offer = seq, offerNo
	if slices.Contains(g.ExtensionURIs, feeNamespace) {
		d.offer = offerYes
	}
	d.repack()
}

// repack has all lines compose their commands anew.
func (d *desk) repack() {
	for _, l := range d.lines {
		l.poke()
	}
}

// unlock unlocks mu, and then delivers.
func (d *desk) unlock() {
	out := d.out
	d.out = nil
	d.mu.Unlock()
	for len(out) > 0 {
		to, n := out[0].to, 1
		for n < len(out) && out[n].to == to {
			n++
		}
		to.deliver(out[:n])
		out = out[n:]
	}
}

// checkMax is the number of names that a check may have now.
func (d *desk) checkMax(now time.Time) int {
	n := d.registry.CheckMax
	if n <= 0 {
		n = defaultCheckMax
	}
	if most, counted := d.account.objects(); counted && most > 0 {
		n = min(n, most)
	}
	return d.care.atMost(n, now)
}

// admit takes names of a request in. d.mu is not held.
func (d *desk) admit(q *request, names []named) *part {
	d.mu.Lock()
	defer d.unlock()
	key := lineKey{weight: q.weight()}
	if d.care.isApart(q.r.User.Name, time.Now()) {
		key.user = q.r.User.Name
	}
	fee := q.r.Fee
	if fee != nil && d.offer != offerNo {
		key.fee = feeKey(fee)
	} else {
		fee = nil
	}
	return d.line(key, fee, q.r.User).admit(q, names)
}

// line returns the line of a key, and begins it where there is none. u is one of its users.
func (d *desk) line(key lineKey, fee *mapping.FeeCheck, u *carry.User) *line {
	l := d.lines[key]
	if l == nil {
		l = newLine(d, key, fee, u)
		d.lines[key] = l
		go l.run()
	}
	return l
}

// caller returns the flow of all users of a weight.
func (d *desk) caller(weight uint8) caller {
	c := d.callers[weight]
	if c == nil {
		c = d.account.caller(upstream.CallerConfig{Listener: "gateway", Client: "checks of many users",
			Identity: "checks of many users", Weight: weight})
		d.callers[weight] = c
	}
	return c
}

// callerOf returns a flow of one user.
func (d *desk) callerOf(u *carry.User) caller {
	return d.account.caller(upstream.CallerConfig{Listener: u.Listener, Client: u.Client, Identity: u.Name,
		Weight: max(1, u.Weight)})
}

// feeKey is the same for questions that may be asked together.
func feeKey(f *mapping.FeeCheck) string {
	b, err := json.Marshal(f)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return string(b)
}

// prices reports whether a line's checks ask for prices now, and why not.
func (d *desk) prices(l *line, now time.Time) (ask bool, why NoFees) {
	switch {
	case l.fee == nil:
		return false, ""
	case d.offer == offerNo:
		return false, FeesUnsupported
	case now.Before(d.feeOff[l.key.fee].until):
		return false, FeesRefused
	}
	return true, ""
}

const (
	// feeRest is how long a question about prices is not asked that the registry has refused feeTries times
	// in a row, and answered the names without it: once may be for a name that has no price.
	feeRest  = time.Minute
	feeTries = 3
	feesKept = 256 // number of such questions
)

// refusals are those of one question about prices in a row.
type refusals struct {
	n     int
	until time.Time // it is not asked before; zero: it is
}

// feesRefused remembers that the registry has refused a question about prices, and answered its names
// without it.
func (d *desk) feesRefused(key string, now time.Time) {
	if len(d.feeOff) >= feesKept {
		clear(d.feeOff)
	}
	r := d.feeOff[key]
	if r.n++; r.n >= feeTries {
		r = refusals{until: now.Add(feeRest)}
	}
	d.feeOff[key] = r
}

// settle delivers an outcome to all who wait for an item.
func (d *desk) settle(it *item, o *outcome) {
	for _, w := range it.waiters {
		d.out = append(d.out, posted{w.q, delivery{w.index, w.noFees, o}})
	}
	it.waiters, it.state = nil, itemDone
}

// failure is the outcome of a name that has no answer.
func (d *desk) failure(kind Kind, detail string, code int, clTRID string) *outcome {
	p := &Problem{kind, cmp.Or(detail, "no reason given")}
	return &outcome{registry: d.name, code: code, clTRID: clTRID, problem: p}
}
