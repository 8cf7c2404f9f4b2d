package rpp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// call is one request on its way. Owned by the goroutine that serves it.
type call struct {
	h    *handler
	r    *http.Request
	user *carry.User

	coll     *collection
	id       string // of the object, decoded; empty: the collection
	rt       *route
	clTRID   string
	auth     *mapping.AuthInfo
	secrets  []string // never shown
	query    url.Values
	body     []byte // nil: none
	registry *carry.Registry
	digest   [32]byte
}

// single returns the one value of a header, "" where there is none, and false where there are several.
func (c *call) single(name string) (string, bool) {
	v := c.r.Header.Values(name)
	if len(v) == 0 {
		return "", true
	}
	return v[0], len(v) == 1
}

// readHeader reads the headers of RPP.
func (c *call) readHeader() *reply {
	// C@0f11225: a request MUST have it, and it is echoed. own: its syntax, which is that of EPP without
	// spaces (RFC 5730, trIDStringType), since it becomes the clTRID.
	if c.clTRID == "" {
		a := c.no(codeValue, "RPP-Cltrid must be there once, with 3 to 64 visible ASCII characters")
		return &a
	}
	if bad := c.readAuthorization(); bad != nil {
		return bad
	}
	return c.readProfile()
}

func goodClTRID(id string) bool {
	if len(id) < 3 || len(id) > 64 {
		return false
	}
	for _, b := range []byte(id) {
		if b < 0x21 || b > 0x7e {
			return false
		}
	}
	return true
}

// readAuthorization reads RPP-Authorization. C@0f11225: `authinfo value=BASE64[, roid=ROID]`,
// case-sensitive. With a roid it is the password of that contact, else that of the object of the URL.
func (c *call) readAuthorization() *reply {
	text, one := c.single("RPP-Authorization")
	if one && text == "" {
		return nil
	}
	bad := c.no(codeValue, "RPP-Authorization must be there once, as: authinfo value=BASE64[, roid=ROID]")
	if !one {
		return &bad
	}
	method, rest, _ := strings.Cut(text, " ")
	if method != "authinfo" {
		a := c.no(codeOption, "RPP-Authorization: the one method here is authinfo")
		return &a
	}
	given := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.Trim(part, " \t"), "=")
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		if _, twice := given[name]; !ok || twice || value == "" || name != "value" && name != "roid" {
			return &bad
		}
		given[name] = value
	}
	pw, err := base64.StdEncoding.Strict().DecodeString(given["value"])
	if err != nil || len(pw) == 0 || !plainText(string(pw)) || !plainText(given["roid"]) {
		return &bad
	}
	c.auth = &mapping.AuthInfo{Password: string(pw), ROID: given["roid"]}
	c.secrets = append(c.secrets, string(pw))
	return nil
}

// plainText reports whether s can stand in XML as it is, on one line.
func plainText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || r == 0xfffe || r == 0xffff
	}) < 0
}

// The profile and the versions that are spoken. D@57b0e3f has the constraints of the profile.
const (
	profileURN     = "urn:ietf:params:rpp:profile:epp-compatibility"
	profileVersion = "1.0"
	rppVersion     = "1.0"
)

// readProfile reads RPP-Profile. C@0f11225: it and the parameters of media types are rivals, and MUST be
// refused together.
func (c *call) readProfile() *reply {
	text, one := c.single("RPP-Profile")
	if one && text == "" {
		return nil
	}
	all := slices.Concat(c.r.Header.Values("Accept"), c.r.Header.Values("Content-Type"))
	rival := slices.ContainsFunc(all, func(v string) bool {
		return strings.Contains(strings.ToLower(v), "profile")
	})
	if !one || rival {
		a := c.no(codeValue,
			"the profile must be said once: by RPP-Profile, or by parameters of Accept and Content-Type")
		return &a
	}
	given, ok := parseParameters(splitQuoted(text, ';'))
	if !ok {
		a := c.no(codeValue, `RPP-Profile must be as: profile=URN;version=1.0`)
		return &a
	}
	for name, value := range given {
		if name == "profile" && value == profileURN || name == "version" && value == profileVersion {
			continue
		}
		a := c.refuse(http.StatusNotAcceptable, codeOption, newEntry(codeOption,
			"the one profile here is "+profileURN+", version "+profileVersion))
		return &a
	}
	return nil
}

// parameters are those of queries that the calls here know.
var parameters = []string{"registry", "hostsFilter", "authInfo", "ttl", "urgent"}

// readQuery reads the parameters of the URL. G@-00: a server refuses extensions that it does not list.
func (c *call) readQuery() *reply {
	var err error
	if c.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		a := c.no(codeSyntax, "the query of the URL is malformed")
		return &a
	}
	for name, values := range c.query {
		if !slices.Contains(parameters, name) || name != "registry" && !slices.Contains(c.rt.parameters, name) {
			known := strings.Join(append([]string{"registry"}, c.rt.parameters...), ", ")
			a := c.no(codeOption, "a parameter of the URL is not known for this call; known: "+known)
			return &a
		}
		if len(values) != 1 || values[0] == "" {
			a := c.no(codeValue, "parameter "+name+" must be there once, with a value")
			return &a
		}
	}
	for _, name := range []string{"authInfo", "ttl", "urgent"} {
		if v := c.query.Get(name); v != "" && v != "true" && v != "false" {
			a := c.no(codeValue, "parameter "+name+" must be true or false")
			return &a
		}
	}
	return nil
}

// asked reports whether a parameter of the URL is true.
func (c *call) asked(name string) bool { return c.query.Get(name) == "true" }

// sum sets the digest of all that makes the request, for its key.
func (c *call) sum() {
	s := sha256.New()
	for _, part := range []string{c.r.Method, c.r.URL.EscapedPath(), c.query.Encode(),
		c.r.Header.Get("RPP-Authorization"),
		string(c.body)} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		s.Write(n[:])
		s.Write([]byte(part))
	}
	s.Sum(c.digest[:0])
}
