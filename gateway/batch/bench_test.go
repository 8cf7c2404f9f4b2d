package batch

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/gateway/share"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// instant is an account that answers at once.
type instant struct{ commands int }

func (i *instant) caller(upstream.CallerConfig) caller { return i }
func (i *instant) objects() (int, bool)                { return 0, false }
func (i *instant) greetings(func([]byte))              {}
func (i *instant) Do(_ context.Context, call upstream.Call) (upstream.Result, error) {
	i.commands++
	return upstream.Result{End: pool.EndAnswered, Code: 1000, Payload: call.Late()}, nil
}

// bare is a codec that costs little, so that the Checker is what is measured.
var bare = codec{
	marshal: func(c *mapping.CheckCommand, _ string) ([]byte, error) {
		var b []byte
		for _, n := range c.Names {
			b = append(append(b, n...), '\n')
		}
		return b, nil
	},
	unmarshal: func(payload []byte) (*mapping.Response, error) {
		text := string(payload)
		checks := make([]mapping.Check, 0, bytes.Count(payload, []byte("\n")))
		for from := 0; from < len(text); {
			n := from + bytes.IndexByte(payload[from:], '\n')
			checks = append(checks, mapping.Check{Name: text[from:n], Available: true})
			from = n + 1
		}
		return &mapping.Response{Data: checks}, nil
	},
}

// BenchmarkCheck is the cost of a name in requests of so many, with checks of 50, against an account
// that answers at once. Writing and reading XML is left out.
func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{1, 25, 400, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			i := new(instant)
			c := &Checker{codec: bare, names: share.NewPool(maxUnderWay, namesMultiple), open: func(*carry.Registry) account { return i }}
			c.SetRegistries([]*carry.Registry{{Name: "example", Zones: []string{"example"}, CheckMax: 50}})
			names := namesOf("name", n)
			u := &carry.User{Name: "shop"}
			b.ReportAllocs()
			done := 0
			for b.Loop() {
				c.Check(b.Context(), Request{User: u, RequestID: "req-1", Names: names}, func(Answer) { done++ })
			}
			if done != b.N*n {
				b.Fatalf("%d answers, want %d", done, b.N*n)
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "names/s")
			b.ReportMetric(float64(b.N*n)/float64(i.commands), "names/command")
		})
	}
}
