package rpp

import (
	"eppmux/gateway/batch"
	"eppmux/gateway/carry"
)

// domainAvailability asks for one domain by the batch checks, so that names of many requests share a
// command.
func (c *call) domainAvailability() reply {
	var got *batch.Answer
	c.h.checker.Check(c.r.Context(), batch.Request{User: c.user, RequestID: c.clTRID, Names: []string{c.id}, Registry: c.registry.Name},
		func(a batch.Answer) { got = &a })
	if got == nil {
		return c.noAnswer(carry.Answer{Outcome: carry.Unknown}, true)
	}
	if got.Check != nil {
		return c.available(got.Check)
	}
	p := got.Problem
	if p == nil {
		return c.noAnswer(carry.Answer{Outcome: carry.Unknown}, true)
	}
	switch p.Kind {
	case "bad_name":
		return c.no(codeValue, p.Detail)
	case "no_registry":
		return c.no(codeNotFound, p.Detail)
	case "forbidden":
		return c.no(codeAuthorization, p.Detail)
	case "not_sent":
		return c.notSent(carry.Answer{}, "not sent to the registry; safe to repeat: "+p.Detail)
	case "refused":
		// The registry refused the command; Code is its code.
		first := shown(max(got.Code, 2000))
		r := c.no(first, p.Detail)
		r.body.(*problem).Outcome = string(carry.Answered)
		return r
	}
	return c.noAnswer(carry.Answer{Outcome: carry.Unknown}, true)
}
