package keys

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"eppmux/gateway/carry"
)

// BenchmarkBeginEnd is the cost of a key: its claim and its end, each with the disk's word for it. Those at
// the same time share the disk's work.
func BenchmarkBeginEnd(b *testing.B) {
	for _, callers := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			book, end := newBook(b), answered(1000, doneXML)
			var n atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					k := &carry.Key{Name: fmt.Sprint(n.Add(1))}
					if _, first, err := book.Begin(context.Background(), "shop", "it", k, []byte(createXML)); !first || err != nil {
						b.Errorf("got %v, %v", first, err)
						return
					}
					if err := book.End("shop", "it", k, end); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkReplay is the cost of a repeat.
func BenchmarkReplay(b *testing.B) {
	book := newBook(b)
	book.want("shop", key("A", 1), "first")
	book.end("shop", key("A", 1), answered(1000, doneXML))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := book.Begin(context.Background(), "shop", "it", key("A", 1), []byte(createXML)); err != nil {
			b.Fatal(err)
		}
	}
}
