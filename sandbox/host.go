package sandbox

import (
	"net/netip"
	"slices"
	"strconv"
)

// host is an object of RFC 5732. Guarded by the store's mu.
type host struct {
	ownership
	name      string
	addresses []netip.Addr
	links     int // domains that have the host as name server
	ttl       ttls
}

func (st *store) findHost(c *call) (*host, *fault) {
	name, f := hostName(c.object.child("name"))
	if f != nil {
		return nil, f
	}
	if h := st.hosts[name]; h != nil {
		return h, nil
	}
	return nil, &fault{codeNotFound, "no such host"}
}

func (st *store) hostCheck(c *call) answer {
	if f := c.tooMany("names"); f != nil {
		return f.answer()
	}
	return done(wrap("host", nsHost, "chkData", func(x *xmlText) {
		for _, n := range c.object.kids {
			reason := ""
			if name, f := hostName(n); f != nil {
				reason = "Invalid name"
			} else if st.hosts[name] != nil {
				reason = "In use"
			}
			x.checked("host", "name", n.token(), reason)
		}
	}))
}

func (st *store) hostInfo(c *call) answer {
	h, f := st.findHost(c)
	if f != nil {
		return f.answer()
	}
	a := done(wrap("host", nsHost, "infData", func(x *xmlText) {
		x.el("host:name", h.name)
		x.el("host:roid", h.roid)
		h.status.show(x, "host:status", linked(h.links)...)
		for _, a := range h.addresses {
			x.elAttr("host:addr", "ip", ipVersion(a), a.String())
		}
		h.ownership.show(x, "host:")
		x.when("host:trDate", h.transferred)
	}))
	a.ext = h.ttl.show(c, hostTTLs)
	return a
}

// linked returns the status linked if there are links. It is never set, only shown.
func linked(links int) []string {
	if links > 0 {
		return []string{"linked"}
	}
	return nil
}

func ipVersion(a netip.Addr) string {
	if a.Is4() {
		return "v4"
	}
	return "v6"
}

func (st *store) hostCreate(c *call) answer {
	name, f := hostName(c.object.child("name"))
	if f == nil && st.hosts[name] != nil {
		f = &fault{codeExists, "there already"}
	}
	if f == nil {
		f = st.mayName(name, c.client)
	}
	if f != nil {
		return f.answer()
	}
	h := &host{name: name}
	h.ownership = ownership{sponsor: c.client, creator: c.client, created: c.now}
	addrs, f := addresses(c.object)
	if f == nil {
		h.addresses, f = changeList(nil, addrs, nil, netip.Addr.String)
	}
	if f == nil {
		f = st.rightAddresses(h)
	}
	if f == nil {
		h.ttl, f = h.ttl.changed(c, hostTTLs)
	}
	if f != nil {
		return f.answer()
	}
	h.roid = st.nextROID("H")
	st.addHost(h)
	return done(wrap("host", nsHost, "creData", func(x *xmlText) {
		x.el("host:name", h.name)
		x.when("host:crDate", h.created)
	}))
}

// addHost files a host and adds it to the subordinate hosts of its domain. dropHost undoes both.
func (st *store) addHost(h *host) {
	st.hosts[h.name] = h
	if d := st.domains[st.superordinate(h.name)]; d != nil {
		// A new list: copies of the domain may still share the old one.
		d.subordinates = append(slices.Clone(d.subordinates), h.name)
		slices.Sort(d.subordinates)
	}
}

func (st *store) dropHost(h *host) {
	delete(st.hosts, h.name)
	if d := st.domains[st.superordinate(h.name)]; d != nil {
		d.subordinates = slices.DeleteFunc(slices.Clone(d.subordinates), func(n string) bool { return n == h.name })
	}
}

