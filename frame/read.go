package frame

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The readers of this file take the Message.Payload of a payload that Scan has accepted. They go by
// local names: Scan has checked the namespace of every element that decides what the message is.
// ParseLogin and ParseGreeting are for rare messages and allocate.

// NewDecoder returns a decoder of a Message.Payload, which is UTF-8 whatever encoding it declares.
func NewDecoder(payload []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(payload))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return d
}

// ParseLogin reads a login command. White space in its values is collapsed, as their type in the
// schema says. If RFC 8807 is used, the passwords are those of the extension. It fails if payload
// is no login, or not well-formed.
func ParseLogin(payload []byte) (Login, error) {
	var d struct {
		Login *struct {
			ClientID string   `xml:"clID"`
			Password string   `xml:"pw"`
			New      []string `xml:"newPW"`
			Version  string   `xml:"options>version"`
			Language string   `xml:"options>lang"`
			Objects  []string `xml:"svcs>objURI"`
			Exts     []string `xml:"svcs>svcExtension>extURI"`
		} `xml:"command>login"`
		LongPassword string   `xml:"command>extension>loginSec>pw"`
		LongNew      []string `xml:"command>extension>loginSec>newPW"`
		ClTRID       string   `xml:"command>clTRID"`
	}
	if err := NewDecoder(payload).Decode(&d); err != nil {
		return Login{}, fmt.Errorf("login: %w", err)
	}
	if d.Login == nil {
		return Login{}, fmt.Errorf("login: no such element")
	}
	l := Login{
		ClientID:       token(d.Login.ClientID),
		Password:       token(d.Login.Password),
		HasNewPassword: len(d.Login.New)+len(d.LongNew) > 0,
		Version:        token(d.Login.Version),
		Language:       token(d.Login.Language),
		ObjectURIs:     tokens(d.Login.Objects),
		ExtensionURIs:  tokens(d.Login.Exts),
		ClTRID:         token(d.ClTRID),
	}
	if l.Password == loginSecStandIn && d.LongPassword != "" {
		l.Password = token(d.LongPassword)
	}
	for _, p := range append(d.Login.New, d.LongNew...) {
		l.NewPassword = token(p)
	}
	return l, nil
}

// Greeting is what a server says about itself in its greeting, RFC 5730 section 2.4.
type Greeting struct {
	ServerID      string   // svID
	Versions      []string // of the protocol
	Languages     []string // of its texts, tags of RFC 3066
	ObjectURIs    []string
	ExtensionURIs []string
	Root          Root // in whose namespace it is written
}

// ParseGreeting reads a greeting, white space collapsed. It fails if payload is no greeting, or not
// well-formed; what a greeting leaves out stays empty.
func ParseGreeting(payload []byte) (Greeting, error) {
	var d struct {
		XMLName  xml.Name
		Greeting *struct {
			ServerID  string   `xml:"svID"`
			Versions  []string `xml:"svcMenu>version"`
			Languages []string `xml:"svcMenu>lang"`
			Objects   []string `xml:"svcMenu>objURI"`
			Exts      []string `xml:"svcMenu>svcExtension>extURI"`
		} `xml:"greeting"`
	}
	if err := NewDecoder(payload).Decode(&d); err != nil {
		return Greeting{}, fmt.Errorf("greeting: %w", err)
	}
	g := d.Greeting
	if g == nil {
		return Greeting{}, fmt.Errorf("greeting: no such element")
	}
	return Greeting{
		ServerID:      token(g.ServerID),
		Versions:      tokens(g.Versions),
		Languages:     tokens(g.Languages),
		ObjectURIs:    tokens(g.Objects),
		ExtensionURIs: tokens(g.Exts),
		Root:          RootOf(d.XMLName.Space),
	}, nil
}

// ParseResult reads code and text of the first result of a response. The text is its msg, followed
// by "; " and the reason of each extValue. The value of an extValue, which echoes the command, is
// left out. It fails if payload has no result, or its code is no number.
func ParseResult(payload []byte) (code int, msg string, err error) {
	text, code, ok := AppendResult(nil, payload)
	if !ok {
		return 0, "", errors.New("result: no such element, or no number in it")
	}
	return code, string(text), nil
}

// AppendResult does the work of ParseResult without allocating: it appends the text to dst. It
// reads no further than the first result. ok is false, and text is dst, where ParseResult fails.
func AppendResult(dst, payload []byte) (text []byte, code int, ok bool) {
	w := NewWalker(payload)
	if !w.Root() || w.Child("response") != TokenStart {
		return dst, 0, false
	}
	t := w.Child("result")
	if t == TokenNone {
		return dst, 0, false
	}
	for name, value, more := w.Attribute(); more; name, value, more = w.Attribute() {
		if string(name) == "code" { // an attribute with a prefix is another one
			var scratch [16]byte
			n, err := strconv.Atoi(string(bytes.TrimSpace(AppendAttribute(scratch[:0], value))))
			if err != nil {
				return dst, 0, false
			}
			code = n
		}
	}
	if t == TokenEmpty {
		return dst, code, true
	}
	start, reasons, some := len(dst), w, false
	for t := w.element(); t != TokenNone; t = w.element() {
		switch local := Local(w.Name); {
		case string(local) == "msg":
			dst = w.AppendContent(dst[:start])
		case t == TokenStart:
			some = some || string(local) == "extValue"
			w.skip()
		}
	}
	if !some {
		return dst, code, true
	}
	for t := reasons.Child("extValue"); t != TokenNone; t = reasons.Child("extValue") {
		for t == TokenStart && reasons.Child("reason") != TokenNone {
			dst = reasons.AppendContent(append(dst, "; "...))
		}
	}
	return dst, code, true
}

// token collapses white space as xs:token does.
func token(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < 0x80 && class[r]&isSpace != 0 }), " ")
}

func tokens(all []string) []string {
	for i := range all {
		all[i] = token(all[i])
	}
	return all
}
