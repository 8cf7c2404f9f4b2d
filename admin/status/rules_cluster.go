package status

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Rules about the cluster as a whole. None of them is Broken: whose clients are not served is said of
// the registries.

const (
	whoseEngine = "the engine, or the network to it"
	whosePeer   = "the network, or the other host"
)

// clusterRule finds one thing to say about the cluster. It is pure, as a rule is.
type clusterRule func(*Cluster) *Finding

// clusterRules has all of them, causes before their consequences.
var clusterRules = []clusterRule{engineAway, twin, sameAddress, clocks, releases}

// judgeCluster says what there is to say about c. It never returns nothing.
func judgeCluster(c *Cluster) []Finding {
	var all []Finding
	for _, find := range clusterRules {
		if f := find(c); f != nil {
			all = append(all, *f)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(b.Gravity, a.Gravity) })
	if len(all) == 0 {
		all = append(all, Finding{Gravity: OK, Rule: "well", Text: "all well: " + c.Summary()})
	}
	return all
}

// Summary is the cluster in a line: members, engine, what this host owns, and versions where they differ.
func (c *Cluster) Summary() string {
	text := fmt.Sprintf("%d of %s alive, ", c.Living(), count(uint64(len(c.Members)), "member"))
	switch {
	case c.Engineless():
		text += "no engine, "
	case !c.Engine.Up:
		text += c.Engine.Name + " away, "
	case c.Engine.MeanSeconds != nil:
		text += c.Engine.Name + " answers in " + Span(*c.Engine.MeanSeconds) + ", "
	default:
		text += c.Engine.Name + ", "
	}
	text += fmt.Sprintf("%s owns %d of %s", c.Host, c.Owned, count(uint64(c.Accounts), "account"))
	if c.Unowned > 0 {
		text += fmt.Sprintf(", nobody %d", c.Unowned)
	}
	if v := c.versions(); len(v) > 1 {
		var parts []string
		for _, v := range v {
			parts = append(parts, fmt.Sprintf("%s (%s)", v.name, listed(v.hosts)))
		}
		text += "; versions " + strings.Join(parts, ", ")
	}
	return text
}

// alive returns the members that are.
func (c *Cluster) alive() (all []*Member) {
	for i := range c.Members {
		if c.Members[i].Alive {
			all = append(all, &c.Members[i])
		}
	}
	return all
}

// fence is the part of the ttl for which an owner goes on behind its last renewal.
const fence = 0.9

// engineAway finds that the engine does not answer, and says until when owners go on.
func engineAway(c *Cluster) *Finding {
	e := &c.Engine
	if !c.Away() {
		return nil
	}
	text := e.Name + " does not answer for " + Span(e.ForSeconds)
	if e.Err != "" {
		text += ": " + e.Err
	}
	if c.Owned > 0 && c.LeftSeconds > 0 {
		owns := count(uint64(c.Owned), "account")
		text += "; this host owns " + owns + " and stops in " + Span(c.LeftSeconds)
	} else {
		text += "; an owner stops " + Span(fence*c.TTLSeconds) + " behind its last renewal"
	}
	return &Finding{Look, "engine_away", whoseEngine, text,
		"bring " + e.Name + " back, or the way to it: endpoints, certificates, password; " +
			"until then no account gets another owner"}
}

// twin finds another process that goes by the name of this host.
func twin(c *Cluster) *Finding {
	if c.Twin == "" {
		return nil
	}
	return &Finding{Look, "same_host", whoseConfig,
		"another process goes by the name of this host, " + c.Host + ", and takes lanes at " + c.Twin,
		"give each process its own cluster.host"}
}

// sameAddress finds members of which one gets the lanes of the other.
func sameAddress(c *Cluster) *Finding {
	for _, m := range c.alive() {
		if m.SameAs != "" {
			return &Finding{Look, "same_peer", whoseConfig,
				m.name() + " and " + m.SameAs + " both say that lanes reach them at " + m.Peer,
				"give each host its own cluster.peer.advertise"}
		}
	}
	return nil
}

// name is the host, or that it is this one.
func (m *Member) name() string {
	if m.Self {
		return "this host"
	}
	return m.Host
}

// clocks finds members whose wall clocks differ too much. Two alone cannot tell whose is wrong.
func clocks(c *Cluster) *Finding {
	const do = "set it by the network: chrony, systemd-timesyncd; timedatectl shows it"
	all := c.alive()
	var odd []string
	for _, m := range all {
		if m.Odd {
			odd = append(odd, m.name())
		}
	}
	if len(all) == 2 {
		differ := max(math.Abs(all[0].SkewSeconds), math.Abs(all[1].SkewSeconds))
		if len(odd) == 0 && (c.MaxSkewSeconds <= 0 || differ <= c.MaxSkewSeconds) {
			return nil
		}
		return &Finding{Look, "clock", whoseHost,
			fmt.Sprintf("wall clocks of %s and %s differ by %s; two cannot tell which is wrong",
				all[0].name(), all[1].name(), Span(differ)), do}
	}
	if len(odd) == 0 {
		return nil
	}
	return &Finding{Look, "clock", whoseHost,
		fmt.Sprintf("wall clock of %s differs from the others' by more than %s: %s nothing",
			listed(odd), Span(c.MaxSkewSeconds), verb(len(odd), "it owns", "they own")), do}
}

// version is what some members run.
type version struct {
	name  string
	hosts []string
}

// versions are those of the members that are alive, by name.
func (c *Cluster) versions() (all []version) {
	for _, m := range c.alive() {
		i := slices.IndexFunc(all, func(v version) bool { return v.name == m.Version })
		if i < 0 {
			i = len(all)
			all = append(all, version{name: m.Version})
		}
		all[i].hosts = append(all[i].hosts, m.Host)
	}
	slices.SortFunc(all, func(a, b version) int { return strings.Compare(a.name, b.name) })
	return all
}

// releases finds versions that do not work together: a release works with the one before and the one
// behind it.
func releases(c *Cluster) *Finding {
	all := c.versions()
	for i := range all {
		for _, b := range all[i+1:] {
			if a := all[i]; apart(a.name, b.name) {
				text := fmt.Sprintf("%s (%s) and %s (%s) are more than one release apart",
					a.name, listed(a.hosts), b.name, listed(b.hosts))
				return &Finding{Look, "versions", whoseOperator, text,
					"upgrade release by release: each works with the one before and the one behind it alone"}
			}
		}
	}
	return nil
}

// apart reports whether two versions are surely more than one release apart. A release is major.minor;
// the first of the next major may follow any. Nothing is sure of what is no release, as a commit.
func apart(a, b string) bool {
	x, y := release(a), release(b)
	if x == nil || y == nil {
		return false
	}
	if slices.Compare(x, y) > 0 {
		x, y = y, x
	}
	if x[0] == y[0] {
		return y[1]-x[1] > 1
	}
	return y[0]-x[0] > 1 || y[1] > 0
}

// release is major and minor of a version; nil: it is none.
func release(version string) []int {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return nil
	}
	major, err := strconv.ParseUint(parts[0], 10, 16)
	minor, err2 := strconv.ParseUint(parts[1], 10, 16)
	if err != nil || err2 != nil {
		return nil
	}
	return []int{int(major), int(minor)}
}

// maxListed is how many hosts are named in a text.
const maxListed = 3

// listed writes hosts, some by their names and the others by their number.
func listed(hosts []string) string {
	if n := len(hosts) - maxListed; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(hosts[:maxListed], ", "), n)
	}
	return strings.Join(hosts, ", ")
}
