package frame

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Login is the content of a login command, RFC 5730 section 2.9.1.1. Only AppendLogin shows its
// passwords: fmt, log/slog and encoding/json do not.
type Login struct {
	ClientID    string
	Password    string `json:"-"`
	NewPassword string `json:"-"` // empty: no change
	// HasNewPassword is set by ParseLogin if the command has a newPW, be it empty. AppendLogin
	// ignores it.
	HasNewPassword bool
	Version        string // of the protocol; AppendLogin writes 1.0 for an empty one
	Language       string // a tag of RFC 3066; AppendLogin writes en for an empty one
	ObjectURIs     []string
	ExtensionURIs  []string
	Security       LoginSecurity
	ClTRID         string // empty: none
	Root           Root   // in whose namespace AppendLogin writes; ParseLogin leaves it zero
}

// LoginSecurity says which passwords of a login go into the login security extension (RFC 8807),
// where ExtensionURIs has that. It has no effect where it has not.
type LoginSecurity uint8

const (
	SecureLong   LoginSecurity = iota // those longer than the 16 characters of RFC 5730's schema
	SecureAlways                      // all: some registries take no other login
	SecureNever                       // none: some registries take long passwords in the login itself
)

// RFC 8807 is for passwords longer than the 16 characters that the schema of RFC 5730 allows.
const (
	loginSecURI       = "urn:ietf:params:xml:ns:epp:loginSec-1.0"
	loginSecStandIn   = "[LOGIN-SECURITY]"
	maxPasswordLength = 16 // characters
)

// AppendLogin appends the data unit of a login. A password that does not go into the login security
// extension, see LoginSecurity, goes into the login as it is, however long.
func AppendLogin(dst []byte, l *Login) []byte {
	return appendUnit(dst, func(b []byte) []byte {
		password, securedPassword := l.split(l.Password)
		newPassword, securedNew := l.split(l.NewPassword)

		b = append(l.Root.appendOpen(b), "<command><login>"...)
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
		b = appendLoginSec(b, securedPassword, securedNew)
		b = appendClTRID(b, l.ClTRID)
		return append(b, "</command>"+closeEPP...)
	})
}

// split gives what of a password goes into the login and what into the extension, RFC 8807 section
// 3.2. secured is empty if the extension is not needed, or not in use.
func (l *Login) split(password string) (plain, secured string) {
	long := utf8.RuneCountInString(password) > maxPasswordLength
	wanted := l.Security == SecureAlways || l.Security == SecureLong && long
	if wanted && password != "" && slices.Contains(l.ExtensionURIs, loginSecURI) {
		return loginSecStandIn, password
	}
	return password, ""
}

// LongPasswords reports whether the login may have a password of more than 16 characters: in the
// extension, or since the login itself is said to take it.
func (l *Login) LongPasswords() bool {
	return l.Security == SecureNever || slices.Contains(l.ExtensionURIs, loginSecURI)
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

// hidden takes the place of a password.
const hidden = "[redacted]"

// Hide replaces the passwords of the login in what a registry says about it. text must be as a
// parser gives it: in a quoted or shortened text a password could be missed.
func (l *Login) Hide(text string) string {
	var secrets []string
	for _, s := range []string{l.Password, l.NewPassword} {
		// A registry may also repeat the octets of the login that AppendLogin wrote.
		secrets = append(secrets, s, token(s), string(appendText(nil, s)))
	}
	// The longest first: one password may be a part of the other.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	// In one pass: a password that is a part of hidden must not be looked for in that.
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, hidden)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// String names the account and shows no password.
func (l Login) String() string {
	return "login of " + strconv.Quote(l.ClientID) + ", password not shown"
}

// GoString implements fmt.GoStringer with String.
func (l Login) GoString() string { return l.String() }

// Format implements fmt.Formatter with String for every verb: some verbs of fmt, such as %d, do not
// ask String and would print the fields.
func (l Login) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(l.String())) }

// LogValue implements slog.LogValuer with String.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }
