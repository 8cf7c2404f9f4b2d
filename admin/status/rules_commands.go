package status

import (
	"fmt"
	"strings"

	"eppmux/upstream/pool"
)

// Rules about commands: what they wait for, and what becomes of them.

const (
	noticeable = 0.25 // seconds of wait that are worth a word
	sluggish   = 1.0  // seconds of a registry that is slow
)

// silent finds that the registry leaves commands, or the keepalives of idle sessions, without an
// answer. It counts the sessions that ended for it, which had one command in flight each: where a
// command of a client was lost, the text calls them commands.
func silent(r *Registry) *Finding {
	n := r.Minute.Timeouts
	if !r.Answers || n == 0 {
		return nil
	}
	if r.Minute.Unknown == 0 {
		return &Finding{Look, "silent", whoseNetwork, count(n, "session") +
			" fell silent in the last minute: no answer from registry or network in time;" +
			" no command of a client was lost",
			"if it comes often: a firewall may forget idle connections, lower keepalive; or the registry does not " +
				"answer hello, set keepalive_command: poll; or ask it"}
	}
	const do = "ask the registry; outcomes of transforms are unknown, see below"
	if r.Minute.Answered() == 0 {
		return &Finding{Broken, "silent", whoseRegistry, "registry does not answer: " +
			count(n, "command") + " without an answer in the last minute, none with one", do}
	}
	return &Finding{Look, "silent", whoseRegistry, "registry left " +
		count(n, "command") + " without an answer in the last minute", do}
}

// throttled finds that the registry refuses commands for their number.
func throttled(r *Registry) *Finding {
	n, pause := r.Minute.Throttled, r.Queue.PauseSeconds
	if n == 0 && pause <= 0 {
		return nil
	}
	text := "registry wants fewer commands: " + count(n, "refusal") + " for their number in the last minute"
	if pause > 0 {
		text += "; nothing is sent for " + Span(pause)
	}
	return &Finding{Look, "throttled", whoseConfig, text,
		"lower rate_limits below what the registry allows, then reload"}
}

// waits reports whether commands wait noticeably: now, or in the last minute.
func waits(r *Registry) bool {
	p99 := r.Minute.Wait.P99
	return r.Queue.OldestSeconds >= noticeable || p99 != nil && *p99 >= noticeable
}

// waiting tells of the queue, as the end of a sentence.
func waiting(r *Registry) string {
	if r.Queue.Length == 0 {
		return ""
	}
	return fmt.Sprintf("; %d waiting, the oldest for %s", r.Queue.Length, Span(r.Queue.OldestSeconds))
}

// held finds a limit for which commands wait.
func held(r *Registry) *Finding {
	l := fullest(r.Limits)
	if l == nil || !r.Ready || !waits(r) {
		return nil
	}
	text := fmt.Sprintf("limit %s is what commands wait for: %d per %s, it held them back for %s of the last minute",
		l.Name, l.Limit, Per(l.PerSeconds), Percent(l.LimitedRatio))
	return &Finding{Look, "limit", whoseConfig, text + waiting(r),
		fmt.Sprintf("send less, or raise rate_limits[%d] if the registry allows more", l.Index)}
}

// fullest is the limit that held commands back for the longest time, if that was at least a fifth
// of the last minute; nil: there is none. A shadow holds nothing back.
func fullest(limits []Limit) *Limit {
	var best *Limit
	for i := range limits {
		l := &limits[i]
		if l.Shadow || l.LimitedRatio < 0.2 {
			continue
		}
		if best == nil || l.LimitedRatio > best.LimitedRatio {
			best = l
		}
	}
	return best
}

// full reports whether all sessions work, and commands wait all the same.
func full(r *Registry) bool {
	s := &r.Sessions
	return r.Ready && waits(r) && s.Idle == 0 && s.Busy >= s.Allowed
}

// isSlow reports whether half of the last minute's answers took long.
func isSlow(r *Registry) bool {
	p50 := r.Minute.RTT.P50
	return p50 != nil && *p50 >= sluggish
}

// crowded finds that all sessions work, and that commands wait all the same.
func crowded(r *Registry) *Finding {
	if !full(r) {
		return nil
	}
	text := "all " + count(uint64(r.Sessions.Busy), "session") + " busy"
	if isSlow(r) {
		return &Finding{Look, "sessions", whoseRegistry,
			text + ", registry answers slowly (p50 " + SpanOrDash(r.Minute.RTT.P50) + ")" + waiting(r),
			"ask the registry why; more sessions help if it grants them"}
	}
	return &Finding{Look, "sessions", whoseConfig, text + waiting(r),
		"more sessions, if the registry grants them, or fewer commands"}
}

