package mapping

import (
	"strings"
	"testing"

	"golang.org/x/net/idna"
)

func TestALabel(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	long := strings.Repeat(label63+".", 3) + strings.Repeat("b", 61) // 253 octets
	for _, tt := range []struct{ in, want string }{
		{"kiosk.example", "kiosk.example"},
		{"KIOSK.Example", "kiosk.example"},
		{"kiosk.example.", "kiosk.example"},
		{"example", "example"},
		{"1.2.example", "1.2.example"},
		{"r3---sn-x.example", "r3---sn-x.example"}, // two hyphens in the third and fourth place, and no xn
		{label63 + ".example", label63 + ".example"},
		{long, long}, {long + ".", long},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER.example", "xn--bcher-kva.example"},
		{"bu\u0308cher.example", "xn--bcher-kva.example"}, // not composed
		{"straße.example", "xn--strae-oqa.example"},       // not strasse: UTS #46, not transitional
		{"faß.example", "xn--fa-hia.example"},
		{"βόλος.example", "xn--nxasmm1c.example"}, // final sigma stays
		{"kiosk。example", "kiosk.example"},        // ideographic full stop
		{"kiosk．example", "kiosk.example"},        // full-width full stop
		{"ｋｉｏｓｋ.example", "kiosk.example"},
		{"bücher.example。", "xn--bcher-kva.example"},
		{"ki\u00adosk.example", "kiosk.example"}, // soft hyphen: ignored by UTS #46
		{"i❤.example", "xn--i-7iq.example"},
		{"💩.example", "xn--ls8h.example"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
		{"xn--ls8h.example", "xn--ls8h.example"},
		{"bücher.xn--p1ai", "xn--bcher-kva.xn--p1ai"},
		{"яндекс.рф", "xn--d1acpjx3f.xn--p1ai"},
		{"مثال.example", "xn--mgbh0fb.example"},
		{"例え.テスト", "xn--r8jz45g.xn--zckzah"},
	} {
		got, err := ALabel(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("%q: got %q %v, want %q", tt.in, got, err, tt.want)
			continue
		}
		if again, err := ALabel(got); err != nil || again != got {
			t.Errorf("%q: then %q %v", got, again, err)
		}
	}
}

// TestALabelJoiner: a joiner between letters that it joins stays (RFC 5892 appendix A.2).
func TestALabelJoiner(t *testing.T) {
	const name = "\u0915\u094d\u200d\u0937.example"
	a, err := ALabel(name)
	if u, err2 := idna.Punycode.ToUnicode(a); err != nil || err2 != nil || u != name {
		t.Errorf("got %q of %q, %v %v", u, a, err, err2)
	}
}

func TestALabelRefuses(t *testing.T) {
	label64 := strings.Repeat("a", 64)
	for _, in := range []string{
		"", ".", "..", "a..example", ".example", "example..", "a.example..", "。", "bücher。。example",
		"a b.example", " a.example", "a.example ", "a.example\n", "a.example\x00", "a\tb.example", "a/b.example", "a@b.example", "a:b.example", "*.example", "a\\b.example", "<a>.example", "a&b.example", "'a'.example",
		"a_b.example", "_dmarc.example", "bücher_b.example", "ａ＿ｂ.example", // underscores, also wide ones
		"-a.example", "a-.example", "-.example", "-bücher.example", "bücher-.example", "ab--bücher.example",
		label64 + ".example", strings.Repeat("ü", 60) + ".example", strings.Repeat("a.", 127) + "aa", strings.Repeat("a", 5000), strings.Repeat("ü.", 1000),
		"xn--.example", "xn--a.example"[:4] + ".example", "xn--bcher-kva-.example", "xn--abc-.example", "xn--0.example", "xn--ﾊ.example", "XN--99999999.example", "xn--\u00fc.example",
		"a\u200db.example",          // a joiner that joins nothing
		"a\u0627.example",           // left to right and right to left in one label
		"a\u202eb.example",          // override
		"a\xffb.example", "\xc3.ex", // no UTF-8
		"℀.example", // UTS #46 makes a slash of it
		"\ufffd.example", "a\u0000.example", "bücher\u0000.example",
		"192.0.2.1:700", "[::1]",
	} {
		if got, err := ALabel(in); err == nil {
			t.Errorf("%q: got %q", in, got)
		} else if f, ok := err.(*Fault); !ok || f.Why == "" || len(in) > 3 && strings.Contains(f.Why, in) {
			t.Errorf("%q: got %#v", in, err)
		}
	}
}
