#!/bin/bash
# github.com/panjf2000/gnet/v2 v2.10.0 listens on another path than it was given.
#
# Asked: gnet.Run takes "unix://" and a path. Where does it listen if the path has a "?" or a "#",
# which a Linux file name may have, or begins with "@", by which Go's net names the abstract space?
#
# Guessed: on that path, or an error; for "@" in the abstract space, as net does, without a file.
#
# Seen: no error. What comes from "?" or "#" on is cut off, and the socket is made at the shorter path.
# For "unix://@name" a file called name, without the "@", appears in the working directory. The log
# says the path as it was given. The address is read as a URL. A "%" is safe: it is escaped before, for
# zones of IPv6.
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
	"os"
	"path/filepath"
	"time"

	"github.com/panjf2000/gnet/v2"
)

type server struct {
	gnet.BuiltinEventEngine
	booted chan gnet.Engine
}

func (s *server) OnBoot(e gnet.Engine) gnet.Action { s.booted <- e; return gnet.None }

// sockets serves on "unix://" and the path, in a new working directory, and returns the files that
// are there meanwhile.
func sockets(path string) (names []string, err error) {
	dir, err := os.MkdirTemp(".", "at")
	if err != nil {
		return nil, err
	}
	back, _ := os.Getwd()
	if err := os.Chdir(dir); err != nil {
		return nil, err
	}
	defer os.Chdir(back)
	abs, _ := os.Getwd()
	if path[0] == '/' {
		path = abs + path
	}
	s, ended := &server{booted: make(chan gnet.Engine, 1)}, make(chan error, 1)
	go func() { ended <- gnet.Run(s, "unix://"+path) }()
	select {
	case err := <-ended:
		return nil, err
	case e := <-s.booted:
		all, _ := filepath.Glob("*")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = e.Stop(ctx)
		<-ended
		return all, err
	}
}

func main() {
	changed := false
	for _, c := range []struct{ path, want string }{
		{"/plain.sock", "plain.sock"},
		{"/who?.sock", "who"},
		{"/no#1.sock", "no"},
		{"/50%.sock", "50%.sock"},
		{"@name", "name"},
	} {
		got, err := sockets(c.path)
		fmt.Printf("unix://%-14s made %q, error %v\n", c.path, got, err)
		changed = changed || err != nil || len(got) != 1 || got[0] != c.want
	}
	if changed {
		fmt.Println("changed")
		os.Exit(1)
	}
	fmt.Println("as seen before")
}
GO
go mod tidy 2>/dev/null
go run .
