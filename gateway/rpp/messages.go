package rpp

import (
	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// A message as answers have it. D@57b0e3f sections 8.17 and 14; J@0494c6c has no form of it yet, so the
// rules of J are applied to what D says (own).
type (
	message struct {
		Type         string `json:"@type"`
		ID           string `json:"id"`
		CreationDate string `json:"creationDate,omitempty"`
		Status       string `json:"status"`
		Data         any    `json:"data"`
	}
	// about is the base of the kinds of messages. The text of EPP's msg is own in all but the notice and
	// the review.
	about struct {
		Type       string `json:"@type"`
		ObjectType string `json:"objectType,omitempty"`
		ObjectID   string `json:"objectId,omitempty"`
		Message    string `json:"message,omitempty"`
	}
	review struct {
		about
		Approved            bool   `json:"approved"`
		ClientTransactionID string `json:"clientTransactionId,omitempty"`
		ServerTransactionID string `json:"serverTransactionId,omitempty"`
		CompletionDate      string `json:"completionDate,omitempty"`
	}
	transferRequest struct {
		about
		Status      string `json:"status"`
		RequestDate string `json:"requestDate,omitempty"`
		ActionDate  string `json:"actionDate,omitempty"`
	}
	transferOutcome struct {
		about
		Status      string `json:"trStatus"`
		RequestDate string `json:"requestDate,omitempty"`
		ActionDate  string `json:"actionDate,omitempty"`
		ExpiryDate  string `json:"expiryDate,omitempty"`
	}
)

// message answers the head of the queue; with an id only if it is that message. C@0f11225: RPP-Code 01301.
// An empty queue is not in C. own: 200, 01300, RPP-Queue-Size 0, {}.
func (c *call) message() reply {
	if bad := c.useRegistry("", namedByPath); bad != nil {
		return *bad
	}
	a, bad := c.do(&mapping.PollRequest{})
	if bad != nil {
		return *bad
	}
	q := a.Response.MsgQ
	if code(a) != codeMessage || q == nil {
		if c.id != "" {
			return c.noMessage(a)
		}
		r := c.done(effectNone, a, struct{}{})
		if r.queue == nil {
			r.queue = new(uint64)
		}
		return r
	}
	if c.id != "" && q.ID != c.id {
		return c.noMessage(a)
	}
	return c.done(effectNone, a, showMessage(a.Response))
}

func (c *call) noMessage(a carry.Answer) reply {
	r := c.no(codeNotFound, "this is not the message at the head of the queue; EPP reads no other")
	r.body.(*problem).Outcome = string(carry.Answered)
	r.svTRID, r.queue = headerSafe(a.Response.SvTRID), queueOf(a.Response)
	return r
}

// acknowledge takes a message off the queue. C@0f11225: no body.
func (c *call) acknowledge() reply {
	if bad := c.useRegistry("", namedByPath); bad != nil {
		return *bad
	}
	a, bad := c.do(&mapping.PollAck{ID: c.id})
	if bad != nil {
		return *bad
	}
	r := c.done(effectDeleted, a, nil)
	if r.queue == nil {
		// RFC 5730 section 2.9.2.3: msgQ is there where messages remain.
		r.queue = new(uint64)
	}
	return r
}

// showMessage returns the message of an answer to poll. resData of kinds that are not known here is left
// out, the text remains.
func showMessage(r *mapping.Response) message {
	q := r.MsgQ
	// own: "delivered", since it is by this answer.
	m := message{Type: "message", ID: q.ID, CreationDate: utc(q.Date), Status: "delivered"}
	of := about{Message: q.Message}
	switch d := r.Data.(type) {
	case *mapping.Transfer:
		of.ObjectID = d.Name
		if d.Status == "pending" {
			of.Type = "transferRequestMessage"
			m.Data = transferRequest{of, d.Status, utc(d.ReDate), utc(d.AcDate)}
		} else {
			of.Type = "transferOutcomeMessage"
			m.Data = transferOutcome{of, d.Status, utc(d.ReDate), utc(d.AcDate), utc(d.ExDate)}
		}
	case *mapping.Pending:
		of.Type, of.ObjectID = "reviewResponseMessage", d.Name
		m.Data = review{of, d.Result, d.ClTRID, d.SvTRID, utc(d.Date)}
	default:
		of.Type = "serviceNoticeMessage"
		of.ObjectType, of.ObjectID = objectOfMessage(r.Data)
		m.Data = of
	}
	return m
}

// objectOfMessage is the object that a message without a form of its own is about.
func objectOfMessage(data any) (typ, id string) {
	switch d := data.(type) {
	case *mapping.Domain:
		return "domainName", d.Name
	case *mapping.Host:
		return "host", d.Name
	case *mapping.Person:
		return "contact", d.ID
	}
	return "", ""
}
