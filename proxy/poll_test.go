package proxy

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// letterbox is the message queue of a registry. It answers poll commands of an echoRegistry.
type letterbox struct {
	mu    sync.Mutex
	ids   []string           // guarded by mu
	holds chan chan struct{} // if it takes something, an acknowledgement waits until that is closed
}

func (b *letterbox) answer(payload, id []byte) string {
	respond := func(code int, inner string) string {
		trid := ""
		if id != nil {
			trid = "<clTRID>" + string(id) + "</clTRID>"
		}
		return fmt.Sprintf(eppOpen+`<response><result code="%d"><msg>m</msg></result>%s<trID>%s<svTRID>box-1</svTRID></trID></response></epp>`, code, inner, trid)
	}
	if !bytes.Contains(payload, []byte("<poll")) {
		return respond(1000, "")
	}
	acks := ackForm.FindSubmatch(payload)
	if acks != nil {
		wait := make(chan struct{})
		select {
		case b.holds <- wait:
			<-wait
		default:
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	queue := func() string { return fmt.Sprintf(`<msgQ count="%d" id="%s"/>`, len(b.ids), b.ids[0]) }
	switch {
	case acks == nil && len(b.ids) == 0:
		return respond(1300, "")
	case acks == nil:
		return respond(1301, queue())
	case len(b.ids) == 0 || string(acks[1]) != b.ids[0]:
		return respond(2303, "")
	}
	b.ids = b.ids[1:]
	return respond(1000, "")
}

var (
	ackForm = regexp.MustCompile(`op="ack" msgID="([^"]*)"`)
	idForm  = regexp.MustCompile(`<msgQ count="\d+" id="([^"]*)"`)
)

const pollReq = `<poll op="req"/>`

func pollAck(id string) string { return `<poll op="ack" msgID="` + id + `"/>` }

// startPolls is a server with PollExclusive in front of a letterbox.
func startPolls(t *testing.T, change func(*config), ids ...string) (*fixture, *letterbox) {
	t.Helper()
	box := &letterbox{ids: ids, holds: make(chan chan struct{})}
	f, r := startEcho(t, func(c *config) {
		c.Poll = PollExclusive
		if change != nil {
			change(c)
		}
	})
	r.answerWith(box.answer)
	return f, box
}

// wantMessage fails unless the answer brings the message.
func (p *peer) wantMessage(answer, id string) {
	p.t.Helper()
	p.want(answer, 1301, "")
	if m := idForm.FindStringSubmatch(answer); m == nil || m[1] != id {
		p.t.Fatalf("got %s\nwant message %s", answer, id)
	}
}

// TestPollExclusive: from its request to its acknowledgement one client has the queue. Others hear that it
// is empty, and cannot acknowledge.
func TestPollExclusive(t *testing.T) {
	f, _ := startPolls(t, nil, "A", "B")
	one, two := f.dial(), f.dial()
	one.wantMessage(one.ask(command(pollReq, "")), "A")
	answer := two.ask(command(pollReq, "T-1"))
	two.want(answer, 1300, "T-1")
	if strings.Contains(answer, "msgQ") || !strings.Contains(answer, "<svTRID>eppmux-") {
		t.Errorf("got %s, want an answer from here", answer)
	}
	two.want(two.ask(command(pollAck("A"), "T-2")), 2303, "T-2")
	two.want(two.ask(check("a.example", "T-3")), 1000, "T-3") // only the queue is taken
	one.wantMessage(one.ask(command(pollReq, "")), "A")       // it may ask again
	one.want(one.ask(command(pollAck("A"), "O-1")), 1000, "O-1")
	two.wantMessage(two.ask(command(pollReq, "")), "B")
	one.want(one.ask(command(pollReq, "O-2")), 1300, "O-2")
	if s := f.server.Snapshot(); s.PollsHeld != 3 || s.PollsLapsed != 0 {
		t.Errorf("got %d held and %d lapsed, want 3 and none", s.PollsHeld, s.PollsLapsed)
	}
}

// TestPollEmptyKeepsNothing: an empty queue, a refused request and a refused acknowledgement leave the
// queue to others.
func TestPollEmptyKeepsNothing(t *testing.T) {
	f, box := startPolls(t, nil)
	one, two := f.dial(), f.dial()
	one.want(one.ask(command(pollReq, "O-1")), 1300, "O-1")
	if !strings.Contains(two.ask(command(pollReq, "T-1")), "<svTRID>box-1") {
		t.Error("the registry was not asked")
	}
	one.want(one.ask(command(pollAck("X"), "O-2")), 2303, "O-2")
	box.mu.Lock()
	box.ids = []string{"A"}
	box.mu.Unlock()
	two.wantMessage(two.ask(command(pollReq, "")), "A")
}

// TestPollOwnerLeaves: who leaves gives the queue up at once.
func TestPollOwnerLeaves(t *testing.T) {
	f, _ := startPolls(t, nil, "A")
	one, two := f.dial(), f.dial()
	one.wantMessage(one.ask(command(pollReq, "")), "A")
	one.nc.Close()
	waitFor(t, "the end", func() bool { return f.server.Snapshot().Clients == 1 })
	two.wantMessage(two.ask(command(pollReq, "")), "A")
}

// TestPollOwnerLeavesBehindAck: who leaves behind its acknowledgement gives the queue up when that has
// been answered. Otherwise the next one would be given the message that is being taken off.
func TestPollOwnerLeavesBehindAck(t *testing.T) {
	f, box := startPolls(t, func(c *config) { c.PollWait = 20 * time.Second }, "A", "B")
	one, two := f.dial(), f.dial()
	one.wantMessage(one.ask(command(pollReq, "")), "A")
	one.write(command(pollAck("A"), ""))
	wait := <-box.holds // it is at the registry
	one.nc.Close()
	waitFor(t, "the end", func() bool { return f.server.Snapshot().Clients == 1 })
	two.write(command(pollReq, ""))
	two.nc.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := two.nc.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Fatal("the queue was read while a message was being taken off")
	}
	close(wait)
	two.wantMessage(two.read(), "B")
}

// TestPollLapses: a client that does not acknowledge has the queue for the time of its lease.
func TestPollLapses(t *testing.T) {
	f, _ := startPolls(t, func(c *config) { c.PollLease = 300 * time.Millisecond }, "A")
	one, two := f.dial(), f.dial()
	one.wantMessage(one.ask(command(pollReq, "")), "A")
	two.want(two.ask(command(pollReq, "T-1")), 1300, "T-1")
	waitFor(t, "the end of the lease", func() bool { return f.server.Snapshot().PollsLapsed == 1 })
	two.wantMessage(two.ask(command(pollReq, "")), "A")
	one.want(one.ask(command(pollAck("A"), "O-1")), 2303, "O-1") // too late
	two.want(two.ask(command(pollAck("A"), "T-2")), 1000, "T-2")
}

// TestPollHoarder: a client that asks for a message again and again, and never acknowledges it, has it for
// one lease. Then another one is next, also if it asks later.
func TestPollHoarder(t *testing.T) {
	f, _ := startPolls(t, func(c *config) { c.PollLease = 300 * time.Millisecond }, "A")
	one, two := f.dial(), f.dial()
	one.wantMessage(one.ask(command(pollReq, "")), "A")
	waitFor(t, "the other's turn", func() bool {
		one.ask(command(pollReq, ""))
		return strings.Contains(two.ask(command(pollReq, "")), `id="A"`)
	})
	two.want(two.ask(command(pollAck("A"), "T-2")), 1000, "T-2")
	if answer := one.ask(command(pollReq, "O-2")); !strings.Contains(answer, "<svTRID>box-1") {
		t.Errorf("got %s, want the registry's answer", answer)
	}
}

// TestPollSlowAlone: a client that is alone and takes longer than its lease may go on: it may acknowledge,
// and it may ask again.
func TestPollSlowAlone(t *testing.T) {
	f, _ := startPolls(t, func(c *config) { c.PollLease = 100 * time.Millisecond }, "A", "B")
	one := f.dial()
	for i := range 2 {
		one.wantMessage(one.ask(command(pollReq, "")), "A")
		waitFor(t, "the end of the lease", func() bool { return f.server.Snapshot().PollsLapsed == uint64(i+1) })
	}
	one.want(one.ask(command(pollAck("A"), "O-1")), 1000, "O-1")
	one.wantMessage(one.ask(command(pollReq, "")), "B")
}

// TestPollBarred: a client that has lost its lease to others asks in vain for one lease more, and may
// acknowledge.
func TestPollBarred(t *testing.T) {
	const lease = 300 * time.Millisecond
	f, _ := startPolls(t, func(c *config) { c.PollLease = lease }, "A", "B")
	one, two := f.dial(), f.dial()
	one.wantMessage(one.ask(command(pollReq, "")), "A")
	two.want(two.ask(command(pollReq, "T-1")), 1300, "T-1")
	var before time.Time // the end of the lease is behind it
	waitFor(t, "the end of the lease", func() bool {
		at := time.Now()
		if f.server.Snapshot().PollsLapsed > 0 {
			return true
		}
		before = at
		return false
	})
	if answer := one.ask(command(pollReq, "")); strings.Contains(answer, `id="A"`) && time.Since(before) < lease {
		t.Errorf("got %s %v behind the end of the lease", answer, time.Since(before))
	}
	one.want(one.ask(command(pollAck("A"), "O-1")), 1000, "O-1")
	waitFor(t, "its turn", func() bool { return strings.Contains(one.ask(command(pollReq, "")), `id="B"`) })
}

// TestPollWaits: requests wait for their turn, in their order, and not for longer than PollWait. What such
// a client has sent behind its request stays behind it.
func TestPollWaits(t *testing.T) {
	f, _ := startPolls(t, func(c *config) { c.PollWait = 20 * time.Second }, "A", "B", "C")
	one := f.dial()
	one.wantMessage(one.ask(command(pollReq, "")), "A")
	line := []*peer{f.dial(), f.dial(), f.dial()}
	for i, p := range line {
		p.write(command(pollReq, ""))
		p.write(check("a.example", "BEHIND"))
		waitFor(t, "its place", func() bool { return f.queues() == i+1 })
	}
	line[1].nc.Close()
	waitFor(t, "its end", func() bool { return f.queues() == 2 })
	one.want(one.ask(command(pollAck("A"), "O-1")), 1000, "O-1")
	one.write(command(pollReq, "")) // it goes to the end of the line
	line[0].wantMessage(line[0].read(), "B")
	line[0].want(line[0].read(), 1000, "BEHIND")
	line[0].want(line[0].ask(command(pollAck("B"), "L-1")), 1000, "L-1")
	line[2].wantMessage(line[2].read(), "C")
	line[2].want(line[2].read(), 1000, "BEHIND")
	line[2].want(line[2].ask(command(pollAck("C"), "L-2")), 1000, "L-2")
	one.want(one.read(), 1300, "")
}

// queues is how many clients wait for the message queue.
func (f *fixture) queues() (n int) {
	all, _, err := f.server.Clients(100)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range all {
		if c.Queues {
			n++
		}
	}
	return n
}

// TestPollWaitEnds: a request that has waited for PollWait hears that the queue is empty. So does one that
// came ahead of it and another behind that.
func TestPollWaitEnds(t *testing.T) {
	f, _ := startPolls(t, func(c *config) { c.PollWait = 100 * time.Millisecond }, "A")
	one, two := f.dial(), f.dial()
	one.wantMessage(one.ask(command(pollReq, "")), "A")
	for range 3 {
		two.write(command(pollReq, "T-1"))
	}
	for range 3 {
		two.want(two.read(), 1300, "T-1")
	}
	one.want(one.ask(command(pollAck("A"), "O-1")), 1000, "O-1")
}

// TestPollReload: where the queue is shared from now on, those that wait are served.
func TestPollReload(t *testing.T) {
	f, _ := startPolls(t, func(c *config) { c.PollWait = 20 * time.Second }, "A")
	one, two := f.dial(), f.dial()
	one.wantMessage(one.ask(command(pollReq, "")), "A")
	two.write(command(pollReq, ""))
	waitFor(t, "its place", func() bool { return f.queues() == 1 })
	if err := f.server.Server.Reload(Config{Listeners: []Listener{{Address: "tcp://127.0.0.1:0"}}}); err != nil {
		t.Fatal(err)
	}
	two.wantMessage(two.read(), "A")
	one.want(one.ask(command(pollAck("A"), "O-1")), 1000, "O-1")
}

// TestPollOfMany: many clients read the queue at once, and each message is read and acknowledged once.
func TestPollOfMany(t *testing.T) {
	const clients, messages = 8, 60
	var ids []string
	for i := range messages {
		ids = append(ids, fmt.Sprint("M", i))
	}
	f, box := startPolls(t, func(c *config) { c.PollWait = 30 * time.Second }, ids...)
	var mu sync.Mutex
	read := map[string]int{}
	var all sync.WaitGroup
	for range clients {
		p := f.dial()
		all.Go(func() {
			for range messages {
				answer := p.ask(command(pollReq, ""))
				m := idForm.FindStringSubmatch(answer)
				if m == nil {
					return
				}
				mu.Lock()
				read[m[1]]++
				mu.Unlock()
				if answer := p.ask(command(pollAck(m[1]), "")); !strings.Contains(answer, `code="1000"`) {
					t.Errorf("acknowledgement of %s: got %s", m[1], answer)
				}
			}
		})
	}
	all.Wait()
	if len(box.ids) > 0 || len(read) != messages {
		t.Errorf("%d messages are left, %d were read, want none and %d", len(box.ids), len(read), messages)
	}
	for id, n := range read {
		if n != 1 {
			t.Errorf("%s was read %d times", id, n)
		}
	}
}
