package mapping

import (
	"fmt"
	"strings"
	"testing"
)

// names are n names of an ordinary length.
func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("garden-tools-%d.example", i)
	}
	return all
}

// checkAnswer is the answer to a check of names, indented as registries do.
func checkAnswer(names []string) []byte {
	var b strings.Builder
	b.WriteString("\n    <domain:chkData " + domainNS + ">\n")
	for i, name := range names {
		fmt.Fprintf(&b, "     <domain:cd>\n      <domain:name avail=\"%d\">%s</domain:name>\n", i%2, name)
		if i%2 == 0 {
			b.WriteString("      <domain:reason>In use</domain:reason>\n")
		}
		b.WriteString("     </domain:cd>\n")
	}
	b.WriteString("    </domain:chkData>\n")
	return []byte(answer(b.String(), ""))
}

func BenchmarkMarshalCheck(b *testing.B) {
	for _, n := range []int{1, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := &CheckCommand{Names: names(n)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Marshal(c, "req-20260102-000417"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshalCheck(b *testing.B) {
	for _, n := range []int{1, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := checkAnswer(names(n))
			b.ReportAllocs()
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if _, err := Unmarshal(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkALabel(b *testing.B) {
	for _, name := range []string{"garden-tools.example", "bücher.example", "xn--bcher-kva.example"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ALabel(name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeJSON(b *testing.B) {
	in := []byte(`{"names":["` + strings.Join(names(400), `","`) + `"]}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		var c CheckCommand
		if err := DecodeJSON(in, &c); err != nil {
			b.Fatal(err)
		}
	}
}
