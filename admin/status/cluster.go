package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"eppmux/cluster"
)

// Cluster is the cluster as this host sees it. Who owns the account of a registry stands with the
// registry, see Ownership.
type Cluster struct {
	Name       string   `json:"name"`
	Host       string   `json:"host"` // of this one in the cluster
	TTLSeconds float64  `json:"ttl_seconds"`
	Engine     Engine   `json:"engine"`
	Members    []Member `json:"members"` // by host
	// MaxSkewSeconds is by how much wall clocks may differ.
	MaxSkewSeconds float64 `json:"max_skew_seconds"`
	// Twin is the peer address of another process that goes by Host; empty: none.
	Twin string `json:"twin,omitempty"`
	// Accounts are those that are shared, as this host has them in its config: Owned by it, Unowned by
	// anybody.
	Accounts int `json:"accounts"`
	Owned    int `json:"owned"`
	Unowned  int `json:"unowned"`
	// LeftSeconds is until the first account that this host owns is stopped, without another renewal; 0:
	// it owns none, or without an engine.
	LeftSeconds float64   `json:"lease_left_seconds,omitempty"`
	Gravity     Gravity   `json:"gravity"`
	Findings    []Finding `json:"findings"` // the gravest first; never empty
}

// Engine is how the engine answers this host.
type Engine struct {
	Name        string   `json:"name"` // "static": there is none
	Up          bool     `json:"up"`
	ForSeconds  float64  `json:"for_seconds"` // that it has been up, or away
	Err         string   `json:"error,omitempty"`
	Requests    uint64   `json:"requests"`
	Failures    uint64   `json:"failures"`
	MeanSeconds *float64 `json:"mean_seconds"` // of a request since the start; null: there was none
}

// Member is a host of the cluster.
type Member struct {
	Host        string    `json:"host"`
	Peer        string    `json:"peer"` // host:port, where it takes lanes
	Version     string    `json:"version"`
	Self        bool      `json:"self,omitempty"`
	Alive       bool      `json:"alive"`
	Leaving     bool      `json:"leaving,omitempty"` // it is about to end
	Since       time.Time `json:"since,omitzero"`    // that it has been a member
	SkewSeconds float64   `json:"skew_seconds"`      // its wall clock less ours
	Odd         bool      `json:"odd_clock,omitempty"`
	SameAs      string    `json:"same_as,omitempty"` // a member with the same peer address
	Owns        int       `json:"owns"`              // accounts, of those in our config
}

// Living returns how many members are alive.
func (c *Cluster) Living() int { return len(c.alive()) }

// Engineless reports whether there is no engine: one host owns all, and no other takes over.
func (c *Cluster) Engineless() bool { return c.Engine.Name == cluster.Static }

// Away reports whether the engine does not answer this host.
func (c *Cluster) Away() bool { return !c.Engineless() && !c.Engine.Up }

// Clock writes by how much the member's wall clock is before or behind ours; nothing: it is ours.
func (m *Member) Clock() string {
	switch {
	case m.Self:
		return ""
	case m.SkewSeconds > 0:
		return "+" + Span(m.SkewSeconds)
	case m.SkewSeconds < 0:
		return "-" + Span(-m.SkewSeconds)
	}
	return "0 s"
}

// State is a word for how a member is.
func (m *Member) State() string {
	switch {
	case !m.Alive:
		return "away"
	case m.Leaving:
		return "leaving"
	}
	return "alive"
}

// Ownership is who owns the account of a registry.
type Ownership struct {
	Registry   string    `json:"registry"`
	Role       string    `json:"role"`            // of this host: owner, follower, yielding or none
	Owner      string    `json:"owner,omitempty"` // a host; empty: nobody is known
	Peer       string    `json:"peer,omitempty"`  // of the owner, where it takes lanes
	Term       uint64    `json:"term,omitempty"`
	Since      time.Time `json:"since,omitzero"` // that it has been so
	ForSeconds float64   `json:"for_seconds"`    // the same
	Why        string    `json:"why,omitempty"`  // the owner owns it, from a closed set; empty: not known here
	// LeftSeconds is until this host stops without another renewal; null: it does not own the account,
	// or never stops.
	LeftSeconds *float64 `json:"lease_left_seconds"`
	Best        string   `json:"best,omitempty"` // the host that is to own it
	Unfit       []string `json:"unfit"`          // hosts that could open no session, and do not own it for a while
	Changes     uint64   `json:"changes"`        // of owners, since the start of this process
	Fenced      uint64   `json:"fenced"`         // times that this host ran into its fence, since its start
	// FencedSeconds is since the last of them; 0: there was none.
	FencedSeconds float64 `json:"fenced_seconds_ago,omitempty"`
	// LedgerSeconds is since this host wrote the ledger; null: it has not.
	LedgerSeconds *float64 `json:"ledger_seconds_ago"`
	Lanes         *Lanes   `json:"lanes,omitempty"` // of this host; nil: the account did not answer
	// TakeoverSeconds is how long a takeover takes at most. EngineAwaySeconds is for how long the engine
	// has not answered this host; 0: it does.
	TakeoverSeconds   float64 `json:"takeover_seconds"`
	EngineAwaySeconds float64 `json:"engine_away_seconds,omitempty"`
}

