package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// TestOldWriteDeadline: the time to take an answer begins with that answer, however long ago the one before on the
// same connection was.
func TestOldWriteDeadline(t *testing.T) {
	g := open(t, nil)
	g.carrier.do = func(context.Context, carry.Order) (carry.Answer, error) {
		return carried(1000, []mapping.Check{{Name: "kiosk.example"}}), nil
	}
	nc, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(nc)
	for _, expect := range []string{"", "", "Expect: 100-continue\r\n"} {
		head := "POST /api/epp/domain-check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + expect +
			"Content-Length: " + itoa(len(benchBody)) + "\r\n\r\n"
		if expect == "" {
			head += benchBody
		}
		if _, err := io.WriteString(nc, head); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err == nil && expect != "" {
			if res.StatusCode != 100 {
				t.Fatalf("got %s, want 100", res.Status)
			}
			_, _ = io.WriteString(nc, benchBody)
			res, err = http.ReadResponse(in, nil)
		}
		if err != nil {
			t.Fatalf("%q: %v", expect, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
			t.Fatalf("%q: got %s, %v", expect, res.Status, err)
		}
		g.srv.crowd.mu.Lock()
		for _, p := range g.srv.crowd.peers {
			for c := range p.members {
				_ = c.SetWriteDeadline(time.Now().Add(-time.Second))
			}
		}
		g.srv.crowd.mu.Unlock()
	}
}
