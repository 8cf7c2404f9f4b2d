package carry

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// recentKept is the number of objects whose last transforms are remembered.
const recentKept = 1 << 14

// recent remembers which transforms this gateway has sent for which objects, so that the deed of one is not
// taken for that of another: of a change that was asked for again under another key, say.
type recent struct {
	mu   sync.Mutex
	last *simplelru.LRU[deedObject, deeds] // guarded by mu
	lost time.Time                         // when the latest of what is forgotten was sent; guarded by mu
}

// deedObject is an object at a registry.
type deedObject struct{ registry, namespace, name string }

// deeds are the last transforms of an object.
type deeds struct {
	id    string    // whose the last is, see work.id
	at    time.Time // when it was sent
	other time.Time // when the last of another id was sent; zero: never
}

func newRecent() *recent {
	r := new(recent)
	last, err := simplelru.NewLRU(recentKept, func(_ deedObject, d deeds) {
		if d.at.After(r.lost) {
			r.lost = d.at
		}
	})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	r.last = last
	return r
}

// note remembers a transform that is about to be sent.
func (r *recent) note(registry string, w *wish, id string) {
	o, now := deedObject{registry, w.namespace, w.named()}, time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	d, _ := r.last.Get(o)
	if d.id != id {
		d.other = d.at
	}
	d.id, d.at = id, now
	r.last.Add(o, d)
}

// othersSince reports whether another transform of the object was sent since then, or may have been.
func (r *recent) othersSince(registry string, w *wish, id string, since time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.lost.Before(since) {
		return true
	}
	d, _ := r.last.Get(deedObject{registry, w.namespace, w.named()})
	other := d.at
	if d.id == id {
		other = d.other
	}
	return !other.Before(since)
}
