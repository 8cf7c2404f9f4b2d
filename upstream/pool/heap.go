package pool

import "time"

// Heap is a binary heap that knows where each of its items stands, so that one can be moved or
// taken out from the middle. The item with the least Key is first. The zero Heap is empty.
//
// Keys and the pointers to the items' Places lie in the heap's own entries: comparing two items
// touches neither of them, and nothing is called by an interface or a function value. An exchange
// passes through a heap twice, so that this counts: by BenchmarkQueue it is as fast as one by hand.
type Heap[T any] struct {
	entries []heapEntry[T]
}

type heapEntry[T any] struct {
	key   Key
	item  T
	place *Place
}

// Key orders the items of a Heap: by instant, and between equal instants by Seq.
type Key struct {
	At  time.Duration
	Seq uint64
}

func (k Key) less(l Key) bool { return k.At < l.At || k.At == l.At && k.Seq < l.Seq }

// Place is where an item stands in its Heap, which keeps it up to date. The zero Place means that
// the item is in no Heap. A Place belongs to one Heap at a time.
type Place int32 // index in the heap's entries, from 1

// In reports whether the item is in a Heap.
func (p Place) In() bool { return p != 0 }

// Len is the number of items.
func (h *Heap[T]) Len() int { return len(h.entries) }

// First returns the first item and its Key; false where the heap is empty.
func (h *Heap[T]) First() (item T, key Key, ok bool) {
	if len(h.entries) == 0 {
		return item, key, false
	}
	return h.entries[0].item, h.entries[0].key, true
}

// Push puts item in, which stands nowhere. The heap writes place until the item is out again.
func (h *Heap[T]) Push(item T, place *Place, key Key) {
	if place.In() {
		panic("BUG: item pushed twice")
	}
	h.entries = append(h.entries, heapEntry[T]{key, item, place})
	h.up(h.entries[len(h.entries)-1], len(h.entries)-1)
}

// Remove takes the item at place out.
func (h *Heap[T]) Remove(place Place) {
	i, last := h.index(place), len(h.entries)-1
	*h.entries[i].place = 0
	e := h.entries[last]
	h.entries[last] = heapEntry[T]{}
	h.entries = h.entries[:last]
	if i < last {
		h.settle(e, i)
	}
}

// Move gives the item at place another key.
func (h *Heap[T]) Move(place Place, key Key) {
	i := h.index(place)
	e := h.entries[i]
	e.key = key
	h.settle(e, i)
}

// Key is the key of the item at place.
func (h *Heap[T]) Key(place Place) Key { return h.entries[h.index(place)].key }

// Items calls f for each item, in no order. f must not change the heap.
func (h *Heap[T]) Items(f func(T)) {
	for i := range h.entries {
		f(h.entries[i].item)
	}
}

func (h *Heap[T]) index(place Place) int {
	if !place.In() {
		panic("BUG: item is in no heap")
	}
	return int(place) - 1
}

func (h *Heap[T]) put(e heapEntry[T], i int) {
	h.entries[i] = e
	*e.place = Place(i + 1)
}

// settle puts e in its place, which may be i, or nearer to the first or further from it.
func (h *Heap[T]) settle(e heapEntry[T], i int) {
	if i > 0 && e.key.less(h.entries[(i-1)/2].key) {
		h.up(e, i)
	} else {
		h.down(e, i)
	}
}

// up moves e, whose place may be i, towards the first as far as it goes, and puts it there.
func (h *Heap[T]) up(e heapEntry[T], i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !e.key.less(h.entries[parent].key) {
			break
		}
		h.put(h.entries[parent], i)
		i = parent
	}
	h.put(e, i)
}

// down moves e, whose place may be i, away from the first as far as it goes, and puts it there.
func (h *Heap[T]) down(e heapEntry[T], i int) {
	for {
		child := 2*i + 1
		if child >= len(h.entries) {
			break
		}
		if child+1 < len(h.entries) && h.entries[child+1].key.less(h.entries[child].key) {
			child++
		}
		if !h.entries[child].key.less(e.key) {
			break
		}
		h.put(h.entries[child], i)
		i = child
	}
	h.put(e, i)
}
