package clitest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// References writes each character of s in a form for fmt, such as &#%d;.
func References(s, form string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, form, r)
	}
	return b.String()
}

// secretForms are the forms in which a canary can appear in the output of a program. They have its
// middle only: its ends may be cut off, or run together with other text.
var secretForms = func() []string {
	forms := []string{"cAnA", "nArY", "rY-7", "-7f3"}
	whole := []byte(Canary)
	for i := range 3 {
		// Without the characters at either end that other octets have a part in.
		b := base64.StdEncoding.EncodeToString(append(make([]byte, i), whole...))
		forms = append(forms, b[(8*i+5)/6:8*(i+len(whole))/6])
	}
	middle := string(whole[1:7])
	forms = append(forms, hex.EncodeToString([]byte(middle)), strings.ToUpper(hex.EncodeToString([]byte(middle))))
	for _, form := range []string{"%%%02X", "%%%02x", "&#%d;", "&#x%X;", "&#x%x;", "\\u%04x", "\\x%02x", "%02x ", "%d ",
		"0x%x, ", "%c\x00", "%c\\x00", "%c\\u0000"} {
		forms = append(forms, strings.TrimRight(References(middle, form), " ,"))
	}
	for i := range len(whole) - 7 { // as a word in a stack dump
		word := uint64(0)
		for k, c := range whole[i : i+8] {
			word |= uint64(c) << (8 * k)
		}
		forms = append(forms, fmt.Sprintf("%x", word))
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}()

// FindSecret returns the text around a canary in any form; empty if there is none.
func FindSecret(text string) string {
	for _, form := range secretForms {
		if i := strings.Index(text, form); i >= 0 {
			return fmt.Sprintf("%q in %q", form, text[max(0, i-200):min(len(text), i+100)])
		}
	}
	return ""
}
