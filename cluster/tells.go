package cluster

// Tells reports whether it matters to others at once that r was written in place of old: whether Engine.Watch
// is to tell of it. Most writings only renew what is there. Each member would read all leases for each of
// them, and the readings that it does anyway are enough.
func Tells(r Record, old []byte) bool {
	switch r.Table {
	case Leases:
		is, ok := readLease(r.Value)
		was, clear := readLease(old)
		return !ok || !clear || is.Instance != was.Instance || is.Term != was.Term || is.Released != was.Released
	case Members: // nobody waits for a member; it is read with the next round
		is, ok := readMember(r.Key, r.Value)
		was, clear := readMember(r.Key, old)
		return !ok || !clear || is.Instance != was.Instance || is.Leaving != was.Leaving
	}
	return false
}
