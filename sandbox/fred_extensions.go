package sandbox

import (
	"slices"
	"strconv"
)

// nsFred is the namespace of FRED's own commands.
const nsFred = "http://www.nic.cz/xml/epp/fred-1.5"

// maxListed is how many items one getResults returns. The registry's own number is not public. A
// small one needs few domains to show the cursor.
const maxListed = 2

// list serves the protocol extension of FRED that lists an account's domains in parts.
// fred:listDomains makes the list, each fred:getResults returns its next part. The account has one
// cursor, which all its sessions move. ok is false for other extensions.
func (st *store) list(req *request, client string) (a answer, ok bool) {
	if len(req.ext) != 1 || req.ext[0].space != nsFred || req.ext[0].local != "extcommand" {
		return a, false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	switch e := req.ext[0]; {
	case e.child("listDomains") != nil:
		var names []string
		for name, d := range st.domains {
			if d.sponsor == client {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		st.cursors[client] = names
		return done(wrap("fred", nsFred, "infoResponse", func(x *xmlText) {
			x.el("fred:count", strconv.Itoa(len(names)))
		})), true
	case e.child("getResults") != nil:
		part := st.cursors[client]
		part = part[:min(len(part), maxListed)]
		st.cursors[client] = st.cursors[client][len(part):]
		return done(wrap("fred", nsFred, "resultsList", func(x *xmlText) {
			for _, name := range part {
				x.el("fred:item", name)
			}
		})), true
	}
	return a, false
}
