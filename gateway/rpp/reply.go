package rpp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// The media types of bodies. J@0494c6c; RFC 9457 for problems, which have no parameters.
const (
	mediaRPP     = "application/rpp+json"
	mediaPatch   = "application/json-patch+json" // RFC 6902
	mediaProblem = "application/problem+json"
	mediaJSON    = "application/json" // of the discovery document
)

// reply is an answer to a request.
type reply struct {
	status   int
	code     int
	body     any // nil: none; *problem: a problem document
	media    string
	location string  // path below the base, escaped; empty: none
	svTRID   string  // the registry's; empty: one of ours
	queue    *uint64 // messages that wait; nil: the registry did not say
	retry    time.Duration
	allow    string // methods, for 405
}

// ok is the reply of a call that was carried out.
func (c *call) ok(e effect, code int, body any) reply {
	return reply{status: c.h.codes.status(e, code), code: code, body: body}
}

// write sends a reply. Headers: C@0f11225; nosniff is a SHOULD there, no-store is own: answers can hold
// what RPP-Authorization opened, which must not be cached.
func (c *call) write(w http.ResponseWriter, a reply) {
	h := w.Header()
	h.Set("RPP-Code", digits(a.code))
	h.Set("Vary", "Accept")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if c.clTRID != "" {
		h.Set("RPP-Cltrid", c.clTRID)
	}
	if a.svTRID == "" {
		a.svTRID = c.h.svTRIDs.next()
	}
	h.Set("RPP-Svtrid", a.svTRID)
	if a.queue != nil {
		h.Set("RPP-Queue-Size", strconv.FormatUint(*a.queue, 10))
	}
	if a.location != "" {
		h.Set("Location", c.h.baseURL(c.r)+prefix+a.location)
	}
	if a.retry > 0 {
		// Whole seconds (RFC 9110 section 10.2.3), upwards.
		h.Set("Retry-After", strconv.FormatInt(int64((a.retry+time.Second-1)/time.Second), 10))
	}
	if a.allow != "" {
		h.Set("Allow", a.allow)
	}
	if a.status == http.StatusUnauthorized && a.code == codeAuthentication {
		h.Add("WWW-Authenticate", `Basic realm="eppmux", charset="UTF-8"`)
		h.Add("WWW-Authenticate", `Bearer realm="eppmux"`)
	}
	// RFC 9110 section 15.3.5: a 204 has no content.
	if a.body == nil || a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	text := encode(a.body)
	media := a.media
	if media == "" {
		media = contentType(a.body)
	}
	h.Set("Content-Type", media)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(a.status)
	if _, err := w.Write(text); err != nil {
		c.h.log.Debug("an answer of RPP was not written", "error", err)
	}
}

func contentType(body any) string {
	if _, ok := body.(*problem); ok {
		return mediaProblem
	}
	return rppType
}

const rppType = mediaRPP + `; profile="` + profileURN + `"; profile-version="` + profileVersion + `"; version="` +
	rppVersion + `"`

// encode returns v as JSON. All that is answered can be encoded.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("BUG: an answer of RPP: " + err.Error())
	}
	return b.Bytes()
}

// svTRIDs makes the ids of answers that no registry gave: C@0f11225 wants one on each.
type svTRIDs struct {
	start int64 // microseconds since 1970
	last  atomic.Uint64
}

func newSvTRIDs() *svTRIDs { return &svTRIDs{start: time.Now().UnixMicro()} }

func (s *svTRIDs) next() string { return fmt.Sprintf("eppmux-%014x-r%08x", s.start, s.last.Add(1)) }
