package upstream

import (
	"fmt"
	"strings"

	"eppmux/frame"
)

const (
	// servicesShown is how many services of a kind are named, serviceShown how much of each, in octets.
	servicesShown = 8
	serviceShown  = 60
)

// aboutServices reports whether a refusal of a login may be about what it asked for: a registry refuses
// some by 2307 or 2103, others by 2306 or 2004. Other codes are about credentials, or the moment.
func aboutServices(code int) bool {
	switch code {
	case 2000, 2001, 2003, 2004, 2005, 2101, 2102, 2103, 2306, 2307:
		return true
	}
	return false
}

// servicesOf says which services l asks for, and whether the config names them or the greeting does.
func servicesOf(l, configured *frame.Login) string {
	return fmt.Sprintf("asked for objects %s and extensions %s",
		named(l.ObjectURIs, configured.ObjectURIs, "object_uris"),
		named(l.ExtensionURIs, configured.ExtensionURIs, "extension_uris"))
}

// named lists the services of one kind.
func named(uris, configured []string, key string) string {
	if len(uris) == 0 {
		return "none"
	}
	from := "of the greeting"
	if len(configured) > 0 {
		from = "of login." + key
	}
	return listed(uris) + " (" + from + ")"
}

// listed names the first of some services. Those of the IETF are shown by their last part.
func listed(uris []string) string {
	if len(uris) == 0 {
		return "none"
	}
	var all []string
	for _, uri := range uris[:min(len(uris), servicesShown)] {
		uri = strings.TrimPrefix(uri, "urn:ietf:params:xml:ns:")
		if len(uri) > serviceShown {
			uri = strings.ToValidUTF8(uri[:serviceShown], "") + "..."
		}
		all = append(all, uri)
	}
	if n := len(uris) - len(all); n > 0 {
		all = append(all, fmt.Sprintf("%d more", n))
	}
	return strings.Join(all, ", ")
}
