package audit

// queue holds entries that wait to be rendered, with copies of their octets. The zero value is
// empty.
type queue struct {
	records []record
	octets  []byte // the entries refer to these
}

// record is an entry that waits.
type record struct {
	Entry
	waiter
	size int // sizeOf the entry
}

// waiter is told once what has become of a note.
type waiter struct {
	done   func(ticket uint64, ok bool) // nil: nobody waits, or was told
	ticket uint64
}

// tell calls done, the first time only.
func (w *waiter) tell(ok bool) {
	if done := w.done; done != nil {
		w.done = nil
		done(w.ticket, ok)
	}
}

// push appends a copy of e.
func (q *queue) push(e *Entry, w waiter, size int) {
	q.records = append(q.records, record{*e, w, size})
	k := &q.records[len(q.records)-1]
	for _, p := range []*[]byte{&k.ClTRID, &k.MuxTRID, &k.Payload, &k.Answer, &k.SvTRID} {
		*p = q.copy(*p)
	}
}

// copy copies p into octets. If octets must grow, earlier copies stay valid in the old array.
func (q *queue) copy(p []byte) []byte {
	if p == nil {
		return nil
	}
	from := len(q.octets)
	q.octets = append(q.octets, p...)
	return q.octets[from:len(q.octets):len(q.octets)]
}

// reset empties the queue for its next use.
func (q *queue) reset() {
	clear(q.records)
	q.records, q.octets = q.records[:0], q.octets[:0]
	if cap(q.octets) > keepOctets {
		*q = queue{}
	}
}

// lines are lines that wait to be written, with their waiters.
type lines struct {
	text []byte // from front on
	all  []line
}

// line is one of lines.
type line struct {
	waiter
	end  int // offset in lines.text
	size int // as in record
}

// front is the room before the lines in which a newline and a line about the log itself fit, in
// octets.
const front = 160

func newLines() lines { return lines{text: make([]byte, front, 16<<10)} }

// append renders the entries of q.
func (k *lines) append(r *renderer, q *queue) {
	for i := range q.records {
		rec := &q.records[i]
		k.text = r.append(k.text, &rec.Entry)
		k.all = append(k.all, line{rec.waiter, len(k.text), rec.size})
	}
}

// behind is a newline, own and the lines, in one piece. own must be shorter than front. Valid until
// the lines change.
func (k *lines) behind(own []byte) []byte {
	at := front - len(own)
	copy(k.text[at:front], own)
	k.text[at-1] = '\n'
	return k.text[at-1:]
}

// within is the number of lines that are whole if octets are missing at the end. missing is minus
// their number, or 0.
func (k *lines) within(missing int) (whole int) {
	end := len(k.text) + missing
	for whole < len(k.all) && k.all[whole].end <= end {
		whole++
	}
	return whole
}

// drop drops the first n lines.
func (k *lines) drop(n int) {
	switch {
	case n == 0:
	case n < len(k.all):
		cut := k.all[n-1].end - front
		k.text = append(k.text[:front], k.text[front+cut:]...)
		k.all = append(k.all[:0], k.all[n:]...)
		for i := range k.all {
			k.all[i].end -= cut
		}
	case cap(k.text) > keepOctets:
		*k = newLines()
	default:
		clear(k.all)
		k.text, k.all = k.text[:front], k.all[:0]
	}
}
