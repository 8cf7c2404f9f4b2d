package sandbox

import (
	"iter"
	"maps"
	"strings"
	"sync"
)

// Times is how often a command for an object came, and how often it was carried out.
type Times struct {
	Received int // payloads, whatever became of them
	Executed int // those that succeeded, whether or not the answer got through
}

// record counts commands by verb and object, as "create example.com". A nil record counts nothing;
// its memory grows with the number of objects. Its mutex is a leaf.
type record struct {
	mu    sync.Mutex
	times map[string]Times
}

// names are the names or ids of the objects of a command, in lower case.
func (req *request) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		if req.object == nil {
			return
		}
		for _, k := range req.object.kids {
			if k.space == req.object.space && (k.local == "name" || k.local == "id") && !yield(strings.ToLower(k.token())) {
				return
			}
		}
	}
}

// add changes what is recorded for each object of a message.
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

// Executions says how often a command came and was carried out for an object, with Config.Record;
// else it returns zero. Letter case of the name does not matter. A create that came twice and was
// carried out once was sent twice.
func (r *Registry) Executions(verb, object string) Times {
	if r.record == nil {
		return Times{}
	}
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	return r.record.times[verb+" "+strings.ToLower(object)]
}

// Record returns all that Executions knows, by verb and object with a space between; nil without
// Config.Record.
func (r *Registry) Record() map[string]Times {
	if r.record == nil {
		return nil
	}
	r.record.mu.Lock()
	defer r.record.mu.Unlock()
	return maps.Clone(r.record.times)
}
