package sandbox

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// TestDefaults: a zero field means its default, any other value is kept.
func TestDefaults(t *testing.T) {
	got := Config{}.withDefaults()
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"ServerID", got.ServerID, "eppmux sandbox"},
		{"Accounts", got.Accounts, map[string]string{"demo": "demo-secret", "other": "other-secret"}},
		{"MaxSessions", got.MaxSessions, 3},
		{"MaxFrame", got.MaxFrame, 262144},
		{"RatePer", got.RatePer, time.Second},
		{"ObjectPer", got.ObjectPer, time.Second},
		{"CheckMax", got.CheckMax, 50},
		{"Extensions", got.Extensions, []string{nsSecDNS, nsRGP, nsLoginSec, nsFee, nsTTL}},
		{"Zones", got.Zones, []string{"com", "net", "org", "example", "test"}},
		{"PendingDelay", got.PendingDelay, 2 * time.Second},
		{"AutoApprove", got.AutoApprove, 120 * time.Hour},
		{"UnknownCommand", got.UnknownCommand, 2000},
		{"UnknownObject", got.UnknownObject, 2307},
		{"UnknownExtension", got.UnknownExtension, 2103},
		{"LoginErrors", got.Rules.LoginErrors, 3},
		{"LoginFirst", got.Quirks.LoginFirst, 2002},
		{"Seed", got.Seed, uint64(1)},
		{"IdleTimeout", got.IdleTimeout + got.MaxAge + got.LoginTimeout + got.Latency, time.Duration(0)},
		{"MaxCommands", got.MaxCommands + got.RateLimit + got.ObjectLimit, 0},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s is %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if got.Logger == nil || got.Now == nil {
		t.Error("no logger or no clock")
	}
	set := Config{ServerID: "abc", Accounts: map[string]string{}, MaxSessions: -1, MaxFrame: 1000, RatePer: time.Hour, Zones: []string{},
		ObjectPer: time.Minute, CheckMax: -1, Extensions: []string{},
		PendingDelay: 1, AutoApprove: 2, UnknownCommand: 2101, UnknownObject: 1000, UnknownExtension: 1000, Seed: 9,
		Rules: Rules{LoginErrors: 1}, Quirks: Quirks{LoginFirst: 2201}}
	kept := set.withDefaults()
	kept.Logger, kept.Now = nil, nil
	if !reflect.DeepEqual(kept, set) {
		t.Errorf("got %+v, want %+v", kept, set)
	}
}

// TestConfigIsCopied: maps and slices of the caller's may change after New without effect.
func TestConfigIsCopied(t *testing.T) {
	accounts, zones := map[string]string{"mine": "mine-secret"}, []string{"COM", "Net"}
	r := start(t, Config{Accounts: accounts, Zones: zones, Empty: true})
	if want := []string{"COM", "Net"}; !slices.Equal(zones, want) {
		t.Errorf("the caller's zones became %v", zones)
	}
	accounts["mine"], accounts["late"] = "another", "late-secret"
	zones[0], zones[1] = "org", "org"
	c := connect(t, r)
	c.greet()
	c.login("late", "late-secret").want(2200)
	c.login("mine", "mine-secret").want(1000)
	c.do("check", "D:<name>a.com</name><name>a.NET</name><name>a.org</name>").want(1000).has(`"1">a.com`, `"1">a.NET`, `"0">a.org`)
}

// TestAnyMaxFrame: a data unit of exactly MaxFrame octets is served, one more is 2500. RFC 5734
// section 4: the length counts the header.
func TestAnyMaxFrame(t *testing.T) {
	for _, limit := range []int{500, 4096, 70000} {
		r := start(t, Config{MaxFrame: limit})
		c := enterWith(t, r, "<objURI>"+nsDomain+"</objURI>")
		pad := func(total int) string {
			p := []byte(checkFrame)
			for len(p)+headerLen < total {
				p = append(p, ' ')
			}
			return string(p)
		}
		c.ask(pad(limit)).want(1000)
		go c.conn.Write(unit(pad(limit + 1)))
		c.answered("2500", "length out of bounds")
		c.ended()
		breaches(t, r, Breaches{BadLength: 1})
	}
}
