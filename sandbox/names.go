package sandbox

import (
	"net/netip"
	"strings"
)

// hostName reads a host or domain name and returns it in lower case. It must have at least two
// labels of letters, digits and inner hyphens (RFC 1123 section 2.1), international ones as
// A-labels.
func hostName(n *node) (string, *fault) {
	name := strings.ToLower(n.token())
	bad := &fault{codeValue, "not a host name"}
	if len(name) > 253 || !strings.Contains(name, ".") {
		return "", bad
	}
	for label := range strings.SplitSeq(name, ".") {
		if !goodLabel(label) {
			return "", bad
		}
	}
	return name, nil
}

// goodLabel reports whether a lower-case label may be part of a name.
func goodLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := 0; i < len(label); i++ {
		if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	// RFC 5891 section 4.2.3.1: hyphens in third and fourth place are reserved for A-labels.
	return len(label) < 4 || label[2:4] != "--" || strings.HasPrefix(label, "xn--")
}

// zone returns the longest of the registry's zones that name lies below, empty if there is none.
func (st *store) zone(name string) string {
	best := ""
	for _, z := range st.cfg.Zones {
		if len(z) > len(best) && len(name) > len(z)+1 && strings.HasSuffix(name, z) && name[len(name)-len(z)-1] == '.' {
			best = z
		}
	}
	return best
}

// superordinate returns the domain, directly below a zone, that name equals or lies below. It is
// empty outside our zones. The domain need not exist.
func (st *store) superordinate(name string) string {
	z := st.zone(name)
	if z == "" {
		return ""
	}
	rest := name[:len(name)-len(z)-1]
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + z
}

// registrable tests whether a domain name lies directly below a zone.
func (st *store) registrable(name string) *fault {
	if st.zone(name) == "" {
		return &fault{codePolicy, "not in a zone of this registry"}
	}
	if st.superordinate(name) != name {
		return &fault{codePolicy, "not directly below a zone"}
	}
	return nil
}

// ipAddress reads host:addr into the form in which addresses are compared.
func ipAddress(n *node) (netip.Addr, *fault) {
	a, err := netip.ParseAddr(n.token())
	version, ok := n.attr("ip")
	if !ok {
		version = "v4"
	}
	if err != nil || a.Zone() != "" || a.Is4() != (version == "v4") {
		return a, &fault{codeValue, "not an IP" + version + " address: " + n.token()}
	}
	return a, nil
}

// appendNames appends one element per name.
func appendNames(x *xmlText, element string, names []string) {
	for _, n := range names {
		x.el(element, n)
	}
}

// changeList carries out rem, then add, on a list without duplicates and returns a new list. T is a
// name, an address, a role. say names a value in the reason of a fault.
func changeList[T comparable](list, add, rem []T, say func(T) string) ([]T, *fault) {
	out := make([]T, 0, len(list)+len(add))
	has := make(map[T]bool, len(list)+len(add))
	for _, v := range list {
		has[v] = true
	}
	for _, v := range rem {
		if !has[v] {
			return nil, &fault{codePolicy, say(v) + " is not there"}
		}
		delete(has, v)
	}
	for _, v := range list {
		if has[v] {
			out = append(out, v)
		}
	}
	for _, v := range add {
		if has[v] {
			return nil, &fault{codePolicy, say(v) + " is there already"}
		}
		has[v] = true
		out = append(out, v)
	}
	return out, nil
}
