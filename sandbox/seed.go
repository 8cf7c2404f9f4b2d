package sandbox

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// AddContact puts a contact with an invented address into the registry. client is its sponsor.
func (r *Registry) AddContact(client, id, authInfo string) error {
	st, now := r.store, r.cfg.Now()
	st.mu.Lock()
	defer st.mu.Unlock()
	if !echoable(id) || len(id) > 16 || st.contacts[id] != nil {
		return fmt.Errorf("add contact %q: not an id, or there already", id)
	}
	ct := &contact{
		ownership: st.ownedBy(client, now, "C"), id: id, authInfo: authInfo,
		email: strings.ToLower(id) + "@example.org", voice: phoneNumber{number: "+1.5555550100"},
		postal: []postalInfo{{
			kind: "int", name: "Contact " + id, street: []string{"1 Sample Street"},
			city: "Sampleton", pc: "00000", country: "US",
		}},
	}
	st.contacts[id] = ct
	return nil
}

// AddHost puts a host into the registry. client is its sponsor. The domain of a host below a zone
// must exist.
func (r *Registry) AddHost(client, name string, addrs ...netip.Addr) error {
	st, now := r.store, r.cfg.Now()
	name, f := hostName(&node{text: name})
	st.mu.Lock()
	defer st.mu.Unlock()
	if over := st.superordinate(name); f != nil || st.hosts[name] != nil || over != "" && st.domains[over] == nil {
		return fmt.Errorf("add host %q: not a name, there already, or without its domain", name)
	}
	st.addHost(&host{ownership: st.ownedBy(client, now, "H"), name: name, addresses: addrs})
	return nil
}

// Domain describes a domain for AddDomain. The contact and the hosts that it names must exist.
type Domain struct {
	Name       string
	Client     string // sponsor
	AuthInfo   string
	Registrant string
	Servers    []string
	Status     []string  // client and server statuses, not tested
	Expires    time.Time // zero means a year after its creation
}

// AddDomain puts a domain into the registry. Its creation lies 30 days back, so its add period is
// over.
func (r *Registry) AddDomain(dom Domain) error {
	st, now := r.store, r.cfg.Now()
	name, f := hostName(&node{text: dom.Name})
	st.mu.Lock()
	defer st.mu.Unlock()
	if f == nil {
		f = st.registrable(name)
	}
	if f == nil && st.domains[name] != nil {
		f = &fault{codeExists, "there already"}
	}
	if f == nil {
		f = st.exist(dom.Registrant, nil, dom.Servers)
	}
	if f != nil {
		return fmt.Errorf("add domain %q: %s", dom.Name, f.reason)
	}
	d := &domain{
		ownership: st.ownedBy(dom.Client, now, "D"), name: name, registrant: dom.Registrant,
		servers: slices.Clone(dom.Servers), authInfo: dom.AuthInfo, expires: dom.Expires,
	}
	if d.expires.IsZero() {
		d.expires = d.created.AddDate(1, 0, 0)
	}
	for _, s := range dom.Status {
		d.status.set(s)
	}
	st.domains[name] = d
	st.linkDomain(d, +1)
	return nil
}

// AddMessage queues a message without object data for an account. It drops messages for unknown
// accounts.
func (r *Registry) AddMessage(client, text string) {
	now := r.cfg.Now()
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	r.store.notify(client, text, "", now)
}

// ownedBy returns the ownership of a new object that counts as created 30 days ago.
func (st *store) ownedBy(client string, now time.Time, letter string) ownership {
	return ownership{roid: st.nextROID(letter), sponsor: client, creator: client, created: now.AddDate(0, 0, -30)}
}

// seedExamples fills a demo registry. The first two accounts by name sponsor all objects. The
// password of each is "auth-" and the object's name.
func (r *Registry) seedExamples() {
	ids := make([]string, 0, len(r.cfg.Accounts))
	for id := range r.cfg.Accounts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		return
	}
	first, second := ids[0], ids[len(ids)-1]
	if len(ids) > 1 {
		second = ids[1]
	}
	r.AddContact(first, "ALICE", "auth-ALICE")
	r.AddContact(first, "TECH-1", "auth-TECH-1")
	r.AddContact(second, "BOB", "auth-BOB")
	for _, z := range r.cfg.Zones {
		r.AddDomain(Domain{Name: "example." + z, Client: first, AuthInfo: "auth-example." + z, Registrant: "ALICE"})
		r.AddDomain(Domain{Name: "taken." + z, Client: second, AuthInfo: "auth-taken." + z, Registrant: "BOB"})
		r.AddDomain(Domain{Name: "locked." + z, Client: second, AuthInfo: "auth-locked." + z, Registrant: "BOB",
			Status: []string{"serverDeleteProhibited", "serverTransferProhibited", "serverUpdateProhibited"}})
		r.AddHost(first, "ns1.example."+z, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"))
		r.AddHost(first, "ns2.example."+z, netip.MustParseAddr("192.0.2.2"))
		r.AddDomain(Domain{Name: "served." + z, Client: first, AuthInfo: "auth-served." + z, Registrant: "ALICE",
			Servers: []string{"ns1.example." + z, "ns2.example." + z}})
	}
	r.AddMessage(first, "Welcome to the sandbox registry")
	r.AddMessage(first, "Maintenance on the first Sunday of the month, 02:00 to 03:00 UTC")
	r.AddMessage(first, "Credit balance low")
}
