package carry

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"eppmux/gateway/mapping"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// TestPermission: what the user may not send is not sent.
func TestPermission(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct {
		user    *User
		payload string
		allowed bool
	}{
		{&User{}, checkXML, true},
		{nil, checkXML, false},
		{&User{Registries: []string{"it"}}, checkXML, true},
		{&User{Registries: []string{"fr"}}, checkXML, false},
		{&User{Commands: kinds("check", "info")}, checkXML, true},
		{&User{Commands: kinds("check", "info")}, deleteXML, false},
		{&User{Commands: kinds("poll:req")}, checkXML, false},
	} {
		o := r.raw(tt.payload, nil)
		o.User = tt.user
		_, err := r.Do(t.Context(), o)
		if allowed := err == nil; allowed != tt.allowed || !allowed && !errors.Is(err, ErrForbidden) {
			t.Errorf("user %+v: got %v, want allowed %v", tt.user, err, tt.allowed)
		}
		if n := len(r.registry.carried()); (n == 1) != tt.allowed {
			t.Errorf("user %+v: %d commands were sent", tt.user, n)
		}
	}
}

func TestMay(t *testing.T) {
	u := &User{Registries: []string{"it"}, Commands: kinds("check", "transfer:query")}
	for kind, want := range map[string]bool{"check": true, "transfer:query": true, "transfer:request": false, "info": false} {
		if got := u.May("it", kind) == nil; got != want {
			t.Errorf("%s: got %v, want %v", kind, got, want)
		}
	}
	if err := u.May("fr", "check"); !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "fr") {
		t.Errorf("got %v", err)
	}
}

// TestChangingExtension: an info may change something by an extension. Who may send queries alone may not send that.
func TestChangingExtension(t *testing.T) {
	info := func(ns string) string {
		return `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><info><domain:info xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">` +
			`<domain:name>a.it</domain:name></domain:info></info><extension><x:set xmlns:x="` + ns + `"/></extension></command></epp>`
	}
	for _, tt := range []struct {
		ns      string
		allow   *pool.CommandSet
		allowed bool
	}{
		{"urn:odd", kinds("check", "info"), false},
		{"urn:odd", kinds("check", "info", "update"), true},
		{"urn:odd", nil, true},
		{"urn:ietf:params:xml:ns:launch-1.0", kinds("check", "info"), true},
	} {
		r := newRig(t)
		o := r.raw(info(tt.ns), nil)
		user := *o.User
		user.Commands = tt.allow
		o.User = &user
		_, err := r.Do(t.Context(), o)
		if allowed := err == nil; allowed != tt.allowed || !allowed && !errors.Is(err, ErrForbidden) {
			t.Errorf("%s, allowed %v: got %v", tt.ns, tt.allow != nil, err)
		}
	}
}

// TestRaw: XML goes as it came, with an id; what is no command is refused in words without its content.
func TestRaw(t *testing.T) {
	r := newRig(t)
	a := r.do(r.raw(checkXML, nil))
	if got := r.wantSent(1)[0]; got != checkXML {
		t.Errorf("sent %s", got)
	}
	if a.Outcome != Answered || string(a.Payload) != doneXML || a.Response.Results[0].Code != 1000 || a.MuxTRID != "M-1" {
		t.Errorf("got %+v", a)
	}
	r.do(r.raw(deleteXML, nil))
	if got := r.wantSent(1)[0]; !strings.Contains(got, "</delete><clTRID>req-17</clTRID></command>") {
		t.Errorf("sent %s", got)
	}
	r.do(r.raw("\xff\xfe"+utf16(deleteXML), nil))
	if got := r.wantSent(1)[0]; !strings.Contains(got, "</delete><clTRID>req-17</clTRID></command>") {
		t.Errorf("sent %q of UTF-16", got)
	}
	r.do(r.raw("\xff\xfe"+utf16(checkXML), nil))
	if got := r.wantSent(1)[0]; !strings.Contains(got, "own-17") {
		t.Errorf("sent %q of UTF-16", got)
	}
	epp := func(s string) string { return `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0">` + s + `</epp>` }
	for _, tt := range []struct{ payload, want string }{
		{epp("<hello/>"), "hello"},
		{epp("<command><hello/></command>"), "hello"},
		{epp("<command><logout/></command>"), "logout"},
		{epp("<command><login><clID>a</clID><pw>sesame-17</pw></login></command>"), "login"},
		{doneXML, "response"},
		{"sesame-17", "no EPP command"},
		{"", "no EPP command"},
	} {
		_, err := r.Do(t.Context(), r.raw(tt.payload, nil))
		var fault *mapping.Fault
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: got %v, want %s", tt.payload, err, tt.want)
		}
	}
	r.wantSent(0)
}

