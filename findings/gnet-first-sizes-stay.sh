#!/bin/bash
# github.com/panjf2000/gnet/v2 v2.10.0 takes the size of new buffers from the first 42,000, and keeps it.
#
# Asked: gnet keeps the octets that a handler leaves for later in a buffer from a pool, which learns from
# what comes back how large a new one should be. If one message in 40 has 200,000 octets and all others
# 100, what does a connection hold that waits with 50 octets, while the pool is empty?
#
# Guessed: one KiB, as at first. The pool goes by the size that is most frequent and drops the few that
# are larger. Had it learnt something else, 80,000 short messages would teach it better. The order of the
# messages should not matter in the end.
#
# Seen: 256 KiB, and so after 80,000 short messages too. If the short ones come first, it is one KiB, and
# stays that when the same mixed ones follow. The pool counts how large a buffer has grown, not how much
# was in it. It drops none before it has counted 42,000 of a size. So each of those in use meets a long
# message sooner or later, and counts as long with each short one after it. From then on new ones are made
# as large, which it counts again. Collections are made rare here: each takes buffers out of the pool, so
# very frequent ones can prevent it.
#
# Exits with 0 while that is so, with 1 when it has changed. Needs Go and Linux. Takes 15 s, minutes
# with one processor that is busy.
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
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/panjf2000/gnet/v2"
)

const (
	uses  = 80_000 // messages of each kind of traffic
	every = 40     // one in so many is long where the traffic is mixed
	most  = 64     // connections that wait at once
)

var short, long = message(100), message(200_000)

// message returns n octets, of which the first four say how many they are.
func message(n int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, n-4)...)
}

// events answers each read with 'w' while the message waits for its rest, with 'd' when it is done.
type events struct{ gnet.BuiltinEventEngine }

func (*events) OnTraffic(c gnet.Conn) gnet.Action {
	answer := []byte("w")
	if head, err := c.Peek(4); err == nil && c.InboundBuffered() == int(binary.BigEndian.Uint32(head)) {
		c.Discard(c.InboundBuffered())
		answer = []byte("d")
	}
	c.Write(answer)
	return gnet.None
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// send writes a part of a message and reads answers until one is b.
func send(c net.Conn, part []byte, b byte) {
	must(c.Write(part))
	for got := []byte{0}; got[0] != b; {
		must(io.ReadFull(c, got))
	}
}

// begin sends the first half of a message, and end the other one.
func begin(c net.Conn, m []byte) { send(c, m[:len(m)/2], 'w') }
func end(c net.Conn, m []byte)   { send(c, m[len(m)/2:], 'd') }

// heap returns the octets in use. It leaves no buffer in any sync.Pool.
func heap() int {
	for range 3 {
		runtime.GC()
	}
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int(s.HeapAlloc)
}

// waiting returns how many octets a connection takes more once half of a short message waits in it.
func waiting(dial func() net.Conn) int {
	var all []net.Conn
	for range most {
		all = append(all, dial())
	}
	before := heap()
	for _, c := range all {
		begin(c, short)
	}
	after := heap()
	for _, c := range all {
		end(c, short)
		c.Close()
	}
	return (after - before) / most
}

func main() {
	debug.SetGCPercent(1000) // a collection may empty any sync.Pool
	server := must(gnet.NewClient(new(events), gnet.WithNumEventLoop(1)))
	if err := server.Start(); err != nil {
		panic(err)
	}
	ln := must(net.Listen("tcp", "127.0.0.1:0"))
	dial := func() net.Conn {
		c := must(net.Dial("tcp", ln.Addr().String()))
		must(server.Enroll(must(ln.Accept())))
		return c
	}
	seen := []int{waiting(dial)}
	fmt.Printf("%-28s %6d octets for a connection that waits with 50\n", "at first:", seen[0])
	c := dial()
	for _, kind := range os.Args[1:] {
		for i := range uses {
			m := short
			if kind == "mixed" && i%every == 0 {
				m = long
			}
			begin(c, m)
			end(c, m)
		}
		seen = append(seen, waiting(dial))
		fmt.Printf("after %d %s messages:  %6d\n", uses, kind, seen[len(seen)-1])
	}
	for i, n := range seen {
		large := i > 0 && os.Args[1] == "mixed"
		if large && n < 200_000 || !large && n > 8_000 {
			fmt.Println("changed")
			os.Exit(1)
		}
	}
}
GO
go build -o finding .
export GNET_LOGGING_LEVEL=2 # errors alone
timeout 300 ./finding short mixed
timeout 300 ./finding mixed short
echo "as seen before"
