package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// victim is a client of a villain.
type victim struct {
	v        *villain
	socket   string
	answered int
	served   atomic.Int64 // answers of the villain's own
	err      error
}

// run asks until stop, and holds every octet that comes against what may come.
func (c *victim) run(stop *atomic.Bool) {
	for n := 0; !stop.Load() && c.err == nil; n++ {
		nc, err := net.Dial("unix", c.socket)
		if err != nil {
			c.err = err
			return
		}
		_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
		c.visit(nc, n, stop)
		nc.Close()
		time.Sleep(20 * time.Millisecond)
	}
}

// visit asks on one connection.
func (c *victim) visit(nc net.Conn, n int, stop *atomic.Bool) {
	g, err := readUnit(nc)
	if err != nil {
		return // no greeting has been learnt
	}
	if !bytes.Contains(g, []byte("<greeting>")) || bytes.Contains(g, []byte(mark)) {
		c.err = fmt.Errorf("got %.300s in place of a greeting", g)
		return
	}
	for i := 0; !stop.Load(); i++ {
		trid := fmt.Sprintf("V-%d-%d", n, i)
		if _, err := nc.Write(unit(checkPayload(strings.Repeat("v", max(1, c.v.asks))+".example", trid))); err != nil {
			return
		}
		a, err := readUnit(nc)
		if err != nil {
			return
		}
		c.answered++
		switch mine := bytes.HasSuffix(a[:bytes.LastIndex(a, []byte("<svTRID>"))], []byte("<clTRID>"+trid+"</clTRID>")); {
		case !mine, bytes.Contains(a, []byte(mark)):
			c.err = fmt.Errorf("got %.300s as an answer to %s", a, trid)
			return
		case bytes.Contains(a, []byte("<svTRID>S-1<")):
			c.served.Add(1)
		}
		time.Sleep(max(c.v.pause, victimPause))
	}
}

// victimPause keeps the machine, which runs all, from being what is measured.
const victimPause = 60 * time.Millisecond

// readUnit reads one payload.
func readUnit(nc net.Conn) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(nc, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, max(4, binary.BigEndian.Uint32(head[:]))-4)
	_, err := io.ReadFull(nc, b)
	return b, err
}
