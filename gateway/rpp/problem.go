package rpp

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/upstream/pool"
)

// The types of problem documents. C@0f11225 has …rpp:problem and …rpp:error in one section; the latter is
// in its examples. own: what became of a command that has no answer has a type of its own, so that no
// library takes it for an answer.
const (
	typeError   = "urn:ietf:params:rpp:error"
	typeUnknown = "urn:eppmux:problem:unknown"
	typeNotSent = "urn:eppmux:problem:not_sent"
	typeResult  = "urn:eppmux:problem:result:" // with the code behind
)

// refusedHere is the outcome of what the gateway itself has refused: nothing was sent.
const refusedHere = "refused"

// problem is a problem document (RFC 9457). The members up to Errors are of C@0f11225, the others own.
type problem struct {
	Type    string  `json:"type"`
	Title   string  `json:"title"`
	Status  int     `json:"status"`
	Errors  []entry `json:"errors"`
	Outcome string  `json:"outcome"` // answered, not_sent, unknown or refused
	Code    string  `json:"code"`
	ClTRID  string  `json:"clTRID,omitempty"`
	SvTRID  string  `json:"svTRID,omitempty"`
	MuxTRID string  `json:"muxTRID,omitempty"`
}

// entry is one error of a problem document: one for each result of EPP.
type entry struct {
	Type   string   `json:"type"`
	Result string   `json:"result"`
	Reason string   `json:"reason"`
	Paths  []string `json:"paths,omitempty"` // JSONPath, of members of the request's body
	Value  string   `json:"value,omitempty"` // own: the XML of value and extValue
}

func newEntry(code int, reason string, paths ...string) entry {
	return entry{Type: typeResult + digits(code), Result: digits(code), Reason: reason, Paths: paths}
}

// refuse is the reply to what is refused here for the given reasons, of which the first counts.
func (c *call) refuse(status int, first int, entries ...entry) reply {
	return reply{status: status, code: first, body: &problem{
		Type: typeError, Title: "RPP Error", Status: status, Errors: entries, Outcome: refusedHere,
		Code: digits(first), ClTRID: c.clTRID,
	}}
}

// no is refuse for one reason, with the status that the table gives the code.
func (c *call) no(code int, reason string, paths ...string) reply {
	return c.refuse(c.h.codes.status(effectNone, code), code, newEntry(code, reason, paths...))
}

// noFaults is refuse for the faults of a body.
func (c *call) noFaults(f *faults) *reply {
	if len(f.list) == 0 {
		return nil
	}
	first := f.list[0].code
	entries := make([]entry, len(f.list))
	for i, x := range f.list {
		entries[i] = newEntry(x.code, x.reason, x.path)
	}
	a := c.refuse(c.h.codes.status(effectNone, first), first, entries...)
	return &a
}

// noAnswer is the reply where a command has no answer of the registry.
//
// own: not_sent is 503 with Retry-After, against the table, since libraries then repeat it, which is safe;
// unknown is 500, since they then do not.
func (c *call) noAnswer(a carry.Answer, query bool) reply {
	if a.Outcome == carry.NotSent {
		return c.notSent(a, "not sent to the registry; safe to repeat"+because(a.Cause))
	}
	reason := "the registry gave no answer: whether it has carried this out is unknown" + because(a.Cause)
	if query {
		reason = "the registry gave no answer; safe to repeat, since nothing is changed by this" + because(a.Cause)
	}
	return reply{status: http.StatusInternalServerError, code: codeFailed, body: &problem{
		Type: typeUnknown, Title: "Outcome unknown", Status: http.StatusInternalServerError,
		Outcome: string(carry.Unknown), Errors: []entry{newEntry(codeFailed, reason)}, Code: digits(codeFailed),
		ClTRID: c.clTRID, MuxTRID: a.MuxTRID,
	}}
}

