package rpp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// collection is a kind of object that has paths. C@0f11225: the name of a collection is the object's
// identifier in the plural.
type collection struct {
	name    string // in the path
	typ     string // the identifier
	ofNames bool   // its ids are names in the DNS
}

// The collections that are served. own: their names are those of the rules of C@0f11225, not those of its
// examples (/domains).
var (
	domains  = &collection{"domainNames", "domainName", true}
	hosts    = &collection{"hosts", "host", true}
	contacts = &collection{"contacts", "contact", false}
)

// messagesName is the one path that is no collection of provisioned objects.
const messagesName = "messages"

// path returns the steps of the path below prefix, decoded. They are split first: ids of EPP may hold "/"
// (own). What a proxy or a library could read in another way is refused.
func (c *call) path() ([]string, *reply) {
	escaped := c.r.URL.EscapedPath()
	rest, ok := strings.CutPrefix(escaped, prefix+"/")
	if !ok {
		a := c.no(codeNotFound, "there is nothing here; RPP is at "+prefix+"/")
		return nil, &a
	}
	if rest == "" {
		a := c.no(codeNotFound, "there is nothing here but collections: domainNames, hosts, contacts, messages")
		return nil, &a
	}
	steps := strings.Split(rest, "/")
	for i, s := range steps {
		// C@0f11225 has a slash at the end of lists.
		if s == "" && i == len(steps)-1 && i > 0 {
			steps = steps[:i]
			break
		}
		plain, err := url.PathUnescape(s)
		if err != nil || plain == "" || plain == "." || plain == ".." || !plainText(plain) {
			a := c.no(codeValue, "a step of the path is empty, malformed, or has characters that no id has")
			return nil, &a
		}
		steps[i] = plain
	}
	return steps, nil
}

// find finds the call for the steps of a path, and its object.
func (c *call) find(steps []string) (*route, *reply) {
	var tail []string
	switch steps[0] {
	case domains.name:
		c.coll = domains
	case hosts.name:
		c.coll = hosts
	case contacts.name:
		c.coll = contacts
	case messagesName:
	case "organisations", "users":
		a := c.no(codeUnimplemented, steps[0]+" are not served")
		return nil, &a
	default:
		a := c.no(codeNotFound, "no such collection; there are domainNames, hosts, contacts, messages")
		return nil, &a
	}
	kind := steps[0]
	if c.coll != nil {
		kind = "{collection}"
	}
	if len(steps) > 1 {
		c.id, kind, tail = steps[1], kind+"/{id}", steps[2:]
		if bad := c.goodID(); bad != nil {
			return nil, bad
		}
	}
	if slices.ContainsFunc(tail, func(s string) bool { return strings.Contains(s, "/") }) {
		// It would be taken for two steps below.
		a := c.no(codeNotFound, "no such path")
		return nil, &a
	}
	if len(tail) > 0 {
		kind += "/" + strings.Join(tail, "/")
	}
	return c.choose(kind)
}

// goodID refuses ids that cannot be those of objects.
func (c *call) goodID() *reply {
	if c.coll != nil && c.coll.ofNames && !goodName(c.id) {
		// I@-00: A-labels in URLs.
		a := c.no(codeValue, noName)
		return &a
	}
	if !goodToken(c.id) {
		a := c.no(codeValue, "the id is longer than 255 octets, or has spaces at its ends or side by side")
		return &a
	}
	return nil
}

const noName = "this is no name of the DNS: letters, digits and hyphens, A-labels, no dot at the end"

// goodName reports whether s is a name of at least two labels (RFC 1123 section 2.1).
func goodName(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, b := range []byte(label) {
			if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-') {
				return false
			}
		}
	}
	return true
}

// goodToken reports whether s stays as it is in an element of type xs:token: a registry would read an id
// with other spaces as another id.
func goodToken(s string) bool {
	return s != "" && len(s) <= 255 && plainText(s) && s == strings.TrimSpace(s) && !strings.Contains(s, "  ")
}

// bodyRule says whether a call takes a body.
type bodyRule uint8

const (
	bodyNone bodyRule = iota
	bodyMay
	bodyMust
)

// route is one call.
type route struct {
	serve      func(c *call) reply
	body       bodyRule
	parameters []string // of the URL, beside registry
}

// choose returns the call for a kind of path and the request's method.
func (c *call) choose(kind string) (*route, *reply) {
	methods := routes[kind]
	if methods == nil {
		a := c.no(codeNotFound, "no such path")
		return nil, &a
	}
	c.rt = methods[c.r.Method]
	if c.rt == nil {
		var allow []string
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			if methods[m] != nil {
				allow = append(allow, m)
			}
		}
		a := c.noMethod()
		a.allow = strings.Join(allow, ", ")
		return nil, &a
	}
	return c.rt, nil
}

// noMethod is the reply to a method that a path has not. own: 405, which the texts do not have.
func (c *call) noMethod() reply {
	return c.refuse(http.StatusMethodNotAllowed, codeUnimplemented,
		newEntry(codeUnimplemented, "this path has no such method"))
}

// location is the path of an object, for Location. The registry is named where the client named it.
func (c *call) location(id, tail string) string {
	at := "/" + c.coll.name + "/" + url.PathEscape(id) + tail
	if name := c.query.Get("registry"); name != "" {
		at += "?registry=" + url.QueryEscape(name)
	}
	return at
}
