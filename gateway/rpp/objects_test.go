package rpp

import (
	"reflect"
	"strings"
	"testing"

	"eppmux/gateway/mapping"
)

// readAs reads a body, and fails on faults.
func readAs[T any](t *testing.T, text string, read func(*faults, value) T) T {
	t.Helper()
	f := &faults{}
	out := read(f, parse([]byte(text), f))
	for _, x := range f.list {
		t.Errorf("fault %05d at %s: %s", x.code, x.path, x.reason)
	}
	return out
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got\n%#v\nwant\n%#v", what, got, want)
	}
}

func seconds(n int) *int { return &n }

const kioskDomain = `{"@type":"domainName","name":"kiosk.example",
 "provMetadata":{"@type":"provMetadata","repositoryId":"D77-XMPL","spClientId":"reg-17","crDate":"2026-03-01T08:00:00Z"},
 "status":[{"@type":"status","label":"clientHold","reason":"unpaid"},{"@type":"status","label":"addPeriod"}],
 "registrant":{"@type":"contact","id":"c-4711"},
 "contacts":[{"label":"tech","object":{"@type":"contact","id":"c-4712"}}],
 "nameservers":[{"@type":"host","hostName":"ns1.kiosk.example"}],
 "dns":{"@type":"dnsData","controls":{"@type":"dnsControls","ttl":{"ns":3600}},"records":[{"@type":"dnsRecord",
   "name":"@","type":"ds","rdata":{"keyTag":"31337","algorithm":"13","digestType":"2","digest":"0AFF"}}]},
 "expiryDate":"2027-03-01T08:00:00Z"}`

// TestRPPDomain: a domain both ways.
func TestRPPDomain(t *testing.T) {
	d := &mapping.Domain{
		Name: "kiosk.example", ROID: "D77-XMPL", ClID: "reg-17", CrDate: "2026-03-01T08:00:00Z", ExDate: "2027-03-01T09:00:00+01:00",
		Status: []mapping.Status{{Value: "clientHold", Text: "unpaid"}}, RGP: []mapping.Status{{Value: "addPeriod"}},
		Registrant: "c-4711", Contacts: []mapping.Contact{{Type: "tech", ID: "c-4712"}},
		Nameservers: []mapping.Nameserver{{Name: "ns1.kiosk.example"}},
		SecDNS:      &mapping.SecDNS{DS: []mapping.DS{{KeyTag: 31337, Algorithm: 13, DigestType: 2, Digest: "0AFF"}}},
		TTL:         []mapping.TTL{{For: "NS", Seconds: seconds(3600)}},
		AuthInfo:    &mapping.AuthInfo{Password: "s3-cr3t"},
	}
	same(t, "shown", string(encode(showDomain(d))), kioskDomain)
	// What only the server writes is ignored.
	got := readAs(t, kioskDomain, (*faults).readDomain)
	equal(t, "read", got, &mapping.DomainCreate{
		Name: "kiosk.example", Registrant: "c-4711", Contacts: []mapping.Contact{{Type: "tech", ID: "c-4712"}},
		Nameservers: []mapping.Nameserver{{Name: "ns1.kiosk.example"}},
		SecDNS:      &mapping.SecDNS{DS: []mapping.DS{{KeyTag: 31337, Algorithm: 13, DigestType: 2, Digest: "0AFF"}}},
		TTL:         []mapping.TTL{{For: "NS", Seconds: seconds(3600)}},
	})
}

// TestRPPDomainCreate: the example of a create of draft-ietf-rpp-json.
func TestRPPDomainCreate(t *testing.T) {
	got := readAs(t, `{"@type":"domainName","name":"example.example",
		"nameservers":[{"@type":"host","hostName":"ns1.example.example"},{"@type":"host","hostName":"ns2.example.example"}],
		"registrant":{"@type":"contact","id":"jd1234"},
		"contacts":[{"label":"admin","object":{"@type":"contact","id":"sh8013"}},{"label":"tech","object":{"@type":"contact","id":"sh8013"}}],
		"authInfo":{"@type":"authInfo","method":"authinfo","authdata":"2fooBAR"},
		"processes":{"@type":"processes","createProcess":[{"@type":"createProcess","period":{"@type":"period","value":2,"unit":"y"}}]}}`, (*faults).readDomain)
	equal(t, "read", got, &mapping.DomainCreate{
		Name: "example.example", Nameservers: []mapping.Nameserver{{Name: "ns1.example.example"}, {Name: "ns2.example.example"}},
		Registrant: "jd1234", Contacts: []mapping.Contact{{Type: "admin", ID: "sh8013"}, {Type: "tech", ID: "sh8013"}},
		AuthInfo: mapping.AuthInfo{Password: "2fooBAR"}, Period: &mapping.Period{Value: 2, Unit: "y"},
	})
}