// Lanes are the lanes of an account at this host.
type Lanes struct {
	Idle           int     `json:"idle"` // to the owner
	Busy           int     `json:"busy"`
	Opening        int     `json:"opening"`
	Served         int     `json:"served"` // from followers
	Trouble        string  `json:"trouble,omitempty"`
	TroubleSeconds float64 `json:"trouble_seconds,omitempty"`
	Refused        string  `json:"refused,omitempty"` // why, where the owner said so; from a closed set
}

// Open returns how many lanes to the owner can carry commands.
func (l *Lanes) Open() int { return l.Idle + l.Busy }

// Words says who owns the account, and for how long.
func (o *Ownership) Words() string {
	who := o.Owner
	switch {
	case o.orphaned():
		who = "nobody"
	case !o.follows():
		who = "this host"
	}
	if o.ForSeconds == 0 {
		return who
	}
	return who + " for " + Span(o.ForSeconds)
}

// More says what else there is to the ownership: term, why, lease, lanes.
func (o *Ownership) More() string {
	var parts []string
	if o.Term > 0 {
		parts = append(parts, fmt.Sprintf("term %d", o.Term))
	}
	if o.Why != "" {
		parts = append(parts, "by "+o.Why)
	}
	if o.LeftSeconds != nil {
		parts = append(parts, "lease "+Span(*o.LeftSeconds))
	}
	if l := o.Lanes; l != nil && o.follows() {
		parts = append(parts, count(uint64(l.Open()), "lane"))
	} else if l != nil && !o.orphaned() {
		parts = append(parts, count(uint64(l.Served), "lane")+" served")
	}
	if o.yields() {
		parts = append(parts, "gives it up")
	}
	return strings.Join(parts, ", ")
}

// Detail says for how long the owner has owned the account, and More.
func (o *Ownership) Detail() string {
	parts := []string{o.More()}
	if o.ForSeconds > 0 {
		parts = []string{"for " + Span(o.ForSeconds), o.More()}
	}
	return strings.TrimSuffix(strings.Join(parts, ", "), ", ")
}

// Forwards reports whether another host speaks with the registry, and commands of this one go there.
func (r *Registry) Forwards() bool { return r.Cluster.follows() && r.Cluster.Lanes != nil }

// Carriers is how many sessions carry commands, or lanes where another host speaks with the registry.
func (r *Registry) Carriers() string {
	if r.Forwards() {
		return count(uint64(r.Cluster.Lanes.Open()), "lane")
	}
	return fmt.Sprintf("%d of %d", r.Sessions.LoggedIn(), r.Sessions.Max)
}

// Shown returns n members at most: this host, those of which there is something to say, those that own
// most, and then the others, by host.
func (c *Cluster) Shown(n int) []Member {
	if len(c.Members) <= n {
		return c.Members
	}
	all := slices.Clone(c.Members)
	slices.SortStableFunc(all, func(a, b Member) int {
		return cmp.Or(cmp.Compare(b.interest(), a.interest()), cmp.Compare(b.Owns, a.Owns))
	})
	return all[:n]
}

// interest is how much there is to say of a member.
func (m *Member) interest() int {
	switch {
	case m.Self:
		return 3
	case m.Odd || m.SameAs != "":
		return 2
	case m.State() != "alive":
		return 1
	}
	return 0
}

// speaks reports whether this host speaks with the registry itself.
func (o *Ownership) speaks() bool { return o == nil || o.Role == cluster.RoleOwner.String() }

// follows reports whether this host's commands go to another one.
func (o *Ownership) follows() bool { return o != nil && o.Role == cluster.RoleFollower.String() }

