package proxy

import (
	"log/slog"
	"net"
	"strings"
	"testing"
)

// TestForeign: what comes to the wrong port, or with something in front, is named by its first octets,
// at a listener without TLS, with it, and within it.
func TestForeign(t *testing.T) {
	for _, tt := range []struct {
		octets             string
		plain, tls, within closeReason
	}{
		{"GET / HTTP/1.1\r\n\r\n", closedHTTP, closedHTTP, closedHTTP},
		{"POST /epp HTTP/1.1\r\n\r\n", closedHTTP, closedHTTP, closedHTTP},
		{"HEAD / HTTP/1.0\r\n\r\n", closedHTTP, closedHTTP, closedHTTP},
		{"PROXY TCP4 192.0.2.1 192.0.2.2 1 700\r\n", closedProxyProtocol, closedProxyProtocol, closedProxyProtocol},
		{"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", closedProxyProtocol, closedProxyProtocol, closedProxyProtocol},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", closedWantsTLS, 0, closedFrame},
		{`<?xml version="1.0"?><epp/>`, closedNoLength, closedNoLength, closedNoLength},
		{string(unit(eppOpen + "<hello/></epp>")), 0, closedNoTLS, 0},
		{"\r\n\r\nhello", closedFrame, closedHandshake, closedFrame},
		{"SSH-2.0-x\r\n", closedFrame, closedHandshake, closedFrame},
	} {
		for place, want := range map[string]closeReason{"plain": tt.plain, "tls": tt.tls, "within": tt.within} {
			if want == 0 { // it is not at fault there
				continue
			}
			log := new(logLines)
			f, cfg := startTLS(t, func(c *config) { c.Logger = slog.New(slog.NewTextHandler(log, nil)) })
			var nc net.Conn
			switch place {
			case "plain":
				nc = f.dial().nc
			case "within":
				nc = f.dialTLS(cfg)
			default:
				var err error
				if nc, err = net.Dial("tcp", f.server.listeners[1].ln.Addr().String()); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { nc.Close() })
			}
			if _, err := nc.Write([]byte(tt.octets)); err != nil {
				t.Fatal(err)
			}
			client := "client=" + nc.LocalAddr().String()
			waitFor(t, "its line", func() bool { return len(log.with("level=WARN", client)) > 0 })
			if lines := log.with("level=WARN", client); !strings.Contains(strings.ReplaceAll(lines[0], "\n", " "), "reason="+want.String()+" ") {
				t.Errorf("%q, %s: got %s, want %v", tt.octets, place, lines[0], want)
			}
			if s := f.server.Snapshot(); s.Blame.Reason != want.String() || s.Closes[want] != 1 {
				t.Errorf("%q, %s: %+v blamed, want %v", tt.octets, place, s.Blame, want)
			}
		}
	}
}
