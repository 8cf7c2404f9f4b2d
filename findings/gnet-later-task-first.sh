#!/bin/bash
# github.com/panjf2000/gnet/v2 v2.10.0 runs a later task before an earlier one.
#
# Asked: EventLoop.Execute hands a function to an event loop. If one goroutine hands over 3,000 of
# them while the loop is busy, in which order do they run?
#
# Guessed: in the order of the calls, as from a channel. All have the same priority.
#
# Seen: 1,023 of them in that order, then some of the rest wait while later ones run. The loop has two
# queues. The first takes up to about a thousand, the second what comes while the first is so full. Once
# the loop runs the first queue it has room again, and what is handed over then is run before all that
# is in the second. The same goroutine's last function so runs before some of its earlier ones.
#
# Exits with 0 while that is so, with 1 when it has changed. Needs Go and Linux.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
go version
go mod init finding >/dev/null 2>&1
go get github.com/panjf2000/gnet/v2@v2.10.0 2>/dev/null
go list -m github.com/panjf2000/gnet/v2

cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/panjf2000/gnet/v2"
)

type events struct{ gnet.BuiltinEventEngine }

type task func()

func (f task) Run(context.Context) error { f(); return nil }

// run hands over n functions from one goroutine while the loop is busy and one more once it has begun
// with them. It returns the numbers of the functions in the order in which they ran.
func run(el gnet.EventLoop, n int) (order []int) {
	busy, begun, last := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup // counts the functions that have not run
	post := func(f func()) {
		all.Add(1)
		if err := el.Execute(context.Background(), task(func() { defer all.Done(); f() })); err != nil {
			panic(err)
		}
	}
	post(func() { <-busy })
	for i := range n {
		post(func() {
			order = append(order, i)
			if i == 0 {
				close(begun)
				<-last
			}
		})
	}
	close(busy)
	<-begun
	done := make(chan struct{})
	post(func() { order = append(order, n); close(done) })
	close(last)
	<-done
	all.Wait()
	return order
}

func main() {
	c, err := gnet.NewClient(new(events), gnet.WithNumEventLoop(1))
	if err != nil {
		panic(err)
	}
	if err := c.Start(); err != nil {
		panic(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	gc, err := c.Dial("tcp", ln.Addr().String())
	if err != nil {
		panic(err)
	}
	for _, n := range []int{500, 3000} {
		order := run(gc.EventLoop(), n)
		late := 0
		for i, k := range order {
			if k == n {
				late = n - i
			}
		}
		fmt.Printf("%d functions, then one more: it ran before %d of them\n", n, late)
		if n == 500 && late != 0 || n == 3000 && late == 0 {
			fmt.Println("changed")
			os.Exit(1)
		}
	}
}
GO
go run .
