package rpp

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// keyRetry is when a change may be tried again that could not be written down.
const keyRetry = 5 * time.Second

// mine are the registries that the user may use.
func (c *call) mine() []*carry.Registry {
	var all []*carry.Registry
	for _, r := range c.h.registries() {
		if len(c.user.Registries) == 0 || slices.Contains(c.user.Registries, r.Name) {
			all = append(all, r)
		}
	}
	return all
}

// choice is how a name without a registry is answered.
type choice struct{ code int }

var (
	namedByPath = choice{codeNotFound}
	namedByBody = choice{codePolicy}
)

// useRegistry finds the registry of the call. RPP speaks of one registry, the gateway has many (own): the
// parameter registry names one; else a name's zone does, the longest that fits; else there is only one.
func (c *call) useRegistry(name string, by choice) *reply {
	all := c.mine()
	if want := c.query.Get("registry"); want != "" {
		for _, r := range all {
			if r.Name == want {
				c.registry = r
				return nil
			}
		}
		a := c.no(codeNotFound, "no registry of that name is served to this user")
		return &a
	}
	longest := 0
	for _, r := range all {
		for _, zone := range r.Zones {
			if len(zone) > longest && strings.HasSuffix(strings.ToLower(name), "."+zone) {
				c.registry, longest = r, len(zone)
			}
		}
	}
	if c.registry != nil {
		return nil
	}
	// A domain is below a zone of its registry, where the zones are known. Others may be anywhere.
	if len(all) == 1 && (c.coll != domains || len(all[0].Zones) == 0) {
		c.registry = all[0]
		return nil
	}
	var a reply
	switch {
	case len(all) == 0:
		a = c.no(codeAuthorization, "no registry is served to this user")
	case c.coll == domains:
		a = c.no(by.code, "no registry here has the zone of this name")
	default:
		a = c.no(codeMissing, "there are several registries: the parameter registry must name one")
	}
	return &a
}

// do carries a command and returns its good answer, or the reply to any other. A change has the client's
// id as its key.
func (c *call) do(cmd mapping.Command) (carry.Answer, *reply) {
	o := c.order(cmd)
	if cmd.Transform() {
		o.Key = &carry.Key{Name: c.clTRID, Digest: c.digest}
	}
	return c.carry(o)
}

func (c *call) order(cmd mapping.Command) carry.Order {
	return carry.Order{User: c.user, Registry: c.registry, Command: cmd, RequestID: c.clTRID}
}

func (c *call) carry(o carry.Order) (carry.Answer, *reply) {
	a, err := c.h.carrier.Do(c.r.Context(), o)
	var bad reply
	switch {
	case err != nil:
		bad = c.noCarried(err)
	case a.Outcome != carry.Answered:
		bad = c.noAnswer(a, !o.Command.Transform())
	case a.Response == nil || len(a.Response.Results) == 0:
		// It was answered, and what was answered cannot be read.
		bad = c.noAnswer(carry.Answer{Outcome: carry.Unknown, MuxTRID: a.MuxTRID}, !o.Command.Transform())
	case code(a) >= 2000:
		bad = c.failed(a)
	default:
		return a, nil
	}
	return a, &bad
}

// code is the result code of an answer.
func code(a carry.Answer) int { return a.Response.Results[0].Code }

// done is the reply to a command that was carried out.
func (c *call) done(e effect, a carry.Answer, body any) reply {
	r := c.ok(e, code(a), body)
	r.svTRID, r.queue = headerSafe(a.Response.SvTRID), queueOf(a.Response)
	return r
}

// infoOf is the command that reads an object of the call's kind.
func (c *call) infoOf(id string) mapping.Command {
	switch c.coll {
	case domains:
		return &mapping.DomainInfo{Name: id}
	case hosts:
		return &mapping.HostInfo{Name: id}
	}
	return &mapping.ContactInfo{ID: id}
}

