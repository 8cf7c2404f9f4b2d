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
	"sync"
	"sync/atomic"
	"time"
)

// Load is a closed loop: each client sends its next command when the answer to the last one has come. Every command
// checks a name of its own, and every answer is held against it.
type Load struct {
	To             string
	TLS            *tls.Config // nil: plain
	Clients        int
	WarmUp, For    time.Duration
	User, Password string
	SameClTRID     bool // otherwise every command has one of its own
}

// Result is what a Load has measured.
type Result struct {
	Commands int     `json:"commands"` // answered within For
	Seconds  float64 `json:"seconds"`
	PerSec   float64 `json:"per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Wrong    int     `json:"wrong"`  // answers that are another's, or not a success
	Failed   int     `json:"failed"` // clients whose connection ended
	First    string  `json:"first_error,omitempty"`
}

// answerTimeout is how long an answer may take before the client counts as failed.
const answerTimeout = 30 * time.Second

// Run puts the load on the server. The error is for what keeps it from beginning.
func (l *Load) Run() (Result, error) {
	clients := make([]*loadClient, l.Clients)
	for i := range clients {
		c, err := l.connect(i)
		if err != nil {
			return Result{}, fmt.Errorf("client %d: %w", i, err)
		}
		defer c.nc.Close()
		clients[i] = c
	}
	var counting, stop atomic.Bool
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { c.run(&counting, &stop) })
	}
	time.Sleep(l.WarmUp)
	begin := time.Now()
	counting.Store(true)
	time.Sleep(l.For)
	counting.Store(false)
	took := time.Since(begin)
	stop.Store(true)
	wg.Wait()
	return l.sum(clients, took), nil
}

func (l *Load) sum(clients []*loadClient, took time.Duration) Result {
	r := Result{Seconds: took.Seconds()}
	var all []time.Duration
	for _, c := range clients {
		all = append(all, c.took...)
		r.Wrong += c.wrong
		if c.err != nil {
			r.Failed++
			if r.First == "" {
				r.First = c.err.Error()
			}
		}
	}
	slices.Sort(all)
	r.Commands = len(all)
	r.PerSec = float64(r.Commands) / r.Seconds
	if n := len(all); n > 0 {
		r.P50 = all[n/2].Seconds() * 1000
		r.P99 = all[n*99/100].Seconds() * 1000
	}
	return r
}

// loadClient is one client. Owned by the goroutine of its run.
type loadClient struct {
	l     *Load
	id    int
	n     int
	nc    net.Conn
	out   []byte
	in    []byte
	name  []byte
	trid  []byte
	took  []time.Duration
	wrong int
	err   error
}

func (l *Load) connect(id int) (*loadClient, error) {
	nc, err := net.DialTimeout("tcp", l.To, 10*time.Second)
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
	c.out = append(c.out, `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><login><clID>`+l.User+`</clID><pw>`+l.Password+
		`</pw><options><version>1.0</version><lang>en</lang></options><svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcs></login>`+
		`<clTRID>login-`...)
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

// run sends commands until stop; it ends then, or with its connection.
func (c *loadClient) run(counting, stop *atomic.Bool) {
	for !stop.Load() {
		begin := time.Now()
		c.compose()
		a, err := c.exchange()
		if err != nil {
			c.err = err
			return
		}
		if !c.right(a) {
			c.wrong++
			if c.err == nil {
				c.err = fmt.Errorf("wrong answer: %s", a)
			}
		} else if counting.Load() {
			c.took = append(c.took, time.Since(begin))
		}
	}
}

// compose builds the next command: a check of a name that no other command has.
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
	c.out = append(c.out[:0], 0, 0, 0, 0)
	c.out = append(c.out, `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check>`+
		`<domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>`...)
	c.out = append(c.out, c.name...)
	c.out = append(c.out, `</domain:name></domain:check></check><clTRID>`...)
	c.out = append(c.out, c.trid...)
	c.out = append(c.out, `</clTRID></command></epp>`...)
}

// right says whether an answer is the one to the last command.
func (c *loadClient) right(a []byte) bool {
	i := bytes.LastIndex(a, []byte("<clTRID>"))
	return i >= 0 && bytes.HasPrefix(a[i+len("<clTRID>"):], append(c.trid, '<')) &&
		bytes.Contains(a, append(append([]byte{'>'}, c.name...), '<')) && bytes.Contains(a, []byte(`code="1000"`))
}

func (c *loadClient) exchange() ([]byte, error) {
	binary.BigEndian.PutUint32(c.out, uint32(len(c.out)))
	if _, err := c.nc.Write(c.out); err != nil {
		return nil, err
	}
	return c.read()
}

// read reads one payload, borrowed until the next call.
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
