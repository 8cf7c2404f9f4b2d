package cluster

// poll begins a round of readings where one is due.
func (m *machine) poll(now Instant) {
	if m.loading > 0 {
		return
	}
	switch {
	case now.Boot >= m.pollAt:
		m.load(Leases, now)
		m.load(Members, now)
	case m.hinted && now.Boot >= m.readAt+m.cfg.TTL/60:
		m.load(Leases, now)
	default:
		return
	}
	// Readings by a hint are bounded: in a large cluster there is something new all the time.
	m.hinted, m.readAt = false, now.Boot
}

func (m *machine) load(t Table, now Instant) {
	m.loading++
	m.ask(action{do: doLoad, table: t}, asking{table: t, at: now})
	if t == Members {
		m.pollAt = now.Boot + m.cfg.TTL/6
	}
}

// changed is told when the engine's records may have changed.
func (m *machine) changed(now Instant) {
	m.hinted = true
	m.advance(now)
}

// loaded is the answer to doLoad.
func (m *machine) loaded(id uint64, records map[string][]byte, err error, now Instant) {
	r := m.answer(id)
	if r == nil || m.closed {
		return
	}
	m.loading--
	switch {
	case err != nil:
		m.pollAt = min(m.pollAt, now.Boot+m.cfg.TTL/10)
	case r.table == Leases:
		for _, key := range m.order {
			// A reading that was asked for before the last Swap ended may be older than its outcome.
			if a := m.accounts[key]; a.asked == 0 && r.at.Boot >= a.endedAt {
				m.observe(a, records[key], r.at, now)
			}
		}
	default:
		m.meet(records, r.at, now)
	}
	m.advance(now)
}
