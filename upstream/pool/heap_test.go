package pool

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// placed is an item of a Heap.
type placed struct {
	place Place
	key   Key
}

// sorted is the model of a Heap: its items in order.
type sorted []*placed

func (s *sorted) add(p *placed) {
	i, _ := slices.BinarySearchFunc(*s, p, func(a, b *placed) int {
		if a.key.less(b.key) {
			return -1
		}
		return 1
	})
	*s = slices.Insert(*s, i, p)
}

func (s *sorted) drop(p *placed) { *s = slices.DeleteFunc(*s, func(q *placed) bool { return q == p }) }

// TestHeap: whatever is pushed, moved and removed, the heap yields the items in the order in which a
// sorted slice has them.
func TestHeap(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		var h Heap[*placed]
		var model sorted
		seq := uint64(0)
		key := func() Key { // many instants are equal
			seq++
			return Key{time.Duration(r.IntN(20)), seq}
		}
		for range 2000 {
			switch n := r.IntN(10); {
			case n < 4 || len(model) == 0:
				p := &placed{key: key()}
				h.Push(p, &p.place, p.key)
				model.add(p)
			case n < 6:
				p := model[r.IntN(len(model))]
				model.drop(p)
				p.key = key()
				h.Move(p.place, p.key)
				model.add(p)
			case n < 8:
				p := model[r.IntN(len(model))]
				h.Remove(p.place)
				model.drop(p)
				if p.place.In() {
					t.Fatalf("seed %d: a removed item has place %d", seed, p.place)
				}
			default:
				p, _, _ := h.First()
				h.Remove(p.place)
				model.drop(p)
			}
			checkHeap(t, &h, model)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		for len(model) > 0 {
			p, _, ok := h.First()
			if !ok || p != model[0] {
				t.Fatalf("seed %d: got %+v, want %+v", seed, p, model[0])
			}
			h.Remove(p.place)
			model.drop(p)
		}
	}
}

func checkHeap(t *testing.T, h *Heap[*placed], model sorted) {
	t.Helper()
	if h.Len() != len(model) {
		t.Errorf("got %d items, want %d", h.Len(), len(model))
	}
	p, key, ok := h.First()
	if ok != (len(model) > 0) {
		t.Errorf("got an item: %v, of %d", ok, len(model))
	}
	if ok && (p != model[0] || key != p.key) {
		t.Errorf("got %+v by %v first, want %+v", p, key, model[0])
	}
	for i, e := range h.entries {
		if e.item.place != Place(i+1) || e.key != e.item.key {
			t.Errorf("entry %d has an item at %d, by %v and %v", i, e.item.place, e.key, e.item.key)
		}
	}
}

// TestHeapItems: Items meets each item once, and an item that was taken out is not kept alive.
func TestHeapItems(t *testing.T) {
	var h Heap[*placed]
	items := make([]placed, 10)
	for i := range items {
		h.Push(&items[i], &items[i].place, Key{At: time.Duration(i * 7 % 10)})
	}
	met := map[*placed]int{}
	h.Items(func(p *placed) { met[p]++ })
	for i := range items {
		if met[&items[i]] != 1 {
			t.Errorf("item %d was met %d times", i, met[&items[i]])
		}
	}
	for i := range items {
		h.Remove(items[i].place)
	}
	for _, e := range h.entries[:cap(h.entries)] {
		if e.item != nil || e.place != nil {
			t.Errorf("an entry still has %+v", e)
		}
	}
}

// TestHeapMisused: an item is in one place, and only an item that is in can be taken out.
func TestHeapMisused(t *testing.T) {
	for what, f := range map[string]func(h *Heap[*placed], in, out *placed){
		"pushed twice":  func(h *Heap[*placed], in, _ *placed) { h.Push(in, &in.place, Key{}) },
		"removed":       func(h *Heap[*placed], _, out *placed) { h.Remove(out.place) },
		"moved":         func(h *Heap[*placed], _, out *placed) { h.Move(out.place, Key{}) },
		"removed twice": func(h *Heap[*placed], in, _ *placed) { h.Remove(in.place); h.Remove(in.place) },
	} {
		t.Run(what, func(t *testing.T) {
			var h Heap[*placed]
			in, out := new(placed), new(placed)
			h.Push(in, &in.place, Key{})
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(&h, in, out)
		})
	}
}

// BenchmarkHeap takes the first of ten thousand items and pushes it again behind the others.
func BenchmarkHeap(b *testing.B) {
	var h Heap[*placed]
	for i := range 10_000 {
		p := new(placed)
		h.Push(p, &p.place, Key{At: time.Duration(i * 7919 % 10_000)})
	}
	now := Key{At: 10_000}
	b.ReportAllocs()
	for b.Loop() {
		p, _, _ := h.First()
		h.Remove(p.place)
		now.At++
		h.Push(p, &p.place, now)
	}
}
