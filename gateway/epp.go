package gateway

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"eppmux/frame"
	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// Account says at which registry a call of /api/epp is to be done, and for whom.
type Account struct {
	Host string `json:"host" doc:"The registry: its name, or the host of its address" example:"it"`
	Port int    `json:"port,omitempty" minimum:"1" maximum:"65535" doc:"Of its address; 700 where it is not given. With a name it may be left out"`
	ClID string `json:"clid,omitempty" doc:"Client id, as a client of EPP logs in with; needed where the operator has named client ids"`
	PW   string `json:"pw,omitempty" format:"password" doc:"Its password"`
}

func (a *Account) account() *Account { return a }

// secrets are the passwords in a call, which no answer may repeat.
func (a *Account) secrets() []string { return []string{a.PW} }

// Reply is the answer to a call that was carried out: the result code is below 2000.
type Reply[T any] struct {
	Outcome string `json:"outcome" enum:"answered" doc:"What became of the command"`
	Code    int    `json:"code" doc:"Result code (RFC 5730 section 3): 1000, 1001 for what is pending, …"`
	Message string `json:"message"`
	Data    T      `json:"data,omitempty" doc:"The data of the answer (RFC 5731)"`

	ClTRID   string           `json:"clTRID,omitempty" doc:"The request's id"`
	SvTRID   string           `json:"svTRID,omitempty" doc:"The registry's id of the answer"`
	MuxTRID  string           `json:"muxTRID,omitempty" doc:"The id by which the registry knows the command"`
	Results  []mapping.Result `json:"results,omitempty" doc:"Where there are several, or one with values"`
	Fees     []mapping.Fees   `json:"fees,omitempty" doc:"Prices (RFC 8748), where they were asked for"`
	Charge   *mapping.Charge  `json:"charge,omitempty" doc:"What it has cost (RFC 8748)"`
	RGP      []mapping.Status `json:"rgpStatus,omitempty"`
	MsgQ     *mapping.MsgQ    `json:"msgQ,omitempty" doc:"State of the message queue"`
	Replayed bool             `json:"replayed,omitempty" doc:"The answer to an earlier request with the same key"`
	Settled  bool             `json:"settled,omitempty" doc:"Found out by a look at the registry"`
}

// Nothing is the data of an answer that has none.
type Nothing struct{}

// ConnectCall is the body of connect.
type ConnectCall struct{ Account }

// LoginCall is the body of login.
type LoginCall struct{ Account }

// Greeting is what a registry's last greeting says (RFC 5730 section 2.4).
type Greeting struct {
	Registry   string   `json:"registry" doc:"Name of the registry here"`
	Up         bool     `json:"up" doc:"Commands can be sent"`
	Server     string   `json:"server,omitempty" doc:"svID; absent while there was no greeting"`
	Versions   []string `json:"versions,omitempty"`
	Languages  []string `json:"languages,omitempty"`
	Objects    []string `json:"objects,omitempty" doc:"Namespaces"`
	Extensions []string `json:"extensions,omitempty" doc:"Namespaces"`
}

// LoggedIn is the data of login.
type LoggedIn struct {
	Registry string `json:"registry" doc:"Name of the registry here"`
}

// eppCall is the body of a call of /api/epp, as a pointer.
type eppCall interface {
	account() *Account
	secrets() []string
}

// commandCall is an eppCall that sends a command.
type commandCall interface {
	eppCall
	command(r *registry) (mapping.Command, []Wrong)
}

// open reads the body of a call, finds its registry, and checks client id and password. After false it has
// answered.
func (s *Server) open(c *call, r *http.Request, in eppCall) (reg *registry, body []byte, ok bool) {
	if p := wantType(r, "application/json"); p != nil {
		c.refuse(p)
		return nil, nil, false
	}
	body, p := c.body(r)
	if p != nil {
		c.refuse(p)
		return nil, nil, false
	}
	if err := mapping.DecodeJSON(body, in); err != nil {
		c.refuse(faultProblem(err))
		return nil, nil, false
	}
	a := in.account()
	if a.Host == "" {
		c.refuse(wrong(Wrong{"body.host", "is missing"}))
		return nil, nil, false
	}
	reg, p = c.state.find(a, c.user)
	if p == nil {
		p = s.checkLogin(c, r, reg, a)
	}
	if p != nil {
		c.refuse(p)
		return nil, nil, false
	}
	c.registry = reg.Name
	return reg, body, true
}

