package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// consistent checks what must hold between the objects of a store, whatever was done to it.
func (st *store) consistent() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	hostLinks, contactLinks := map[string]int{}, map[string]int{}
	below := map[string][]string{}
	for name := range st.hosts {
		if over := st.superordinate(name); over != "" {
			below[over] = append(below[over], name)
		}
	}
	for name, d := range st.domains {
		if d.name != name {
			return fmt.Errorf("domain %s is filed under %s", d.name, name)
		}
		for _, s := range d.servers {
			hostLinks[s]++
		}
		for _, cr := range d.contacts {
			contactLinks[cr.id]++
		}
		if d.registrant != "" {
			contactLinks[d.registrant]++
		}
		subs := below[name]
		slices.Sort(subs)
		if !slices.Equal(subs, d.subordinates) {
			return fmt.Errorf("domain %s has subordinate hosts %v, but there are %v", name, d.subordinates, subs)
		}
		if d.status.has("pendingTransfer") != (d.transfer != nil && d.transfer.status == trPending) {
			return fmt.Errorf("domain %s: status and transfer disagree", name)
		}
		if d.status.has("pendingDelete") != (d.rgp.leave != nil) {
			return fmt.Errorf("domain %s: status and rgp disagree", name)
		}
		delete(below, name)
	}
	for over, hosts := range below {
		return fmt.Errorf("hosts %v without domain %s", hosts, over)
	}
	return st.linksRight(hostLinks, contactLinks)
}

func (st *store) linksRight(hostLinks, contactLinks map[string]int) error {
	for name, h := range st.hosts {
		if h.name != name || h.links != hostLinks[name] {
			return fmt.Errorf("host %s (%s) counts %d links, has %d", h.name, name, h.links, hostLinks[name])
		}
		delete(hostLinks, name)
	}
	for id, ct := range st.contacts {
		if ct.links != contactLinks[id] {
			return fmt.Errorf("contact %s counts %d links, has %d", id, ct.links, contactLinks[id])
		}
		delete(contactLinks, id)
	}
	if len(hostLinks)+len(contactLinks) > 0 {
		return fmt.Errorf("links to nothing: %v %v", hostLinks, contactLinks)
	}
	return nil
}

// walker does random things with few names, so that they collide.
type walker struct{ rnd *rand.Rand }

func (w walker) of(choices ...string) string { return choices[w.rnd.IntN(len(choices))] }
func (w walker) name() string {
	return w.of("a.com", "b.com", "pending-c.com", "pending-refuse-d.com", "example.com")
}
func (w walker) host() string {
	return w.of("ns1.", "ns2.", "") + w.of("a.com", "b.com", "example.com", "pending-c.com", "x.invalid")
}
func (w walker) contact() string { return w.of("ALICE", "BOB", "C-1", "C-2") }
func (w walker) maybe(s string) string {
	return w.of(s, "")
}

func (w walker) command() string {
	servers := func() string { return w.maybe("<ns><hostObj>" + w.host() + "</hostObj></ns>") }
	role := func() string { return w.maybe(`<contact type="tech">` + w.contact() + "</contact>") }
	addr := func() string { return w.maybe("<addr>192.0.2." + w.of("1", "2") + "</addr>") }
	status := func() string {
		return w.maybe(`<status s="client` + w.of("Delete", "Update") + `Prohibited"/>`)
	}
	d, h, c := "D:<name>"+w.name()+"</name>", "H:<name>"+w.host()+"</name>", "C:<id>"+w.contact()+"</id>"
	switch w.rnd.IntN(14) {
	case 0, 1:
		return objectXML("create", d+servers()+w.maybe("<registrant>"+w.contact()+"</registrant>")+role()+pw)
	case 2, 3:
		return objectXML("update", d+"<add>"+servers()+role()+status()+"</add><rem>"+servers()+role()+status()+"</rem>")
	case 4:
		return objectXML("delete", d)
	case 5:
		return objectXML("update", d+"<chg/>", restoreXML(w.of("request", "report"), w.of("", report)))
	case 6:
		return objectXML(`transfer op="`+w.of("request", "request", "approve", "reject", "cancel", "query")+`"`, d+w.of(pw, pw, ""))
	case 7, 8:
		return objectXML("create", h+addr())
	case 9:
		return objectXML("delete", h)
	case 10:
		return objectXML("update", h+"<add>"+addr()+status()+"</add><rem>"+addr()+status()+"</rem>"+w.maybe("<chg><name>"+w.host()+"</name></chg>"))
	case 11:
		return objectXML("create", c+aliceClone)
	case 12:
		return objectXML("delete", c)
	default:
		return objectXML("info", w.of(d, h))
	}
}

// TestRandomWalk: two registrars do thousands of random things while days pass, and the store stays
// in order. All answers are held against the schemas at the end.
func TestRandomWalk(t *testing.T) {
	codes := map[int]int{}
	for seed := range uint64(8) {
		k := newClock()
		r := start(t, Config{Now: k.Now, PendingDelay: time.Hour})
		w := walker{rand.New(rand.NewPCG(seed, 1))}
		clients := []*client{enter(t, r, "demo"), enter(t, r, "other")}
		for i := range 300 {
			k.step(time.Duration(w.rnd.Int64N(int64(8 * time.Hour))))
			if w.rnd.IntN(50) == 0 {
				k.step(6 * day)
			}
			rp := clients[w.rnd.IntN(2)].command(w.command())
			codes[rp.code]++
			if rp.code == 2001 || rp.code == 2400 {
				t.Fatalf("seed %d step %d: %s\ngot %s", seed, i, rp.asked, rp.text)
			}
			if err := r.store.consistent(); err != nil {
				t.Fatalf("seed %d step %d: %v, after %s\ngot %s", seed, i, err, rp.asked, rp.text)
			}
		}
		r.Close()
	}
	if len(codes) < 12 || codes[1000] < 150 {
		t.Errorf("a dull walk: %v", codes)
	}
}

// TestEventsInOrder: what is due happens in the order of time, and of planning where that is equal.
func TestEventsInOrder(t *testing.T) {
	st := newStore(&Config{})
	t0 := newClock().Now()
	var got []int
	for i, after := range []int{3, 1, 2, 1, 3, 9} {
		st.at(t0.Add(time.Duration(after)*time.Second), func(*store) { got = append(got, i) })
	}
	st.catchUp(t0)
	if len(got) != 0 {
		t.Errorf("too early: %v", got)
	}
	st.catchUp(t0.Add(3 * time.Second))
	if want := []int{1, 3, 2, 0, 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(st.due) != 1 {
		t.Errorf("%d left", len(st.due))
	}
}
