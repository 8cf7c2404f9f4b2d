package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
)

// series sends the message repeat times and prints a summary. The highest result code decides the
// exit code. If a message has no answer, that is ExitFailed.
func (j *sending) series(ctx context.Context, d *talk.Conversation) error {
	t := tally{wanted: j.repeat}
	begin := time.Now()
	exchange := func() (talk.Answer, error) { return d.Exchange(ctx, j.m.Named(d.NewClTRID()), j.within) }
	err := j.ask(ctx, exchange, func(a talk.Answer) { t.add(time.Since(begin), a) })
	t.interrupted = ctx.Err() != nil
	t.write(j.out)
	switch {
	case err == nil, t.interrupted && t.count() > 0, errors.Is(err, talk.ErrEnded) && t.worst() >= 2000:
		if t.worst() > 0 && exitOf(t.worst()) != cli.ExitDone {
			return cli.Exit(exitOf(t.worst()), nil)
		}
		return nil
	}
	return j.failed(fmt.Errorf("message %d of %d: %w", t.count()+1, j.repeat, err))
}

// ask calls exchange for each message of a series, until one has no answer or ctx ends.
func (j *sending) ask(ctx context.Context, exchange func() (talk.Answer, error), answered func(talk.Answer)) error {
	for i := range j.repeat {
		if i > 0 {
			if err := cli.Sleep(ctx, j.interval); err != nil {
				return err
			}
		}
		a, err := exchange()
		if err != nil {
			return err
		}
		answered(a)
	}
	return nil
}

// tally counts the answers of a series.
type tally struct {
	wanted      int
	interrupted bool
	rtts        []time.Duration // in the order of the answers
	begin, end  time.Duration   // of the first message and the last answer
	codes       map[int]*codeTally
}

// codeTally counts the answers with one result code. Code 0 is for greetings.
type codeTally struct {
	count int
	text  string // of the first answer, quoted; empty: none
}

// add counts an answer that was complete at now, a time since any fixed moment.
func (t *tally) add(now time.Duration, a talk.Answer) {
	if len(t.rtts) == 0 {
		t.begin = now - a.RTT
		t.codes = map[int]*codeTally{}
	}
	t.end = now
	t.rtts = append(t.rtts, a.RTT)
	c := t.codes[a.Code]
	if c == nil {
		c = new(codeTally)
		if _, text, err := frame.ParseResult(a.Payload); err == nil && a.Kind == frame.KindResponse {
			c.text = cli.Quote(text)
		}
		t.codes[a.Code] = c
	}
	c.count++
}

func (t *tally) count() int { return len(t.rtts) }

// worst is the highest result code; 0 if there is none, as when all answers are greetings.
func (t *tally) worst() int {
	worst := 0
	for code := range t.codes {
		worst = max(worst, code)
	}
	return worst
}

func (t *tally) write(w io.Writer) {
	n := t.count()
	if n == 0 {
		fmt.Fprintf(w, "no answers\n")
		return
	}
	took := t.end - t.begin
	fmt.Fprintf(w, "%d of %d answers in %v", n, t.wanted, short(took))
	if took > 0 {
		fmt.Fprintf(w, ", %.1f a second", float64(n)/took.Seconds())
	}
	if t.interrupted {
		fmt.Fprint(w, ", interrupted")
	}
	fmt.Fprintln(w)
	for _, code := range slices.Sorted(maps.Keys(t.codes)) {
		name, c := fmt.Sprintf("%04d", code), t.codes[code]
		if code == 0 {
			name, c.text = "hello", "greeting"
		}
		fmt.Fprintf(w, "  %s  %6d  %s\n", name, c.count, c.text)
	}
	rtts := slices.Sorted(slices.Values(t.rtts))
	var sum time.Duration
	for _, rtt := range rtts {
		sum += rtt
	}
	fmt.Fprintf(w, "  min %v, p50 %v, p90 %v, p99 %v, max %v, mean %v\n", short(rtts[0]), short(percentile(rtts, 50)),
		short(percentile(rtts, 90)), short(percentile(rtts, 99)), short(rtts[n-1]), short(sum/time.Duration(n)))
}

// percentile is the smallest of the sorted values that at least p percent of them do not exceed
// (nearest rank).
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max((len(sorted)*p+99)/100, 1)-1]
}

// short rounds d to three digits.
func short(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
