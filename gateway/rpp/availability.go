package rpp

import (
	"eppmux/gateway/batch"
	"eppmux/gateway/carry"
)

// domainAvailability asks for one domain by the batch checks, so that names of many requests share a
// command.
func (c *call) domainAvailability() reply {
	var got *batch.Answer
	q := batch.Request{User: c.user, RequestID: c.clTRID, Names: []string{c.id}, Registry: c.registry.Name}
	c.h.checker.Check(c.r.Context(), q, func(a batch.Answer) { got = &a })
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
	case batch.BadName:
		return c.no(codeValue, p.Detail)
	case batch.NoRegistry:
		return c.no(codeNotFound, p.Detail)
	case batch.Forbidden:
		return c.no(codeAuthorization, p.Detail)
	case batch.NotSent:
		return c.notSent(carry.Answer{}, "not sent to the registry; safe to repeat: "+p.Detail)
	case batch.Refused:
		// The registry refused the command; Code is its code.
		first := shown(max(got.Code, 2000))
		r := c.no(first, p.Detail)
		r.body.(*problem).Outcome = string(carry.Answered)
		return r
	}
	return c.noAnswer(carry.Answer{Outcome: carry.Unknown}, true)
}
