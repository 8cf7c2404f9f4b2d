package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
)

// The least and the longest ttl. Below, one slow answer of an engine would move accounts; above,
// nobody wants to wait for a takeover.
const (
	leastTTL   = 5 * time.Second
	longestTTL = 10 * time.Minute
)

// leastSkew is the least max_clock_skew: clocks are compared through a request that takes time.
const leastSkew = 100 * time.Millisecond

// clusterName is what a cluster or a host of it may be named.
var clusterName = regexp.MustCompile(`^[a-z0-9.-]{1,64}$`)

const clusterNameIs = "must be 1 to 64 of a-z, 0-9, . and -, got %s"

// clusterName checks the name of a cluster or a host. It returns false after a fault.
func (c *checker) clusterName(path, name string) bool {
	switch {
	case c.hasFault(path):
		return false
	case name == "":
		c.add(path, "is missing")
		return false
	case !clusterName.MatchString(name):
		c.add(path, clusterNameIs, cli.Quote(name))
		return false
	}
	return true
}

// rule implements ruler.
func (cl *Cluster) rule(c *checker, path, key string) {
	switch at := join(path, key); key {
	case "name":
		c.clusterName(at, cl.Name)
	case "host":
		cl.host(c, at)
	case "etcd":
		cl.oneEngine(c, path)
	case "ttl":
		if cl.TTL < leastTTL || cl.TTL > longestTTL {
			c.add(at, "must be %s to %s, got %v", whole(leastTTL), whole(longestTTL), cl.TTL)
		}
	case "max_clock_skew":
		if most := max(cl.TTL, leastTTL); cl.MaxClockSkew < leastSkew || cl.MaxClockSkew > most {
			c.add(at, "must be %s to ttl (%v), got %v", whole(leastSkew), most, cl.MaxClockSkew)
		}
	case "peer":
		cl.peer(c, at)
	case "":
		cl.staticPeer(c, path)
	}
}

// host checks the name of this host, which is the system's where the file has none.
func (cl *Cluster) host(c *checker, path string) {
	if c.has(path) {
		c.clusterName(path, cl.Host)
		return
	}
	name, err := c.files.hostname()
	cl.Host = strings.ToLower(name)
	if err != nil || !clusterName.MatchString(cl.Host) {
		c.add(path, "is missing: the name of the system, %s, is none of 1 to 64 of a-z, 0-9, . and -", cli.Quote(name))
	}
}

// hostname returns the name of the system.
func (f files) hostname() (string, error) {
	if f.system != nil {
		return f.system()
	}
	return os.Hostname()
}

// oneEngine checks that it is said once who decides.
func (cl *Cluster) oneEngine(c *checker, path string) {
	var given []string
	for _, key := range []string{"etcd", "redis", "static"} {
		if c.has(join(path, key)) {
			given = append(given, key)
		}
	}
	switch len(given) {
	case 0:
		c.add(path, "needs one of etcd, redis and static")
	case 1:
	default:
		c.add(path, "needs exactly one of etcd, redis and static, has %s", strings.Join(given, " and "))
	}
}

// rule implements ruler.
func (s *Static) rule(c *checker, path, key string) {
	switch at := join(path, key); key {
	case "owner":
		c.clusterName(at, s.Owner)
	case "peer":
		if s.Peer != "" {
			c.hostPort(at, s.Peer, "host:port")
		}
	}
}

// staticPeer checks where a host that follows finds the owner.
func (cl *Cluster) staticPeer(c *checker, path string) {
	at := join(path, "static.peer")
	switch {
	case !cl.Follows() || c.hasFault(at) || c.hasFault(join(path, "host")) || c.hasFaultUnder(join(path, "static")):
	case cl.Static.Peer == "":
		c.add(at, "is missing: host:port where %s takes lanes", cl.Static.Owner)
	case sameHostPort(cl.Static.Peer, cl.Peer.Advertise), sameHostPort(cl.Static.Peer, cl.Peer.Listen):
		c.add(at, "is this host's own address, but %s is the owner and this is %s", cl.Static.Owner, cl.Host)
	}
}

// sameHostPort reports whether a and b are written alike; neither is empty.
func sameHostPort(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

// rule implements ruler.
func (s *Sharing) rule(c *checker, path, key string) {
	if key != "prefer" {
		return
	}
	at := join(path, key)
	for i, name := range s.Prefer {
		if c.clusterName(index(at, i), name) && slices.Index(s.Prefer, name) < i {
			c.add(index(at, i), "%s stands in the list already", cli.Quote(name))
		}
	}
}

// sharing checks what registries have to do with each other: in a cluster an account has one owner,
// so it is one registry.
func (cfg *Config) sharing(c *checker) {
	if cfg.Cluster == nil {
		return
	}
	type account struct{ address, clientID string }
	first := map[account]int{}
	for j := range cfg.Registries {
		r := &cfg.Registries[j]
		a := account{strings.ToLower(r.Address), r.Login.ClientID}
		if r.Sandbox() || a.address == "" || a.clientID == "" {
			continue
		}
		i, there := first[a]
		if !there {
			first[a] = j
			continue
		}
		if r.Shared(cfg) || cfg.Registries[i].Shared(cfg) {
			c.add(join(index("registries", j), "login.client_id"),
				"%s at %s is %s already: in a cluster an account has one owner, so one registry here",
				cli.Quote(a.clientID), r.Address, index("registries", i))
		}
	}
}
