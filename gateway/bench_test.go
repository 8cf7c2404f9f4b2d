package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// processorTime is what the process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const benchBody = `{"host":"it","domain":"kiosk.example"}`

// benchRequests sends the same request again and again over one connection, with a client that costs little.
func benchRequests(b *testing.B, url string) {
	b.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	request := []byte(fmt.Sprintf("POST /api/epp/domain-check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n%s", len(benchBody), benchBody))
	in := bufio.NewReader(nc)
	once := func() {
		if _, err := nc.Write(request); err != nil {
			b.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
			b.Fatal(err, res.Status)
		}
	}
	once()
	b.ReportAllocs()
	b.ResetTimer()
	begin := processorTime(b)
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64((processorTime(b)-begin).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// BenchmarkCheck is a warm check of one name over a connection that is kept, with the registry in the same process.
func BenchmarkCheck(b *testing.B) {
	g := openRegistry(b, nil)
	benchRequests(b, g.url)
}

// BenchmarkCheckWithoutRegistry is the gateway's part of it: HTTP, JSON, and no command.
func BenchmarkCheckWithoutRegistry(b *testing.B) {
	g := open(b, nil)
	answer := carried(1000, []mapping.Check{{Name: "kiosk.example", Available: true}})
	g.carrier.do = func(context.Context, carry.Order) (carry.Answer, error) {
		g.carrier.mu.Lock()
		g.carrier.orders = g.carrier.orders[:0]
		g.carrier.mu.Unlock()
		return answer, nil
	}
	benchRequests(b, g.url)
}

// BenchmarkBareHTTP is net/http alone with the same request and an answer as long.
func BenchmarkBareHTTP(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	answer := []byte(strings.Repeat("x", 250))
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})}
	go s.Serve(ln)
	defer s.Close()
	benchRequests(b, "http://"+ln.Addr().String())
}

// BenchmarkReadBody is the strict reading of a body.
func BenchmarkReadBody(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var in DomainCheckCall
		if err := mapping.DecodeJSON([]byte(benchBody), &in); err != nil {
			b.Fatal(err)
		}
	}
}
