package sandbox

import (
	"strings"
	"testing"
)

func TestCheckShape(t *testing.T) {
	sh := seq(one("a", leaf(chars(1, 3))), maybe("b", leaf(anyText)), many("c", leaf(number(1, 9), takes("x", isFlag))),
		one("d", either(some("e", leaf(anyText)), one("f", anything)))).with(needs("k", among("1")))
	for _, tt := range []struct {
		inner string
		code  int
	}{
		{"<a>1</a><d><e/></d>", 0},
		{"<a>1</a><b/><c>1</c><c x='1'>9</c><d><e/><e/></d>", 0},
		{" <a> 123 </a> <!-- --> <d> <f y='1'><g>h</g></f></d>", 0},
		{"<a/><d><e/></d>", 2005},
		{"<a>1234</a><d><e/></d>", 2005},
		{"<a>1</a><c>0</c><d><e/></d>", 2004},
		{"<a>1</a><c>x</c><d><e/></d>", 2005},
		{"<a>1</a><c x='2'>1</c><d><e/></d>", 2005},
		{"<a>1</a><c z='2'>1</c><d><e/></d>", 2001},
		{"<a>1</a><b/><b/><d><e/></d>", 2001},
		{"<b/><a>1</a><d><e/></d>", 2001},
		{"<a>1</a><d><e/></d><b/>", 2001},
		{"<a>1</a><z/><d><e/></d>", 2001},
		{"<a>1</a><d><e/><f/></d>", 2001},
		{"<a>1</a><d><f/><f/></d>", 2001},
		{"<a>1</a><d/>", 2003},
		{"<a>1</a>", 2003},
		{"<d><e/></d>", 2003},
		{"", 2003},
		{"<a>1</a>text<d><e/></d>", 2001},
		{"<a><b/></a><d><e/></d>", 2001},
		{"<a xmlns='v'>1</a><d><e/></d>", 2001},
	} {
		n, err := parseXML([]byte("<r xmlns='u' k='1'>" + tt.inner + "</r>"))
		must(t, err)
		code := 0
		if f := checkShape(n, sh); f != nil {
			code = f.code
		}
		if code != tt.code {
			t.Errorf("%s: got %d, want %d", tt.inner, code, tt.code)
		}
	}
	for attrs, want := range map[string]int{"": 2003, "k='2'": 2005, "k='1' l='1'": 2001, "k=' 1 ' xmlns:p='p' p:l='1'": 0} {
		n, err := parseXML([]byte("<r xmlns='u' " + attrs + "><a>1</a><d><e/></d></r>"))
		must(t, err)
		code := 0
		if f := checkShape(n, sh); f != nil {
			code = f.code
		}
		if code != want {
			t.Errorf("%s: got %d, want %d", attrs, code, want)
		}
	}
}

func TestRules(t *testing.T) {
	for name, tt := range map[string]struct {
		rule      rule
		good, bad []string
	}{
		"date":     {isDate, []string{"2030-02-28", "2030-02-28Z", "2030-02-28+01:00"}, []string{"2030-02-30", "2030-2-1", "", "2030-02-28x"}},
		"dateTime": {isDateTime, []string{"2030-02-28T12:00:00Z", "2030-02-28T12:00:00.123", "2030-02-28T12:00:00+02:00"}, []string{"2030-02-28", "x"}},
		"hex":      {isHex, []string{"00", "aF"}, []string{"", "0", "xx"}},
		"base64":   {isBase64, []string{"AQPJ", "AQ PJ"}, []string{"", "A", "A*=="}},
		"e164":     {isE164, []string{"", "+1.5555"}, []string{"5555", "+1.", "+1234.5", "+1.5 "}},
		"language": {isLanguage, []string{"en", "de-AT"}, []string{"", "e_n", "123456789"}},
		"roid":     {isROID, []string{"A1-B", "Ä_1-B"}, []string{"A1", "A-B-C", "A1-123456789"}},
		"clID":     {isClID, []string{"abc", "äöü", strings.Repeat("a", 16)}, []string{"ab", strings.Repeat("a", 17)}},
	} {
		for _, s := range tt.good {
			if tt.rule(s) != 0 {
				t.Errorf("%s refuses %q", name, s)
			}
		}
		for _, s := range tt.bad {
			if tt.rule(s) == 0 {
				t.Errorf("%s takes %q", name, s)
			}
		}
	}
}
