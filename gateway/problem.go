package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/upstream/pool"
)

// Problem is a problem document (RFC 9457): the answer to every request that did not succeed.
type Problem struct {
	Type   string `json:"type" doc:"urn:eppmux:problem:NAME, for programs"`
	Title  string `json:"title" doc:"What Type means, the same each time"`
	Status int    `json:"status" doc:"Status of the HTTP answer"`
	Detail string `json:"detail,omitempty" doc:"What was wrong this time"`

	// The word for what became of the command; refused where the gateway refused the request.
	Outcome string `json:"outcome" enum:"answered,not_sent,unknown,refused" doc:"What became of the command"`
	Code    int    `json:"code,omitempty" doc:"Result code of EPP (RFC 5730 section 3)"`
	Cause   string `json:"cause,omitempty" doc:"Why a command was not sent, or has no answer: a word as in the metrics"`
	ClTRID  string `json:"clTRID,omitempty"`
	SvTRID  string `json:"svTRID,omitempty"`
	MuxTRID string `json:"muxTRID,omitempty" doc:"The id by which the registry knows the command"`

	Results    []mapping.Result `json:"results,omitempty" doc:"What the registry answered"`
	RetryAfter int              `json:"retryAfter,omitempty" doc:"Seconds after which it may be tried again"`
	Replayed   bool             `json:"replayed,omitempty" doc:"The answer to an earlier request with the same key"`
	Settled    bool             `json:"settled,omitempty" doc:"Found out by a look at the registry"`
	Errors     []Wrong          `json:"errors,omitempty" doc:"What is wrong with the request"`
}

// Wrong is one thing that is wrong with a request.
type Wrong struct {
	Location string `json:"location" doc:"Where: body.nameservers[2].name, header.Prefer, path.name"`
	Message  string `json:"message"`
}

// refused is the outcome of what the gateway itself has refused: no command was made of it.
const refused = "refused"

// problemKind is a kind of Problem.
type problemKind struct {
	name, title string
	status      int
}

// The kinds.
var (
	badRequest       = problemKind{"bad-request", "The request is not in order", http.StatusBadRequest}
	badPath          = problemKind{"bad-path", "The path is not in order", http.StatusBadRequest}
	unauthorized     = problemKind{"unauthorized", "Credentials are missing or wrong", http.StatusUnauthorized}
	loginRefused     = problemKind{"login-refused", "The client id or its password is wrong", http.StatusForbidden}
	forbidden        = problemKind{"forbidden", "The user may not do this", http.StatusForbidden}
	wrongHost        = problemKind{"host", "The Host header names another server", http.StatusForbidden}
	wrongOrigin      = problemKind{"origin", "Pages of this origin may not call", http.StatusForbidden}
	notFound         = problemKind{"not-found", "There is nothing here", http.StatusNotFound}
	noRegistry       = problemKind{"no-registry", "There is no such registry", http.StatusNotFound}
	methodNotAllowed = problemKind{"method-not-allowed", "The method is not served here", http.StatusMethodNotAllowed}
	keyReused        = problemKind{"key-reused", "The key was used for another request", http.StatusConflict}
	keyInFlight      = problemKind{"key-in-flight", "The request with this key is still under way", http.StatusConflict}
	tooLarge         = problemKind{"too-large", "The body is too long", http.StatusRequestEntityTooLarge}
	slowBody         = problemKind{"timeout", "The body did not come in time", http.StatusRequestTimeout}
	mediaType        = problemKind{"media-type", "The body is of another type", http.StatusUnsupportedMediaType}
	noKeys           = problemKind{"no-keys", "Keys cannot be written down", http.StatusServiceUnavailable}
	busy             = problemKind{"busy", "Too much is under way", http.StatusServiceUnavailable}
	notSent          = problemKind{"not-sent", "The command was not sent", http.StatusServiceUnavailable}
	unknownOutcome   = problemKind{"unknown", "Nobody knows whether the command was carried out", 500}
	registryRefused  = problemKind{"registry", "The registry answered with an error", http.StatusBadGateway}
	noAnswer         = problemKind{"unreadable", "The registry's answer cannot be read", http.StatusBadGateway}
)

// problem is a Problem of a kind.
func (k problemKind) problem(detail string) *Problem {
	return &Problem{Type: "urn:eppmux:problem:" + k.name, Title: k.title, Status: k.status, Detail: detail,
		Outcome: refused}
}

// wrong is a Problem with the places where a request is wrong.
func wrong(all ...Wrong) *Problem {
	p := badRequest.problem("")
	if len(all) > 0 {
		p.Detail = all[0].Location + ": " + all[0].Message
	}
	p.Errors = all
	return p
}

// refuse answers with a Problem.
func (c *call) refuse(p *Problem) {
	h := c.Header()
	if c.id != "" && p.ClTRID == "" && p.Outcome != refused {
		p.ClTRID = c.id
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	h.Set("Content-Type", "application/problem+json")
	c.outcome, c.answers = p.Outcome, true
	c.WriteHeader(p.Status)
	b, err := json.Marshal(p)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	_, _ = c.Write(append(b, '\n'))
}

// statusOf is the HTTP status for a result code of EPP from 2000 on.
func statusOf(code int) int {
	switch code {
	case 2201, 2202:
		return http.StatusForbidden
	case 2303:
		return http.StatusNotFound
	case 2302, 2304, 2305, 2300, 2301, 2105, 2106:
		return http.StatusConflict
	case 2001, 2002, 2003, 2004, 2005, 2306, 2308:
		return http.StatusUnprocessableEntity
	case 2104:
		return http.StatusPaymentRequired
	case 2000, 2100, 2101, 2102, 2103, 2307:
		return http.StatusNotImplemented
	}
	return http.StatusBadGateway // 2400, 2500 to 2502; 2200 and 2501 are about our account
}

// answerProblem is the Problem in what became of a command; nil: it was carried out.
func answerProblem(a *carry.Answer) *Problem {
	var p *Problem
	switch {
	case a.Outcome == carry.NotSent:
		p = notSent.problem("the registry has not seen it; it may be sent again")
		p.Outcome, p.RetryAfter = string(carry.NotSent), retrySeconds(a.RetryAfter)
	case a.Outcome != carry.Answered:
		p = unknownOutcome.problem("it was sent, and there is no answer: a repeat with the same Idempotency-Key " +
			"is never sent, and tells what is known by then; without one ask the registry for the object")
		p.Outcome = string(carry.Unknown)
	case a.Response == nil || len(a.Response.Results) == 0:
		p = noAnswer.problem("it is no answer of EPP that this server reads")
		p.Outcome = string(carry.Answered)
	case a.Response.Results[0].Code >= 2000:
		p = registryRefused.problem(a.Response.Results[0].Message)
		p.Outcome, p.Code = string(carry.Answered), a.Response.Results[0].Code
		p.Status, p.Results = statusOf(p.Code), a.Response.Results
	default:
		return nil
	}
	if a.Response != nil {
		p.ClTRID, p.SvTRID = a.Response.ClTRID, a.Response.SvTRID
	}
	if a.Outcome != carry.Answered {
		p.Cause = a.Cause.String()
		if a.Cause == pool.CauseClientGone { // who reads this has not gone: its request has waited for long enough
			p.Detail = "the time of the request was over (Prefer: wait, or the operator's timeout); " + p.Detail
		}
	}
	p.MuxTRID, p.Replayed, p.Settled = a.MuxTRID, a.Replayed, a.Settled
	return p
}

// retrySeconds is a wait in whole seconds, at least one.
func retrySeconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }
