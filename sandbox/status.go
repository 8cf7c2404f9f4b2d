package sandbox

import (
	"slices"
	"strings"
)

// The status values of RFC 5731 section 2.3, RFC 5732 section 2.3 and RFC 5733 section 2.2.
var (
	domainStatuses = []string{
		"clientDeleteProhibited", "clientHold", "clientRenewProhibited", "clientTransferProhibited",
		"clientUpdateProhibited", "inactive", "ok", "pendingCreate", "pendingDelete", "pendingRenew",
		"pendingTransfer", "pendingUpdate", "serverDeleteProhibited", "serverHold",
		"serverRenewProhibited", "serverTransferProhibited", "serverUpdateProhibited",
	}
	hostStatuses = []string{
		"clientDeleteProhibited", "clientUpdateProhibited", "linked", "ok", "pendingCreate",
		"pendingDelete", "pendingTransfer", "pendingUpdate", "serverDeleteProhibited",
		"serverUpdateProhibited",
	}
	contactStatuses = []string{
		"clientDeleteProhibited", "clientTransferProhibited", "clientUpdateProhibited", "linked", "ok",
		"pendingCreate", "pendingDelete", "pendingTransfer", "pendingUpdate", "serverDeleteProhibited",
		"serverTransferProhibited", "serverUpdateProhibited",
	}
)

// status is one status value with the text a client may give it.
type status struct{ name, lang, text string }

// statusSet holds the status values that were set. ok, linked and inactive are derived when an
// object is shown.
type statusSet []status

func (ss statusSet) has(name string) bool {
	return slices.ContainsFunc(ss, func(s status) bool { return s.name == name })
}

func (ss *statusSet) set(name string) {
	if !ss.has(name) {
		*ss = append(*ss, status{name: name})
	}
}

func (ss *statusSet) clear(name string) {
	*ss = slices.DeleteFunc(*ss, func(s status) bool { return s.name == name })
}

// pending reports whether an action is pending, which prohibits all others.
func (ss statusSet) pending() bool {
	return slices.ContainsFunc(ss, func(s status) bool { return strings.HasPrefix(s.name, "pending") })
}

// prohibits returns the status that prohibits an action ("Delete", "Update", ...), empty if none
// does.
func (ss statusSet) prohibits(action string) string {
	for _, s := range ss {
		by, named := strings.CutSuffix(s.name, action+"Prohibited")
		if strings.HasPrefix(s.name, "pending") || named && (by == "client" || by == "server") {
			return s.name
		}
	}
	return ""
}

// change carries out the status elements of an update: rem, then add. Both may be nil.
func (ss statusSet) change(add, rem []*node) (statusSet, *fault) {
	out := slices.Clone(ss)
	for _, n := range rem {
		name, f := settable(n)
		if f != nil {
			return nil, f
		}
		if !out.has(name) {
			return nil, &fault{codePolicy, "status " + name + " is not set"}
		}
		out.clear(name)
	}
	for _, n := range add {
		name, f := settable(n)
		if f != nil {
			return nil, f
		}
		if out.has(name) {
			return nil, &fault{codePolicy, "status " + name + " is set already"}
		}
		l, _ := n.attr("lang")
		out = append(out, status{name, l, n.line()})
	}
	return out, nil
}

// settable returns the value of a status that a client may change. RFC 5731 section 2.3: these are
// the values that begin with "client".
func settable(n *node) (string, *fault) {
	name, _ := n.attr("s")
	if !strings.HasPrefix(name, "client") {
		return "", &fault{codePolicy, "status " + name + " is not a client's to change"}
	}
	return name, nil
}

// updateProhibited returns the status that prohibits an update, empty if none does. RFC 5731
// section 2.3: clientUpdateProhibited permits the update that removes it.
func (ss statusSet) updateProhibited(rem []*node) string {
	s := ss.prohibits("Update")
	removed := func(n *node) bool { v, _ := n.attr("s"); return v == s }
	if s == "clientUpdateProhibited" && slices.ContainsFunc(rem, removed) {
		rest := slices.Clone(ss)
		rest.clear(s)
		return rest.prohibits("Update")
	}
	return s
}

// show appends the status elements: those set, those extra, and ok if there is nothing else or only
// linked.
func (ss statusSet) show(x *xmlText, element string, extra ...string) {
	all := slices.Clone(ss)
	for _, e := range extra {
		all.set(e)
	}
	if len(all) == 0 || len(all) == 1 && all[0].name == "linked" {
		all.set("ok")
	}
	slices.SortFunc(all, func(a, b status) int { return strings.Compare(a.name, b.name) })
	for _, s := range all {
		if s.lang != "" && s.text != "" {
			x.raw("<" + element + ` s="` + s.name + `" lang="`)
			x.text(s.lang)
			x.raw(`">`)
			x.text(s.text)
			x.raw("</" + element + ">")
			continue
		}
		x.elAttr(element, "s", s.name, s.text)
	}
}
