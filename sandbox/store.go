package sandbox

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// store owns all objects and messages. Its mutex is a leaf. Handlers and events run with the lock
// held and touch nothing but the store.
type store struct {
	cfg *Config // immutable

	// Guarded by mu.
	mu       sync.Mutex
	serial   uint64 // last number of a ROID or message id
	domains  map[string]*domain
	hosts    map[string]*host
	contacts map[string]*contact
	queues   map[string][]message // by account, oldest first
	cursors  map[string][]string  // by account: the domains that getResults has still to return
	due      []event              // in the order of time
}

// event changes an object when its time has come.
type event struct {
	at time.Time
	do func(st *store)
}

// call is a command at the store. It has passed all tests of the session and fits its shape.
type call struct {
	*request
	ext              []*node // the extensions that are served; request.ext has the ignored ones, too
	client           string
	svTRID           string
	now              time.Time
	cfg              *Config
	rgp, secDNS, fee bool // the extension was chosen at login
}

// handler carries out one command for one kind of object. It runs with the store's lock held.
type handler func(st *store, c *call) answer

// handlers has all commands that carry an object.
var handlers = map[shapeName]handler{
	{nsDomain, "check"}:    (*store).domainCheck,
	{nsDomain, "info"}:     (*store).domainInfo,
	{nsDomain, "create"}:   (*store).domainCreate,
	{nsDomain, "delete"}:   (*store).domainDelete,
	{nsDomain, "renew"}:    (*store).domainRenew,
	{nsDomain, "update"}:   (*store).domainUpdate,
	{nsDomain, "transfer"}: (*store).domainTransfer,

	{nsHost, "check"}:  (*store).hostCheck,
	{nsHost, "info"}:   (*store).hostInfo,
	{nsHost, "create"}: (*store).hostCreate,
	{nsHost, "delete"}: (*store).hostDelete,
	{nsHost, "update"}: (*store).hostUpdate,

	{nsContact, "check"}:    (*store).contactCheck,
	{nsContact, "info"}:     (*store).contactInfo,
	{nsContact, "create"}:   (*store).contactCreate,
	{nsContact, "delete"}:   (*store).contactDelete,
	{nsContact, "update"}:   (*store).contactUpdate,
	{nsContact, "transfer"}: (*store).contactTransfer,
}

func newStore(cfg *Config) *store {
	return &store{
		cfg: cfg, serial: 1000,
		domains: map[string]*domain{}, hosts: map[string]*host{}, contacts: map[string]*contact{},
		queues: map[string][]message{}, cursors: map[string][]string{},
	}
}

// run carries out one command, after the events that fell due before it.
func (st *store) run(h handler, c *call) answer {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.catchUp(c.now)
	return h(st, c)
}

// catchUp lets the events happen that are due, in the order of time.
func (st *store) catchUp(now time.Time) {
	for len(st.due) > 0 && !st.due[0].at.After(now) {
		e := st.due[0]
		st.due = st.due[1:]
		e.do(st)
	}
}

// at plans an event. Events of the same instant happen in the order of planning.
func (st *store) at(t time.Time, do func(*store)) {
	i, _ := slices.BinarySearchFunc(st.due, t, func(e event, t time.Time) int {
		if e.at.After(t) {
			return 1
		}
		return -1 // also when equal: first planned, first done
	})
	st.due = slices.Insert(st.due, i, event{t, do})
}

// nextROID returns the repository object id of a new object, RFC 5730 section 2.8.
func (st *store) nextROID(letter string) string {
	st.serial++
	return letter + strconv.FormatUint(st.serial, 10) + "-SBX"
}

// ownership holds the data that all kinds of objects have. sponsor, creator and updater are clIDs.
type ownership struct {
	roid             string
	sponsor, creator string
	created          time.Time
	updater          string    // empty if never updated
	updated          time.Time // zero if never updated
	transferred      time.Time // zero if never transferred
	status           statusSet
}

func (o *ownership) touch(c *call) { o.updater, o.updated = c.client, c.now }

// show appends the elements clID to upDate, which all objects have in this order.
func (o *ownership) show(x *xmlText, prefix string) {
	x.el(prefix+"clID", o.sponsor)
	x.el(prefix+"crID", o.creator)
	x.when(prefix+"crDate", o.created)
	x.opt(prefix+"upID", o.updater)
	x.when(prefix+"upDate", o.updated)
}

// mayChange tests whether the client is the sponsor and whether a status prohibits the action.
// action is as in statusSet.prohibits.
func (o *ownership) mayChange(c *call, action string) *fault {
	if o.sponsor != c.client {
		return &fault{codeAuthorization, "sponsored by another registrar"}
	}
	s := ""
	if action == "Update" {
		s = o.status.updateProhibited(c.object.child("rem").children("status"))
	} else {
		s = o.status.prohibits(action)
	}
	if s != "" {
		return &fault{codeStatusProhibits, s}
	}
	return nil
}
