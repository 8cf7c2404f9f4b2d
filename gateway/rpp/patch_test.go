package rpp

import (
	"strings"
	"testing"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
	"eppmux/sandbox"
)

// TestRPPPatch: a PATCH is one update of EPP, after a look at the object only where one is needed.
func TestRPPPatch(t *testing.T) {
	text := func(s string) *string { return &s }
	dsA := mapping.DS{KeyTag: 1, Algorithm: 8, DigestType: 2, Digest: "0AFF"}
	dsB := mapping.DS{KeyTag: 2, Algorithm: 13, DigestType: 2, Digest: "BEEF"}
	domain := &mapping.Domain{
		Name: "kiosk.example", Status: []mapping.Status{{Value: "ok"}},
		Contacts:    []mapping.Contact{{Type: "tech", ID: "c-1"}, {Type: "tech", ID: "c-2"}, {Type: "admin", ID: "c-1"}},
		Nameservers: []mapping.Nameserver{{Name: "ns1.kiosk.example", Attribute: true}},
		SecDNS:      &mapping.SecDNS{DS: []mapping.DS{dsA, dsB}},
	}
	person := quay()
	host := &mapping.Host{Name: "ns1.kiosk.example", Addresses: []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}}
	const ds = `{"@type":"dnsRecord","name":"@","type":"ds","rdata":{"keyTag":"1","algorithm":"8","digestType":"2","digest":"0aff"}}`
	d, c, h := "/domainNames/kiosk.example", "/contacts/c-4711", "/hosts/ns1.kiosk.example"
	for _, tt := range []struct {
		name, path, ops string
		looks           bool
		want            mapping.Command // nil: refused, without an update
		code            string
	}{
		{"the example", d, `{"op":"add","path":"/nameservers","value":{"@type":"host","hostName":"ns2.kiosk.example"}},
			{"op":"remove","path":"/contacts","match":{"label":"tech","object":{"@type":"contact","id":"c-4712"}}},
			{"op":"replace","path":"/registrant","value":{"@type":"contact","id":"c-9"}}`, false, &mapping.DomainUpdate{
			Name: "kiosk.example", Registrant: text("c-9"),
			Add: mapping.DomainChange{Nameservers: []mapping.Nameserver{{Name: "ns2.kiosk.example"}}},
			Rem: mapping.DomainChange{Contacts: []mapping.Contact{{Type: "tech", ID: "c-4712"}}},
		}, ""},
		{"no registrant", d, `{"op":"remove","path":"/registrant"}`, false, &mapping.DomainUpdate{Name: "kiosk.example", Registrant: text("")}, ""},
		{"password", d, `{"op":"replace","path":"/authInfo","value":{"@type":"authInfo","method":"authinfo","authdata":"2BARfoo"}}`, false,
			&mapping.DomainUpdate{Name: "kiosk.example", AuthInfo: &mapping.AuthInfo{Password: "2BARfoo"}}, ""},
		{"no password", d, `{"op":"remove","path":"/authInfo"}`, false, &mapping.DomainUpdate{Name: "kiosk.example", NoAuthInfo: true}, ""},
		{"remove all that fit", d, `{"op":"remove","path":"/contacts","match":{"label":"tech"}}`, true, &mapping.DomainUpdate{
			Name: "kiosk.example", Rem: mapping.DomainChange{Contacts: []mapping.Contact{{Type: "tech", ID: "c-1"}, {Type: "tech", ID: "c-2"}}}}, ""},
		{"replace one", d, `{"op":"replace","path":"/contacts","match":{"label":"admin"},"value":{"label":"admin","object":{"id":"c-3"}}}`, true, &mapping.DomainUpdate{
			Name: "kiosk.example", Add: mapping.DomainChange{Contacts: []mapping.Contact{{Type: "admin", ID: "c-3"}}},
			Rem: mapping.DomainChange{Contacts: []mapping.Contact{{Type: "admin", ID: "c-1"}}}}, ""},
		{"replace of several", d, `{"op":"replace","path":"/contacts","match":{"label":"tech"},"value":{"label":"tech","object":{"id":"c-3"}}}`, true, nil, "02306"},
		{"replace of none", d, `{"op":"replace","path":"/contacts","match":{"label":"billing"},"value":{"label":"tech","object":{"id":"c-3"}}}`, true, nil, "02303"},
		{"one of two finds nothing", d, `{"op":"replace","path":"/registrant","value":{"id":"c-9"}},{"op":"remove","path":"/contacts","match":{"label":"billing"}}`, true, nil, "02303"},
		{"by object", d, `{"op":"remove","path":"/contacts","match":{"object":{"@type":"contact","id":"c-1"}}}`, true, &mapping.DomainUpdate{
			Name: "kiosk.example", Rem: mapping.DomainChange{Contacts: []mapping.Contact{{Type: "tech", ID: "c-1"}, {Type: "admin", ID: "c-1"}}}}, ""},
		{"status", d, `{"op":"add","path":"/status","value":{"@type":"status","label":"clientHold","reason":"unpaid"}},{"op":"remove","path":"/status","match":{"label":"clientDeleteProhibited"}}`, false,
			&mapping.DomainUpdate{Name: "kiosk.example", Add: mapping.DomainChange{Status: []mapping.Status{{Value: "clientHold", Text: "unpaid"}}},
				Rem: mapping.DomainChange{Status: []mapping.Status{{Value: "clientDeleteProhibited"}}}}, ""},
		{"ok goes by itself", d, `{"op":"replace","path":"/status","match":{"label":"ok"},"value":{"@type":"status","label":"clientHold"}}`, true,
			&mapping.DomainUpdate{Name: "kiosk.example", Add: mapping.DomainChange{Status: []mapping.Status{{Value: "clientHold"}}}}, ""},
		{"ok cannot be removed", d, `{"op":"remove","path":"/status","match":{"label":"ok"}}`, true, nil, "02306"},
		{"DS exactly", d, `{"op":"remove","path":"/dns/records","match":` + ds + `},{"op":"add","path":"/dns/records","value":` + strings.Replace(ds, `"1"`, `"7"`, 1) + `}`, false,
			&mapping.DomainUpdate{Name: "kiosk.example", SecDNS: &mapping.SecDNSUpdate{
				Rem: mapping.SecDNS{DS: []mapping.DS{{KeyTag: 1, Algorithm: 8, DigestType: 2, Digest: "0aff"}}},
				Add: mapping.SecDNS{DS: []mapping.DS{{KeyTag: 7, Algorithm: 8, DigestType: 2, Digest: "0aff"}}}}}, ""},
		{"all DS, urgent", d + "?urgent=true", `{"op":"remove","path":"/dns/records","match":{"type":"ds"}}`, true,
			&mapping.DomainUpdate{Name: "kiosk.example", SecDNS: &mapping.SecDNSUpdate{Urgent: true, Rem: mapping.SecDNS{DS: []mapping.DS{dsA, dsB}}}}, ""},
		{"name server as attribute", d, `{"op":"replace","path":"/dns/records","match":{"type":"ns","name":"@"},"value":{"name":"@","type":"ns","rdata":{"nsdname":"ns2.kiosk.example."}}},
			{"op":"add","path":"/dns/records/-","value":{"name":"ns2","type":"a","rdata":{"address":"192.0.2.2"}}}`, true,
			&mapping.DomainUpdate{Name: "kiosk.example",
				Add: mapping.DomainChange{Nameservers: []mapping.Nameserver{{Name: "ns2.kiosk.example", Addresses: []string{"192.0.2.2"}, Attribute: true}}},
				Rem: mapping.DomainChange{Nameservers: []mapping.Nameserver{{Name: "ns1.kiosk.example", Attribute: true}}}}, ""},
		{"controls", d, `{"op":"replace","path":"/dns/controls/ttl/ns","value":3600},{"op":"remove","path":"/dns/controls/ttl/ds"},{"op":"add","path":"/dns/controls/maxSigLifetime/ds","value":604800}`, false,
			&mapping.DomainUpdate{Name: "kiosk.example", TTL: []mapping.TTL{{For: "NS", Seconds: seconds(3600)}, {For: "DS"}}, SecDNS: &mapping.SecDNSUpdate{MaxSigLife: 604800}}, ""},
		{"address of a name server", d, `{"op":"remove","path":"/dns/records","match":{"name":"ns1","type":"a","rdata":{"address":"192.0.2.1"}}}`, false, nil, "02102"},

		{"host", h, `{"op":"replace","path":"/hostName","value":"ns9.kiosk.example"},{"op":"remove","path":"/dns/records","match":{"type":"a"}},
			{"op":"add","path":"/dns/records","value":{"name":"ns1.kiosk.example.","type":"a","rdata":{"address":"192.0.2.9"}}}`, true,
			&mapping.HostUpdate{Name: "ns1.kiosk.example", NewName: "ns9.kiosk.example", AddAddresses: []string{"192.0.2.9"}, RemAddresses: []string{"192.0.2.1", "192.0.2.2"}}, ""},
		{"host exactly", h, `{"op":"replace","path":"/dns/records","match":{"name":"@","type":"a","rdata":{"address":"192.0.2.1"}},"value":{"name":"@","type":"a","rdata":{"address":"192.0.2.9"}}}`, false,
			&mapping.HostUpdate{Name: "ns1.kiosk.example", AddAddresses: []string{"192.0.2.9"}, RemAddresses: []string{"192.0.2.1"}}, ""},
		{"host ttl", h, `{"op":"add","path":"/dns/controls/ttl/aaaa","value":60}`, false, &mapping.HostUpdate{Name: "ns1.kiosk.example", TTL: []mapping.TTL{{For: "AAAA", Seconds: seconds(60)}}}, ""},

		{"e-mail", c, `{"op":"replace","path":"/contactInfo/emails/email/address","value":"new@kiosk.example"}`, false,
			&mapping.ContactUpdate{ID: "c-4711", Change: &mapping.Person{Email: "new@kiosk.example"}}, ""},
		{"numbers", c, `{"op":"replace","path":"/contactInfo/phones/voice","value":{"number":"+47.55000009"}},{"op":"remove","path":"/contactInfo/phones/fax"}`, false,
			&mapping.ContactUpdate{ID: "c-4711", Change: &mapping.Person{Voice: &mapping.Phone{Number: "+47.55000009"}, Fax: &mapping.Phone{}}}, ""},
		{"address", c, `{"op":"replace","path":"/contactInfo/addresses/addr","value":{"countryCode":"NO","components":[{"kind":"name","value":"Quay 1"},{"kind":"locality","value":"Oslo"}]}},
			{"op":"remove","path":"/contactInfo/organizations"}`, true, &mapping.ContactUpdate{ID: "c-4711", Change: &mapping.Person{
			PostalInfo: []mapping.PostalInfo{{Type: "int", Street: []string{"Quay 1"}, City: "Oslo", Country: "NO", NoOrg: true}}}}, ""},
		{"a name that ASCII has not", c, `{"op":"replace","path":"/contactInfo/name/full","value":"Ida Kvåle"}`, true, nil, "02306"},
		{"the whole card", c, `{"op":"replace","path":"/contactInfo","value":{"@type":"Card","version":"2.0","name":{"full":"Ida"},"emails":{"email":{"address":"i@kiosk.example"}},
			"addresses":{"addr":{"countryCode":"NO","components":[{"kind":"locality","value":"Oslo"}]}}}}`, true, &mapping.ContactUpdate{ID: "c-4711", Change: &mapping.Person{
			PostalInfo: []mapping.PostalInfo{{Type: "int", Name: "Ida", City: "Oslo", Country: "NO", NoOrg: true}}, Voice: &mapping.Phone{}, Fax: &mapping.Phone{}, Email: "i@kiosk.example"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, f := faked(t, Config{SetsStatus: true})
			var updates []mapping.Command
			infos := 0
			f.says = func(o carry.Order) (carry.Answer, error) {
				if (o.Key != nil) != o.Command.Transform() {
					t.Errorf("%s has a key: %v", o.Command.Kind(), o.Key != nil)
				}
				var data any
				switch o.Command.(type) {
				case *mapping.DomainInfo:
					data = domain
				case *mapping.ContactInfo:
					data = &person
				case *mapping.HostInfo:
					data = host
				default:
					updates = append(updates, o.Command)
				}
				if data != nil && len(updates) == 0 {
					infos++
				}
				return answered(1000, data)(o)
			}
			a := r.do("PATCH", tt.path, "["+tt.ops+"]")
			if (infos > 0) != tt.looks {
				t.Errorf("looked at the object %d times", infos)
			}
			if tt.want == nil {
				if len(updates) > 0 || a.Header.Get("RPP-Code") != tt.code {
					t.Errorf("got %s with %d updates", a.body, len(updates))
				}
				return
			}
			if a.StatusCode != 200 || len(updates) != 1 {
				t.Fatalf("got %d %s with %d updates", a.StatusCode, a.body, len(updates))
			}
			equal(t, "update", updates[0], tt.want)
			if _, err := mapping.Marshal(updates[0], "kiosk-1"); err != nil {
				t.Errorf("it cannot be written: %v", err)
			}
		})
	}
}

