package frame

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Login is the content of a login command, RFC 5730 section 2.9.1.1. Nothing shows its passwords
// but AppendLogin.
type Login struct {
	ClientID    string
	Password    string `json:"-"`
	NewPassword string `json:"-"` // empty: no change
	// HasNewPassword is for ParseLogin: the command has a newPW, an empty one included. AppendLogin
	// ignores it.
	HasNewPassword bool
	Version        string // of the protocol; empty: 1.0
	Language       string // RFC 3066; empty: en
	ObjectURIs     []string
	ExtensionURIs  []string
	ClTRID         string
}

// RFC 8807: passwords that the 16 characters of RFC 5730's schema do not hold.
const (
	loginSecURI       = "urn:ietf:params:xml:ns:epp:loginSec-1.0"
	loginSecStandIn   = "[LOGIN-SECURITY]"
	maxPasswordLength = 16 // characters
)

// AppendLogin appends the data unit of a login. A password that is longer than 16 characters goes
// into the login security extension, when ExtensionURIs has it.
func AppendLogin(dst []byte, l *Login) []byte {
	return appendUnit(dst, func(b []byte) []byte {
		secured := slices.Contains(l.ExtensionURIs, loginSecURI)
		password, longPassword := splitPassword(l.Password, secured)
		newPassword, longNew := splitPassword(l.NewPassword, secured)

		b = append(b, openEPP+"<command><login>"...)
		b = appendElement(b, "clID", l.ClientID)
		b = appendElement(b, "pw", password)
		if newPassword != "" {
			b = appendElement(b, "newPW", newPassword)
		}
		b = append(b, "<options>"...)
		b = appendElement(b, "version", orElse(l.Version, "1.0"))
		b = appendElement(b, "lang", orElse(l.Language, "en"))
		b = append(b, "</options>"...)
		b = append(appendServices(b, l), "</login>"...)
		b = appendLoginSec(b, longPassword, longNew)
		b = appendClTRID(b, l.ClTRID)
		return append(b, "</command>"+closeEPP...)
	})
}

// splitPassword says what goes into the login and what into the extension, RFC 8807 section 3.2.
func splitPassword(password string, secured bool) (plain, long string) {
	if secured && utf8.RuneCountInString(password) > maxPasswordLength {
		return loginSecStandIn, password
	}
	return password, ""
}

func appendServices(b []byte, l *Login) []byte {
	b = append(b, "<svcs>"...)
	for _, uri := range l.ObjectURIs {
		b = appendElement(b, "objURI", uri)
	}
	if len(l.ExtensionURIs) > 0 {
		b = append(b, "<svcExtension>"...)
		for _, uri := range l.ExtensionURIs {
			b = appendElement(b, "extURI", uri)
		}
		b = append(b, "</svcExtension>"...)
	}
	return append(b, "</svcs>"...)
}

func appendLoginSec(b []byte, password, newPassword string) []byte {
	if password == "" && newPassword == "" {
		return b
	}
	b = append(b, `<extension><loginSec:loginSec xmlns:loginSec="`+loginSecURI+`">`...)
	if password != "" {
		b = appendElement(b, "loginSec:pw", password)
	}
	if newPassword != "" {
		b = appendElement(b, "loginSec:newPW", newPassword)
	}
	return append(b, "</loginSec:loginSec></extension>"...)
}

// hidden stands where a password was.
const hidden = "[redacted]"

// Hide takes the passwords out of what a registry says about the login. text is as a parser gives
// it, neither quoted nor cut, in which they could not be found.
func (l *Login) Hide(text string) string {
	var secrets []string
	for _, s := range []string{l.Password, l.NewPassword} {
		// also as it stands in our own login
		secrets = append(secrets, s, token(s), string(appendText(nil, s)))
	}
	// A password may be a part of the other one.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, hidden)
		}
	}
	return text
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// String names the account and leaves the passwords out.
func (l Login) String() string {
	return "login of " + strconv.Quote(l.ClientID) + ", password not shown"
}

// GoString is String.
func (l Login) GoString() string { return l.String() }

// Format writes String for every verb, since some of fmt's pass String by.
func (l Login) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(l.String())) }

// LogValue is String.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }
