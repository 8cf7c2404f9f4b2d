package cluster

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// member is the record of a host, as this host has seen it.
type member struct {
	Member
	host   string
	rec    []byte
	clear  bool            // it can be read
	part   map[string]bool // see partsOf
	since  time.Duration   // when this process of it was first seen, without a break
	watch  time.Duration   // since when rec was seen to be the same
	moves  int             // times that rec has changed within this process of it
	seenAt Instant         // when the last reading was asked for
	skews  [2]interval     // the last ones of its wall clock, less ours
	odd    bool            // its clock is the odd one out
}

// self is this host's own record.
type self struct {
	beat  uint64
	asked uint64 // Swap of Members under way, of this record or of a stale one; 0: none
	ended time.Duration
	at    time.Duration // when the next writing is due
	read  bool          // Members was read
	by    time.Duration // when a record of another process by our name was seen first, or has moved last
	met   bool          // by is set
}

// alive reports whether a member's record has changed within a ttl.
func (m *machine) alive(o *member, now Instant) bool { return now.Boot < o.watch+m.cfg.TTL }

// alone reports whether no other host is a member.
func (m *machine) alone() bool {
	for host := range m.members {
		if host != m.cfg.Host {
			return false
		}
	}
	return m.fresh
}

// meet is told what the records of Members were at some instant between at and now.
func (m *machine) meet(records map[string][]byte, at, now Instant) {
	for host, rec := range records {
		if host != m.cfg.Host || m.self.asked == 0 && at.Boot >= m.self.ended {
			m.see(host, rec, at, now)
		}
	}
	for host := range m.members {
		if records[host] == nil && (host != m.cfg.Host || m.self.asked == 0 && at.Boot >= m.self.ended) {
			delete(m.members, host)
			if host == m.cfg.Host {
				m.self.at = now.Boot
			}
		}
	}
	m.self.read, m.fresh = true, true
	m.view++
	m.compare(now)
}

// see is told what the record of one host was.
func (m *machine) see(host string, rec []byte, at, now Instant) {
	o := m.members[host]
	if o == nil {
		o = &member{host: host, since: now.Boot}
		m.members[host] = o
	}
	before := o.seenAt
	o.seenAt = at
	if bytes.Equal(o.rec, rec) {
		return
	}
	was, first := o.Member, o.rec == nil
	gone := !first && !m.alive(o, now)
	o.rec, o.watch = rec, now.Boot
	o.Member, o.clear = readMember(host, rec)
	if o.part == nil || o.Accounts != was.Accounts {
		o.part = partsOf(o.Accounts)
	}
	if !o.clear {
		if first || was.Host != "" {
			m.say(slog.LevelWarn, "the record of a member cannot be read", "host", host)
		}
		return
	}
	if first || o.Instance != was.Instance || gone {
		o.since, o.moves, o.skews = now.Boot, 0, [2]interval{unknown, unknown}
		return
	}
	o.moves++
	o.skews = [2]interval{m.skew(o.Wall, before, now), o.skews[0]}
}

// tend writes this host's own record, and removes stale ones.
func (m *machine) tend(now Instant) {
	if !m.self.read || m.self.asked != 0 || m.closed {
		return
	}
	if m.closing {
		m.resign(now)
		return
	}
	if now.Boot < m.self.at {
		m.remove(now)
		return
	}
	o := m.members[m.cfg.Host]
	if o != nil && o.Instance != m.cfg.Instance && !m.replaces(o, now) {
		return
	}
	m.self.met, m.doubled = false, false
	m.self.at = now.Boot + m.cfg.TTL/3
	m.self.beat++
	m.enroll(o.record(), write(m.card(now)), m.cfg.Host, now)
}

// record is what is there of a member; nil: nothing.
func (o *member) record() []byte {
	if o == nil {
		return nil
	}
	return o.rec
}

// replaces reports whether the record of another process by our host's name may be replaced: it is one
// that has ended. One that moves is a second process of the same name, and neither may trust it.
func (m *machine) replaces(o *member, now Instant) bool {
	s := &m.self
	if !s.met || s.by < o.watch {
		if s.met && !m.doubled {
			m.doubled = true
			m.say(slog.LevelError, "another process is in the cluster by the same host name; this one takes no part",
				"host", m.cfg.Host, "peer", o.Peer)
		}
		s.met, s.by = true, max(now.Boot, o.watch)
	}
	wait := m.cfg.TTL * 3 / 5 // it moves every third
	if m.doubled {
		wait = m.cfg.TTL
	}
	if now.Boot < s.by+wait {
		s.at = s.by + wait
		return false
	}
	if m.doubled {
		m.say(slog.LevelInfo, "the other process by the same host name is gone", "host", m.cfg.Host)
	}
	return true
}

// card is this host's own record.
func (m *machine) card(now Instant) Member {
	for key, until := range m.unfit {
		if until <= millis(now.Wall) {
			delete(m.unfit, key)
		}
	}
	var parts []string
	for _, key := range m.order {
		if a := m.accounts[key]; !a.parting && (!a.leaving || m.leaving) {
			parts = append(parts, short(key))
		}
	}
	slices.Sort(parts)
	return Member{Version: recordVersion, Host: m.cfg.Host, Instance: m.cfg.Instance, Peer: m.cfg.Peer,
		Program: m.cfg.Version, Beat: m.self.beat, Wall: millis(now.Wall), Since: millis(m.since),
		Leaving: m.leaving, Out: m.odd,
		Identity: m.identity, Accounts: strings.Join(parts, ""), Unfit: m.unfit}
}

func (m *machine) enroll(old, value []byte, host string, now Instant) {
	m.ask(action{do: doSwap, record: Record{Table: Members, Key: host, Value: value}, old: old},
		asking{table: Members, at: now, write: &claim{value: value, lease: Lease{Host: host}}})
	m.self.asked = m.lastID
}

// enrolled is the answer to a Swap of Members.
func (m *machine) enrolled(id uint64, done bool, is []byte, err error, r *asking, now Instant) {
	if m.self.asked != id {
		return
	}
	m.self.asked, m.self.ended = 0, now.Boot
	host := r.write.lease.Host
	if err != nil {
		m.self.at = min(m.self.at, now.Boot+m.cfg.TTL/15)
		return
	}
	if done {
		is = r.write.value
	}
	if is == nil {
		delete(m.members, host)
	} else {
		m.see(host, is, r.at, now)
	}
	if host == m.cfg.Host {
		if !done {
			m.self.at = now.Boot
		}
		m.closed = m.closing && is == nil
	}
}

// remove removes the record of one member that has not changed for ten ttl.
func (m *machine) remove(now Instant) {
	for host, o := range m.members {
		if host != m.cfg.Host && now.Boot >= o.watch+10*m.cfg.TTL && now.Boot-o.seenAt.Boot < m.cfg.TTL/2 {
			m.say(slog.LevelInfo, "a member that is gone is removed", "host", host)
			m.enroll(o.rec, nil, host, now)
			return
		}
	}
}

// resign removes this host's own record, once it owns nothing.
func (m *machine) resign(now Instant) {
	for _, a := range m.accounts {
		if a.state != stateNone {
			m.self.at = max(m.self.at, now.Boot+m.cfg.TTL/60)
			return
		}
	}
	o := m.members[m.cfg.Host]
	if o == nil || o.Instance != m.cfg.Instance {
		m.closed = true
		return
	}
	if now.Boot >= m.self.at || !m.resigned {
		m.resigned = true
		m.self.at = now.Boot + m.cfg.TTL/15
		m.enroll(o.rec, nil, m.cfg.Host, now)
	}
}
