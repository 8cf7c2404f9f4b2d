package sandbox

import "time"

// budget is what an account, or a session, has used of RateLimit and ObjectLimit.
type budget struct {
	commands slidingLog
	objects  objectLog
}

// admit reports whether both limits let a command for so many objects pass at now. If so it counts
// it; if not neither log has it.
func (b *budget) admit(cfg *Config, objects int, now time.Time) bool {
	if cfg.RateLimit > 0 && !b.commands.free(cfg.RateLimit, cfg.RatePer, now) {
		return false
	}
	if cfg.ObjectLimit > 0 && !b.objects.admit(cfg.ObjectLimit, objects, cfg.ObjectPer, now) {
		return false
	}
	return cfg.RateLimit <= 0 || b.commands.admit(cfg.RateLimit, cfg.RatePer, now)
}

// slidingLog is a ring of the last instants admitted.
type slidingLog struct {
	at   []time.Time
	next int // the oldest entry, the one to be replaced
}

// admit reports whether fewer than n instants were admitted less than per before now. If so it
// admits now. n must be the same in all calls.
func (l *slidingLog) admit(n int, per time.Duration, now time.Time) bool {
	if !l.free(n, per, now) {
		return false
	}
	if len(l.at) < n {
		l.at = append(l.at, now)
		return true
	}
	l.at[l.next] = now
	l.next = (l.next + 1) % n
	return true
}

// free reports whether admit would admit now.
func (l *slidingLog) free(n int, per time.Duration, now time.Time) bool {
	return len(l.at) < n || now.Sub(l.at[l.next]) >= per
}

// objectLog has the commands of the last period, with the number of objects of each.
type objectLog struct {
	entries []objectEntry // the oldest first
	sum     int           // of their objects
}

type objectEntry struct {
	at      time.Time
	objects int
}

// admit reports whether n or fewer objects were admitted in the time per up to now, the new ones
// among them. If so it admits those.
func (l *objectLog) admit(n, objects int, per time.Duration, now time.Time) bool {
	for len(l.entries) > 0 && now.Sub(l.entries[0].at) >= per {
		l.sum -= l.entries[0].objects
		l.entries = l.entries[1:]
	}
	if l.sum+objects > n {
		return false
	}
	l.entries = append(l.entries, objectEntry{now, objects})
	l.sum += objects
	return true
}

// objects is how many objects a message counts for: a check of n names n, any other one.
func (ex *exchange) objects() int {
	n := 0
	if ex.is("check") {
		for range ex.req.names() {
			n++
		}
	}
	return max(n, 1)
}
