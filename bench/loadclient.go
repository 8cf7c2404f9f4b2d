package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// loadClient is one client. The goroutine of its run or follow owns it, except since.
type loadClient struct {
	l      *Load
	id     int
	n      int
	nc     net.Conn
	out    []byte
	in     []byte
	name   []byte
	trid   []byte
	took   []time.Duration
	late   []time.Duration
	wrong  int
	unsent int
	err    error
	over   bool         // the connection has ended
	since  atomic.Int64 // from when follow counts commands, in nanoseconds since 1970; 0: none yet
}

func (l *Load) connect(id int) (*loadClient, error) {
	to := strings.Split(l.To, ",")
	nc, err := net.DialTimeout("tcp", to[id%len(to)], 10*time.Second)
	if err != nil {
		return nil, err
	}
	if l.TLS != nil {
		nc = tls.Client(nc, l.TLS)
	}
	c := &loadClient{l: l, id: id, nc: nc, in: make([]byte, 4096)}
	if _, err := c.read(); err != nil {
		nc.Close()
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if l.User == "" {
		return c, nil
	}
	c.out = append(c.out[:0], 0, 0, 0, 0)
	c.out = append(c.out, `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command>`+
		`<login><clID>`+l.User+`</clID><pw>`+l.Password+`</pw>`+
		`<options><version>1.0</version><lang>en</lang></options>`+
		`<svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login>`+
		`<clTRID>login-`...)
	c.out = strconv.AppendInt(c.out, int64(id), 36)
	c.out = append(c.out, '-')
	c.out = strconv.AppendInt(c.out, time.Now().UnixNano(), 36)
	c.out = append(c.out, `</clTRID></command></epp>`...)
	a, err := c.exchange()
	if err == nil && !bytes.Contains(a, []byte(`code="1000"`)) {
		err = fmt.Errorf("got %s", a)
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("login: %w", err)
	}
	return c, nil
}

// run sends one command after another. It ends after stop, or with its connection.
func (c *loadClient) run(counting, stop *atomic.Bool) {
	for !stop.Load() {
		begin := time.Now()
		if c.once() && counting.Load() {
			c.took = append(c.took, time.Since(begin))
		}
		if c.over {
			return
		}
	}
}

// follow sends a command for each one that is due. It ends when due is closed. After stop, or once
// its connection has ended, it leaves the commands that are due unsent.
func (c *loadClient) follow(due <-chan time.Time, stop *atomic.Bool) {
	for at := range due {
		if stop.Load() || c.over {
			c.unsent++
			continue
		}
		late := time.Since(at)
		ok := c.once()
		if since := c.since.Load(); ok && since > 0 && at.UnixNano() >= since {
			c.took = append(c.took, time.Since(at))
			c.late = append(c.late, late)
		}
	}
}

// once sends a command and reports whether the answer belongs to it.
func (c *loadClient) once() bool {
	c.compose()
	a, err := c.exchange()
	if err != nil {
		c.err, c.over = err, true
		return false
	}
	if !c.right(a) {
		c.wrong++
		if c.err == nil {
			c.err = fmt.Errorf("wrong answer: %s", a)
		}
		return false
	}
	return true
}

// compose builds the next command, about a name that no other command has.
func (c *loadClient) compose() {
	c.n++
	c.name = append(c.name[:0], "load-"...)
	c.name = strconv.AppendInt(c.name, int64(c.id), 10)
	c.name = append(c.name, '-')
	c.name = strconv.AppendInt(c.name, int64(c.n), 10)
	c.name = append(c.name, ".example"...)
	c.trid = append(c.trid[:0], "BENCH-"...)
	if !c.l.SameClTRID {
		c.trid = strconv.AppendInt(c.trid, int64(c.id), 36)
		c.trid = append(c.trid, '-')
		c.trid = strconv.AppendInt(c.trid, time.Now().UnixNano(), 36)
		c.trid = append(c.trid, '-')
	}
	c.trid = strconv.AppendInt(c.trid, int64(c.n), 10)
	verb := "check"
	if c.l.Transform {
		verb = "delete"
	}
	c.out = append(c.out[:0], 0, 0, 0, 0)
	c.out = append(c.out, `<?xml version="1.0" encoding="UTF-8"?>`...)
	c.out = append(c.out, `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><`...)
	c.out = append(append(append(c.out, verb...), `><domain:`...), verb...)
	c.out = append(c.out, ` xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>`...)
	c.out = append(append(append(c.out, c.name...), `</domain:name>`...), c.l.filler...)
	c.out = append(append(append(append(c.out, `</domain:`...), verb...), `></`...), verb...)
	c.out = append(append(append(c.out, `><clTRID>`...), c.trid...), `</clTRID></command></epp>`...)
}

// right reports whether a is the answer to the last command.
func (c *loadClient) right(a []byte) bool {
	i := bytes.LastIndex(a, []byte("<clTRID>"))
	if i < 0 || !bytes.HasPrefix(a[i+len("<clTRID>"):], append(c.trid, '<')) {
		return false
	}
	if c.l.Transform {
		return bytes.Contains(a, []byte(`code="2303"`))
	}
	return bytes.Contains(a, []byte(`code="1000"`)) && bytes.Contains(a, append(append([]byte{'>'}, c.name...), '<'))
}

func (c *loadClient) exchange() ([]byte, error) {
	binary.BigEndian.PutUint32(c.out, uint32(len(c.out)))
	if _, err := c.nc.Write(c.out); err != nil {
		return nil, err
	}
	return c.read()
}

// read reads one payload. It is valid until the next call.
func (c *loadClient) read() ([]byte, error) {
	if err := c.nc.SetReadDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	have := 0
	for {
		n, err := c.nc.Read(c.in[have:])
		have += n
		if have >= 4 {
			want := int(binary.BigEndian.Uint32(c.in))
			if want > 1<<24 {
				return nil, errors.New("frame of more than 16 MiB")
			}
			if have == want {
				return c.in[4:want], nil
			}
			if have > want {
				return nil, errors.New("more than one answer")
			}
			if want > len(c.in) {
				c.in = slices.Grow(c.in, want)[:want]
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}