// show returns the object of an info's answer as answers have it; nil where there is none.
func show(data any) any {
	switch d := data.(type) {
	case *mapping.Domain:
		return showDomain(d)
	case *mapping.Host:
		return showHost(d)
	case *mapping.Person:
		return showContact(d)
	}
	return nil
}

// unread is the reply where a query was answered by another thing than it asked for.
func (c *call) unread(a carry.Answer) reply {
	r := c.no(codeFailed, "the registry's answer has no such object")
	r.body.(*problem).Outcome = string(carry.Answered)
	r.svTRID = headerSafe(a.Response.SvTRID)
	return r
}

// read answers what a registry knows of an object.
func (c *call) read() reply {
	if bad := c.useRegistry(c.id, namedByPath); bad != nil {
		return *bad
	}
	cmd := c.infoOf(c.id)
	switch info := cmd.(type) {
	case *mapping.DomainInfo:
		info.Hosts, info.AuthInfo, info.TTL = c.query.Get("hostsFilter"), c.auth, c.asked("ttl")
		switch info.Hosts {
		case "", "all", "del", "sub", "none":
		default:
			return c.no(codeValue, "hostsFilter must be all, del, sub or none")
		}
	case *mapping.HostInfo:
		info.TTL = c.asked("ttl")
	case *mapping.ContactInfo:
		info.AuthInfo = c.auth
	}
	a, bad := c.do(cmd)
	if bad != nil {
		return *bad
	}
	out := show(a.Response.Data)
	if out == nil {
		return c.unread(a)
	}
	// own: a password is shown to who asks for it by name, and to the sponsor only, since the registry
	// gives it to no other.
	if c.asked("authInfo") {
		switch d := a.Response.Data.(type) {
		case *mapping.Domain:
			out.(*domainName).AuthInfo = showAuthInfo(d.AuthInfo)
		case *mapping.Person:
			out.(*contact).AuthInfo = showAuthInfo(d.AuthInfo)
		}
	}
	return c.done(effectNone, a, out)
}

// create creates an object, and answers it whole: C@0f11225, D@57b0e3f want what only an info knows. Where
// that fails, the object was created all the same, and what is known is answered.
func (c *call) create() reply {
	cmd, id, bad := c.readCreate()
	if bad != nil {
		return *bad
	}
	a, bad := c.do(cmd)
	if bad != nil {
		return *bad
	}
	made, _ := a.Response.Data.(*mapping.Created)
	if made != nil && c.coll == contacts && made.Name != "" {
		id = made.Name // a registry may give ids of its own
	}
	r := c.done(effectCreated, a, c.behind(id, touchesTTL(cmd), made, code(a)))
	r.location = c.location(id, "")
	return r
}

// readCreate reads the body of a create, and finds its registry.
func (c *call) readCreate() (cmd mapping.Command, id string, bad *reply) {
	f := &faults{}
	body := parse(c.body, f)
	switch {
	case len(f.list) > 0:
	case c.coll == domains:
		if d := f.readDomain(body); d != nil {
			cmd, id = d, d.Name
		}
	case c.coll == hosts:
		if h := f.readHost(body); h != nil {
			cmd, id = h, h.Name
		}
	default:
		if p := f.readContact(body); p != nil {
			cmd, id = p, p.ID
		}
	}
	if bad := c.noFaults(f); bad != nil {
		return nil, "", bad
	}
	if bad := c.useRegistry(id, namedByBody); bad != nil {
		return nil, "", bad
	}
	switch cmd := cmd.(type) {
	case *mapping.DomainCreate:
		c.attributes(cmd.Nameservers)
		c.secrets = append(c.secrets, secretOf(&cmd.AuthInfo)...)
	case *mapping.ContactCreate:
		c.secrets = append(c.secrets, secretOf(cmd.AuthInfo)...)
	}
	return cmd, id, nil
}

func secretOf(a *mapping.AuthInfo) []string {
	if a == nil || a.Password == "" {
		return nil
	}
	return []string{a.Password}
}