// slow finds a registry that takes long, unless crowded says so already.
func slow(r *Registry) *Finding {
	if !r.Ready || !isSlow(r) || full(r) {
		return nil
	}
	return &Finding{Look, "slow", whoseRegistry,
		"registry answers slowly (p50 " + SpanOrDash(r.Minute.RTT.P50) + ")",
		"ask the registry; compare eppmux send --direct --repeat"}
}

// unknown finds transforms that may or may not have been carried out: those that nobody has
// resolved, also of earlier processes. Without an audit log, or with gaps in it, those of the last
// ten minutes.
func unknown(r *Registry) *Finding {
	u, n := r.Unresolved, r.Recent.UnknownTransforms
	if u != nil && u.Count > 0 {
		return &Finding{Look, "unknown", whoseRegistry, count(uint64(u.Count), "transform") +
			" with unknown outcome not resolved, the oldest sent " + Span(u.OldestSeconds) + " ago",
			"look each up at the registry before anybody repeats it, and tick it off:" +
				" eppmux audit --unknown, then --resolve"}
	}
	whole := u != nil && r.Audit != nil && !r.Audit.Failing && r.Audit.Lost == 0
	if n == 0 || whole {
		return nil
	}
	return &Finding{Look, "unknown", whoseRegistry,
		count(n, "transform") + " with unknown outcome in the last ten minutes",
		"look each up at the registry before anybody repeats it:" +
			" eppmux audit --unknown --since 10m, or the log, has them"}
}

// whyNotSent is, by the cause of the log, why commands were not sent and whose fault that was.
var whyNotSent = map[string]struct{ whose, why string }{
	pool.CauseQueueTimeout.String(): {whoseConfig, ": no session or limit was free in time"},
	pool.CauseRegistryAway.String(): {whoseNetwork, ": no session with the registry could be opened"},
	pool.CauseLoginRefused.String(): {whoseConfig, ": registry refused our login"},
	pool.CauseThrottled.String():    {whoseConfig, ": registry wanted fewer commands"},
	pool.CauseAudit.String():        {whoseHost, ": the audit log could not be written"},
	pool.CauseLedger.String():       {whoseHost, ": what is used of limits could not be written down"},
	pool.CausePaused.String():       {whoseOperator, ": paused by the operator"},
	pool.CauseShutdown.String():     {whoseOperator, ": eppmux is stopping"},
	pool.CauseNoOwner.String():      {whoseHost, ": no host of the cluster that had the account was reached"},
	pool.CauseFenced.String():       {whoseHost, ": the host that had the account could not keep it"},
	pool.CauseMoved.String():        {whoseHost, ": the account went to another host of the cluster"},
	pool.CauseBlamed.String():       {whoseClients, ": sessions ended behind such commands, so that they are held back"},
	pool.CauseNoRoom.String():       {whoseClients, ": too much was held for all clients, and most of it for theirs"},
}

// notSent finds commands that were answered 2400 here.
func notSent(r *Registry) *Finding {
	n := r.Recent.NotSent
	if n == 0 {
		return nil
	}
	w := whyNotSent[r.Recent.NotSentCause]
	return &Finding{Look, "not_sent", w.whose, count(n, "command") + " not sent in the last ten minutes" + w.why +
		"; clients were told that it is safe to repeat", ""}
}

// outOfStep finds messages of the registry that answer no command of ours.
func outOfStep(r *Registry) *Finding {
	w := &r.Recent
	if w.Desync == 0 {
		return nil
	}
	var kinds []string
	for _, k := range []struct {
		n   uint64
		one string
	}{
		{w.NotEPP, "broken message"},
		{w.Unasked, "unasked message"},
		{less(w.Desync, w.NotEPP+w.Unasked), "mismatched answer"},
	} {
		if k.n > 0 {
			kinds = append(kinds, count(k.n, k.one))
		}
	}
	return &Finding{Look, "desync", whoseRegistry,
		"registry sent " + strings.Join(kinds, ", ") + " in the last ten minutes; no client got any",
		"tell the registry; the log has the sessions"}
}
