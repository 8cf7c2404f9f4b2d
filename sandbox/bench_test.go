package sandbox

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
)

func BenchmarkReadRequest(b *testing.B) {
	p := []byte(checkFrame)
	b.ReportAllocs()
	for b.Loop() {
		if _, f := readRequest(p); f != nil {
			b.Fatal(f)
		}
	}
}

// BenchmarkCheck is one check after the other over loopback, client included, on as many sessions
// as -cpu says.
func BenchmarkCheck(b *testing.B) {
	r := New(Config{MaxSessions: -1})
	defer r.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	go r.Serve(ln)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		buf := make([]byte, 64<<10)
		ask := func(p []byte) {
			if p != nil {
				conn.Write(p)
			}
			io.ReadFull(conn, buf[:4])
			io.ReadFull(conn, buf[4:binary.BigEndian.Uint32(buf)])
		}
		ask(nil)
		ask(unit(epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "</command>")))
		frame := unit(checkFrame)
		for pb.Next() {
			ask(frame)
		}
	})
	b.StopTimer()
	if n := r.Counters().Breaches.Total(); n != 0 {
		b.Errorf("%d breaches", n)
	}
}