func (c *call) notSent(a carry.Answer, reason string) reply {
	return reply{status: http.StatusServiceUnavailable, code: codeFailed, retry: max(a.RetryAfter, 1), body: &problem{
		Type: typeNotSent, Title: "Not sent", Status: http.StatusServiceUnavailable, Outcome: string(carry.NotSent),
		Errors: []entry{newEntry(codeFailed, reason)}, Code: digits(codeFailed), ClTRID: c.clTRID, MuxTRID: a.MuxTRID,
	}}
}

func because(cause pool.Cause) string {
	if cause == pool.CauseNone {
		return ""
	}
	return " (" + cause.String() + ")"
}

// noCarried is the reply to an error of the carrier: nothing was sent.
func (c *call) noCarried(err error) reply {
	var f *mapping.Fault
	switch {
	case errors.As(err, &f):
		return c.no(codeValue, c.quiet(f.Error()))
	case errors.Is(err, carry.ErrForbidden):
		return c.no(codeAuthorization, "this user may not send this command, or not to this registry")
	case errors.Is(err, carry.ErrKeyReused):
		// own, as in RFC 5730 for a command that does not fit what went before.
		return c.refuse(http.StatusConflict, codeUse, newEntry(codeUse, "this RPP-Cltrid was used for another request"))
	case errors.Is(err, carry.ErrKeyInFlight):
		a := c.refuse(http.StatusConflict, codeUse, newEntry(codeUse,
			"the request with this RPP-Cltrid is still under way; safe to repeat"))
		a.retry = time.Second
		return a
	case errors.Is(err, carry.ErrKeyStorage):
		return c.notSent(carry.Answer{RetryAfter: keyRetry},
			"not sent to the registry: RPP-Cltrid cannot be written down")
	}
	c.h.log.Error("a command of RPP was not carried", "error", err)
	return c.notSent(carry.Answer{RetryAfter: keyRetry}, "not sent to the registry; safe to repeat")
}

// failed is the reply to a registry's refusal.
func (c *call) failed(a carry.Answer) reply {
	r := a.Response
	first := shown(r.Results[0].Code)
	status := c.h.codes.status(effectNone, first)
	p := &problem{Type: typeError, Title: "RPP Error", Status: status, Outcome: string(carry.Answered),
		Code: digits(first), ClTRID: c.clTRID, SvTRID: r.SvTRID, MuxTRID: a.MuxTRID}
	for _, res := range r.Results {
		p.Errors = append(p.Errors, c.entryOf(res))
	}
	return reply{status: status, code: first, body: p, svTRID: headerSafe(r.SvTRID), queue: queueOf(r)}
}

// entryOf is the error of one result.
func (c *call) entryOf(res mapping.Result) entry {
	reason := strings.Join(append([]string{res.Message}, res.Reasons...), "; ")
	if shown(res.Code) != res.Code {
		reason = "the registry refuses the account of this gateway: " + reason
	}
	e := newEntry(shown(res.Code), c.quiet(reason))
	for _, v := range res.Values {
		if !secretElement.MatchString(v) {
			e.Value += c.quiet(v)
		}
	}
	return e
}

// secretElement finds the elements of EPP that hold passwords, with any prefix.
var secretElement = regexp.MustCompile(`<([^\s<>/:]+:)?(pw|newPW|authInfo|ext)[\s/>]`)

// quiet takes the passwords of the request out of a text of the registry.
func (c *call) quiet(s string) string {
	for _, secret := range c.secrets {
		s = strings.ReplaceAll(s, secret, "…")
	}
	return s
}

func queueOf(r *mapping.Response) *uint64 {
	if r.MsgQ == nil {
		return nil
	}
	n := r.MsgQ.Count
	return &n
}

// headerSafe is a registry's id, or nothing where it cannot stand in a header.
func headerSafe(id string) string {
	for _, b := range []byte(id) {
		if b < 0x21 || b > 0x7e {
			return ""
		}
	}
	return id
}
