package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
)

// body has something of each type.
type body struct {
	Name        string         `json:"name"`
	Years       int            `json:"years"`
	Small       uint8          `json:"small,omitempty"`
	Price       float64        `json:"price,omitempty"`
	Premium     bool           `json:"premium,omitempty"`
	Nameservers []Nameserver   `json:"nameservers,omitempty"`
	AuthInfo    *AuthInfo      `json:"authInfo,omitempty"`
	TTL         []TTL          `json:"ttl,omitempty"`
	Labels      map[string]int `json:"labels,omitempty"`
	When        *time.Time     `json:"when,omitempty"`
	Any         any            `json:"any,omitempty"`
	Two         [2]int         `json:"two,omitempty"`
	Hidden      string         `json:"-"`
	Plain       string
	private     string
	base
}

type base struct {
	Inner string `json:"inner"`
}

func TestDecodeJSON(t *testing.T) {
	var b body
	err := DecodeJSON([]byte(` {"name" : "kiosk.example\u00e9\ud83d\ude00\\", "years":2,"small":255,"price":1.5e2,"premium":true,"nameservers":[{"name":"ns1"},{"name":"ns2","addresses":["192.0.2.1"]}],
		"authInfo":{"password":"x","roid":"C-1"},"ttl":[{"for":"NS","seconds":null},{"for":"DS","seconds":5}],"labels":{"a":1},"when":"2026-11-30T00:00:00Z","any":{"a":[1,null,"x"]},"two":[1,2],"Plain":"p","inner":"i"} `), &b)
	if err != nil {
		t.Fatal(err)
	}
	if b.Name != "kiosk.exampleé😀\\" || b.Nameservers[1].Addresses[0] != "192.0.2.1" || b.AuthInfo.Password != "x" || *b.TTL[1].Seconds != 5 || b.TTL[0].Seconds != nil || b.Inner != "i" || b.Plain != "p" || b.When.IsZero() || b.private != "" {
		t.Errorf("got %+v", b)
	}
}