// TestOutcomes: each end of a command is told as it is.
func TestOutcomes(t *testing.T) {
	r := newRig(t)
	for c := pool.CauseNone + 1; c < pool.NumCauses; c++ {
		r.registry.says = ends(pool.EndNotSent, c)
		if a := r.do(r.raw(deleteXML, nil)); a.Outcome != NotSent || a.Cause != c || a.RetryAfter < time.Second || a.RetryAfter > time.Minute {
			t.Errorf("%v: got %+v", c, a)
		}
	}
	r.registry.says = ends(pool.EndUnknown, pool.CauseRegistryClosed)
	if a := r.do(r.raw(deleteXML, nil)); a.Outcome != Unknown || a.Cause != pool.CauseRegistryClosed || a.MuxTRID != "M-1" || a.Response != nil {
		t.Errorf("got %+v", a)
	}
	r.registry.says = answers(2400, "<odd")
	if a := r.do(r.raw(deleteXML, nil)); a.Outcome != Answered || a.Response.Results[0].Code != 2400 || string(a.Payload) != "<odd" {
		t.Errorf("of an answer that cannot be read: got %+v", a)
	}
	r.registry.says = func(context.Context, upstream.Call) (upstream.Result, error) {
		return upstream.Result{}, upstream.ErrNotCarried
	}
	if _, err := r.Do(t.Context(), r.raw(deleteXML, nil)); !errors.As(err, new(*mapping.Fault)) {
		t.Errorf("got %v", err)
	}
}

var keyA = &Key{Name: "A", Digest: [32]byte{1}}

// TestKey: a repeat gets the first answer, other content is refused, and a query has no key.
func TestKey(t *testing.T) {
	r := newRig(t)
	first := r.do(r.raw(deleteXML, keyA))
	again := r.do(r.raw(deleteXML, keyA))
	r.wantSent(1)
	if first.Replayed || !again.Replayed || string(again.Payload) != doneXML || again.Response.Results[0].Code != 1000 {
		t.Errorf("got %+v, then %+v", first, again)
	}
	if _, err := r.Do(t.Context(), r.raw(deleteXML, &Key{Name: "A", Digest: [32]byte{2}})); !errors.Is(err, ErrKeyReused) {
		t.Errorf("got %v", err)
	}
	r.do(r.raw(checkXML, keyA))
	r.do(r.raw(checkXML, keyA))
	r.wantSent(2)
	for _, name := range []string{"", strings.Repeat("x", 256)} {
		if _, err := r.Do(t.Context(), r.raw(deleteXML, &Key{Name: name})); !errors.As(err, new(*mapping.Fault)) {
			t.Errorf("a key of %d octets: got %v", len(name), err)
		}
	}
	r.memory.fails = ErrKeyStorage
	if _, err := r.Do(t.Context(), r.raw(deleteXML, &Key{Name: "B"})); !errors.Is(err, ErrKeyStorage) {
		t.Errorf("got %v", err)
	}
	r.Carrier.table = nil
	if _, err := r.Do(t.Context(), r.raw(deleteXML, keyA)); !errors.Is(err, ErrKeyStorage) {
		t.Errorf("got %v", err)
	}
	r.wantSent(0)
}

