package batch

import (
	"bytes"
	"math/bits"
	"slices"
	"strings"
	"time"

	"eppmux/gateway/mapping"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// answered is how a command of a group ended.
type answered struct {
	result   upstream.Result
	err      error             // of Do: nothing was sent
	response *mapping.Response // nil: there is none that can be read
}

// levels is the number of times that names of one command are parted: until each is alone, with two more for
// parts that are no halves. So a name is asked levels+3 times at most: also once without prices, and once
// more where a session was lost.
func levels(names int) int { return bits.Len(uint(names-1)) + 2 }

// split is a group that was refused, and is asked again in parts.
type split struct {
	tooMany  bool // it was refused by 2306, which may be for the number of names
	most     int  // names of the largest part
	pending  int  // parts without an answer
	answered bool // all others have had a good one
}

// read reads the answer. d.mu is not held.
func (d *desk) read(r upstream.Result, err error) answered {
	a := answered{result: r, err: err}
	if err == nil && r.End == pool.EndAnswered {
		a.response, _ = d.c.codec.unmarshal(r.Payload)
	}
	return a
}

// ended settles the names of a group whose command has ended.
func (d *desk) ended(g *group, a answered, now time.Time) {
	r := &a.result
	good := a.response != nil && r.Code < 2000
	d.parted(g, good, now)
	if g.live == 0 {
		return
	}
	switch {
	case a.err != nil:
		d.fail(g.items, d.failure(Refused, a.err.Error(), 0, g.clTRID))
	case r.End == pool.EndNotSent:
		d.fail(g.items, d.failure(NotSent, r.Cause.String(), 0, g.clTRID))
	case r.End == pool.EndUnknown:
		d.lost(g, slices.Contains(pool.BlameCauses, r.Cause), NoAnswer, r.Cause.String(), 0, now)
	case good:
		d.answered(g, a.response, r.Code, now)
	case a.response == nil || len(a.response.Results) == 0:
		d.fail(g.items, d.failure(NoAnswer, "the answer cannot be read", r.Code, g.clTRID))
	default:
		d.refused(g, a.response, now)
	}
}

// fail settles items alike.
func (d *desk) fail(items []*item, out *outcome) {
	for _, it := range items {
		d.settle(it, out)
	}
}

// answered gives the names of a group what the answer says of them, in whatever order and form.
func (d *desk) answered(g *group, r *mapping.Response, code int, now time.Time) {
	if g.trial {
		d.feesRefused(g.l.key.fee, now)
	} else if g.fees {
		delete(d.feeOff, g.l.key.fee)
	}
	checks, _ := r.Data.([]mapping.Check)
	outs := make([]outcome, len(g.items))
	of := make(map[string]*outcome, len(g.items))
	for i, it := range g.items {
		of[it.name] = &outs[i]
		outs[i] = outcome{registry: d.name, code: code, clTRID: g.clTRID, noFees: g.noFees}
		if g.fees {
			outs[i].noFees = FeesMissing
		}
	}
	for i := range checks {
		name, _ := canonical(checks[i].Name)
		if o := of[name]; o != nil && o.check == nil {
			o.check = &checks[i]
		}
	}
	for i := range r.Fees {
		name, _ := canonical(r.Fees[i].Name)
		if o := of[name]; o != nil && g.fees && o.fees == nil {
			o.fees, o.noFees = &r.Fees[i], ""
		}
	}
	var missing []*item
	for i, it := range g.items {
		switch {
		case outs[i].check != nil:
			d.settle(it, &outs[i])
		case it.state == itemSent:
			missing = append(missing, it)
		}
	}
	d.missed(g, missing, code)
}

// missed asks once more for names that an answer did not have: a registry may answer the first of many only.
func (d *desk) missed(g *group, missing []*item, code int) {
	if g.last {
		d.fail(missing, d.failure(NoAnswer, "the registry's answer has no such name", code, g.clTRID))
		return
	}
	d.again(g, missing, func(n *group) {
		n.last, n.level, n.tried, n.trial = true, g.level+1, g.tried, g.trial
		n.fees, n.noFees = g.fees, g.noFees
	})
}

// aboutName reports whether an error of that code may be about one of several names; 0 is one of ours.
// Others are about the command, the account or the moment.
func aboutName(code int) bool {
	switch code {
	case 0, 2001, 2003, 2004, 2005, 2303, 2306, 2308:
		return true
	}
	return false
}

// refused asks for a group in parts, or otherwise, or tells that it was refused.
func (d *desk) refused(g *group, r *mapping.Response, now time.Time) {
	res := &r.Results[0]
	why := reason(res)
	switch {
	case res.Code == 2400 || res.Code >= 2500:
		d.lost(g, true, Refused, why, res.Code, now)
	case g.fees && !g.tried && res.Code != 0:
		// RFC 8748 does not tell an error about the question from one about a name.
		d.again(g, g.items, func(n *group) { n.fees, n.noFees, n.trial, n.last = false, FeesRefused, true, g.last })
	case g.trial && aboutName(res.Code):
		d.part(g, res, why, now, func(n *group) { n.trial, n.tried, n.noFees = false, true, ""; n.fees = true })
	default:
		d.part(g, res, why, now, func(*group) {})
	}
}

// part asks for a group in parts, if one of its names may be the reason.
func (d *desk) part(g *group, res *mapping.Result, why string, now time.Time, set func(*group)) {
	all := living(g.items)
	if len(all) == 1 || !aboutName(res.Code) || g.level >= g.levels {
		if len(all) == 1 && res.Code != 0 {
			d.strike(userOf(all[0]), refusedStrikes, now)
		}
		d.fail(g.items, d.failure(Refused, why, res.Code, g.clTRID))
		return
	}
	// A registry may quote the first name also where their number is what it refuses.
	parts := quoted(all, res)
	if parts == nil || g.level >= 2 || g.level >= 1 && res.Code == 2306 {
		half := (len(all) + 1) / 2
		parts = [][]*item{all[:half], all[half:]}
	}
	s := &split{tooMany: res.Code == 2306, pending: len(parts), answered: true}
	for _, items := range parts {
		s.most = max(s.most, len(items))
	}
	for _, items := range parts {
		d.again(g, items, func(n *group) {
			n.split, n.level, n.last, n.tried = s, g.level+1, g.last, g.tried
			n.fees, n.noFees = g.fees, g.noFees
			set(n)
		})
	}
}

// parted takes note of how a part of a group that was refused has ended. Where the registry has taken all
// parts of what was too much for it, it is given no more at once.
func (d *desk) parted(g *group, good bool, now time.Time) {
	s := g.split
	if s == nil {
		return
	}
	s.pending--
	s.answered = s.answered && good
	if s.pending > 0 || !s.answered || !s.tooMany {
		return
	}
	if d.care.learn(s.most, d.checkMax(now), now) {
		d.c.log().Warn("registry takes fewer names in a check than check_max says; it is given no more for a while",
			"registry", d.name, "names", s.most, "for", learntFor)
	}
}

// lost ends a group behind whose command a session ended, or which failed for no reason that is known. If
// once more is true, its names are asked again, each user's apart; but a group that is asked so is not.
func (d *desk) lost(g *group, onceMore bool, kind Kind, why string, code int, now time.Time) {
	all := living(g.items)
	if !onceMore || g.last || len(all) == 1 {
		if onceMore {
			for _, it := range all {
				d.strike(userOf(it), lostStrikes, now)
			}
		}
		d.fail(g.items, d.failure(kind, why, code, g.clTRID))
		return
	}
	parts := byUser(all)
	if len(parts) == 1 {
		half := (len(all) + 1) / 2
		parts = [][]*item{all[:half], all[half:]}
	}
	for _, items := range parts {
		d.again(g, items, func(n *group) {
			n.last, n.level, n.tried, n.trial = true, g.level+1, g.tried, g.trial
			n.fees, n.noFees = g.fees, g.noFees
			n.caller = d.callerOf(items[0].waiters[0].q.r.User)
		})
	}
}

// again asks for some names of a group once more.
func (d *desk) again(g *group, items []*item, set func(*group)) {
	items = living(items)
	if len(items) == 0 {
		return
	}
	n := &group{l: g.l, items: items, caller: g.caller, level: g.level, levels: g.levels, live: len(items)}
	set(n)
	for _, it := range items {
		it.group = n
	}
	if n.write(""); n.fault != nil {
		d.refused(n, &mapping.Response{Results: []mapping.Result{{Message: n.fault.Error()}}}, time.Now())
		return
	}
	n.l.retries++
	n.tell()
	n.start()
}

// living are the items for which somebody waits.
func living(items []*item) []*item {
	return slices.DeleteFunc(slices.Clone(items), func(it *item) bool { return it.state == itemDone })
}

func userOf(it *item) string { return it.waiters[0].q.r.User.Name }

// byUser parts items by the user who was the first to ask.
func byUser(items []*item) [][]*item {
	at := make(map[string]int)
	var parts [][]*item
	for _, it := range items {
		i, seen := at[userOf(it)]
		if !seen {
			i = len(parts)
			at[userOf(it)] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], it)
	}
	return parts
}

