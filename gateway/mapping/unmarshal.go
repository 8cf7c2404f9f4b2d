package mapping

import (
	"strconv"
	"sync"

	"eppmux/frame"
)

// Unmarshal reads the payload of an answer. The error is a *Fault where it is no answer, or has a DOCTYPE. Of
// an answer that is not well-formed it reads the code alone, see Response.Broken. Nothing of payload is kept.
func Unmarshal(payload []byte) (*Response, error) {
	r := readers.Get().(*reader)
	defer r.free()
	m, err := r.scanner.Scan(payload)
	if err != nil {
		why := err.Error()
		if g, ok := r.scanner.Glean(payload); ok {
			return gleaned(g), nil
		}
		return nil, &Fault{Why: why}
	}
	if m.Kind != frame.KindResponse || !r.tree.grow(m.Payload) {
		return nil, &Fault{Why: "is no answer but a " + m.Kind.String()}
	}
	return r.tree.response(), nil
}

// gleaned is what is known of a broken answer. Of its words nobody can say where they end, nor whether a
// secret is in them.
func gleaned(m *frame.Message) *Response {
	return &Response{
		Results: []Result{{Code: m.Code}}, Broken: true,
		ClTRID: string(m.ClTRID.Value), SvTRID: collapse(string(m.Payload[m.SvTRID.Start:m.SvTRID.End])),
	}
}

// reader is what one Unmarshal needs; some 25 KiB.
type reader struct {
	scanner frame.Scanner
	tree    tree
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// keepNodes bounds the memory that a reader keeps: a node is 32 octets.
const keepNodes = 4096

func (r *reader) free() {
	r.tree.p = nil
	if cap(r.tree.nodes) > keepNodes || cap(r.tree.text) > 1<<16 {
		r.tree = tree{}
	}
	readers.Put(r)
}

// response reads the whole answer.
func (t *tree) response() *Response {
	e := t.root().child(nsRoot, "response")
	r := &Response{Results: make([]Result, 0, 1)}
	for c := range e.children {
		if c.node().ns != nsRoot {
			continue
		}
		switch c.local() {
		case "result":
			r.Results = append(r.Results, c.result())
		case "msgQ":
			r.MsgQ = c.msgQ()
		case "trID":
			r.ClTRID, r.SvTRID = c.tokenOf("clTRID"), c.tokenOf("svTRID")
		case "resData":
			for d := range c.children {
				r.Data = joined(r.Data, d)
			}
		}
	}
	for x := range e.child(nsRoot, "extension").children { // may stand in front of resData
		r.extend(x)
	}
	return r
}

// joined is the data so far with that of one more child of resData. Only checks come more than once.
func joined(data any, e element) any {
	checks, ok := data.([]Check)
	switch {
	case data == nil:
		return e.data()
	case ok:
		more, _ := e.data().([]Check)
		return append(checks, more...)
	}
	return data
}

func (e element) result() Result {
	r := Result{}
	r.Code, _ = strconv.Atoi(e.value("code"))
	for c := range e.children {
		switch {
		case c.named(nsRoot, "msg"):
			r.Message, r.Lang = c.token(), c.value("lang")
		case c.named(nsRoot, "value"):
			r.Values = append(r.Values, c.inner())
		case c.named(nsRoot, "extValue"):
			r.Values = append(r.Values, c.same("value").inner())
			r.Reasons = append(r.Reasons, c.tokenOf("reason"))
		case c.named(nsRoot, "reason"): // the RFC has it in extValue only
			r.Reasons = append(r.Reasons, c.token())
		}
	}
	return r
}

func (e element) msgQ() *MsgQ {
	q := &MsgQ{ID: e.value("id"), Date: e.tokenOf("qDate")}
	q.Count, _ = strconv.ParseUint(e.value("count"), 10, 64)
	msg := e.same("msg")
	q.Message, q.Lang = msg.inner(), msg.value("lang")
	return q
}

// extend takes an element of the answer's extension.
func (r *Response) extend(x element) {
	domain, _ := r.Data.(*Domain)
	switch n := x.node(); n.ns {
	case inSecDNS:
		if x.local() == "infData" && domain != nil {
			domain.SecDNS = x.secDNS()
		}
	case inRGP:
		switch all := x.statuses("rgpStatus"); {
		case x.local() != "infData" && x.local() != "upData":
		case x.local() == "infData" && domain != nil:
			domain.RGP = append(domain.RGP, all...)
		default:
			r.RGP = append(r.RGP, all...)
		}
	case inFee:
		switch x.local() {
		case "chkData":
			r.Fees = append(r.Fees, x.fees()...)
		case "creData", "renData", "trnData", "updData", "delData":
			r.Charge = x.charge()
		}
	case inTTL:
		if x.local() != "infData" {
			return
		}
		switch d := r.Data.(type) {
		case *Domain:
			d.TTL = x.ttls()
		case *Host:
			d.TTL = x.ttls()
		}
	}
}