// TestKeyNotSent: what was not sent may be sent again, whatever the reason; what is unknown may not.
func TestKeyNotSent(t *testing.T) {
	r := newRig(t)
	r.registry.says = ends(pool.EndNotSent, pool.CausePaused)
	r.do(r.raw(deleteXML, keyA))
	r.registry.says = func(context.Context, upstream.Call) (upstream.Result, error) {
		return upstream.Result{}, upstream.ErrNotCarried
	}
	if _, err := r.Do(t.Context(), r.raw(deleteXML, keyA)); err == nil {
		t.Error("no error")
	}
	r.registry.says = ends(pool.EndUnknown, pool.CauseCommandTimeout)
	r.do(r.raw(deleteXML, keyA))
	r.wantSent(3)
	if a := r.do(r.raw(deleteXML, keyA)); a.Outcome != Unknown || !a.Replayed || a.MuxTRID != "M-1" {
		t.Errorf("got %+v", a)
	}
	r.wantSent(0)
}

// TestKeyClientGone: a command that is in flight when its caller goes ends for the next who asks.
func TestKeyClientGone(t *testing.T) {
	r := newRig(t)
	var after func(upstream.Result)
	r.registry.says = func(_ context.Context, call upstream.Call) (upstream.Result, error) {
		after = call.After
		return upstream.Result{End: pool.EndUnknown, Cause: pool.CauseClientGone, MuxTRID: "M-1"}, nil
	}
	if a := r.do(r.raw(deleteXML, keyA)); a.Outcome != Unknown || a.MuxTRID != "M-1" {
		t.Errorf("got %+v", a)
	}
	if _, err := r.Do(t.Context(), r.raw(deleteXML, keyA)); !errors.Is(err, ErrKeyInFlight) {
		t.Errorf("got %v", err)
	}
	after(upstream.Result{End: pool.EndAnswered, Code: 1000, Payload: []byte(doneXML), MuxTRID: "M-1"})
	r.Wait()
	if a := r.do(r.raw(deleteXML, keyA)); a.Outcome != Answered || !a.Replayed {
		t.Errorf("got %+v", a)
	}
	r.wantSent(1)
}

// TestKeyPanic: a claim does not outlive a panic as one in flight.
func TestKeyPanic(t *testing.T) {
	r := newRig(t)
	r.registry.says = func(context.Context, upstream.Call) (upstream.Result, error) { panic("BUG: of this test") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_, _ = r.Do(t.Context(), r.raw(deleteXML, keyA))
	}()
	r.Wait()
	if a := r.do(r.raw(deleteXML, keyA)); a.Outcome != Unknown {
		t.Errorf("got %+v", a)
	}
}

// TestCallers: a user's commands are one flow over many connections, at each account, and few are kept.
func TestCallers(t *testing.T) {
	c, a, b := newCallers(), new(upstream.Account), new(upstream.Account)
	u := &User{Name: "shop", Client: "192.0.2.1:1000", Weight: 2}
	first := c.of(u, a)
	for _, tt := range []struct {
		user *User
		at   *upstream.Account
		same bool
	}{
		{&User{Name: "shop", Client: "192.0.2.1:2000", Weight: 2}, a, true},
		{&User{Name: "shop", Client: "192.0.2.1:1000", Weight: 2}, b, false},
		{&User{Name: "other", Client: "192.0.2.1:1000", Weight: 2}, a, false},
		{&User{Name: "shop", Client: "192.0.2.2:1000", Weight: 2}, a, false},
		{&User{Name: "shop", Client: "192.0.2.1:1000"}, a, false},
	} {
		if same := c.of(tt.user, tt.at) == first; same != tt.same {
			t.Errorf("%+v: the same flow %v, want %v", tt.user, same, tt.same)
		}
	}
	for i := range 2 * callersKept {
		c.of(&User{Name: string(rune(i))}, a)
	}
	if n := c.kept.Len(); n > callersKept {
		t.Errorf("%d callers are kept", n)
	}
}

// utf16 is ASCII in UTF-16, the low octet first.
func utf16(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte(c)
		b.WriteByte(0)
	}
	return b.String()
}