// attributes has name servers written as attributes where the registry takes no others.
func (c *call) attributes(all []mapping.Nameserver) {
	for i := range all {
		all[i].Attribute = all[i].Attribute || c.registry.HostAttr
	}
}

func touchesTTL(cmd mapping.Command) bool {
	switch cmd := cmd.(type) {
	case *mapping.DomainCreate:
		return len(cmd.TTL) > 0
	case *mapping.HostCreate:
		return len(cmd.TTL) > 0
	case *mapping.DomainUpdate:
		return len(cmd.TTL) > 0
	case *mapping.HostUpdate:
		return len(cmd.TTL) > 0
	}
	return false
}

// behind returns the object as it is behind a change: read by an info, or else what is known of it.
func (c *call) behind(id string, ttl bool, made *mapping.Created, result int) any {
	cmd := c.infoOf(id)
	switch info := cmd.(type) {
	case *mapping.DomainInfo:
		info.TTL = ttl
	case *mapping.HostInfo:
		info.TTL = ttl
	}
	if a, bad := c.step("info", cmd); bad == nil {
		if out := show(a.Response.Data); out != nil {
			return out
		}
	}
	return c.known(id, made, result)
}

// known is an object as far as it is known without an info.
func (c *call) known(id string, made *mapping.Created, result int) any {
	var prov *provMetadata
	var expires string
	if made != nil {
		prov, expires = showProv("", "", "", made.CrDate, "", "", ""), utc(made.ExDate)
	}
	var states []status
	if made != nil && result == codePending {
		states = []status{{"status", "pendingCreate", ""}}
	}
	switch c.coll {
	case domains:
		return &domainName{Type: "domainName", Name: id, ProvMetadata: prov, Status: states, ExpiryDate: expires}
	case hosts:
		return &host{Type: "host", HostName: id, ProvMetadata: prov, Status: states}
	}
	return &contact{Type: "contact", ID: id, ProvMetadata: prov, Status: states}
}

// remove deletes an object. J@0494c6c: the answer is a minimal object.
func (c *call) remove() reply {
	if bad := c.useRegistry(c.id, namedByPath); bad != nil {
		return *bad
	}
	var cmd mapping.Command
	switch c.coll {
	case domains:
		cmd = &mapping.DomainDelete{Name: c.id}
	case hosts:
		cmd = &mapping.HostDelete{Name: c.id}
	default:
		cmd = &mapping.ContactDelete{ID: c.id}
	}
	a, bad := c.do(cmd)
	if bad != nil {
		return *bad
	}
	return c.done(effectDeleted, a, c.known(c.id, nil, code(a)))
}

// availability answers whether an object can be created: 200 if so, else 404. C@0f11225: the 404 of a
// name that is taken has RPP-Code 01000, which tells it from a path that is not there.
func (c *call) availability() reply {
	if bad := c.useRegistry(c.id, namedByPath); bad != nil {
		return *bad
	}
	if c.coll == domains {
		return c.domainAvailability()
	}
	a, bad := c.do(&mapping.CheckCommand{Of: c.object(), Names: []string{c.id}})
	if bad != nil {
		return *bad
	}
	checks, _ := a.Response.Data.([]mapping.Check)
	if len(checks) != 1 {
		return c.unread(a)
	}
	r := c.available(&checks[0])
	r.svTRID, r.queue = headerSafe(a.Response.SvTRID), queueOf(a.Response)
	return r
}

func (c *call) available(check *mapping.Check) reply {
	if check.Available {
		return reply{status: http.StatusOK, code: codeDone, body: struct{}{}}
	}
	reason := check.Reason
	if reason == "" {
		reason = "it cannot be created"
	}
	// own: 02302 is the result in the problem document; C@0f11225 has none.
	return reply{status: http.StatusNotFound, code: codeDone, body: &problem{
		Type: typeError, Title: "Not available", Status: http.StatusNotFound, Outcome: string(carry.Answered),
		Errors: []entry{newEntry(codeExists, c.quiet(reason))}, Code: digits(codeDone), ClTRID: c.clTRID,
	}}
}
