package cluster

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
)

// standing is where a host is in the order of those that are to own an account.
type standing struct {
	host   string
	fit    bool
	place  int    // in Account.Prefer; behind it: its length
	weight uint64 // by rendezvous hash
	member *member
}

// rendezvous is the weight of a host for an account. The highest is the best, so that a host that comes or
// goes moves its own accounts only.
func rendezvous(key, host string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(key + "\x00" + host))
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd // FNV mixes its last octets badly: the end of MurmurHash3
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// standings are the hosts that may own the account, the best first; those that are unfit come last.
func (m *machine) standings(a *account, now Instant) []standing {
	all := make([]standing, 0, len(m.members)+1)
	all = append(all, m.stand(a, m.cfg.Host, m.fits(m.unfit, a, now), nil))
	for _, o := range m.members {
		if o.host != m.cfg.Host && m.eligible(o, a, now) {
			all = append(all, m.stand(a, o.host, m.fits(o.Unfit, a, now), o))
		}
	}
	slices.SortFunc(all, better)
	return all
}

func better(x, y standing) int {
	if x.fit != y.fit {
		if x.fit {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(x.place, y.place), cmp.Compare(y.weight, x.weight), strings.Compare(x.host, y.host))
}

func (m *machine) stand(a *account, host string, fit bool, o *member) standing {
	place := slices.Index(a.Prefer, host)
	if place < 0 {
		place = len(a.Prefer)
	}
	return standing{host: host, fit: fit, place: place, weight: rendezvous(a.Key, host), member: o}
}

func (m *machine) fits(unfit map[string]int64, a *account, now Instant) bool {
	return millis(now.Wall) >= unfit[a.Key]
}

// eligible reports whether another member may own the account.
func (m *machine) eligible(o *member, a *account, now Instant) bool {
	return o.clear && m.alive(o, now) && !o.Leaving && !o.Out && !o.odd && o.takesPart(a.Key)
}

// rank is the number of hosts that are better than this one.
func (m *machine) rank(a *account, now Instant) int {
	return slices.IndexFunc(m.standings(a, now), func(s standing) bool { return s.member == nil })
}

// successor is the best fit member but this one; host is the one to look for, empty: any.
func (m *machine) successor(a *account, host string, now Instant) *member {
	for _, s := range m.standings(a, now) {
		if s.member != nil && s.fit && (host == "" || s.host == host) {
			return s.member
		}
	}
	return nil
}

// digits are those of a key that a member's record has.
const digits = 8

// takesPart reports whether the member takes part in the election of an account.
func (o *member) takesPart(key string) bool { return o.part[short(key)] }

func short(key string) string { return key[:min(digits, len(key))] }

// partsOf takes Member.Accounts apart.
func partsOf(accounts string) map[string]bool {
	parts := make(map[string]bool, len(accounts)/digits)
	for len(accounts) >= digits {
		parts[accounts[:digits]] = true
		accounts = accounts[digits:]
	}
	return parts
}
