package rpp

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/share"
)

// mediaRange is one range of Accept, or a Content-Type.
type mediaRange struct {
	media, profile, profileVersion, version string
	q                                       float64
}

// parseMedia reads a media type or range. ok is false where it is malformed.
func parseMedia(text string) (m mediaRange, ok bool) {
	parts := splitQuoted(text, ';')
	m = mediaRange{media: strings.ToLower(strings.Trim(parts[0], " \t")), q: 1}
	given, ok := parseParameters(parts[1:])
	if !ok || strings.Count(m.media, "/") != 1 || strings.ContainsAny(m.media, " \t\",;") {
		return m, false
	}
	m.profile, m.profileVersion, m.version = given["profile"], given["profile-version"], given["version"]
	if q, there := given["q"]; there {
		var err error
		if m.q, err = strconv.ParseFloat(q, 64); err != nil || !(m.q >= 0 && m.q <= 1) {
			return m, false
		}
	}
	// RFC 8259 section 8.1: JSON is UTF-8.
	if cs, there := given["charset"]; there && !strings.EqualFold(cs, "utf-8") {
		return m, false
	}
	return m, true
}

// parseParameters reads name=value of each part. C@0f11225 calls the values tokens, and a URN is none; its
// examples quote them. own: both are taken.
func parseParameters(parts []string) (given map[string]string, ok bool) {
	given = make(map[string]string)
	for _, part := range parts {
		if part = strings.Trim(part, " \t"); part == "" {
			continue
		}
		name, value, there := strings.Cut(part, "=")
		name = strings.ToLower(name)
		if _, twice := given[name]; !there || twice || name == "" {
			return nil, false
		}
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		if value == "" || strings.ContainsAny(value, " \t\"\\") {
			return nil, false
		}
		given[name] = value
	}
	return given, true
}

// spoken reports whether profile and versions are those spoken here, or not said.
func (m mediaRange) spoken() bool {
	return (m.profile == "" || m.profile == profileURN) &&
		(m.profileVersion == "" || m.profileVersion == profileVersion) && (m.version == "" || m.version == rppVersion)
}

// readAccept reads Accept. own: it is taken laxly. C@0f11225 wants it on each request, with the parameters
// on each range; here it may be missing, and a range without parameters takes the one profile. 406 has no
// code in C: own, 02102.
func (c *call) readAccept() *reply {
	accept := c.accepted()
	if len(accept) == 0 && strings.TrimSpace(strings.Join(c.r.Header.Values("Accept"), "")) == "" {
		return nil
	}
	for _, m := range accept {
		switch m.media {
		case mediaRPP, mediaJSON, "application/*", "*/*":
			if m.q > 0 && m.spoken() {
				return nil
			}
		}
	}
	a := c.refuse(http.StatusNotAcceptable, codeOption, newEntry(codeOption,
		"answers are "+mediaRPP+", version "+rppVersion+", of profile "+profileURN+", version "+profileVersion))
	return &a
}

// accepted are the ranges of Accept that are well-formed.
func (c *call) accepted() (all []mediaRange) {
	for _, line := range c.r.Header.Values("Accept") {
		for _, part := range splitQuoted(line, ',') {
			if m, ok := parseMedia(part); ok {
				all = append(all, m)
			}
		}
	}
	return all
}

// splitQuoted splits at separators that stand outside quoted strings (RFC 9110 section 5.6.4).
func splitQuoted(s string, separator byte) (parts []string) {
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:])
}

// readBody reads the body and its Content-Type. C@0f11225: 415 for a body or profile that is not known. Its
// 400 for a profile that is not one of Accept cannot come: there is one profile. 415 has no code in C: own,
// 02102.
func (c *call) readBody() *reply {
	if c.rt.body == bodyNone {
		return c.noBody()
	}
	var err error
	if c.body, err = io.ReadAll(c.r.Body); err != nil {
		a := c.bodyUnread(err)
		return &a
	}
	if len(c.body) == 0 {
		if c.rt.body == bodyMay {
			c.sum()
			return nil
		}
		a := c.no(codeMissing, "a body is needed")
		return &a
	}
	text, one := c.single("Content-Type")
	m, ok := parseMedia(text)
	known := m.media == mediaRPP || c.r.Method == http.MethodPatch && m.media == mediaPatch
	if !one || !ok || !known || !m.spoken() {
		want := mediaRPP
		if c.r.Method == http.MethodPatch {
			want += " or " + mediaPatch
		}
		a := c.refuse(http.StatusUnsupportedMediaType, codeOption, newEntry(codeOption, "a body must be "+want+
			", version "+rppVersion+", of profile "+profileURN+", version "+profileVersion))
		return &a
	}
	c.sum()
	return nil
}

// noBody refuses a body. C@0f11225: a DELETE with a body MUST be refused. own: so is any other where none
// is foreseen, since what is said in it would not be done.
func (c *call) noBody() *reply {
	if c.r.ContentLength != 0 && c.r.Body != nil {
		var one [1]byte
		if n, err := io.ReadFull(c.r.Body, one[:]); n > 0 || !errors.Is(err, io.EOF) {
			a := c.no(codeSyntax, "this call takes no body")
			return &a
		}
	}
	c.sum()
	return nil
}

// bodyUnread is the reply where a body could not be read: mostly since it is too long for the caller.
func (c *call) bodyUnread(err error) reply {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return c.refuse(http.StatusRequestEntityTooLarge, codeSyntax, newEntry(codeSyntax, "the body is too long"))
	}
	if errors.Is(err, share.ErrFull) {
		return c.notSent(carry.Answer{RetryAfter: time.Second}, "not sent to the registry; safe to repeat: "+err.Error())
	}
	return c.no(codeSyntax, "the body could not be read")
}