// TestRPPPatchSandbox: changes arrive at a registry, and the answer is the object as it is then.
func TestRPPPatchSandbox(t *testing.T) {
	r := start(t, func(_ *sandbox.Config, c *Config) { c.SetsStatus = true })
	const digest = "0AFF0AFF0AFF0AFF0AFF0AFF0AFF0AFF0AFF0AFF0AFF0AFF0AFF0AFF0AFF0AFF"
	const ds = `{"@type":"dnsRecord","name":"@","type":"ds","rdata":{"keyTag":"1","algorithm":"8","digestType":"2","digest":"` + digest + `"}}`
	const d = "/domainNames/served.example"
	for _, tt := range []struct{ path, ops, has, lacks string }{
		{d, `{"op":"add","path":"/contacts","value":{"label":"tech","object":{"id":"TECH-1"}}},{"op":"replace","path":"/registrant","value":{"id":"TECH-1"}}`, `"label":"tech"`, `"registrant":{"@type":"contact","id":"ALICE"}`},
		{d, `{"op":"remove","path":"/nameservers","match":{"hostName":"ns1.example.example"}},{"op":"add","path":"/dns/records","value":` + ds + `}`, `"keyTag":"1"`, "ns1.example.example"},
		{d, `{"op":"replace","path":"/status","match":{"label":"ok"},"value":{"label":"clientHold"}}`, `"label":"clientHold"`, `"label":"ok"`},
		{d, `{"op":"remove","path":"/status","match":{"label":"clientHold"}},{"op":"remove","path":"/dns/records","match":{"type":"ds"}}`, `"label":"ok"`, "keyTag"},
		{d, `{"op":"replace","path":"/authInfo","value":{"method":"authinfo","authdata":"another-one"}}`, "served.example", "another-one"},
		{"/contacts/ALICE", `{"op":"replace","path":"/contactInfo/addresses/addr","value":{"countryCode":"NO","components":[{"kind":"locality","value":"Oslo"}]}},{"op":"replace","path":"/contactInfo/emails/email","value":{"address":"al@example.org"}}`, `"value":"Oslo"`, "alice@"},
		{"/contacts/ALICE", `{"op":"remove","path":"/contactInfo/phones/voice"},{"op":"add","path":"/contactInfo/organizations/org","value":{"name":"Alice Ltd"}}`, "Alice Ltd", "+1.5555550100"},
		{"/contacts/ALICE", `{"op":"remove","path":"/contactInfo/organizations"}`, "Contact ALICE", "Alice Ltd"},
		{"/hosts/ns2.example.example", `{"op":"replace","path":"/dns/records","match":{"type":"a"},"value":{"name":"@","type":"a","rdata":{"address":"192.0.2.77"}}},{"op":"replace","path":"/hostName","value":"ns7.example.example"}`,
			`"hostName":"ns7.example.example"`, "ns2.example.example"},
	} {
		a := r.want(r.do("PATCH", tt.path, "["+tt.ops+"]"), 200, "01000")
		if !strings.Contains(a.body, tt.has) || strings.Contains(a.body, tt.lacks) {
			t.Errorf("%s: got %s, want %s and not %s", tt.ops, a.body, tt.has, tt.lacks)
		}
	}
	a := r.want(r.do("GET", d+"?authInfo=true", ""), 200, "01000")
	if !strings.Contains(a.body, "another-one") {
		t.Errorf("got %s", a.body)
	}
	r.want(r.do("PATCH", "/domainNames/locked.example", `[{"op":"replace","path":"/registrant","value":{"id":"ALICE"}}]`), 403, "02201")
	r.want(r.do("PATCH", "/domainNames/nothing.example", `[{"op":"remove","path":"/contacts","match":{"label":"tech"}}]`), 404, "02303")
}