// checkLogin checks the client id and the password of a call.
func (s *Server) checkLogin(c *call, r *http.Request, reg *registry, a *Account) *Problem {
	err := s.login(r.Context(), c.conn.peerName(), reg, a.ClID, a.PW)
	switch {
	case errors.Is(err, errWrongCredentials):
		s.counts.authFailures.Add(1)
		p := loginRefused.problem("this registry's clients log in: give clid and pw of one of them")
		p.Code = 2200 // as a client of EPP is answered
		return p
	case err != nil:
		return waitedInVain(err)
	}
	if reg.logins != nil && c.state.users.open {
		u := *c.user
		u.Name = a.ClID
		c.user = &u
	}
	return nil
}

// defaultPort is that of EPP over TLS (RFC 5734 section 7).
const defaultPort = 700

// find finds the registry that a call names. Nothing else is ever dialled.
func (st *state) find(a *Account, u *carry.User) (*registry, *Problem) {
	if a.Port < 0 || a.Port > 65535 {
		return nil, wrong(Wrong{"body.port", "must be 1 to 65535"})
	}
	none := noRegistry.problem("host must be the name or the address of a registry of this server")
	if reg := st.byName[a.Host]; reg != nil {
		if !mayUse(u, reg) {
			return nil, none
		}
		if _, port, _ := net.SplitHostPort(reg.Address); a.Port != 0 && port != strconv.Itoa(a.Port) {
			return nil, none
		}
		return reg, nil
	}
	port := a.Port
	if port == 0 {
		port = defaultPort
	}
	host := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(a.Host), "["), "]")
	found := slices.DeleteFunc(slices.Clone(st.byAddress[net.JoinHostPort(host, strconv.Itoa(port))]),
		func(r *registry) bool { return !mayUse(u, r) })
	if len(found) > 1 { // several accounts at one registry: the client id tells
		found = slices.DeleteFunc(found, func(r *registry) bool { return r.logins == nil || r.logins[a.ClID] == nil })
	}
	if len(found) != 1 {
		return nil, none
	}
	return found[0], nil
}

// connect says what the registry's greeting says.
func (s *Server) connect(c *call, r *http.Request) {
	var in ConnectCall
	reg, _, ok := s.open(c, r, &in)
	if !ok {
		return
	}
	g := Greeting{Registry: reg.Name, Up: reg.up()}
	if payload := reg.greeting(); payload != nil {
		if said, err := frame.ParseGreeting(payload); err == nil {
			g.Server, g.Versions, g.Languages = said.ServerID, said.Versions, said.Languages
			g.Objects, g.Extensions = said.ObjectURIs, said.ExtensionURIs
		}
	}
	c.answer(&Reply[Greeting]{Outcome: string(carry.Answered), Code: 1000, Message: "Nothing was sent", Data: g,
		ClTRID: c.id})
}

// logIn says whether client id and password are right: open has found out.
func (s *Server) logIn(c *call, r *http.Request) {
	var in LoginCall
	if reg, _, ok := s.open(c, r, &in); ok {
		c.answer(&Reply[LoggedIn]{Outcome: string(carry.Answered), Code: 1000, Message: "Nothing was sent",
			Data: LoggedIn{reg.Name}, ClTRID: c.id})
	}
}

// run makes the handler of calls that send a command.
func run[T any, P interface {
	*T
	commandCall
}](s *Server) func(c *call, r *http.Request) {
	return func(c *call, r *http.Request) {
		in := P(new(T))
		reg, body, ok := s.open(c, r, in)
		if !ok {
			return
		}
		command, wrongs := in.command(reg)
		if len(wrongs) > 0 {
			c.refuse(wrong(wrongs...))
			return
		}
		o := carry.Order{User: c.user, Registry: reg.Registry, Command: command, RequestID: c.id}
		if command.Transform() {
			key, p := idempotencyKey(r, body)
			if p != nil {
				c.refuse(p)
				return
			}
			o.Key = key
		}
		a, err := s.carrier.Do(r.Context(), o)
		if err != nil {
			c.refuse(doProblem(err))
			return
		}
		conceal(&a, in.secrets())
		c.giveBack(&a)
	}
}

