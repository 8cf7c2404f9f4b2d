package proxy

import (
	"fmt"
	"slices"
	"strings"
)

// conversation is one connection of a player.
type conversation struct {
	p      *player
	wire   *wire
	stream int // of the player's
	n      int // commands so far
}

func (p *player) open(stream int) (*conversation, error) {
	w, err := p.at.connect(p.habits)
	if err != nil {
		return nil, err
	}
	return &conversation{p: p, wire: w, stream: stream}, nil
}

func (c *conversation) greet() error {
	if a, err := c.next(); err != nil || !a.greeting {
		return fmt.Errorf("got %+v, %v, want a greeting", a, err)
	}
	return nil
}

func (c *conversation) next() (answer, error) {
	payload, err := c.wire.receive()
	if err != nil {
		return answer{}, err
	}
	return readAnswer(payload)
}

// compose makes a step's payload, and says which clTRID is in it; empty: none.
func (c *conversation) compose(s step) (id, payload string) {
	if s.verb == "hello" {
		return "", c.p.habits.document(s.message)
	}
	c.n++
	if id = s.id; id == "" {
		id = c.p.ids.next(c.p.tag, c.n, s.verb)
	}
	cmd := el("command", s.message)
	if id != "" {
		named := text("clTRID", id)
		if c.p.habits.has(typedID) {
			named.attrs = ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:e="` + nsEPP + `" xsi:type="e:trIDStringType"`
		}
		cmd.kids = append(cmd.kids, named)
	}
	return id, c.p.habits.document(cmd)
}

// ahead is how many messages the client sends before it reads their answers.
func (h habit) ahead() int {
	switch {
	case h.has(eightAtOnce):
		return 8
	case h.has(threeInFlight):
		return 3
	case h.has(twoAtOnce):
		return 2
	}
	return 1
}

// all does steps, as many at a time as the client is used to.
func (c *conversation) all(steps []step) error {
	for some := range slices.Chunk(steps, c.p.habits.ahead()) {
		var ids, payloads []string
		for _, s := range some {
			id, payload := c.compose(s)
			ids, payloads = append(ids, id), append(payloads, payload)
		}
		if err := c.wire.send(payloads...); err != nil {
			return fmt.Errorf("send %s: %w", some[0].verb, err)
		}
		if err := c.answers(some, ids); err != nil {
			return err
		}
	}
	return nil
}

// answers reads the answers to steps: in their order, or as their clTRIDs say.
func (c *conversation) answers(steps []step, ids []string) error {
	for i := range steps {
		a, err := c.next()
		if err != nil {
			return fmt.Errorf("%s: %w", steps[i].verb, err)
		}
		at := i
		if c.p.habits.has(threeInFlight) {
			if at = slices.IndexFunc(ids, func(id string) bool { return slices.Equal(a.ids, []string{id}) }); at < 0 {
				return fmt.Errorf("got %+v, which answers none of %q", a, ids)
			}
		}
		if err := c.judge(steps[at], ids[at], a); err != nil {
			return fmt.Errorf("%s: %w: got %+v", steps[at].verb, err, a)
		}
	}
	if steps[len(steps)-1].ends {
		return c.wire.ended()
	}
	return nil
}

// judge holds an answer against its command, and notes it.
func (c *conversation) judge(s step, id string, a answer) error {
	p := c.p
	switch {
	case a.greeting != (s.code == 0) || a.code != s.code:
		return fmt.Errorf("want code %d (0: a greeting)", s.code)
	case !slices.Equal(a.names, s.names):
		return fmt.Errorf("want the names %q", s.names)
	}
	if err := p.judgeID(s, id, a); err != nil {
		return err
	}
	if p.habits.has(validates) {
		if err := a.valid(); err != nil {
			return err
		}
	}
	p.note(c.stream, s, a)
	return nil
}

// judgeID wants the clTRID octet for octet, or none if none was sent. Registries that give none
// leave it out here too.
func (p *player) judgeID(s step, id string, a answer) error {
	want := []string{id}
	if id == "" || a.greeting || p.echo == echoNever && !s.local {
		want = nil
	}
	if slices.Equal(a.ids, want) {
		return nil
	}
	return fmt.Errorf("want the clTRIDs %q", want)
}

// note writes into the player's journal what an answer said, without what differs from run to run.
// That messages wait is told with the answer to a login by a registry only.
func (p *player) note(stream int, s step, a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.verb == "create" {
		p.asked = append(p.asked, a.names...)
	}
	if s.verb == "login" {
		a.parts = nil
	}
	p.journal[stream] = append(p.journal[stream], fmt.Sprintf("%s: %d %s, %d clTRIDs, parts %s", s.verb, a.code, strings.Join(a.names, " "),
		len(a.ids), strings.Join(a.parts, " ")))
}