// quoted parts items into those that the result quotes and the others; nil where it quotes none or all.
// RFC 5730 section 2.6: value identifies an element that caused the error.
func quoted(items []*item, res *mapping.Result) [][]*item {
	if len(res.Values) == 0 {
		return nil
	}
	text := []byte(strings.ToLower(strings.Join(res.Values, "\n")))
	var in, out []*item
	for _, it := range items {
		if quotes(text, it.name) {
			in = append(in, it)
		} else {
			out = append(out, it)
		}
	}
	if len(in) == 0 || len(out) == 0 {
		return nil
	}
	return [][]*item{in, out}
}

// quotes reports whether a name stands in a text, and not as a part of another one.
func quotes(text []byte, name string) bool {
	inName := func(c byte) bool {
		return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c >= 0x80
	}
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(name))
		if i < 0 {
			return false
		}
		i += from
		end := i + len(name)
		if (i == 0 || !inName(text[i-1])) && (end == len(text) || !inName(text[end])) {
			return true
		}
		from = i + 1
	}
}

// maxReason is the longest text of a registry in a Problem, in octets.
const maxReason = 400

// reason is what a result says.
func reason(res *mapping.Result) string {
	s := res.Message
	for _, r := range res.Reasons {
		s += "; " + r
	}
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "")
	}
	return s
}