// doProblem is the Problem in an error of the carrier: nothing was sent.
func doProblem(err error) *Problem {
	var fault *mapping.Fault
	switch {
	case errors.As(err, &fault):
		return wrong(Wrong{inBody(memberPath(fault.Member)), fault.Why})
	case errors.Is(err, carry.ErrForbidden):
		return forbidden.problem(err.Error() + "; the operator says in gateway.users what a user may")
	case errors.Is(err, carry.ErrKeyReused):
		return keyReused.problem("take a new key for a new request; a repeat has the same path and body, octet for octet")
	case errors.Is(err, carry.ErrKeyInFlight):
		p := keyInFlight.problem("repeat it later, with the same key")
		p.RetryAfter = 1
		return p
	case errors.Is(err, carry.ErrKeyStorage):
		return noKeys.problem("the operator sets state.dir, and sees to its disk; the log says what is wrong. A request without Idempotency-Key is served")
	}
	return wrong(Wrong{"body", err.Error()})
}

// faultProblem is the Problem in a body that is not read.
func faultProblem(err error) *Problem {
	var fault *mapping.Fault
	if !errors.As(err, &fault) {
		return wrong(Wrong{"body", "is no JSON"})
	}
	return wrong(Wrong{inBody(fault.Member), fault.Why})
}

// inBody is the location of a member.
func inBody(member string) string {
	if member == "" || member[0] == '[' {
		return "body" + member
	}
	return "body." + member
}

// giveBack answers with what became of a command.
func (c *call) giveBack(a *carry.Answer) {
	if p := answerProblem(a); p != nil {
		c.refuse(p)
		return
	}
	r, first := a.Response, a.Response.Results[0]
	reply := &Reply[any]{Outcome: string(carry.Answered), Code: first.Code, Message: first.Message, Data: r.Data,
		ClTRID: r.ClTRID, SvTRID: r.SvTRID, MuxTRID: a.MuxTRID, Fees: r.Fees, Charge: r.Charge, RGP: r.RGP, MsgQ: r.MsgQ,
		Replayed: a.Replayed, Settled: a.Settled}
	if len(r.Results) > 1 || len(first.Values) > 0 || len(first.Reasons) > 0 {
		reply.Results = r.Results
	}
	c.answer(reply)
}

// answer answers with a value in JSON.
func (c *call) answer(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	if c.outcome == "" {
		c.outcome = string(carry.Answered)
	}
	c.page("application/json", append(b, '\n'))
}

// hidden stands where a password was.
const hidden = "***"

// passwordElement is an element of any namespace that holds a password.
var passwordElement = regexp.MustCompile(`(?i)[<:](pw|newPW|authInfo)[\s/>]`)

// conceal takes passwords out of what a registry says: it may repeat what it was sent.
func conceal(a *carry.Answer, secrets []string) {
	if a.Response == nil {
		return
	}
	for i := range a.Response.Results {
		res := &a.Response.Results[i]
		res.Message = concealIn(res.Message, secrets)
		for j := range res.Values {
			if passwordElement.MatchString(res.Values[j]) {
				res.Values[j] = hidden
			}
			res.Values[j] = concealIn(res.Values[j], secrets)
		}
		for j := range res.Reasons {
			res.Reasons[j] = concealIn(res.Reasons[j], secrets)
		}
	}
}

func concealIn(text string, secrets []string) string {
	for _, s := range secrets {
		if s != "" && text != "" {
			text = strings.ReplaceAll(text, s, hidden)
			text = strings.ReplaceAll(text, escaped(s), hidden)
		}
	}
	return text
}

// escaped is text as XML has it.
func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// up reports whether commands can be sent.
func (r *registry) up() bool { return r.Account != nil && r.Account.Up() }

// loopPatience is how long a loop has to answer.
const loopPatience = time.Second

// greeting is the payload of the registry's last greeting; nil: there was none, or the loop does not answer.
func (r *registry) greeting() []byte {
	if r.Account == nil {
		return nil
	}
	got := make(chan []byte, 1) // one payload; not closed
	r.Account.Loop().Post(func() { got <- r.Account.Greeting() })
	late := time.NewTimer(loopPatience)
	defer late.Stop()
	select {
	case payload := <-got:
		return payload
	case <-late.C:
		return nil
	}
}
