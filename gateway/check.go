package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"eppmux/gateway/batch"
	"eppmux/gateway/mapping"
)

// CheckCall is the body of a check of many names.
type CheckCall struct {
	Names    []string       `json:"names" maxItems:"10000" doc:"As U-labels or A-labels, of any registries"`
	Registry string         `json:"registry,omitempty" doc:"Of all names; otherwise each name's zone tells"`
	Fee      *PriceQuestion `json:"fee,omitempty" doc:"Prices too (RFC 8748)"`
}

// PriceQuestion says which prices are wanted (RFC 8748 section 5.1.1).
type PriceQuestion struct {
	Currency string         `json:"currency,omitempty" example:"EUR"`
	Commands []PriceCommand `json:"commands" maxItems:"16"`
}

// PriceCommand is a command whose price is wanted.
type PriceCommand struct {
	Command    string          `json:"command" enum:"create,delete,renew,update,transfer,restore,custom"`
	CustomName string          `json:"customName,omitempty" doc:"Of custom"`
	Phase      string          `json:"phase,omitempty"`
	Subphase   string          `json:"subphase,omitempty"`
	Period     *mapping.Period `json:"period,omitempty"`
}

// CheckAnswers is the answer to a check of many names, in their order.
type CheckAnswers struct {
	Answers []CheckAnswer `json:"answers"`
}

// CheckAnswer is the answer about one name. It has available, or a problem.
type CheckAnswer struct {
	Index     int           `json:"index" doc:"Of the name in the request, from 0"`
	Name      string        `json:"name" doc:"As in the request"`
	Registry  string        `json:"registry,omitempty" doc:"That has the name's zone"`
	Available *bool         `json:"available,omitempty" doc:"Whether the name can be registered"`
	Reason    string        `json:"reason,omitempty" doc:"Why not"`
	Lang      string        `json:"lang,omitempty" doc:"Language of the reason, where it is not English"`
	Fees      *Prices       `json:"fees,omitempty"`
	Code      int           `json:"code,omitempty" doc:"Result code of the registry (RFC 5730 section 3)"`
	ClTRID    string        `json:"clTRID,omitempty" doc:"Of the command, where it is another request's"`
	Problem   *CheckProblem `json:"problem,omitempty" doc:"Why there is no answer"`
}

// Prices are those of one name. Of missing and the others, one is there. They are missing where the registry
// has no fee-1.0 (unsupported), refuses the question but not the name (refused), or leaves them out of its
// answer (no_answer).
type Prices struct {
	Missing  string               `json:"missing,omitempty" enum:"unsupported,refused,no_answer" doc:"Why there are none"`
	Currency string               `json:"currency,omitempty"`
	Class    string               `json:"class,omitempty"`
	Commands []mapping.FeeCommand `json:"commands,omitempty"`
	Reason   string               `json:"reason,omitempty" doc:"Why the registry gives none"`
}

// CheckProblem says why there is no answer about a name.
type CheckProblem struct {
	Kind   string `json:"kind" enum:"bad_name,no_registry,forbidden,not_sent,refused,no_answer"`
	Detail string `json:"detail,omitempty"`
}

const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"

	// streamBuffer is the number of octets after which a stream is written out, whether or not more is at
	// hand.
	streamBuffer = 32 << 10
)

// checks serves checks of many names.
type checks struct{ checker *batch.Checker }

// checkRoutes are the calls of checks.
func (k checks) checkRoutes() []*route {
	return []*route{
		{name: "check", tag: "checks", method: http.MethodPost, path: "/v1/check", command: true, handler: k.post,
			summary: "Asks which of many names are free.",
			doc: "Names of several requests that wait go in one command. With Accept: application/x-ndjson each answer is a " +
				"line, as it comes; otherwise all come in one object, in the order of the names. The status is 200 also where " +
				"names have no answer: each has its own problem then.",
			takes: &CheckCall{}, gives: &CheckAnswers{}, givesTypes: []string{ndjsonType}},
		{name: "check-name", tag: "checks", method: http.MethodGet, path: "/v1/check/{name}", command: true, handler: k.get,
			summary: "Asks whether one name is free.", gives: &CheckAnswer{},
			query: []*huma.Param{{Name: "registry", In: "query", Schema: &huma.Schema{Type: "string"},
				Description: "The registry to ask; otherwise the name's zone tells"}}},
	}
}

// post serves POST /v1/check.
func (k checks) post(c *call, r *http.Request) {
	q, p := k.read(c, r)
	if p != nil {
		c.refuse(p)
		return
	}
	if accepts(r, ndjsonType) {
		k.stream(c, r, q)
		return
	}
	all := CheckAnswers{Answers: make([]CheckAnswer, len(q.Names))}
	k.checker.Check(r.Context(), *q, func(a batch.Answer) { all.Answers[a.Index] = checkAnswer(&a, q) })
	writeJSON(c, &all)
}

