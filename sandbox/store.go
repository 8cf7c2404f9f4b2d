package sandbox

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// store owns all objects and messages. Its mutex is a leaf; what is below it runs with the lock
// held and has no other effects.
type store struct {
	cfg *Config // immutable

	mu       sync.Mutex
	serial   uint64 // of ROIDs and message ids
	domains  map[string]*domain
	hosts    map[string]*host
	contacts map[string]*contact
	queues   map[string][]message // by account, oldest first
	cursors  map[string][]string  // by account: what its list has left
	due      []event              // by time
}

// event is something that happens to an object when its time has come.
type event struct {
	at time.Time
	do func(st *store)
}

// call is a command that has passed the session's tests, at the store.
type call struct {
	*request
	client      string
	svTRID      string
	now         time.Time
	cfg         *Config
	rgp, secDNS bool // chosen at login
}

type handler func(st *store, c *call) answer

// handlers are the commands there are.
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
		cfg: cfg, serial: 1000, domains: map[string]*domain{}, hosts: map[string]*host{}, contacts: map[string]*contact{},
		queues: map[string][]message{}, cursors: map[string][]string{},
	}
}

// run carries out one command.
func (st *store) run(h handler, c *call) answer {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.catchUp(c.now)
	return h(st, c)
}

// catchUp lets happen what is due, in its order.
func (st *store) catchUp(now time.Time) {
	for len(st.due) > 0 && !st.due[0].at.After(now) {
		e := st.due[0]
		st.due = st.due[1:]
		e.do(st)
	}
}

// at plans an event.
func (st *store) at(t time.Time, do func(*store)) {
	i, _ := slices.BinarySearchFunc(st.due, t, func(e event, t time.Time) int {
		if e.at.After(t) {
			return 1
		}
		return -1 // also when equal: first planned, first done
	})
	st.due = slices.Insert(st.due, i, event{t, do})
}

// nextROID is the repository object id of a new object, RFC 5730 section 2.8.
func (st *store) nextROID(letter string) string {
	st.serial++
	return letter + strconv.FormatUint(st.serial, 10) + "-SBX"
}

// ownership is what all objects have.
type ownership struct {
	roid             string
	sponsor, creator string
	created          time.Time
	updater          string
	updated          time.Time
	transferred      time.Time
	status           statusSet
}

func (o *ownership) touch(c *call) { o.updater, o.updated = c.client, c.now }

// show appends clID to upDate, which stand in the same order in all objects.
func (o *ownership) show(x *xmlText, prefix string) {
	x.el(prefix+"clID", o.sponsor)
	x.el(prefix+"crID", o.creator)
	x.when(prefix+"crDate", o.created)
	x.opt(prefix+"upID", o.updater)
	x.when(prefix+"upDate", o.updated)
}

// mayChange tests who asks and what status the object has; action is as in statusSet.prohibits.
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
