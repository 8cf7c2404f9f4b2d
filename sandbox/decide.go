package sandbox

import "slices"

// command tests whether a command of a logged-in client is known and fits its schema, then runs it.
func (s *session) command(req *request, client, svTRID string) answer {
	cfg := &s.r.cfg
	if req.amiss != nil {
		return req.amiss.answer()
	}
	if req.kind == kindExtension && cfg.Rules.Lists {
		if a, ok := s.r.store.list(req, client); ok {
			return a
		}
	}
	if req.kind != kindCommand {
		return unknown(cfg.UnknownCommand, "unknown command or protocol extension")
	}
	if f := checkShape(req.what, verbShapes[req.verb]); f != nil {
		return f.answer()
	}
	if req.verb == "poll" {
		return s.r.store.poll(req, client, cfg.Now())
	}
	if !slices.Contains(s.services.objects, req.object.space) {
		return unknown(cfg.UnknownObject, "object not served, or not chosen at login: "+req.object.space)
	}
	a := s.checked(req, client, svTRID)
	if a.reason != "" && a.about == "" {
		a.about = aboutObject(req)
	}
	return a
}

// checked tests object and extensions against their schemas and hands the command to the store.
func (s *session) checked(req *request, client, svTRID string) answer {
	served, f := s.servedOf(req)
	if f != nil {
		return f.answer()
	}
	h, ok := handlers[shapeName{req.object.space, req.verb}]
	if !ok {
		return refuse(codeUnimplementedCommand, "no such command for this object")
	}
	if req.object.local != req.verb {
		return refuse(codeSyntax, "the object element must be named "+req.verb)
	}
	if f := checkShape(req.object, objectShapes[shapeName{req.object.space, req.verb}]); f != nil {
		return f.answer()
	}
	c := &call{
		request: req, ext: served, client: client, svTRID: svTRID, now: s.r.cfg.Now(), cfg: &s.r.cfg,
		rgp:    slices.Contains(s.services.extensions, nsRGP),
		secDNS: slices.Contains(s.services.extensions, nsSecDNS),
		fee:    slices.Contains(s.services.extensions, nsFee),
	}
	return s.r.store.run(h, c)
}

// servedOf returns the extensions of a command that are served, and tests them. Others are refused,
// or left out if Config.UnknownExtension is 1000.
func (s *session) servedOf(req *request) ([]*node, *fault) {
	var served []*node
	for _, e := range req.ext {
		sh := extensionShapes[shapeName{e.space, e.local}]
		if sh == nil || !fits(e, req) || !slices.Contains(s.services.extensions, e.space) {
			code := s.r.cfg.UnknownExtension
			if code == codeDone {
				continue
			}
			return nil, &fault{code, "extension not served, or not chosen at login: " + e.space}
		}
		if f := checkShape(e, sh); f != nil {
			return nil, f
		}
		served = append(served, e)
	}
	return served, nil
}

// fits reports whether an extension element belongs to the command it came with. All that are
// served extend a command for domains and bear its name; those of nsTTL may extend hosts', too.
func fits(e *node, req *request) bool {
	if req.object == nil || e.local != req.verb {
		return false
	}
	return req.object.space == nsDomain || req.object.space == nsHost && e.space == nsTTL
}

// unknown answers by a policy of Config such as UnknownCommand. 1000 means success without effect.
func unknown(code int, reason string) answer {
	if code == codeDone {
		return done("")
	}
	return refuse(code, reason)
}

// aboutObject returns the name or id of the command's object as XML, empty if there is none.
func aboutObject(req *request) string {
	k := req.key()
	if k == nil {
		return ""
	}
	prefix, known := prefixes[k.space]
	if !known {
		return ""
	}
	return wrap(prefix, k.space, k.local, func(x *xmlText) { x.text(k.token()) })
}

var prefixes = map[string]string{nsDomain: "domain", nsHost: "host", nsContact: "contact"}
