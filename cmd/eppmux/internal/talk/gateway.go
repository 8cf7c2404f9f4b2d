package talk

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"eppmux/frame"
)

// Gateway is the call of a gateway of eppmux that carries EPP as it is: POST URL/v1/REGISTRY/epp. Each exchange has
// a connection of its own, and is sent once. Immutable.
type Gateway struct {
	URL      string      // http://host:port or https://host:port, and a path before /v1 where there is one
	Socket   string      // path of the unix socket to connect to; empty: to the host of URL
	Registry string      // name
	TLS      *tls.Config // for https; nil: as the system has it

	Authorization string // the header, a secret; empty: none
	Key           string // Idempotency-Key; empty: none
	Purpose       string // a word of our clTRIDs
}

// gatewayGrace is how much longer than the gateway we wait: its answer says what became of the message.
const gatewayGrace = 5 * time.Second

// maxProblem bounds a problem document, in octets.
const maxProblem = 1 << 20

// Problem is the answer of a gateway in place of the registry's: a problem document (RFC 9457).
type Problem struct {
	Status     int    `json:"status"`
	Title      string `json:"title"`
	Detail     string `json:"detail"`
	Outcome    string `json:"outcome"` // answered, not_sent, unknown or refused
	Code       int    `json:"code"`    // of EPP; 0: none
	Cause      string `json:"cause"`
	MuxTRID    string `json:"muxTRID"`
	RetryAfter int    `json:"retryAfter"` // seconds
}

// Error implements error.
func (p *Problem) Error() string {
	text := fmt.Sprintf("the gateway answers %d %s: %q", p.Status, p.Outcome, p.Title)
	if p.Detail != "" {
		text += fmt.Sprintf(", %q", p.Detail)
	}
	if p.Cause != "" {
		text += fmt.Sprintf(", cause %q", p.Cause)
	}
	if p.MuxTRID != "" {
		text += fmt.Sprintf(", id %q at the registry", p.MuxTRID)
	}
	return text
}

// NewClTRID makes a clTRID with the purpose in it. No two are the same.
func (g *Gateway) NewClTRID() string { return newClTRID(g.Purpose) }

// Exchange sends a message and reads its answer, see Conversation.Exchange. The error is a *Problem where the
// gateway has answered in place of the registry. The gateway waits for the time within, which we tell it.
func (g *Gateway) Exchange(ctx context.Context, m *Message, within time.Duration) (Answer, error) {
	bounded, cancel := context.WithTimeout(ctx, within+gatewayGrace)
	defer cancel()
	var connected atomic.Bool
	traced := httptrace.WithClientTrace(bounded, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := g.request(traced, m, within)
	if err != nil {
		return Answer{}, err
	}
	client := &http.Client{Transport: g.transport(within), CheckRedirect: noRedirect}
	begin := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return Answer{}, g.lost(ctx, err, connected.Load(), within)
	}
	defer res.Body.Close()
	a, err := g.answer(m, res)
	a.RTT = time.Since(begin)
	if lost := (*lostError)(nil); errors.As(err, &lost) {
		lost.err = cause(ctx, lost.err, within)
	}
	return a, err
}

// noRedirect takes a redirect as the answer: what a message says is for nobody else.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// request makes the request with m.
func (g *Gateway) request(ctx context.Context, m *Message, within time.Duration) (*http.Request, error) {
	to := strings.TrimSuffix(g.URL, "/") + "/v1/" + url.PathEscape(g.Registry) + "/epp"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(m.payload))
	if err != nil {
		return nil, err
	}
	req.GetBody = nil // it is sent once
	h := req.Header
	h.Set("Content-Type", "application/epp+xml")
	h.Set("Accept", "application/epp+xml, application/problem+json")
	h.Set("User-Agent", "eppmux-"+g.Purpose)
	if s := int(within / time.Second); s > 0 {
		h.Set("Prefer", "wait="+strconv.Itoa(s))
	}
	if g.Authorization != "" {
		h.Set("Authorization", g.Authorization)
	}
	if g.Key != "" {
		h.Set("Idempotency-Key", strconv.Quote(g.Key))
	}
	if m.clTRID != "" {
		h.Set("X-Request-Id", m.clTRID) // it is in the audit log by that, too
	}
	return req, nil
}

// transport connects for one request. No proxy of the environment sees what is sent.
func (g *Gateway) transport(within time.Duration) *http.Transport {
	t := &http.Transport{TLSClientConfig: g.TLS, TLSHandshakeTimeout: within, DisableKeepAlives: true,
		MaxResponseHeaderBytes: 1 << 16}
	dialer := &net.Dialer{Timeout: within}
	t.DialContext = dialer.DialContext
	if g.Socket != "" {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", g.Socket)
		}
	}
	return t
}

// lost is the error of a request without an answer.
func (g *Gateway) lost(ctx context.Context, err error, connected bool, within time.Duration) error {
	if inner := errors.Unwrap(err); inner != nil { // http.Client puts the URL in front
		err = inner
	}
	if !connected {
		return fmt.Errorf("connect: %w", cause(ctx, err, within))
	}
	return &lostError{fmt.Errorf("answer: %w", cause(ctx, closedEarly(err), within))}
}

// answer reads the answer to m.
func (g *Gateway) answer(m *Message, res *http.Response) (a Answer, err error) {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case kind == "application/problem+json":
		return a, g.problem(res)
	case res.StatusCode != http.StatusOK ||
		!slices.Contains([]string{"application/epp+xml", "application/xml", "text/xml"}, kind):
		return a, &lostError{fmt.Errorf("got %s of type %q, which no gateway of eppmux sends", res.Status, kind)}
	}
	if a.Octets, err = readBody(res.Body, maxAnswer); err != nil {
		return Answer{}, &lostError{fmt.Errorf("answer: %w", err)}
	}
	d := new(Conversation) // for its scanner
	if a.Message, a.Odd, err = d.read(m, a.Octets); err != nil {
		return a, &lostError{fmt.Errorf("the answer is not EPP: %w", err)}
	}
	if a.Kind != frame.KindResponse || !m.answeredBy(a.Message) {
		return a, &lostError{fmt.Errorf("got a %v that is not its answer", a.Kind)}
	}
	return a, nil
}

// problem reads a problem document. One that cannot be read leaves open what became of the message.
func (g *Gateway) problem(res *http.Response) error {
	body, err := readBody(res.Body, maxProblem)
	p := new(Problem)
	if err == nil {
		err = json.Unmarshal(body, p)
	}
	if err == nil && !slices.Contains([]string{"answered", "not_sent", "unknown", "refused"}, p.Outcome) {
		err = fmt.Errorf("outcome %q", p.Outcome)
	}
	if err != nil {
		return &lostError{fmt.Errorf("got %s with a problem document that is none: %w", res.Status, err)}
	}
	p.Status = res.StatusCode
	return p
}

// readBody reads a body of at most limit octets.
func readBody(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, closedEarly(err)
	case int64(len(body)) > limit:
		return nil, fmt.Errorf("longer than %d octets", limit)
	}
	return body, nil
}
