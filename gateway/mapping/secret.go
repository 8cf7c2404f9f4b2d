package mapping

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"eppmux/frame"
)

// hidden stands in place of words in which a password may be.
const hidden = "(left out: it may have a password)"

// secretName reports whether elements of that local name hold a password, in any namespace.
func secretName(local []byte) bool {
	switch string(local) {
	case "pw", "newPW", "authInfo":
		return true
	}
	return false
}

// secretForm reports whether an element of that local name in authInfo only says of what form a password is.
func secretForm(local []byte) bool { return string(local) == "pw" || string(local) == "null" }

// secretInText finds the tag of such an element in text.
var secretInText = regexp.MustCompile(`(?i)<\s*(?:[^\s<>:]*:)?(?:pw|newpw|authinfo)[\s/>]`)

// Blank returns a copy of the payload of a command or an answer in which the elements pw, newPW and authInfo
// of any namespace have no text, and texts and comments that quote such an element are left out: for what is
// written down. UnmarshalCommand and Unmarshal read it as before, but for the passwords. It is nil for a
// payload that is not well-formed: nobody can say where a password ends in it.
func Blank(payload []byte) []byte {
	r := readers.Get().(*reader)
	defer r.free()
	m, err := r.scanner.Scan(payload)
	if err != nil {
		return nil
	}
	return blank(m.Payload)
}

// blank does the work of Blank on a piece of a payload that frame.Scanner has accepted, of whole elements.
func blank(p []byte) []byte {
	out := make([]byte, 0, len(p))
	w := frame.NewWalker(p)
	run, said := len(out), []byte(nil) // where the text in front began in out, and as a parser gives it
	secret := 0                        // elements around, counted from the one that holds a password
	for {
		t := w.Next()
		switch t {
		case frame.TokenText, frame.TokenCDATA:
			said = w.AppendText(said)
		case frame.TokenComment, frame.TokenInstruction:
			if secretInText.Match(w.Raw) {
				continue
			}
		default:
			if secretInText.Match(said) {
				out = out[:run]
			}
			said = said[:0]
		}
		if t == frame.TokenNone {
			return out
		}
		level := secret // of a tag: that of the element around it
		switch {
		case secret > 0 && t == frame.TokenStart:
			secret++
		case secret > 0 && t == frame.TokenEnd:
			secret--
			level = secret
		case secret == 0 && t == frame.TokenStart && secretName(frame.Local(w.Name)):
			secret = 1
		}
		tag := t == frame.TokenStart || t == frame.TokenEmpty || t == frame.TokenEnd
		if level == 0 || level == 1 && tag && secretForm(frame.Local(w.Name)) {
			out = append(out, w.Raw...)
		}
		if t != frame.TokenText && t != frame.TokenCDATA && t != frame.TokenComment && t != frame.TokenInstruction {
			run = len(out)
		}
	}
}

// inner is what is in an element that may have anything: its text, or where there are elements in it, its
// XML. Registries repeat there what they refuse, so passwords are left out of it.
func (e element) inner() string {
	if !e.is() {
		return ""
	}
	n, t := e.node(), e.t
	if n.child != 0 {
		return string(bytes.TrimSpace(blank(t.p[n.tagEnd:n.end])))
	}
	text := e.token()
	if secretInText.MatchString(text) {
		return hidden
	}
	return text
}

// passwords are those in a command.
func passwords(c Command) []string {
	var a *AuthInfo
	switch c := c.(type) {
	case *DomainInfo:
		a = c.AuthInfo
	case *DomainCreate:
		a = &c.AuthInfo
	case *DomainUpdate:
		a = c.AuthInfo
	case *TransferCommand:
		a = c.AuthInfo
	case *ContactInfo:
		a = c.AuthInfo
	case *ContactCreate:
		a = c.AuthInfo
	case *ContactUpdate:
		if c.Change != nil {
			a = c.Change.AuthInfo
		}
	}
	if a == nil || strings.TrimSpace(a.Password) == "" {
		return nil
	}
	// A registry may repeat it as a parser gives it, with white space collapsed, or as it was sent.
	return []string{a.Password, collapse(a.Password), escape(a.Password)}
}

// Hide replaces the passwords of the command that r answers in the words of r: some registries repeat what
// they refuse. Data is left as it is.
func (r *Response) Hide(c Command) {
	all := passwords(c)
	if all == nil {
		return
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // one may be a part of another
	var pairs []string
	for _, p := range all {
		pairs = append(pairs, p, noAuthInfo)
	}
	hide := strings.NewReplacer(pairs...)
	for i := range r.Results {
		result := &r.Results[i]
		result.Message = hide.Replace(result.Message)
		for _, words := range [][]string{result.Values, result.Reasons} {
			for j := range words {
				words[j] = hide.Replace(words[j])
			}
		}
	}
	if r.MsgQ != nil {
		r.MsgQ.Message = hide.Replace(r.MsgQ.Message)
	}
}