// yields reports whether this host is about to give the account up.
func (o *Ownership) yields() bool { return o != nil && o.Role == cluster.RoleYielding.String() }

// orphaned reports whether nobody is known to own the account.
func (o *Ownership) orphaned() bool { return o != nil && o.Role == cluster.RoleNone.String() }

// takeoverSlack is what a takeover takes beyond the ttl, in seconds: to notice, and to open a session.
const takeoverSlack = 2.0

// ClusterOf makes of a snapshot what is shown of the cluster, and of each account in its order. The
// registries that are not shared have none.
func ClusterOf(s *cluster.Snapshot, now time.Time) (*Cluster, []Ownership) {
	c := &Cluster{Name: clean(s.Cluster), Host: clean(s.Host), TTLSeconds: seconds(s.TTL),
		MaxSkewSeconds: seconds(s.MaxSkew), Twin: clean(s.Twin), Members: []Member{},
		Accounts: len(s.Accounts), Engine: engineOf(&s.Engine, now)}
	owns := make(map[string]int)
	accounts := make([]Ownership, 0, len(s.Accounts))
	for i := range s.Accounts {
		a := &s.Accounts[i]
		owns[a.Owner.Host]++
		o := ownershipOf(s, a, now)
		switch {
		case o.orphaned():
			c.Unowned++
		case !o.follows():
			c.Owned++
			if l := o.LeftSeconds; l != nil && (c.LeftSeconds == 0 || *l < c.LeftSeconds) {
				c.LeftSeconds = *l
			}
		}
		accounts = append(accounts, o)
	}
	for i := range s.Members {
		m := &s.Members[i]
		c.Members = append(c.Members, Member{Host: clean(m.Host), Peer: clean(m.Peer), Version: clean(m.Version),
			Self: m.Self, Alive: m.Alive, Leaving: m.Leaving, Since: m.Since.UTC(), SkewSeconds: seconds(m.Skew),
			Odd: m.Odd, SameAs: clean(m.SameAs), Owns: owns[m.Host]})
	}
	slices.SortStableFunc(c.Members, func(a, b Member) int { return strings.Compare(a.Host, b.Host) })
	c.Findings = judgeCluster(c)
	c.Gravity = c.Findings[0].Gravity
	return c, accounts
}

func engineOf(s *cluster.EngineState, now time.Time) Engine {
	e := Engine{Name: clean(s.Name), Up: s.Up, ForSeconds: ago(s.Since, now), Err: plain(s.Err),
		Requests: s.Requests, Failures: s.Failures}
	if s.Requests > 0 {
		mean := round(s.Took.Seconds() / float64(s.Requests))
		e.MeanSeconds = &mean
	}
	return e
}

func ownershipOf(s *cluster.Snapshot, a *cluster.AccountState, now time.Time) Ownership {
	o := Ownership{Registry: clean(a.Name), Role: a.Role.String(), Since: a.Since.UTC(), ForSeconds: ago(a.Since, now),
		Best: clean(a.Best), Unfit: []string{}, Fenced: a.Fenced, FencedSeconds: ago(a.FencedAt, now),
		TakeoverSeconds: seconds(s.TTL) + takeoverSlack}
	if a.Role != cluster.RoleNone {
		o.Owner, o.Peer, o.Term, o.Why = clean(a.Owner.Host), clean(a.Owner.Peer), a.Owner.Term, clean(string(a.Last))
	}
	for _, host := range a.Unfit {
		o.Unfit = append(o.Unfit, clean(host))
	}
	for _, n := range a.Changes {
		o.Changes += n
	}
	if s.Leased(a) {
		left := max(0, seconds(a.Left))
		o.LeftSeconds = &left
	}
	if !a.LedgerAt.IsZero() {
		age := ago(a.LedgerAt, now)
		o.LedgerSeconds = &age
	}
	if s.Engine.Name != cluster.Static && !s.Engine.Up {
		o.EngineAwaySeconds = ago(s.Engine.Since, now)
	}
	if l := a.Lanes; l != nil {
		o.Lanes = &Lanes{Idle: l.Idle, Busy: l.Busy, Opening: l.Opening, Served: l.Served,
			Trouble: plain(l.Trouble), TroubleSeconds: seconds(l.TroubleFor), Refused: clean(l.Refused)}
	}
	return o
}

// ago is the time since at, in seconds; 0: at is not known. What has just been is a millisecond ago.
func ago(at, now time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(0.001, seconds(now.Sub(at)))
}