// TestRPPAttributes: name servers as attributes are records of dns, both ways.
func TestRPPAttributes(t *testing.T) {
	text := `{"@type":"domainName","name":"kiosk.example","dns":{"@type":"dnsData","records":[
		{"@type":"dnsRecord","name":"@","type":"ns","rdata":{"nsdname":"ns1.kiosk.example."}},
		{"@type":"dnsRecord","name":"ns1.kiosk.example.","type":"a","rdata":{"address":"192.0.2.53"}},
		{"@type":"dnsRecord","name":"ns1.kiosk.example.","type":"aaaa","rdata":{"address":"2001:db8::53"}},
		{"@type":"dnsRecord","name":"@","type":"dnskey","rdata":{"flags":"257","protocol":"3","algorithm":"8","publicKey":"AQPJ"}}],
		"controls":{"@type":"dnsControls","maxSigLifetime":{"dnskey":604800}}}}`
	servers := []mapping.Nameserver{{Name: "ns1.kiosk.example", Addresses: []string{"192.0.2.53", "2001:db8::53"}, Attribute: true}}
	sec := &mapping.SecDNS{Keys: []mapping.DNSKEY{{Flags: 257, Protocol: 3, Algorithm: 8, PublicKey: "AQPJ"}}, MaxSigLife: 604800}
	equal(t, "read", readAs(t, text, (*faults).readDomain), &mapping.DomainCreate{Name: "kiosk.example", Nameservers: servers, SecDNS: sec})
	same(t, "shown", string(encode(showDomain(&mapping.Domain{Name: "kiosk.example", Nameservers: servers, SecDNS: sec}))), text)
	relative := strings.ReplaceAll(text, `"name":"ns1.kiosk.example."`, `"name":"ns1"`)
	equal(t, "read relative", readAs(t, relative, (*faults).readDomain), readAs(t, text, (*faults).readDomain))
}

const quayContact = `{"@type":"contact","id":"c-4711","contactInfo":{"@type":"Card","version":"2.0","name":{"full":"Ida Quay"},
 "organizations":{"org":{"name":"Quay Ltd"}},"emails":{"email":{"address":"ida@kiosk.example"}},
 "addresses":{"addr":{"countryCode":"NO","components":[{"kind":"name","value":"Pier 3"},{"kind":"name","value":"Gate B"},{"kind":"locality","value":"Bergen"},
  {"kind":"region","value":"Vestland"},{"kind":"postcode","value":"5003"}]}},
 "phones":{"voice":{"number":"+47.55000000 x12"},"fax":{"number":"+47.55000001","features":{"fax":true}}}}}`

func quay() mapping.Person {
	return mapping.Person{
		ID: "c-4711", PostalInfo: []mapping.PostalInfo{{Type: "int", Name: "Ida Quay", Org: "Quay Ltd", Street: []string{"Pier 3", "Gate B"},
			City: "Bergen", SP: "Vestland", PC: "5003", Country: "NO"}},
		Voice: &mapping.Phone{Number: "+47.55000000", X: "12"}, Fax: &mapping.Phone{Number: "+47.55000001"}, Email: "ida@kiosk.example",
	}
}

// TestRPPContact: a contact both ways.
func TestRPPContact(t *testing.T) {
	p := quay()
	same(t, "shown", string(encode(showContact(&p))), quayContact)
	equal(t, "read", readAs(t, quayContact, (*faults).readContact), &mapping.ContactCreate{Person: quay()})

	// A name that ASCII has not makes the other form.
	loc := quay()
	loc.PostalInfo[0].Type, loc.PostalInfo[0].City = "loc", "Tromsø"
	text := strings.Replace(quayContact, "Bergen", "Tromsø", 1)
	equal(t, "read loc", readAs(t, text, (*faults).readContact), &mapping.ContactCreate{Person: loc})
	same(t, "shown loc", string(encode(showContact(&loc))), text)

	// Both: the other is a localization.
	both := quay()
	both.PostalInfo = append(both.PostalInfo, loc.PostalInfo[0])
	shown := string(encode(showContact(&both)))
	if !strings.Contains(shown, `"localizations":{"und":{"name":`) || !strings.Contains(shown, `"value":"Tromsø"`) || !strings.Contains(shown, `"value":"Bergen"`) {
		t.Errorf("got %s", shown)
	}
}

