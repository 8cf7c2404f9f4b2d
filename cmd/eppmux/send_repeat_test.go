package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
)

func scanned(t *testing.T, payload string) talk.Answer {
	t.Helper()
	m, err := frame.NewScanner().Scan([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return talk.Answer{Octets: []byte(payload), Message: m}
}

func TestTally(t *testing.T) {
	ms := time.Millisecond
	ok, no, greeting := scanned(t, clitest.OKXML), scanned(t, strings.Replace(clitest.RefusedXML, ">no<", ">no\u009b<", 1)), scanned(t, clitest.GreetingXML)
	var y tally
	var out bytes.Buffer
	y.write(&out)
	if got := out.String(); got != "no answers\n" || y.worst() != 0 {
		t.Errorf("got %q, %d", got, y.worst())
	}
	y.wanted = 20
	for i := range 10 { // rtts of 10, 9, ... 1 ms, one every 100 ms
		a := ok
		if i%5 == 4 {
			a = no
		}
		a.RTT = time.Duration(10-i) * ms
		y.add(time.Second+time.Duration(i)*100*ms, a)
	}
	y.interrupted = true
	out.Reset()
	y.write(&out)
	want := `10 of 20 answers in 910ms, 11.0 a second, interrupted
  1000       8  "ok"
  2303       2  "no\u009b"
  min 1ms, p50 5ms, p90 9ms, p99 10ms, max 10ms, mean 5.5ms
`
	if got := out.String(); got != want || y.worst() != 2303 {
		t.Errorf("got %d,\n%swant\n%s", y.worst(), got, want)
	}
	y = tally{wanted: 1}
	greeting.RTT = 1234567
	y.add(5*ms, greeting)
	out.Reset()
	y.write(&out)
	want = "1 of 1 answers in 1.23ms, 810.0 a second\n  hello       1  greeting\n  min 1.23ms, p50 1.23ms, p90 1.23ms, p99 1.23ms, max 1.23ms, mean 1.23ms\n"
	if got := out.String(); got != want || y.worst() != 0 {
		t.Errorf("got %d,\n%swant\n%s", y.worst(), got, want)
	}
}

func TestPercentile(t *testing.T) {
	values := func(n int) []time.Duration {
		var all []time.Duration
		for i := range n {
			all = append(all, time.Duration(i+1))
		}
		return all
	}
	for _, tt := range []struct {
		n, p int
		want time.Duration
	}{
		{1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {2, 51, 2}, {2, 99, 2}, {3, 50, 2}, {100, 50, 50}, {100, 90, 90}, {100, 99, 99},
		{101, 99, 100}, {1000, 99, 990}, {1000, 0, 1}, {1000, 100, 1000},
	} {
		if got := percentile(values(tt.n), tt.p); got != tt.want {
			t.Errorf("p%d of %d: got %d, want %d", tt.p, tt.n, got, tt.want)
		}
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 999: "999ns", 1234: "1.23µs", 12345: "12.3µs", 999_999: "1ms", 1_234_567: "1.23ms", 61_200_000_000: "1m1.2s",
	} {
		if got := short(d).String(); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

// TestSeriesInterval: the pause is between an answer and the next message, and ends with the
// context.
func TestSeriesInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		exchange := func() (talk.Answer, error) { return talk.Answer{}, cli.Sleep(ctx, 500*time.Millisecond) }
		j := &sending{repeat: 100, interval: time.Second}
		begin := time.Now()
		var at []time.Duration
		err := j.ask(ctx, exchange, func(talk.Answer) { at = append(at, time.Since(begin)) })
		if err != cli.ErrInterrupted || time.Since(begin) != 4*time.Second {
			t.Errorf("got %v after %v", err, time.Since(begin))
		}
		if want := []time.Duration{500 * time.Millisecond, 2 * time.Second, 3500 * time.Millisecond}; !slices.Equal(at, want) {
			t.Errorf("got answers at %v, want %v", at, want)
		}
	})
}