// get serves GET /v1/check/{name}.
func (k checks) get(c *call, r *http.Request) {
	q := c.names(r.PathValue("name"))
	q.Registry = r.URL.Query().Get("registry")
	var one CheckAnswer
	k.checker.Check(r.Context(), *q, func(a batch.Answer) { one = checkAnswer(&a, q) })
	writeJSON(c, &one)
}

// names is what a request asks about names.
func (c *call) names(all ...string) *batch.Request {
	return &batch.Request{User: c.user, RequestID: c.id, Names: all}
}

// read reads the body of post.
func (k checks) read(c *call, r *http.Request) (*batch.Request, *Problem) {
	if p := wantType(r, jsonType); p != nil {
		return nil, p
	}
	body, p := c.body(r)
	if p != nil {
		return nil, p
	}
	var in CheckCall
	if err := mapping.DecodeJSON(body, &in); err != nil {
		return nil, faultProblem(err)
	}
	if n := len(in.Names); n == 0 {
		return nil, wrong(Wrong{"body.names", "is missing"})
	} else if n > batch.MaxNames {
		return nil, wrong(Wrong{"body.names", "has more than " + strconv.Itoa(batch.MaxNames) + " names"})
	}
	q := c.names(in.Names...)
	q.Registry = in.Registry
	if in.Fee == nil {
		return q, nil
	}
	if len(in.Fee.Commands) > batch.MaxFeeCommands {
		return nil, wrong(Wrong{"body.fee.commands", "has more than " + strconv.Itoa(batch.MaxFeeCommands) + " commands"})
	}
	q.Fee = in.Fee.check()
	// What cannot be asked is found before anything waits.
	trial := &mapping.CheckCommand{Of: mapping.DomainObject, Names: []string{"kiosk.example"}, Fee: q.Fee}
	if _, err := mapping.Marshal(trial, ""); err != nil {
		return nil, faultProblem(err)
	}
	return q, nil
}

func (q *PriceQuestion) check() *mapping.FeeCheck {
	f := &mapping.FeeCheck{Currency: q.Currency}
	for _, c := range q.Commands {
		f.Commands = append(f.Commands, mapping.FeeCommand{Command: c.Command, Custom: c.CustomName, Phase: c.Phase,
			Subphase: c.Subphase, Period: c.Period})
	}
	return f
}

// stream writes each answer as a line; batch.Request.Pause says when lines are written out. When the client
// reads no more, the names that still wait are taken back.
func (k checks) stream(c *call, r *http.Request, q *batch.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	c.Header().Set("Content-Type", ndjsonType)
	c.Header().Set("X-Accel-Buffering", "no") // of a proxy in between
	c.WriteHeader(http.StatusOK)
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	write := func() {
		if _, err := c.Write(out.Bytes()); err != nil {
			cancel()
		}
		out.Reset()
	}
	q.Pause = func() {
		write()
		c.Flush()
	}
	var one CheckAnswer // of its own, so that not each is allocated
	k.checker.Check(ctx, *q, func(a batch.Answer) {
		one = checkAnswer(&a, q)
		if err := lines.Encode(&one); err != nil {
			panic("BUG: " + err.Error())
		}
		if out.Len() >= streamBuffer {
			write()
		}
	})
	write()
}

func writeJSON(c *call, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	c.Header().Set("Content-Type", jsonType)
	_, _ = c.Write(append(b, '\n'))
}

func checkAnswer(a *batch.Answer, q *batch.Request) CheckAnswer {
	out := CheckAnswer{Index: a.Index, Name: a.Name, Registry: a.Registry, Code: a.Code}
	if a.ClTRID != q.RequestID {
		out.ClTRID = a.ClTRID
	}
	if a.Problem != nil {
		out.Problem = &CheckProblem{Kind: a.Problem.Kind, Detail: a.Problem.Detail}
		return out
	}
	out.Available, out.Reason, out.Lang = &a.Check.Available, a.Check.Reason, a.Check.Lang
	if a.NoFees != "" {
		out.Fees = &Prices{Missing: string(a.NoFees)}
	} else if f := a.Fees; f != nil {
		out.Fees = &Prices{Currency: f.Currency, Class: f.Class, Commands: f.Commands, Reason: f.Reason}
	}
	return out
}

// accepts reports whether a request names a media type among those that it accepts.
func accepts(r *http.Request, want string) bool {
	for _, header := range r.Header.Values("Accept") {
		for one := range strings.SplitSeq(header, ",") {
			t, params, err := mime.ParseMediaType(one)
			if err != nil || t != want {
				continue
			}
			if q, err := strconv.ParseFloat(params["q"], 64); err != nil || q > 0 {
				return true
			}
		}
	}
	return false
}
