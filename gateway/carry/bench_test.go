package carry

import (
	"testing"

	"eppmux/gateway/mapping"
)

// BenchmarkDo is what Do costs beside the account: to check, write and read one command.
func BenchmarkDo(b *testing.B) {
	r := newRig(nil)
	r.registry.says = answers(1000, doneXML)
	for name, o := range map[string]Order{
		"check": {User: r.user, Registry: r.at, RequestID: "req-17",
			Command: &mapping.CheckCommand{Of: mapping.DomainObject, Names: []string{"kiosk.example"}}},
		"raw": r.raw(checkXML, nil),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Do(b.Context(), o); err != nil {
					b.Fatal(err)
				}
				r.registry.sent = r.registry.sent[:0]
			}
		})
	}
}
