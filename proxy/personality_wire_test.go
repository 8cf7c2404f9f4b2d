package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// patience is for what has to come at once; the machine may be busy.
const patience = 60 * time.Second

// door is where clients connect: eppmux, or a registry itself.
type door struct {
	plain, tls string // host:port
	client     *tls.Config
}

// wire is a client's connection, written and read as its habits want it.
type wire struct {
	habit habit
	conn  net.Conn
}

func (d door) connect(h habit) (*wire, error) {
	address := d.plain
	if h.has(overTLS) {
		address = d.tls
	}
	nc, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	if h.has(overTLS) {
		nc = tls.Client(nc, d.client)
	}
	return &wire{h, nc}, nil
}

// send writes payloads, each with its header.
func (w *wire) send(payloads ...string) error {
	var all [][]byte
	for _, p := range payloads {
		all = append(all, unit(p))
	}
	return w.sendUnits(all)
}

func (w *wire) sendUnits(units [][]byte) error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if w.habit.has(twoAtOnce | eightAtOnce) {
		units = [][]byte{slices.Concat(units...)}
	}
	for _, u := range units {
		for i, piece := range w.pieces(u) {
			if i > 0 && w.habit.has(apart) {
				time.Sleep(20 * time.Millisecond) // the habit
			}
			if _, err := w.conn.Write(piece); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *wire) pieces(unit []byte) [][]byte {
	switch {
	case w.habit.has(twoWrites | apart):
		return [][]byte{unit[:4], unit[4:]}
	case w.habit.has(octetwise):
		return slices.Collect(slices.Chunk(unit, 1))
	case w.habit.has(cutAt1024):
		return slices.Collect(slices.Chunk(unit, 1024))
	}
	return [][]byte{unit}
}

// receive reads one payload.
func (w *wire) receive() ([]byte, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if w.habit.has(oneRead) {
		return w.receiveAtOnce()
	}
	var header [4]byte
	if _, err := io.ReadFull(w.conn, header[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(header[:])
	if n <= 4 || n > 1<<20 {
		return nil, fmt.Errorf("a header announces %d octets", n)
	}
	payload := make([]byte, n-4)
	_, err := io.ReadFull(w.conn, payload)
	return payload, err
}

// receiveAtOnce fails unless one read gives a frame.
func (w *wire) receiveAtOnce() ([]byte, error) {
	b := make([]byte, 64<<10)
	n, err := w.conn.Read(b)
	if err != nil {
		return nil, err
	}
	if n <= 4 || int(binary.BigEndian.Uint32(b)) != n {
		return nil, fmt.Errorf("one read gave %q, which is not one frame", b[:n])
	}
	return b[4:n], nil
}

// ended fails unless the other side closes without another octet.
func (w *wire) ended() error {
	if p, err := w.receive(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("got %q, %v, want the end of the connection", p, err)
	}
	return nil
}

// answer is what a client makes of a payload.
type answer struct {
	greeting bool
	code     int
	ids      []string // clTRIDs of the transaction; one or none
	svTRID   string
	names    []string // of the domains it is about, in its order
	parts    []string // children of response
}

// readAnswer reads by namespace and name, as the schema says, whatever the prefixes are.
func readAnswer(payload []byte) (answer, error) {
	var a answer
	var path []string
	for d := xml.NewDecoder(bytes.NewReader(payload)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return a, fmt.Errorf("%w in %q", err, payload)
		}
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, short(token.Name))
			a.begin(strings.Join(path, "/"), token)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			a.chars(strings.Join(path, "/"), string(token))
		}
	}
}

// short is an element's name, with a prefix of our own unless it is EPP's.
func short(n xml.Name) string {
	switch n.Space {
	case nsEPP:
		return n.Local
	case nsDomain:
		return "domain:" + n.Local
	}
	return "?:" + n.Local
}

func (a *answer) begin(path string, e xml.StartElement) {
	switch path {
	case "epp/greeting":
		a.greeting = true
	case "epp/response/result":
		a.code, _ = strconv.Atoi(e.Attr[0].Value)
	case "epp/response/trID/clTRID":
		a.ids = append(a.ids, "")
	}
	if part, ok := strings.CutPrefix(path, "epp/response/"); ok && !strings.Contains(part, "/") {
		a.parts = append(a.parts, part)
	}
}

func (a *answer) chars(path, s string) {
	switch {
	case path == "epp/response/trID/clTRID":
		a.ids[len(a.ids)-1] += s
	case path == "epp/response/trID/svTRID":
		a.svTRID += s
	case strings.HasSuffix(path, "/domain:name"):
		a.names = append(a.names, s)
	}
}

// valid fails unless a response has the parts that epp-1.0.xsd demands, in their order.
func (a *answer) valid() error {
	order := []string{"result", "msgQ", "resData", "extension", "trID"}
	at := -1
	for _, p := range a.parts {
		i := slices.Index(order, p)
		if i <= at {
			return fmt.Errorf("%q does not stand where it may: %q", p, a.parts)
		}
		at = i
	}
	if a.greeting {
		return nil
	}
	if len(a.parts) < 2 || a.parts[0] != "result" || at != len(order)-1 {
		return fmt.Errorf("parts are missing: %q", a.parts)
	}
	if len(a.svTRID) < 3 || len(a.svTRID) > 64 {
		return fmt.Errorf("svTRID %q", a.svTRID)
	}
	return nil
}