// mayName tests whether client may have a host of this name. RFC 5732 section 3.2.1: below a zone
// of this registry the superordinate domain must exist, and only its sponsor may add hosts.
func (st *store) mayName(name, client string) *fault {
	over := st.superordinate(name)
	if over == "" {
		return nil
	}
	d := st.domains[over]
	switch {
	case d == nil:
		return &fault{codeNotFound, "no domain " + over}
	case d.sponsor != client:
		return &fault{codeAuthorization, "domain " + over + " is another registrar's"}
	case d.status.pending():
		return &fault{codeStatusProhibits, "domain " + over + " is pending"}
	}
	return nil
}

// addresses reads the addr elements in n, which may be nil.
func addresses(n *node) ([]netip.Addr, *fault) {
	var out []netip.Addr
	for _, k := range n.children("addr") {
		a, f := ipAddress(k)
		if f != nil {
			return nil, f
		}
		out = append(out, a)
	}
	return out, nil
}

// rightAddresses tests the number of addresses. A host below our zones needs glue, others have
// none.
func (st *store) rightAddresses(h *host) *fault {
	switch ours := st.zone(h.name) != ""; {
	case ours && len(h.addresses) == 0:
		return &fault{codeMissing, "addr"}
	case !ours && len(h.addresses) > 0:
		return &fault{codePolicy, "a host outside our zones has no addr here"}
	case len(h.addresses) > maxAddresses:
		return &fault{codePolicy, "too many addr"}
	}
	return nil
}

func (st *store) hostDelete(c *call) answer {
	h, f := st.findHost(c)
	if f == nil {
		f = h.mayChange(c, "Delete")
	}
	if f == nil && h.links > 0 {
		f = &fault{codeAssociation, "name server of " + strconv.Itoa(h.links) + " domains"}
	}
	if f != nil {
		return f.answer()
	}
	st.dropHost(h)
	return done("")
}

func (st *store) hostUpdate(c *call) answer {
	h, f := st.findHost(c)
	if f == nil && len(c.object.kids) == 1 && len(c.request.ext) == 0 {
		f = &fault{codeMissing, "nothing to update"}
	}
	if f == nil {
		f = h.mayChange(c, "Update")
	}
	if f != nil {
		return f.answer()
	}
	next := *h
	if f := st.changeHost(&next, c); f != nil {
		return f.answer()
	}
	next.touch(c)
	old := h.name
	if next.name != old {
		st.dropHost(h)
		st.renameServer(old, next.name)
	}
	*h = next
	if next.name != old {
		st.addHost(h)
	}
	return done("")
}

// changeHost carries out add, rem and chg on a copy of the host.
func (st *store) changeHost(h *host, c *call) *fault {
	add, rem := c.object.child("add"), c.object.child("rem")
	plus, f := addresses(add)
	if f != nil {
		return f
	}
	minus, f := addresses(rem)
	if f != nil {
		return f
	}
	if h.addresses, f = changeList(h.addresses, plus, minus, netip.Addr.String); f != nil {
		return f
	}
	if h.ttl, f = h.ttl.changed(c, hostTTLs); f != nil {
		return f
	}
	if h.status, f = h.status.change(add.children("status"), rem.children("status")); f != nil {
		return f
	}
	if chg := c.object.child("chg"); chg != nil {
		old := h.name
		if h.name, f = hostName(chg.child("name")); f != nil {
			return f
		}
		if f := st.mayRename(old, h.name, c.client); f != nil {
			return f
		}
	}
	return st.rightAddresses(h)
}

// mayRename tests whether client may give a host another name. RFC 5732 section 3.2.5: not while
// domains of other registrars use the host.
func (st *store) mayRename(old, name, client string) *fault {
	if st.hosts[name] != nil {
		return &fault{codeExists, name}
	}
	for _, d := range st.domains {
		if d.sponsor != client && slices.Contains(d.servers, old) {
			return &fault{codeAssociation, "in use by another registrar"}
		}
	}
	return st.mayName(name, client)
}

// renameServer carries a host's new name into the domains that use it.
func (st *store) renameServer(old, name string) {
	for _, d := range st.domains {
		if i := slices.Index(d.servers, old); i >= 0 {
			d.servers = slices.Clone(d.servers)
			d.servers[i] = name
		}
	}
}
