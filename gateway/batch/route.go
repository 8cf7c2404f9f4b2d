package batch

import (
	"slices"
	"strings"

	"eppmux/gateway/carry"
)

// routes leads from a name to the desk of its registry. Immutable.
type routes struct {
	zones map[string]*desk // by suffix, as canonical has it
	names map[string]*desk // by the registry's name
	only  *desk            // of the one registry that there is, where it names no zones; otherwise nil
}

// newRoutes keeps the desks of accounts that stay.
func (c *Checker) newRoutes(registries []*carry.Registry, before *routes) *routes {
	r := &routes{zones: make(map[string]*desk), names: make(map[string]*desk)}
	for _, reg := range registries {
		var d *desk
		if before != nil {
			d = before.names[reg.Name]
		}
		if d != nil && d.uses(reg) {
			d.change(reg)
		} else {
			d = newDesk(c, reg)
		}
		r.names[reg.Name] = d
		for _, z := range reg.Zones {
			zone, ok := canonical(z)
			if _, taken := r.zones[zone]; !ok || taken {
				c.log().Warn("a zone is not used", "registry", reg.Name, "zone", z)
				continue
			}
			r.zones[zone] = d
		}
		if len(registries) == 1 && len(reg.Zones) == 0 {
			r.only = d
		}
	}
	return r
}

// of returns the desk of the longest zone that a canonical name lies below. Where there is one registry, and
// it names no zones, that is the one. nil: there is none.
func (r *routes) of(name string) *desk {
	for {
		_, suffix, below := strings.Cut(name, ".")
		if !below {
			return r.only
		}
		if d := r.zones[suffix]; d != nil {
			return d
		}
		name = suffix
	}
}

// named is a name for a desk, with its index in the request.
type named struct {
	name  string
	index int32
}

// sorted are the names of a request for one desk.
type sorted struct {
	desk  *desk
	names []named
}

// sort answers those names of a request that go to no registry, and returns the others by desk.
func (r *routes) sort(q *request) []sorted {
	only := r.names[q.r.Registry]
	var all []sorted
	of := make(map[*desk]int)
	for i, asked := range q.r.Names {
		d := only
		name, ok := canonical(asked)
		if ok && q.r.Registry == "" {
			d = r.of(name)
		}
		switch {
		case !ok:
			q.problem(i, "", BadName, "not a domain name")
		case d == nil && q.r.Registry != "":
			q.problem(i, "", NoRegistry, "there is no such registry; GET /v1/registries tells those that there are")
		case d == nil:
			q.problem(i, "", NoRegistry, "no registry has its zone; registry may name one")
		case len(q.r.User.Registries) > 0 && !slices.Contains(q.r.User.Registries, d.name):
			q.problem(i, d.name, Forbidden, "the user may not use this registry")
		default:
			at, seen := of[d]
			if !seen {
				at = len(all)
				of[d] = at
				all = append(all, sorted{desk: d})
			}
			all[at].names = append(all[at].names, named{name, int32(i)})
		}
	}
	return all
}