func TestDecodeJSONRefuses(t *testing.T) {
	deep := strings.Repeat("[", MaxJSONDepth) + strings.Repeat("]", MaxJSONDepth)
	if err := DecodeJSON([]byte(`{"any":`+deep[1:len(deep)-1]+`}`), new(body)); err != nil {
		t.Errorf("a depth that is allowed: %v", err)
	}
	for _, tt := range []struct{ in, member, why string }{
		{``, "", "is not JSON"}, {`{`, "", "is not JSON"}, {`{"name":"a"} x`, "", "is not JSON"}, {`{"name":"a"}{}`, "", "is not JSON"}, {"\ufeff{}", "", "is not JSON"},
		{`{"name":'a'}`, "", "is not JSON"}, {`{"name":"a",}`, "", "is not JSON"}, {`{"years":01}`, "", "is not JSON"}, {"{\"name\":\"a\xff\"}", "", "is not UTF-8"}, {"{\"name\":\"a\nb\"}", "", "is not JSON"},
		{`null`, "", "is null, not an object"}, {`[]`, "", "is a list, not an object"}, {`"x"`, "", "is a text, not an object"}, {`1`, "", "is a number, not an object"},
		{`{"nam":"a"}`, "nam", "is unknown"}, {`{"Name":"a"}`, "Name", "is unknown"}, {`{"Hidden":"a"}`, "Hidden", "is unknown"}, {`{"-":"a"}`, "-", "is unknown"}, {`{"private":"a"}`, "private", "is unknown"}, {`{"base":{}}`, "base", "is unknown"},
		{`{"name":"a","name":"b"}`, "name", "is there twice"}, {`{"name":"a","n\u0061me":"b"}`, "name", "is there twice"}, {`{"any":{"a":1,"a":2}}`, "any.a", "is there twice"}, {`{"labels":{"a":1,"a":2}}`, "labels.a", "is there twice"},
		{`{"name":1}`, "name", "is a number, not a text"}, {`{"name":null}`, "name", "is null, not a text"}, {`{"name":{}}`, "name", "is an object, not a text"}, {`{"name":[true]}`, "name", "is a list, not a text"},
		{`{"years":"1"}`, "years", "is a text, not a number"}, {`{"years":1.5}`, "years", "is no whole number in its bounds"}, {`{"years":1e3}`, "years", "is no whole number in its bounds"}, {`{"years":99999999999999999999}`, "years", "is no whole number in its bounds"},
		{`{"small":256}`, "small", "is no whole number in its bounds"}, {`{"small":-1}`, "small", "is no whole number in its bounds"}, {`{"premium":1}`, "premium", "is a number, not true or false"}, {`{"premium":"true"}`, "premium", "is a text, not true or false"},
		{`{"nameservers":{"name":"a"}}`, "nameservers", "is an object, not a list"}, {`{"nameservers":["a"]}`, "nameservers[0]", "is a text, not an object"}, {`{"nameservers":[{"name":"a"},{"name":"b","addresses":["x",5]}]}`, "nameservers[1].addresses[1]", "is a number, not a text"},
		{`{"nameservers":null}`, "nameservers", "is null, not a list"}, {`{"nameservers":[{"attribute":true}]}`, "nameservers[0].attribute", "is unknown"}, {`{"authInfo":{"pw":"x"}}`, "authInfo.pw", "is unknown"}, {`{"authInfo":"x"}`, "authInfo", "is a text, not an object"},
		{`{"two":[1,2,3]}`, "two", "has too many elements"}, {`{"when":"yesterday"}`, "", "has a value that is not allowed"}, {`{"labels":{"a":"x"}}`, "labels.a", "is a text, not a number"},
		{`{"name":"\ud800"}`, "name", "has half a character"}, {`{"name":"\ud800\u0041"}`, "name", "has half a character"}, {`{"name":"\udc00\ud800"}`, "name", "has half a character"}, {`{"name":"\ud83d\ud83d"}`, "name", "has half a character"}, {`{"\ud800":1}`, "", "has half a character"},
		{`{"any":` + deep + `}`, "", "is nested too deeply"}, {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "", "is a list, not an object"}, {strings.Repeat("[", 20000), "", "is not JSON"},
	} {
		var b body
		err := DecodeJSON([]byte(tt.in), &b)
		var f *Fault
		if !errors.As(err, &f) || f.Member != tt.member || !strings.HasPrefix(f.Why, tt.why) {
			t.Errorf("%.60s: got %v, want %s: %s", tt.in, err, tt.member, tt.why)
		}
		if !reflect.DeepEqual(b, body{}) && tt.in != `{"when":"yesterday"}` {
			t.Errorf("%.60s: filled in %+v", tt.in, b)
		}
	}
	if err := DecodeJSON([]byte(`{"`+strings.Repeat("é", 500)+`":1}`), new(body)); len(err.Error()) > 100 {
		t.Errorf("got a long error: %v", err)
	}
}

// TestDecodeCommands: each command is read from its own JSON form, which has no password.
func TestDecodeCommands(t *testing.T) {
	for name, c := range full {
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		back := reflect.New(reflect.TypeOf(c).Elem()).Interface()
		if err := DecodeJSON(b, back); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
	var c DomainCreate
	if err := DecodeJSON([]byte(`{"name":"a.example","authInfo":{"password":"canary"}}`), &c); err != nil || c.AuthInfo.Password != "canary" {
		t.Errorf("got %v", err)
	}
}

// TestAuthInfoIsNotShown: whatever prints one does not print the password.
func TestAuthInfoIsNotShown(t *testing.T) {
	c := &DomainCreate{Name: "a.example", AuthInfo: AuthInfo{Password: "canary"}}
	u := &DomainUpdate{AuthInfo: &AuthInfo{Password: "canary"}}
	d := &Response{Data: &Domain{AuthInfo: &AuthInfo{Password: "canary"}}}
	p := &ContactCreate{Person{AuthInfo: &AuthInfo{Password: "canary"}}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "c", c, "a", c.AuthInfo, "b", u.AuthInfo, "p", p)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "c", c, "a", c.AuthInfo, "b", u.AuthInfo, "p", p)
	for _, v := range []any{c, u, d, p, c.AuthInfo, u.AuthInfo, d.Data} {
		b, _ := json.Marshal(v)
		log.Write(b)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, verb, v)
		}
	}
	if strings.Contains(log.String(), "canary") || strings.Contains(log.String(), fmt.Sprintf("%x", "canary")) {
		t.Errorf("got %s", log.String())
	}
}
