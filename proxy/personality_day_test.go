package proxy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// echo is how a registry gives clTRIDs back.
type echo uint8

const (
	echoExact echo = iota
	echoNever
)

// player is a personality at work at a place.
type player struct {
	personality
	tag     string // tells it from others
	at      door
	account [2]string // id and password
	echo    echo      // of what is not answered by eppmux

	mu      sync.Mutex
	asked   []string // domains whose create was answered 1000
	journal map[int][]string
}

// step is one message and what must come of it.
type step struct {
	verb    string
	message element
	id      string   // clTRID; empty: by the client's habit
	code    int      // 0: a greeting
	names   []string // of the answer
	local   bool     // eppmux answers it, with the client's clTRID whatever the registry does
	ends    bool     // the connection ends behind the answer
}

// checked is how many names a client checks at once: enough for more than 1024 octets.
const checked = 20

// day is what a registrar does on a day with the domain named and another that there is not.
func (p *player) day(name string) []step {
	none := "no-" + name
	names := []string{name, "example.com", none}
	for i := len(names); i < checked; i++ {
		names = append(names, fmt.Sprintf("no-%d-%s", i, name))
	}
	var asked []element
	for _, n := range names {
		asked = append(asked, domainText("name", n))
	}
	steps := []step{
		{verb: "check", code: 1000, names: names, message: domain("check", asked...)},
		{verb: "create", code: 1000, names: []string{name}, message: domain("create", domainText("name", name),
			element{object: true, name: "authInfo", kids: []element{domainText("pw", "Secret-"+p.tag)}})},
		{verb: "info", code: 1000, names: []string{name}, message: domain("info", domainText("name", name))},
		{verb: "update", code: 1000, message: domain("update", domainText("name", name),
			element{object: true, name: "add", kids: []element{{object: true, name: "status", attrs: ` s="clientHold"`}}})},
		{verb: "info", code: 2303, names: []string{none}, message: domain("info", domainText("name", none))},
		{verb: "poll", code: 1301, message: element{name: "poll", attrs: ` op="req"`}},
	}
	if p.habits.has(helloFirst) {
		steps = slices.Insert(steps, 0, step{verb: "hello", message: el("hello"), local: true})
		for i := len(steps) - 1; i > 1; i-- {
			steps = slices.Insert(steps, i, steps[0])
		}
	}
	if p.habits.has(helloInside) {
		steps = slices.Insert(steps, 2, step{verb: "hello inside", message: el("hello"), local: true})
	}
	return steps
}

func (p *player) login() step {
	services := []element{text("objURI", nsDomain)}
	if p.habits.has(foreignServices | longLogin) {
		services = append(services, text("objURI", "http://registry.example/xml/epp/domain-1.4"))
	}
	extensions := []element{text("extURI", "urn:ietf:params:xml:ns:secDNS-1.1"), text("extURI", "urn:ietf:params:xml:ns:rgp-1.0")}
	if p.habits.has(longLogin) {
		for i := range 30 {
			extensions = append(extensions, text("extURI", fmt.Sprintf("urn:example:params:xml:ns:extension-%d", i)))
		}
	}
	services = append(services, el("svcExtension", extensions...))
	return step{verb: "login", code: 1000, local: true, message: el("login", text("clID", p.account[0]), text("pw", p.account[1]),
		el("options", text("version", "1.0"), text("lang", "en")), el("svcs", services...))}
}

func logout() step {
	return step{verb: "logout", code: 1500, local: true, ends: true, message: el("logout")}
}

// run is the client's day. It returns when all its connections have ended.
func (p *player) run() error {
	p.journal = map[int][]string{}
	streams := 1
	if p.habits.has(threeStreams) {
		streams = 3
	}
	results := make(chan error, streams) // one from each stream
	for i := range streams {
		go func() { results <- p.stream(i) }()
	}
	var errs []error
	for range streams {
		errs = append(errs, <-results)
	}
	if p.habits.has(countsCharacter) {
		errs = append(errs, p.miscount(4), p.miscount(5))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// stream is one of its streams of commands, in one connection or several.
func (p *player) stream(i int) error {
	name := fmt.Sprintf("%s-%d.net", p.tag, i)
	steps := p.day(name)
	if p.habits.has(helloAlone) {
		if err := p.session(i, []step{{verb: "hello", message: el("hello"), local: true}}); err != nil {
			return err
		}
	}
	if p.habits.has(connectionEach) {
		for _, s := range steps {
			if err := p.session(i, []step{p.login(), s, logout()}); err != nil {
				return err
			}
		}
		return nil
	}
	if p.habits.has(impatient) {
		at := slices.IndexFunc(steps, func(s step) bool { return s.verb == "info" })
		if err := p.giveUp(i, steps[:at], steps[at]); err != nil {
			return err
		}
		steps = steps[at:] // without a login
	} else if !p.habits.has(noLogin) {
		steps = append([]step{p.login()}, steps...)
	}
	if p.habits.has(secondLogin) {
		again := p.login()
		again.code = 2002
		steps = slices.Insert(steps, 3, again)
	}
	if !p.habits.has(noLogout) {
		steps = append(steps, logout())
	}
	return p.session(i, steps)
}

// giveUp sends a command behind others, does not wait for its answer and closes.
func (p *player) giveUp(i int, before []step, s step) error {
	c, err := p.open(i)
	if err != nil {
		return err
	}
	defer c.wire.conn.Close()
	if err := c.greet(); err != nil {
		return err
	}
	if err := c.all(append([]step{p.login()}, before...)); err != nil {
		return err
	}
	_, payload := c.compose(s)
	return c.wire.send(payload)
}

// session does steps in one connection.
func (p *player) session(i int, steps []step) error {
	c, err := p.open(i)
	if err != nil {
		return err
	}
	defer c.wire.conn.Close()
	if p.habits.has(earlyLogin) {
		id, payload := c.compose(steps[0])
		if err := c.wire.send(payload); err != nil {
			return err
		}
		if err := c.greet(); err != nil {
			return err
		}
		if err := c.answers([]step{steps[0]}, []string{id}); err != nil {
			return err
		}
		return c.all(steps[1:])
	}
	if err := c.greet(); err != nil {
		return err
	}
	return c.all(steps)
}

// miscount sends a frame whose header is too small by so many octets: it is cut, and its rest is
// taken for a header. Only this connection suffers.
func (p *player) miscount(short int) error {
	c, err := p.open(0)
	if err != nil {
		return err
	}
	defer c.wire.conn.Close()
	if err := c.greet(); err != nil {
		return err
	}
	_, payload := c.compose(step{verb: "check", message: domain("check", domainText("name", strings.Repeat("ö", short)+".net"))})
	u := unit(payload)
	copy(u, unit(payload[:len(payload)-short])[:4])
	if err := c.wire.sendUnits([][]byte{u}); err != nil {
		return err
	}
	for _, code := range []int{2001, 2500} {
		if a, err := c.next(); err != nil || a.code != code {
			return fmt.Errorf("header too small by %d: got %+v, %v, want code %d", short, a, err, code)
		}
	}
	return c.wire.ended()
}