// TestRPPContactExample: the example of draft-ietf-rpp-json, with its numbers as tel: URIs.
func TestRPPContactExample(t *testing.T) {
	got := readAs(t, `{"@type":"contact","id":"jd1234","contactInfo":{"@type":"Card","version":"2.0","kind":"individual",
		"name":{"full":"John Doe","components":[{"kind":"given","value":"John"},{"kind":"surname","value":"Doe"}]},
		"organizations":{"org":{"name":"Example Inc."}},
		"addresses":{"addr":{"components":[{"kind":"name","value":"123 Example Dr., Suite 100"},{"kind":"locality","value":"Dulles"},
			{"kind":"region","value":"VA"},{"kind":"postcode","value":"20166-6503"},{"kind":"country","value":"United States"}],"countryCode":"US"}},
		"phones":{"voice":{"number":"tel:+1-703-555-5555"},"fax":{"features":{"fax":true},"number":"tel:+1-703-555-5556"}},
		"emails":{"email":{"address":"jdoe@example.example"}}},
		"authInfo":{"@type":"authInfo","method":"authinfo","authdata":"2fooBAR"}}`, (*faults).readContact)
	equal(t, "read", got, &mapping.ContactCreate{Person: mapping.Person{
		ID: "jd1234", PostalInfo: []mapping.PostalInfo{{Type: "int", Name: "John Doe", Org: "Example Inc.",
			Street: []string{"123 Example Dr., Suite 100"}, City: "Dulles", SP: "VA", PC: "20166-6503", Country: "US"}},
		Voice: &mapping.Phone{Number: "+1.7035555555"}, Fax: &mapping.Phone{Number: "+1.7035555556"},
		Email: "jdoe@example.example", AuthInfo: &mapping.AuthInfo{Password: "2fooBAR"},
	}})
}

// TestRPPHost: a host both ways, and the example of draft-ietf-rpp-json with its ns record.
func TestRPPHost(t *testing.T) {
	text := `{"@type":"host","hostName":"ns1.kiosk.example","dns":{"@type":"dnsData","records":[
		{"@type":"dnsRecord","name":"ns1.kiosk.example.","type":"a","rdata":{"address":"192.0.2.53"}}],
		"controls":{"@type":"dnsControls","ttl":{"a":300,"caa":60}}}}`
	ttl := []mapping.TTL{{For: "A", Seconds: seconds(300)}, {For: "custom", Custom: "CAA", Seconds: seconds(60)}}
	equal(t, "read", readAs(t, text, (*faults).readHost), &mapping.HostCreate{Name: "ns1.kiosk.example", Addresses: []string{"192.0.2.53"}, TTL: ttl})
	same(t, "shown", string(encode(showHost(&mapping.Host{Name: "ns1.kiosk.example", Addresses: []string{"192.0.2.53"}, TTL: ttl}))), text)
	example := readAs(t, `{"@type":"host","hostName":"ns1.example.example","dns":{"@type":"dnsData","records":[
		{"@type":"dnsRecord","name":"@","type":"ns","rdata":{"nsdname":"ns1.example.example."}},
		{"@type":"dnsRecord","name":"ns1.example.example.","type":"a","rdata":{"address":"192.0.2.1"}},
		{"@type":"dnsRecord","name":"ns1.example.example.","type":"aaaa","rdata":{"address":"2001:db8::1"}}]}}`, (*faults).readHost)
	equal(t, "example", example, &mapping.HostCreate{Name: "ns1.example.example", Addresses: []string{"192.0.2.1", "2001:db8::1"}})
}

// TestRPPTimes: times of registries become those of RFC 3339 in UTC.
func TestRPPTimes(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"2026-03-01T08:00:00Z":      "2026-03-01T08:00:00Z",
		"2026-03-01T08:00:00.0Z":    "2026-03-01T08:00:00Z",
		"2026-03-01T08:00:00.25Z":   "2026-03-01T08:00:00.25Z",
		"2026-03-01T00:30:00+02:00": "2026-02-28T22:30:00Z",
		"2026-03-01T08:00:00":       "2026-03-01T08:00:00Z",
		"2026-03-01":                "2026-03-01T00:00:00Z",
		" 2026-03-01T08:00:00Z ":    "2026-03-01T08:00:00Z",
		"first of March":            "first of March",
	} {
		if got := utc(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
