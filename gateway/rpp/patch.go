package rpp

import (
	"strings"

	"eppmux/gateway/mapping"
)

// A PATCH is J@0494c6c section 5.2: an array of operations of JSON Patch (RFC 6902), of which add, remove
// and replace are taken, with match to pick elements of arrays. It becomes one update of EPP, so the order
// of the operations is lost: what both adds and removes the same is refused.

// maxOps is the number of operations of a PATCH.
const maxOps = 200

// operation is one operation of a PATCH.
type operation struct {
	op    string   // add, remove, replace
	steps []string // of the pointer
	at    string   // where its path is, for faults
	value value
	match value
}

// readPatch reads the operations of a PATCH.
func (f *faults) readPatch(v value) (all []operation) {
	if !v.present {
		return nil
	}
	if v.kind != kindArray || len(v.items) == 0 || len(v.items) > maxOps {
		f.add(codeValue, "$", "a PATCH is an array of 1 to 200 operations")
		return nil
	}
	for _, item := range v.items {
		if o := f.objectOf(item, "", typeMay); o != nil {
			all = append(all, f.readOperation(o))
		}
	}
	return all
}

func (f *faults) readOperation(o *object) operation {
	p := operation{op: o.need("op"), value: o.take("value"), match: o.take("match")}
	path := o.take("path")
	p.at = path.path
	p.steps = f.readPointer(path)
	switch p.op {
	case "add", "replace":
		if !p.value.present {
			f.add(codeMissing, p.value.path, "value is needed")
		}
	case "remove":
		if p.value.present {
			f.add(codeSyntax, p.value.path, "remove has no value")
		}
	case "":
	default:
		// Rule 25.
		f.add(codeOption, o.v.path+".op", "op must be add, remove or replace")
	}
	if p.match.present && p.op == "add" {
		f.add(codeSyntax, p.match.path, "add has no match")
	}
	o.end()
	return p
}

// readPointer reads a JSON Pointer (RFC 6901).
func (f *faults) readPointer(v value) []string {
	if !v.present {
		f.add(codeMissing, v.path, "path is needed")
		return nil
	}
	s := f.str(v)
	if s == "" {
		return nil
	}
	if s[0] != '/' || strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(s), "~") {
		f.add(codeValue, v.path, "path must be a JSON Pointer")
		return nil
	}
	steps := strings.Split(s[1:], "/")
	for i := range steps {
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(steps[i])
	}
	return steps
}

// to is the pointer's text, with "-" at the end of an array left out: RFC 6902 appends by it, J@0494c6c
// rule 28 without.
func (p *operation) to() string {
	s := strings.Join(p.steps, "/")
	if p.op == "add" {
		s = strings.TrimSuffix(s, "/-")
	}
	return s
}

// edit is an operation on an array.
type edit[T any] struct {
	at    string
	op    string
	old   T            // what it removes; only if exact
	exact bool         // old is known without a look at the object
	fits  func(T) bool // not exact: what it removes
	new   T            // add, replace
}

// readEdit reads an operation on an array: match by readMatch, the new element by readNew.
func readEdit[T any](f *faults, p *operation, readMatch func(value) (edit[T], bool),
	readNew func(value) T) (e edit[T], ok bool) {
	before := len(f.list)
	if p.op != "add" {
		if !p.match.present {
			// Rule 28.
			f.add(codeMissing, p.match.path, "match is needed: path is an array")
			return e, false
		}
		if e, ok = readMatch(p.match); !ok {
			return e, false
		}
	}
	if p.op != "remove" {
		e.new = readNew(p.value)
	}
	e.at, e.op = p.at, p.op
	return e, len(f.list) == before
}

// vague reports whether one of the edits needs a look at the object.
func vague[T any](all []edit[T]) bool {
	for i := range all {
		if all[i].op != "add" && !all[i].exact {
			return true
		}
	}
	return false
}

// resolve says what edits add and remove. current is what is there, where that was looked at. Rule 28:
// remove takes all that fit, replace one; rule 29: one that finds nothing fails all.
func resolve[T any](f *faults, all []edit[T], current []T, same func(a, b T) bool) (add, rem []T) {
	has := func(list []T, x T) bool {
		for _, y := range list {
			if same(x, y) {
				return true
			}
		}
		return false
	}
	for i := range all {
		e := &all[i]
		var old []T
		switch {
		case e.op == "add":
		case e.exact:
			old = []T{e.old}
		default:
			for _, x := range current {
				if e.fits(x) {
					old = append(old, x)
				}
			}
			if len(old) == 0 {
				f.add(codeNotFound, e.at, "nothing fits match")
			}
			if len(old) > 1 && e.op == "replace" {
				f.add(codePolicy, e.at, "match fits several elements, and replace takes one")
			}
		}
		for _, x := range old {
			if !has(rem, x) {
				rem = append(rem, x)
			}
		}
		if e.op != "remove" {
			if has(add, e.new) {
				f.add(codePolicy, e.at, "the same is added twice")
			}
			add = append(add, e.new)
		}
	}
	for _, x := range add {
		if has(rem, x) {
			f.add(codePolicy, "$", "the same is added and removed")
		}
	}
	return add, rem
}

