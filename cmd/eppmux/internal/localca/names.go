package localca

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
)

// localNames are in every certificate for listeners.
var localNames = []string{"localhost", "127.0.0.1", "::1"}

// certName matches what DNS allows, in lower case. A name that is not ASCII has its xn-- form.
var certName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// HostNames returns localNames and then more, in lower case and each once. It fails if one of more
// is neither a name nor an IP address of a host.
func HostNames(more []string) ([]string, error) { return addNames(slices.Clone(localNames), more) }

// PeerNames returns the names, in lower case and each once, as HostNames does. There are none beside
// them: a follower asks an owner for the name that this is known by to all hosts.
func PeerNames(names []string) ([]string, error) { return addNames(nil, names) }

// addNames adds more to all.
func addNames(all, more []string) ([]string, error) {
	for _, name := range more {
		name = strings.TrimSuffix(strings.ToLower(name), ".")
		if a, err := netip.ParseAddr(name); err == nil && a.Zone() == "" && !a.IsUnspecified() {
			name = a.Unmap().String()
		} else if err == nil || len(name) > 253 || !certName.MatchString(name) || digitsAndDots.MatchString(name) {
			return nil, fmt.Errorf("must be the name or IP address of a host, got %s", cli.Quote(name))
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all, nil
}

// digitsAndDots matches a broken IPv4 address, which would pass for a name.
var digitsAndDots = regexp.MustCompile(`^[0-9.]+$`)

// splitNames sorts names into DNS names and IP addresses, the latter in 4 octets if they can be.
func splitNames(names []string) (dns []string, ips []net.IP) {
	for _, name := range names {
		ip := net.ParseIP(name)
		switch four := ip.To4(); {
		case ip == nil:
			dns = append(dns, name)
		case four != nil:
			ips = append(ips, four)
		default:
			ips = append(ips, ip)
		}
	}
	return dns, ips
}
