package status

import (
	"fmt"
	"strings"

	"eppmux/upstream/lane"
)

// Rules about who owns the account of a registry, and how its commands get there.

// ofOwner makes of a rule one that finds nothing where another host speaks with the registry.
func ofOwner(find rule) rule {
	return func(r *Registry) *Finding {
		if !r.Cluster.speaks() {
			return nil
		}
		return find(r)
	}
}

// unowned finds that nobody is known to own the account. A takeover takes its time.
func unowned(r *Registry) *Finding {
	o := r.Cluster
	if !r.Answers || !o.orphaned() {
		return nil
	}
	text := "nobody owns the account for " + Span(o.ForSeconds)
	if o.taking() {
		return &Finding{Look, "no_owner", "",
			text + ": commands wait for a takeover, which takes up to " + Span(o.TakeoverSeconds), "wait"}
	}
	f := &Finding{Broken, "no_owner", whoseConfig, text + ": commands wait until their deadlines, and are not sent",
		"eppmux ctl cluster, on each host: which one is alive, with its clock right and the registry in its config?"}
	switch {
	case o.EngineAwaySeconds > 0:
		f.Whose, f.Do = whoseEngine, "bring the engine back; what it said last stands with the cluster"
	case len(o.Unfit) > 0:
		f.Do = "could open no session lately: " + listed(o.Unfit) + "; " + f.Do
	}
	return f
}

// taking reports whether nobody has owned the account for no longer than a takeover takes.
func (o *Ownership) taking() bool { return o.ForSeconds <= o.TakeoverSeconds }

// openingSeconds is for how long a follower of a new owner may have no lane yet.
const openingSeconds = 5

// noLane finds that this host cannot forward to the owner.
func noLane(r *Registry) *Finding {
	o := r.Cluster
	if !r.Answers || !o.follows() || o.Lanes == nil || o.Lanes.Open() > 0 {
		return nil
	}
	if o.opens() {
		return &Finding{Look, "no_lane", "",
			fmt.Sprintf("no lane yet to %s, the owner for %s: commands wait", o.Owner, Span(o.ForSeconds)), "wait"}
	}
	t := laneTroubleOf(o)
	text := fmt.Sprintf("no lane to %s (%s), which owns the account", o.Owner, o.Peer)
	if o.Lanes.TroubleSeconds >= 60 {
		text += ", for " + Span(o.Lanes.TroubleSeconds)
	}
	return &Finding{Broken, "no_lane", t.whose, text + ": " + t.why, t.do}
}

// opens reports whether the owner is so new that there need be no lane yet.
func (o *Ownership) opens() bool { return o.ForSeconds <= openingSeconds }

// fewerLanes finds that lanes work, and that a further one could not be opened.
func fewerLanes(r *Registry) *Finding {
	o := r.Cluster
	if !r.Answers || !o.follows() || o.Lanes == nil || o.Lanes.Open() == 0 || o.Lanes.Trouble == "" {
		return nil
	}
	t := laneTroubleOf(o)
	return &Finding{Look, "fewer_lanes", t.whose, fmt.Sprintf("no further lane to %s (%s): %s; %s",
		o.Owner, o.Peer, t.why, count(uint64(o.Lanes.Open()), "lane")+verb(o.Lanes.Open(), " goes on", " go on")), t.do}
}

// laneTrouble are the words for a lane that could not be opened.
type laneTrouble struct{ why, whose, do string }

// laneTroubleOf chooses the words: for why the owner refused, or for what happened on the way.
func laneTroubleOf(o *Ownership) laneTrouble {
	l := o.Lanes
	switch lane.Refusal(l.Refused) {
	case lane.RefusedCluster:
		return laneTrouble{"it is of another cluster", whoseConfig,
			"make cluster.name the same on both hosts, then restart the wrong one"}
	case lane.RefusedAccount:
		return laneTrouble{"it does not serve the account", whoseConfig,
			"its config needs a registry with the same address and client id, and without cluster: off"}
	case lane.RefusedVersion:
		return laneTrouble{"it does not speak with a host of this version", whoseOperator,
			"upgrade the older of the two, release by release"}
	case lane.RefusedBusy:
		return laneTrouble{"it has as many lanes as it takes", whoseConfig, "raise cluster.lanes there"}
	case lane.RefusedOwner, lane.RefusedTerm:
		return laneTrouble{"it does not take itself for the owner, or not in this term", whoseEngine,
			"wait; if it lasts, compare eppmux ctl cluster on both hosts: one may not reach the engine"}
	}
	switch {
	case l.Trouble == "":
		return laneTrouble{"it is being opened", whosePeer, "wait"}
	case strings.HasPrefix(l.Trouble, "tls"):
		return laneTrouble{l.Trouble, whoseConfig,
			"compare the certificates in cluster.peer: of one authority, for the names that are advertised, " +
				"not expired; eppmux cert --peer makes them"}
	}
	return laneTrouble{l.Trouble, whosePeer,
		"see that " + o.Peer + " is reached from here: its cluster.peer.listen and advertise, a firewall, the host"}
}

// gaveUp finds hosts that owned the account, could open no session, and are unfit for a while.
func gaveUp(r *Registry) *Finding {
	o := r.Cluster
	if o == nil || len(o.Unfit) == 0 {
		return nil
	}
	return &Finding{Look, "unfit", whoseConfig,
		listed(o.Unfit) + " gave the account up: no session could be opened from there",
		"compare source address and certificates there with what the registry has on file; " +
			"ten minutes later it may own the account again"}
}

// fencedShown is how long the page tells that this host ran into its fence, in seconds.
const fencedShown = 600

// fenced finds that this host had to stop, since its lease was not renewed in time.
func fenced(r *Registry) *Finding {
	o := r.Cluster
	if o == nil || o.FencedSeconds == 0 || o.FencedSeconds > fencedShown {
		return nil
	}
	return &Finding{Look, "fenced", whoseHost,
		"this host ran into its fence " + Span(o.FencedSeconds) +
			" ago: its lease was not renewed in time, and it closed its sessions",
		"look whether the host stood still (a paused machine, swap, a clock that was set), " +
			"or the engine was slow or away"}
}

// elsewhere is what there is to say where another host speaks with the registry, and all is well.
func elsewhere(r *Registry) string {
	o := r.Cluster
	if o.yields() {
		return "all well: this host gives the account up; commands wait for the next owner"
	}
	text := "all well: " + o.Owner + " owns the account; "
	if o.Lanes != nil {
		text += count(uint64(o.Lanes.Open()), "lane") + ", "
	}
	return text
}