// patch changes an object, and answers it whole.
func (c *call) patch() reply {
	f := &faults{}
	all := f.readPatch(parse(c.body, f))
	if bad := c.noFaults(f); bad != nil {
		return *bad
	}
	if bad := c.useRegistry(c.id, namedByPath); bad != nil {
		return *bad
	}
	var cmd mapping.Command
	var bad *reply
	id := c.id
	switch c.coll {
	case domains:
		cmd, bad = c.patchDomain(f, all)
	case hosts:
		var h *mapping.HostUpdate
		if h, bad = c.patchHost(f, all); bad == nil {
			cmd = h
			if h.NewName != "" {
				id = h.NewName
			}
		}
	default:
		cmd, bad = c.patchContact(f, all)
	}
	if bad != nil {
		return *bad
	}
	a, bad := c.do(cmd)
	if bad != nil {
		return *bad
	}
	return c.done(effectNone, a, c.behind(id, touchesTTL(cmd), nil, code(a)))
}

// before reads the object as it is in front of a change.
func (c *call) before() (any, *reply) {
	a, bad := c.step("before", c.infoOf(c.id))
	if bad != nil {
		if p, ok := bad.body.(*problem); ok && p.Outcome == "unknown" {
			// It is unknown what the object is; of the change nothing was sent.
			again := c.notSent(a, "the change was not sent: the look that it needs had no answer; safe to repeat")
			bad = &again
		}
		return nil, bad
	}
	if show(a.Response.Data) == nil {
		r := c.unread(a)
		return nil, &r
	}
	return a.Response.Data, nil
}

// strange says that a path is not one that a PATCH can change.
func (f *faults) strange(p *operation, fixed ...string) {
	first := ""
	if len(p.steps) > 0 {
		first = p.steps[0]
	}
	for _, name := range fixed {
		if first == name {
			f.add(codePolicy, p.at, name+" is not changed by clients")
			return
		}
	}
	f.add(codeOption, p.at, "there is no such member, or EPP cannot change it by itself")
}

// readStatusMatch reads the match of a status: by its label.
func (f *faults) readStatusMatch(v value) (e edit[mapping.Status], ok bool) {
	before := len(f.list)
	s := f.readStatusOf(v)
	e.old, e.exact = s, true
	// RFC 5731 section 2.3: ok is set and removed by the server; whether it is there must be looked at.
	if s.Value == "ok" {
		e.exact, e.fits = false, func(x mapping.Status) bool { return x.Value == "ok" }
	}
	return e, len(f.list) == before
}

// readStatusOf reads a status. D@57b0e3f: due is no part of EPP.
func (f *faults) readStatusOf(v value) mapping.Status {
	o := f.objectOf(v, "status", typeMay)
	if o == nil {
		return mapping.Status{}
	}
	at := o.take("label")
	s := mapping.Status{Value: f.str(at), Text: o.str("reason")}
	if !at.present {
		f.add(codeMissing, at.path, "label is needed")
	} else if strings.Trim(s.Value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		f.add(codeValue, at.path, "a label has letters only")
	}
	if due := o.take("due"); due.present {
		f.add(codeOption, due.path, "EPP has no place for it")
	}
	o.end()
	return s
}

// statusEdit reads an operation on the statuses, where the setting allows it: J@0494c6c has them as read
// only, D@57b0e3f and an example of J have not.
func (c *call) statusEdit(f *faults, p *operation, all *[]edit[mapping.Status]) {
	if !c.h.setsStatus {
		f.add(codeOption, p.at, "statuses are not changed here; the operator sets gateway.rpp.sets_status")
		return
	}
	if e, ok := readEdit(f, p, f.readStatusMatch, f.readStatusOf); ok {
		*all = append(*all, e)
	}
}

func sameStatus(a, b mapping.Status) bool { return a.Value == b.Value }

// resolveStatus is resolve for statuses. A server takes ok away by itself.
func resolveStatus(f *faults, all []edit[mapping.Status], current []mapping.Status) (add, rem []mapping.Status) {
	for _, e := range all {
		if e.op == "remove" && !e.exact {
			f.add(codePolicy, e.at, "the server sets and removes ok")
		}
	}
	add, found := resolve(f, all, current, sameStatus)
	for _, s := range found {
		if s.Value != "ok" {
			rem = append(rem, mapping.Status{Value: s.Value})
		}
	}
	return add, rem
}
