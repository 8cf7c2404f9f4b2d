#!/bin/bash
# github.com/redis/rueidis v1.0.79 returns a client that works together with the error that it does not.
#
# Asked: NewClient is called while no server is there yet. Is there anything to close, or to use later?
#
# Guessed: no. It returns an error, so the client is nil, with every option.
#
# Seen: it is nil by default. With ForceSingleClient, which is about one server and not a cluster, the
# client is there beside the error. It connects by itself once the server has come, and answers. So who
# returns at the error leaves it open, and who tries NewClient again until it works makes one each time.
#
# Exits with 0 while that is so, with 1 when it has changed. Needs Go.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
go version
go mod init finding >/dev/null 2>&1
go get github.com/redis/rueidis@v1.0.79 github.com/alicebob/miniredis/v2@v2.40.0 2>/dev/null
go list -m github.com/redis/rueidis github.com/alicebob/miniredis/v2

cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
)

// free returns an address on which nobody listens.
func free() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// early makes a client while its server is not there, and reports whether one was returned beside the
// error, and what that answers once the server has come.
func early(single bool) (given bool, answer string) {
	address := free()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, ForceSingleClient: single, DisableCache: true})
	if err == nil {
		return c != nil, "no error"
	}
	if c == nil {
		return false, ""
	}
	defer c.Close()
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(address); err != nil {
		panic(err)
	}
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer, err = c.Do(ctx, c.B().Ping().Build()).ToString()
	if err != nil {
		answer = err.Error()
	}
	return true, answer
}

func main() {
	given, answer := early(false)
	fmt.Printf("by default:             an error; a client beside it: %v\n", given)
	givenSingle, answerSingle := early(true)
	fmt.Printf("with ForceSingleClient: an error; a client beside it: %v; when the server has come, it answers %q\n", givenSingle, answerSingle)
	if given || answer != "" || !givenSingle || answerSingle != "PONG" {
		fmt.Println("changed")
		os.Exit(1)
	}
	fmt.Println("as seen before")
}
GO
go mod tidy >/dev/null 2>&1
go run .
