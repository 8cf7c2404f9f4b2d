package audit

// queue is entries that wait to be rendered, with octets of their own.
type queue struct {
	records []record
	octets  []byte // that the entries refer to
}

// record is an entry that waits.
type record struct {
	Entry
	waiter
	size int
}

// waiter is told, once, what has become of an announcement.
type waiter struct {
	done func(turn uint64, ok bool) // nil: nobody waits
	turn uint64
}

func (w *waiter) tell(ok bool) {
	if done := w.done; done != nil {
		w.done = nil
		done(w.turn, ok)
	}
}

func (q *queue) push(e *Entry, w waiter, size int) {
	q.records = append(q.records, record{*e, w, size})
	k := &q.records[len(q.records)-1]
	for _, p := range []*[]byte{&k.ClTRID, &k.MuxTRID, &k.Payload, &k.Answer, &k.SvTRID} {
		*p = q.copy(*p)
	}
}

// copy copies p into octets; where these move, what was copied before stays where it was.
func (q *queue) copy(p []byte) []byte {
	if p == nil {
		return nil
	}
	from := len(q.octets)
	q.octets = append(q.octets, p...)
	return q.octets[from:len(q.octets):len(q.octets)]
}

// reset empties it for the next use.
func (q *queue) reset() {
	clear(q.records)
	q.records, q.octets = q.records[:0], q.octets[:0]
	if cap(q.octets) > keepOctets {
		*q = queue{}
	}
}

// lines are what waits to be written, and who for.
type lines struct {
	text []byte // from front on
	all  []line
}

// line is one of them.
type line struct {
	waiter
	end  int // in text
	size int // as in record
}

// front is room before the lines for a newline and a line about the log itself, in octets.
const front = 160

func newLines() lines { return lines{text: make([]byte, front, 16<<10)} }

// append renders what q holds.
func (k *lines) append(r *renderer, q *queue) {
	for i := range q.records {
		rec := &q.records[i]
		k.text = r.append(k.text, &rec.Entry)
		k.all = append(k.all, line{rec.waiter, len(k.text), rec.size})
	}
}

// behind is a newline, own and the lines; valid until they change.
func (k *lines) behind(own []byte) []byte {
	at := front - len(own)
	copy(k.text[at:front], own)
	k.text[at-1] = '\n'
	return k.text[at-1:]
}

// within counts the lines that are whole when so many octets are missing at the end, as a number
// below 0.
func (k *lines) within(missing int) (whole int) {
	end := len(k.text) + missing
	for whole < len(k.all) && k.all[whole].end <= end {
		whole++
	}
	return whole
}

// drop takes out the first n.
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
