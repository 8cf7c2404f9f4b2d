package sandbox

import (
	"iter"
	"maps"
	"strings"
	"sync"
)

// Times counts one command for one object.
type Times struct {
	Received int // payloads that held it, refused ones included
	Executed int // payloads that succeeded, whether or not the answer got through
}

// record counts commands by verb and object, with keys such as "create example.com". A nil record
// counts nothing. Its memory grows with the number of objects. Its mutex is a leaf.
type record struct {
	mu    sync.Mutex
	times map[string]Times // guarded by mu
}

// names returns the names or ids of the objects of a command, in lower case. A check has many.
func (req *request) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		if req.object == nil {
			return
		}
		for _, k := range req.object.kids {
			if req.identifies(k) && !yield(strings.ToLower(k.token())) {
				return
			}
		}
	}
}

// add changes the counts of each object of a message.
func (rc *record) add(req *request, change func(*Times)) {
	if rc == nil {
		return
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	for name := range req.names() {
		key := req.verb + " " + name
		t := rc.times[key]
		change(&t)
		rc.times[key] = t
	}
}

// Executions returns how often a command for an object came and was carried out. It returns zero
// without Config.Record. Letter case of the name does not matter. A client sent a command twice if
// it came twice, even if it was carried out once.
func (r *Registry) Executions(verb, object string) Times {
	if r.record == nil {
		return Times{}
	}
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	return r.record.times[verb+" "+strings.ToLower(object)]
}

// Record returns all counts, by verb and object with a space between. It returns nil without
// Config.Record.
func (r *Registry) Record() map[string]Times {
	if r.record == nil {
		return nil
	}
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	return maps.Clone(r.record.times)
}
