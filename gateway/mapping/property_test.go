package mapping

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// oddTexts are values for any text.
var oddTexts = []string{
	"", " ", "  ", "a", "ab", "abc", " abc", "abc ", "a b", "a  b", "a\tb", "a\nb", "a\rb", "é", "ab\u00a0", "\u00a0\u00a0\u00a0", "a\u2028b", "abc\u0085", "\x00", "ab\x7f", "\xff", "\ufffe", "\uffff", "\ufffd", "\U0010ffff", "😀😀😀",
	"]]>", "&<>\"'", "&#0;", "<!--", "<![CDATA[", strings.Repeat("x", 16), strings.Repeat("x", 17), strings.Repeat("é", 16), strings.Repeat("é", 17), strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("é", 255), strings.Repeat("x", 256), strings.Repeat("x", 300),
	"0", "-0", "+1", "1", "1.", ".5", "0.00", "-1.5", "00.5", "1e5", "NaN", "INF", "123456789012345678901234567890", "true", "P", "P1D", "PT", "PT1S", "P1Y2M3DT4H5M6S", "P1S", "P1DT", "-P1D", "P1.5D",
	"2026-02-28", "2026-02-30", "2026-2-1", "20260101", "2026-11-30T12:00:00Z", "2026-11-30T12:00:00", "2026-11-30T24:00:00Z", "2026-11-30T12:00:60Z", "2026-11-30T12:00:00+14:00", "2026-11-30T12:00:00-13:59", "2026-11-30T12:00:00,5Z", "0000-01-01", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
	"en", "e", "EN-us", "en_US", "toolongtag", "en-", "x-1", "1-x", "int", "loc", "y", "m", "admin", "NS", "A", "AAAA", "custom", "TXT", "T-T", "T-", "-T", "TYPE65534", "create", "restore", "ok", "linked", "clientHold", "pendingRenew", "all", "none", "immediate", "query", "request", "voice", "name:loc",
	"AQ==", "AQ", "AQ= =", "AR==", "A===", "49fd", "49f", "4 9", "EUR", "eur", "EURO", "192.0.2.1", "192.0.2.01", "::", "::1", "::ffff:1.2.3.4", "1::2::3", "fe80::1%1", "2001:DB8:0:0:0:0:0:1", "+39.06", "+1234.5", "+1.123456789012345", "+39.06 1", "C1-EX", "-EX", "C1-", "é_1-ü", "a-b-c", "C1-123456789", "NO", "no", "N", "N1",
	"a.example", "A.EXAMPLE.", "ü.example", "a_b.example", "a..b", "xn--a.example", "xn--bcher-kva.example", strings.Repeat("a.", 126) + "aa",
}

var oddNumbers = []int64{0, 1, -1, 2, 99, 100, 255, 256, 65535, 65536, 1<<31 - 1, 1 << 31, -1 << 31, 1<<63 - 1}

// clone is a deep copy.
func clone(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.Set(reflect.New(v.Type().Elem()))
			c.Elem().Set(clone(v.Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			c.Field(i).Set(clone(v.Field(i)))
		}
	case reflect.Slice:
		if !v.IsNil() {
			c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				c.Index(i).Set(clone(v.Index(i)))
			}
		}
	}
	return c
}

// places are the values below v that can be changed.
func places(v reflect.Value) []reflect.Value {
	all := []reflect.Value{v}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			all = append(all, places(v.Elem())...)
		}
	case reflect.Struct:
		all = nil
		for i := range v.NumField() {
			all = append(all, places(v.Field(i))...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, places(v.Index(i))...)
		}
	}
	return all
}

// spoil changes v.
func spoil(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		} else {
			v.SetZero()
		}
	case reflect.Slice:
		switch n := v.Len(); {
		case n == 0:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		case r.IntN(2) == 0:
			v.Set(v.Slice(0, n-1))
		default:
			v.Set(reflect.Append(v, clone(v.Index(r.IntN(n)))))
		}
	case reflect.String:
		v.SetString(oddTexts[r.IntN(len(oddTexts))])
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int:
		v.SetInt(oddNumbers[r.IntN(len(oddNumbers))])
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(uint64(oddNumbers[r.IntN(len(oddNumbers))]) & (1<<v.Type().Bits() - 1))
	}
}

// TestMarshalAcceptsWhatIsValid spoils commands: whatever is still written is valid by the schemas, and reads
// back as what is written of it.
func TestMarshalAcceptsWhatIsValid(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 1))
	names := slices.Sorted(maps.Keys(full))
	payloads, refused := map[string][]byte{}, 0
	for i := range 6000 {
		name := names[i%len(names)]
		v := clone(reflect.ValueOf(full[name]))
		for range 1 + r.IntN(3) {
			if all := places(v.Elem()); len(all) > 0 {
				spoil(r, all[r.IntN(len(all))])
			}
		}
		c := v.Interface().(Command)
		id := "req-1"
		if r.IntN(10) == 0 {
			id = oddTexts[r.IntN(len(oddTexts))]
		}
		p, err := Marshal(c, id)
		if err != nil {
			refused++
			continue
		}
		payloads[fmt.Sprintf("%s %d %.300q", name, i, p)] = p
		back, backID, err := UnmarshalCommand(p)
		if err != nil || backID != id {
			t.Errorf("%s: got %q %v, want %q", p, backID, err, id)
			continue
		}
		if again, err := Marshal(back, backID); err != nil || string(again) != string(p) {
			t.Errorf("got\n%s %v, want\n%s", again, err, p)
		}
	}
	t.Logf("%d written, %d refused", len(payloads), refused)
	if len(payloads) < 1000 || refused < 1000 {
		t.Errorf("%d written, %d refused: too few of one", len(payloads), refused)
	}
	for _, name := range validate(t, payloads) {
		t.Errorf("not valid: %s", name)
	}
}
