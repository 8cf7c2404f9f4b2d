package carry

import (
	"context"
	"slices"
	"strings"
	"time"

	"eppmux/frame"
	"eppmux/gateway/mapping"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// A transform whose outcome is unknown may be found out by a look at its object. The rules are those of
// settlements. They leave no doubt but one: another system of the same account that has sent the same change
// with the same content within the same minutes, and not through this gateway, cannot be told from it.
// What has not been done is never settled as not sent: the registry may still do it.

const (
	// skew is how far the registry's clock may be from ours.
	skew = 2 * time.Minute
	// longBefore is how much older than the command an object must be to have been there before it, also
	// where a clock is quite wrong.
	longBefore = 24 * time.Hour
	// lookPatience bounds a look, which its caller waits for.
	lookPatience = 20 * time.Second
)

// sought is what a look needs to know of a command.
type sought struct {
	*wish
	us          string    // our client id at the registry
	sent, until time.Time // between which it was under way
	now         time.Time
	ask         func(mapping.Command) *mapping.Response // nil: no answer
}

// finding is what a look has found: the answer that the command has or must have had. The zero value means
// that it stays unknown.
type finding struct {
	code int
	data any               // of resData: *mapping.Created, *mapping.Renewed, *mapping.Transfer or nil
	by   *mapping.Response // in which it was seen
}

// settlements has the rules by verb and kind of object. What is not in it stays unknown.
//
//	command           looks at   settled when                                                     as
//	domain create     info       crID and clID are ours; crDate lies in the time; registrant,     1000, 1001
//	                             contacts, name servers are those of the command, where it has
//	                             some; exDate is crDate and the period, where it has one
//	host create       info       crID and clID are ours; crDate lies in the time; the addresses   1000
//	                             are those of the command
//	contact create    info       crID and clID are ours; crDate lies in the time; the email       1000
//	                             address is that of the command
//	any create        info       crDate is more than 24 h before the command                      2302
//	domain renew      info       clID is ours; exDate is curExpDate and the period; upDate lies   1000
//	                             in the time; trDate does not; curExpDate is not about to come
//	domain delete     info       clID is ours, status pendingDelete, upDate lies in the time      1001
//	any delete        info       2303: it is not there                                            1000
//	transfer request  query      reID is ours, reDate lies in the time, pending or approved       1001, 1000
//	                  info       clID is ours, trDate lies in the time                            1000
//
// "In the time": between its sending and when it was given up, two minutes more on both sides.
var settlements = map[frame.Command]map[string]func(*sought) finding{
	frame.CommandCreate:   {domainNS: (*sought).domainCreate, hostNS: (*sought).hostCreate, contactNS: (*sought).contactCreate},
	frame.CommandRenew:    {domainNS: (*sought).domainRenew},
	frame.CommandDelete:   {domainNS: (*sought).domainDelete, hostNS: (*sought).otherDelete, contactNS: (*sought).otherDelete},
	frame.CommandTransfer: {domainNS: (*sought).transfer, contactNS: (*sought).transfer},
}

// settle looks at the registry for what became of a command whose outcome is unknown. It is false where
// that leaves a doubt.
func (c *Carrier) settle(ctx context.Context, w *work, e Entry) (Answer, bool) {
	if !w.Registry.Reconcile || w.Registry.ClID == "" || ctx.Err() != nil {
		return Answer{}, false
	}
	wanted := wishOf(e.Command)
	if wanted == nil || !wanted.plain {
		return Answer{}, false
	}
	rule := settlements[wanted.command][wanted.namespace]
	if rule == nil || c.recent.othersSince(w.Registry.Name, wanted, w.id, e.Sent) {
		return Answer{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	s := &sought{wish: wanted, us: w.Registry.ClID, sent: e.Sent, until: e.Until, now: time.Now(),
		ask: func(q mapping.Command) *mapping.Response { return c.ask(ctx, w, q) }}
	f := rule(s)
	// Another may have been sent while we looked.
	if f.code == 0 || c.recent.othersSince(w.Registry.Name, wanted, w.id, e.Sent) {
		return Answer{}, false
	}
	payload := f.payload(wanted)
	a := Answer{Outcome: Answered, Payload: payload, Response: read(payload, f.code), MuxTRID: e.MuxTRID, Settled: true}
	return a, true
}

// resolve is what a transform's caller is told that would be told that its outcome is unknown. What is found
// out is written down, where it has a key.
func (c *Carrier) resolve(ctx context.Context, w *work, unknown Answer, e Entry) Answer {
	a, ok := c.settle(ctx, w, e)
	if !ok {
		return unknown
	}
	if w.Key != nil {
		c.end(w, a)
	}
	a.Replayed = unknown.Replayed
	return a
}

// ask carries a query of the gateway's own. It returns nil where there is no answer that can be read.
func (c *Carrier) ask(ctx context.Context, w *work, q mapping.Command) *mapping.Response {
	payload, err := mapping.Marshal(q, w.RequestID)
	if err != nil {
		return nil
	}
	r, err := c.send(ctx, w.User, w.Registry, upstream.Call{Payload: payload})
	if err != nil || r.End != pool.EndAnswered {
		return nil
	}
	answer, err := mapping.Unmarshal(r.Payload)
	if err != nil || len(answer.Results) == 0 {
		return nil
	}
	return answer
}

// at reports whether a registry's time lies in the time in which the command was under way.
func (s *sought) at(date string) bool {
	t, err := time.Parse(time.RFC3339, date)
	return err == nil && !t.Before(s.sent.Add(-skew)) && !t.After(s.until.Add(skew))
}

// before reports whether a registry's time lies long before the command.
func (s *sought) before(date string) bool {
	t, err := time.Parse(time.RFC3339, date)
	return err == nil && t.Before(s.sent.Add(-longBefore))
}

// ours reports whether all the ids are ours.
func (s *sought) ours(ids ...string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return id != s.us })
}

// codeOf is the result code of an answer; 0: there is none.
func codeOf(r *mapping.Response) int {
	if r == nil {
		return 0
	}
	return r.Results[0].Code
}

func hasStatus(all []mapping.Status, value string) bool {
	return slices.ContainsFunc(all, func(s mapping.Status) bool { return s.Value == value })
}

// sameSet reports whether two lists of names have the same names, in any case and order.
func sameSet(a, b []string) bool {
	lower := func(all []string) []string {
		out := make([]string, len(all))
		for i, s := range all {
			out[i] = strings.ToLower(strings.TrimSuffix(s, "."))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(lower(a), lower(b))
}

// domain returns what the registry knows of the domain; nil: nothing, or of another.
func (s *sought) domain() (*mapping.Domain, *mapping.Response) {
	r := s.ask(&mapping.DomainInfo{Name: s.object.Name})
	if codeOf(r) != 1000 {
		return nil, r
	}
	d, ok := r.Data.(*mapping.Domain)
	if !ok || !strings.EqualFold(d.Name, s.object.Name) {
		return nil, nil
	}
	return d, r
}

func (s *sought) domainCreate() finding {
	d, r := s.domain()
	switch {
	case d == nil:
		return finding{}
	case s.before(d.CrDate):
		return finding{code: 2302, by: r}
	case !s.ours(d.CrID, d.ClID), !s.at(d.CrDate), !s.asWished(d):
		return finding{}
	}
	f := finding{code: 1000, data: &mapping.Created{Name: d.Name, CrDate: d.CrDate, ExDate: d.ExDate}, by: r}
	if hasStatus(d.Status, "pendingCreate") {
		f.code = 1001
	}
	return f
}

// asWished reports whether the domain is what the command would have made.
func (s *sought) asWished(d *mapping.Domain) bool {
	var servers, contacts, wished []string
	for _, ns := range d.Nameservers {
		servers = append(servers, ns.Name)
	}
	for _, c := range d.Contacts {
		contacts = append(contacts, c.Type+" "+c.ID)
	}
	for _, c := range s.object.Contacts {
		wished = append(wished, c.Type+" "+strings.TrimSpace(c.ID))
	}
	switch {
	case !sameSet(servers, s.object.servers()):
	case s.object.Registrant != "" && d.Registrant != s.object.Registrant:
	case len(wished) > 0 && !sameSet(contacts, wished):
	case s.object.Period != nil && !s.object.Period.leads(d.CrDate, d.ExDate):
	default:
		return true
	}
	return false
}

func (s *sought) hostCreate() finding {
	r := s.ask(&mapping.HostInfo{Name: s.object.Name})
	if codeOf(r) != 1000 {
		return finding{}
	}
	h, ok := r.Data.(*mapping.Host)
	switch {
	case !ok || !strings.EqualFold(h.Name, s.object.Name):
	case s.before(h.CrDate):
		return finding{code: 2302, by: r}
	case s.ours(h.CrID, h.ClID) && s.at(h.CrDate) && sameSet(h.Addresses, s.object.Addresses):
		return finding{code: 1000, data: &mapping.Created{Name: h.Name, CrDate: h.CrDate}, by: r}
	}
	return finding{}
}

func (s *sought) contactCreate() finding {
	r := s.ask(&mapping.ContactInfo{ID: s.object.ID})
	if codeOf(r) != 1000 {
		return finding{}
	}
	p, ok := r.Data.(*mapping.Person)
	switch {
	case !ok || p.ID != s.object.ID:
	case s.before(p.CrDate):
		return finding{code: 2302, by: r}
	case s.ours(p.CrID, p.ClID) && s.at(p.CrDate) && s.object.Email != "" && strings.EqualFold(p.Email, s.object.Email):
		return finding{code: 1000, data: &mapping.Created{Name: p.ID, CrDate: p.CrDate}, by: r}
	}
	return finding{}
}

// domainRenew: a registry may renew a domain by itself when it expires, and adds a year at a transfer.
func (s *sought) domainRenew() finding {
	d, r := s.domain()
	expires, err := time.Parse(time.DateOnly, s.object.CurExpDate)
	switch {
	case d == nil, err != nil, expires.Before(s.now.Add(2 * 24 * time.Hour)):
	case s.object.Period == nil, !s.object.Period.leads(s.object.CurExpDate, d.ExDate):
	case s.ours(d.ClID) && s.at(d.UpDate) && !s.at(d.TrDate):
		return finding{code: 1000, data: &mapping.Renewed{Name: d.Name, ExDate: d.ExDate}, by: r}
	}
	return finding{}
}

func (s *sought) domainDelete() finding {
	d, r := s.domain()
	switch {
	case codeOf(r) == 2303:
		return finding{code: 1000, by: r}
	case d != nil && s.ours(d.ClID) && hasStatus(d.Status, "pendingDelete") && s.at(d.UpDate):
		return finding{code: 1001, by: r}
	}
	return finding{}
}

func (s *sought) otherDelete() finding {
	var q mapping.Command = &mapping.HostInfo{Name: s.object.Name}
	if s.namespace == contactNS {
		q = &mapping.ContactInfo{ID: s.object.ID}
	}
	if r := s.ask(q); codeOf(r) == 2303 {
		return finding{code: 1000, by: r}
	}
	return finding{}
}

func (s *sought) transfer() finding {
	q := &mapping.TransferCommand{Of: mapping.DomainObject, Op: "query", Name: s.object.Name}
	if s.namespace == contactNS {
		q.Of, q.Name = mapping.ContactObject, s.object.ID
	}
	if r := s.ask(q); codeOf(r) == 1000 {
		t, ok := r.Data.(*mapping.Transfer)
		if ok && strings.EqualFold(t.Name, q.Name) && s.ours(t.ReID) && s.at(t.ReDate) {
			switch t.Status {
			case "pending":
				return finding{code: 1001, data: t, by: r}
			case "clientApproved", "serverApproved":
				return finding{code: 1000, data: t, by: r}
			}
		}
		return finding{} // another's request, or one that was refused
	}
	if s.namespace != domainNS {
		return finding{}
	}
	if d, r := s.domain(); d != nil && s.ours(d.ClID) && s.at(d.TrDate) {
		return finding{code: 1000, by: r}
	}
	return finding{}
}
