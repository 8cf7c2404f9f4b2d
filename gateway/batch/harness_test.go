package batch

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/gateway/share"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// testCodec writes and reads XML without package mapping.
var testCodec = codec{
	marshal: func(c *mapping.CheckCommand, clTRID string) ([]byte, error) {
		var b strings.Builder
		b.WriteString(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check>` +
			`<domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">`)
		for _, n := range c.Names {
			if strings.HasPrefix(n, "unwritable") {
				return nil, &mapping.Fault{Member: "names", Why: "unwritable"}
			}
			b.WriteString("<domain:name>" + n + "</domain:name>")
		}
		b.WriteString("</domain:check></check>")
		if c.Fee != nil {
			b.WriteString(`<extension><fee:check xmlns:fee="urn:ietf:params:xml:ns:epp:fee-1.0">` +
				`<fee:currency>` + c.Fee.Currency + `</fee:currency><fee:command name="create"/></fee:check></extension>`)
		}
		fmt.Fprintf(&b, "<clTRID>%s</clTRID></command></epp>", clTRID)
		return []byte(b.String()), nil
	},
	unmarshal: func(payload []byte) (*mapping.Response, error) {
		var x struct {
			Results []struct {
				Code  int      `xml:"code,attr"`
				Msg   string   `xml:"msg"`
				Value []string `xml:"value"`
			} `xml:"response>result"`
			Checks []struct {
				Name struct {
					Avail string `xml:"avail,attr"`
					Text  string `xml:",chardata"`
				} `xml:"name"`
				Reason string `xml:"reason"`
			} `xml:"response>resData>chkData>cd"`
			Fees []struct {
				Name string `xml:"objID"`
			} `xml:"response>extension>chkData>cd"`
		}
		if err := xml.Unmarshal(payload, &x); err != nil {
			return nil, err
		}
		r := &mapping.Response{}
		for _, res := range x.Results {
			r.Results = append(r.Results, mapping.Result{Code: res.Code, Message: res.Msg, Values: res.Value})
		}
		var checks []mapping.Check
		for _, cd := range x.Checks {
			checks = append(checks, mapping.Check{Name: cd.Name.Text, Available: cd.Name.Avail == "1", Reason: cd.Reason})
		}
		r.Data = checks
		for _, cd := range x.Fees {
			r.Fees = append(r.Fees, mapping.Fees{Name: cd.Name, Currency: "EUR"})
		}
		return r, nil
	},
}

// asked is one command that a fake registry has got.
type asked struct {
	names  []string
	fees   bool
	clTRID string
	from   upstream.CallerConfig
	at     time.Time
}

// reply is what a fake registry answers: an end without an answer, or a code. left out of an answer are the
// names that skip has.
type reply struct {
	end   pool.End // EndAnswered unless cause is set
	cause pool.Cause
	code  int
	value string
	skip  func(name string) bool
	shown func(name string) string // as which the answer has a name
}

// fake is an account whose registry takes one command every interval, and answers each after rtt.
type fake struct {
	t        testing.TB
	interval time.Duration
	rtt      time.Duration
	greeting string
	decide   func(asked) reply // nil: 1000, and all are available
	noLate   bool              // Late is not called, as if a limit counted objects
	counted  int               // names that such a limit takes; 0: none is
	patience time.Duration     // for which a command waits; 0: any

	mu    sync.Mutex
	queue []*waitingCall
	wake  chan struct{}
	got   []asked
	watch []func([]byte)
}

// waitingCall is a command at a fake account.
type waitingCall struct {
	from  upstream.CallerConfig
	call  upstream.Call
	ended chan upstream.Result
	since time.Time
}

type fakeCaller struct {
	f   *fake
	cfg upstream.CallerConfig
}

func (f *fake) caller(cfg upstream.CallerConfig) caller { return &fakeCaller{f, cfg} }
func (f *fake) objects() (int, bool)                    { return f.counted, f.counted > 0 }
func (f *fake) greetings(g func([]byte)) {
	f.watch = append(f.watch, g)
	if f.greeting != "" {
		g([]byte(f.greeting))
	}
}

func (c *fakeCaller) Do(ctx context.Context, call upstream.Call) (upstream.Result, error) {
	w := &waitingCall{c.cfg, call, make(chan upstream.Result, 1), time.Now()}
	c.f.mu.Lock()
	c.f.queue = append(c.f.queue, w)
	c.f.mu.Unlock()
	select {
	case c.f.wake <- struct{}{}:
	default:
	}
	var late <-chan time.Time
	if c.f.patience > 0 {
		late = time.After(c.f.patience)
	}
	cause := pool.CauseClientGone
	select {
	case r := <-w.ended:
		return r, nil
	case <-late:
		cause = pool.CauseQueueTimeout
	case <-ctx.Done():
	}
	c.f.mu.Lock()
	i := slices.Index(c.f.queue, w)
	if i >= 0 {
		c.f.queue = slices.Delete(c.f.queue, i, i+1)
	}
	c.f.mu.Unlock()
	if i >= 0 {
		return upstream.Result{End: pool.EndNotSent, Cause: cause}, nil
	}
	return <-w.ended, nil
}

// run sends what waits, until ctx ends.
func (f *fake) run(ctx context.Context) {
	for {
		f.mu.Lock()
		var w *waitingCall
		if len(f.queue) > 0 {
			w, f.queue = f.queue[0], f.queue[1:]
		}
		f.mu.Unlock()
		if w == nil {
			select {
			case <-f.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		f.send(w)
		if f.interval > 0 {
			time.Sleep(f.interval)
		}
	}
}

func (f *fake) send(w *waitingCall) {
	payload := w.call.Payload
	if w.call.Late != nil && !f.noLate {
		if p := w.call.Late(); p != nil {
			payload = p
		}
	}
	a := parse(f.t, payload)
	a.from, a.at = w.from, time.Now()
	f.mu.Lock()
	f.got = append(f.got, a)
	f.mu.Unlock()
	r := reply{code: 1000}
	if f.decide != nil {
		r = f.decide(a)
	}
	go func() {
		time.Sleep(f.rtt)
		if r.cause != pool.CauseNone {
			w.ended <- upstream.Result{End: r.end, Cause: r.cause}
			return
		}
		w.ended <- upstream.Result{End: pool.EndAnswered, Code: r.code, Payload: answerTo(a, r)}
	}()
}

// parse reads what the test codec writes.
func parse(t testing.TB, payload []byte) asked {
	var x struct {
		Names  []string  `xml:"command>check>check>name"`
		Fee    *struct{} `xml:"command>extension>check"`
		ClTRID string    `xml:"command>clTRID"`
	}
	if err := xml.Unmarshal(payload, &x); err != nil {
		t.Errorf("got %v of %s", err, payload)
	}
	return asked{names: x.Names, fees: x.Fee != nil, clTRID: x.ClTRID}
}

func answerTo(a asked, r reply) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<epp><response><result code="%d"><msg>words</msg>`, r.code)
	if r.value != "" {
		b.WriteString("<value>" + r.value + "</value>")
	}
	b.WriteString("</result>")
	if r.code < 2000 {
		b.WriteString("<resData><chkData>")
		for _, n := range a.names {
			if r.skip != nil && r.skip(n) {
				continue
			}
			if r.shown != nil {
				n = r.shown(n)
			}
			avail := "1"
			if strings.HasPrefix(n, "taken") {
				avail = "0"
			}
			fmt.Fprintf(&b, `<cd><name avail="%s">%s</name></cd>`, avail, n)
		}
		b.WriteString("</chkData></resData>")
		if a.fees {
			b.WriteString("<extension><chkData>")
			for _, n := range a.names {
				b.WriteString("<cd><objID>" + n + "</objID></cd>")
			}
			b.WriteString("</chkData></extension>")
		}
	}
	return []byte(b.String() + "</response></epp>")
}

// play has fakes by the names of registries, and a Checker over them, in a bubble.
type play struct {
	t     *testing.T
	c     *Checker
	fakes map[*carry.Registry]*fake
	wg    sync.WaitGroup
}

// inPlay runs f in a bubble; all that it has started ends with it. One registry, named example, has the
// zones example and co.example, and takes max names.
func inPlay(t *testing.T, max int, set func(*fake), f func(p *play, one *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := &play{t: t, fakes: make(map[*carry.Registry]*fake)}
		p.c = &Checker{codec: testCodec, names: share.NewPool(maxUnderWay, namesMultiple), open: func(r *carry.Registry) account {
			if f := p.fakes[r]; f != nil {
				return f
			}
			return &fake{t: t, wake: make(chan struct{}, 1)}
		}}
		one := &fake{t: t, wake: make(chan struct{}, 1), greeting: greetingOf("")}
		if set != nil {
			set(one)
		}
		reg := &carry.Registry{Name: "example", Zones: []string{"example", "co.example"}, CheckMax: max}
		p.fakes[reg] = one
		p.c.SetRegistries([]*carry.Registry{reg})
		p.wg.Go(func() { one.run(ctx) })
		synctest.Wait()
		f(p, one)
		time.Sleep(time.Minute) // what is in flight for nobody ends
		cancel()
		p.wg.Wait()
		if n := p.c.names.Taken(); n != 0 {
			t.Errorf("%d names are still under way", n)
		}
		synctest.Wait()
		for _, d := range p.c.routes.Load().names {
			if len(d.lines) > 0 {
				t.Errorf("%d lines are left", len(d.lines))
			}
		}
	})
}

func greetingOf(extension string) string {
	return `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><greeting><svID>x</svID><svcMenu><version>1.0</version><lang>en</lang>` +
		`<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><svcExtension><extURI>` + extension +
		`</extURI></svcExtension></svcMenu></greeting></epp>`
}

// check sends one request and returns its answers by index. Each index must be answered once.
func (p *play) check(ctx context.Context, r Request) []Answer {
	if r.User == nil {
		r.User = &carry.User{Name: "shop"}
	}
	answers, seen := make([]Answer, len(r.Names)), make([]int, len(r.Names))
	p.c.Check(ctx, r, func(a Answer) {
		answers[a.Index] = a
		seen[a.Index]++
	})
	for i, n := range seen {
		if n != 1 {
			p.t.Errorf("%s: name %d was answered %d times", r.RequestID, i, n)
		}
		a := &answers[i]
		if a.Name != r.Names[i] || (a.Check == nil) == (a.Problem == nil) {
			p.t.Errorf("%s: got %+v for %q", r.RequestID, a, r.Names[i])
		}
	}
	return answers
}

// later sends a request on a goroutine of its own, and returns where its answers come.
func (p *play) later(ctx context.Context, r Request) <-chan []Answer {
	c := make(chan []Answer, 1)
	p.wg.Go(func() { c <- p.check(ctx, r) })
	return c
}

// names are n names below example, each with a prefix.
func namesOf(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s%d.example", prefix, i)
	}
	return all
}

// kinds lists how answers ended: a word of Problem.Kind, or "free" or "taken".
func kinds(answers []Answer) string {
	var all []string
	for _, a := range answers {
		switch {
		case a.Problem != nil:
			all = append(all, a.Problem.Kind)
		case a.Check.Available:
			all = append(all, "free")
		default:
			all = append(all, "taken")
		}
	}
	return strings.Join(all, " ")
}

// good counts answers that have a Check.
func good(answers []Answer) (n int) {
	for _, a := range answers {
		if a.Check != nil {
			n++
		}
	}
	return n
}
