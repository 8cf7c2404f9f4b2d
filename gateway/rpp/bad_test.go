package rpp

import (
	"net/http/httptest"
	"strings"
	"testing"

	"eppmux/gateway/batch"
	"eppmux/gateway/carry"
)

// TestRPPBadRequests: nothing of these reaches a registry, and each says what is wrong and where.
func TestRPPBadRequests(t *testing.T) {
	const object = "/domainNames/kiosk.example"
	create := func(members string) string { return `{"@type":"domainName","name":"kiosk.example"` + members + `}` }
	card := func(members string) string {
		return `{"@type":"contact","id":"c-1","contactInfo":{"@type":"Card","name":{"full":"I"},"emails":{"email":{"address":"i@x.example"}},` + members + `}}`
	}
	const addr = `"addresses":{"addr":{"countryCode":"NO","components":[{"kind":"locality","value":"Bergen"}]}}`
	patch := func(op string) string { return "[" + op + "]" }
	for _, tt := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code, where              string // JSONPath of the first error; empty: none
	}{
		// Headers.
		{"no RPP-Cltrid", "GET", object, "", []string{"RPP-Cltrid:"}, 400, "02005", ""},
		{"short RPP-Cltrid", "GET", object, "", []string{"RPP-Cltrid: ab"}, 400, "02005", ""},
		{"long RPP-Cltrid", "GET", object, "", []string{"RPP-Cltrid: " + strings.Repeat("a", 65)}, 400, "02005", ""},
		{"RPP-Cltrid with a space", "GET", object, "", []string{"RPP-Cltrid: ab cd"}, 400, "02005", ""},
		{"RPP-Cltrid not ASCII", "GET", object, "", []string{"RPP-Cltrid: abcdé"}, 400, "02005", ""},
		{"another method", "GET", object, "", []string{"RPP-Authorization: bearer value=czM="}, 501, "02102", ""},
		{"method in capitals", "GET", object, "", []string{"RPP-Authorization: Authinfo value=czM="}, 501, "02102", ""},
		{"value in capitals", "GET", object, "", []string{"RPP-Authorization: authinfo Value=czM="}, 400, "02005", ""},
		{"no value", "GET", object, "", []string{"RPP-Authorization: authinfo roid=A-1"}, 400, "02005", ""},
		{"no base 64", "GET", object, "", []string{"RPP-Authorization: authinfo value=s3-cr3t"}, 400, "02005", ""},
		{"value twice", "GET", object, "", []string{"RPP-Authorization: authinfo value=czM=, value=czM="}, 400, "02005", ""},
		{"control character", "GET", object, "", []string{"RPP-Authorization: authinfo value=AAAA"}, 400, "02005", ""},
		{"profile of another kind", "GET", object, "", []string{"RPP-Profile: profile=urn:x"}, 406, "02102", ""},
		{"both rivals", "GET", object, "", []string{"RPP-Profile: profile=" + profileURN, "Accept: application/rpp+json; profile=" + profileURN}, 400, "02005", ""},
		{"malformed RPP-Profile", "GET", object, "", []string{"RPP-Profile: profile"}, 400, "02005", ""},
		{"Accept of something else", "GET", object, "", []string{"Accept: text/html"}, 406, "02102", ""},
		{"Accept with q=0", "GET", object, "", []string{"Accept: application/rpp+json;q=0"}, 406, "02102", ""},
		{"Accept of another profile", "GET", object, "", []string{`Accept: application/rpp+json; profile="urn:x"`}, 406, "02102", ""},
		{"Accept of another version", "GET", object, "", []string{`Accept: application/rpp+json; version="2.0"`}, 406, "02102", ""},
		{"no Content-Type", "POST", "/domainNames", create(""), []string{"Content-Type:"}, 415, "02102", ""},
		{"application/json", "POST", "/domainNames", create(""), []string{"Content-Type: application/json"}, 415, "02102", ""},
		{"another charset", "POST", "/domainNames", create(""), []string{"Content-Type: application/rpp+json; charset=latin1"}, 415, "02102", ""},
		{"unknown profile", "POST", "/domainNames", create(""), []string{`Content-Type: application/rpp+json; profile="urn:x"`}, 415, "02102", ""},
		{"profile not in Accept", "POST", "/domainNames", create(""), []string{"Content-Type: application/rpp+json; profile=" + profileURN,
			"Accept: */*; profile=urn:x, application/rpp+json; profile=urn:y"}, 406, "02102", ""},

		// Paths and parameters.
		{"no such path", "GET", "/domains/kiosk.example", "", nil, 404, "02303", ""},
		{"no such step", "GET", object + "/history", "", nil, 404, "02303", ""},
		{"no such process", "GET", object + "/processes/transferProcesses/17", "", nil, 404, "02303", ""},
		{"empty step", "GET", "/domainNames//availability", "", nil, 400, "02005", ""},
		{"dots", "GET", "/contacts/%2e%2e/availability", "", nil, 400, "02005", ""},
		{"dot", "GET", "/contacts/%2e", "", nil, 400, "02005", ""},
		{"NUL", "GET", "/contacts/a%00b", "", nil, 400, "02005", ""},
		{"line feed", "GET", "/contacts/a%0ab", "", nil, 400, "02005", ""},
		{"not UTF-8", "GET", "/contacts/a%ffb", "", nil, 400, "02005", ""},
		{"space at the end", "GET", "/contacts/abc%20", "", nil, 400, "02005", ""},
		{"spaces", "GET", "/contacts/a%20%20b", "", nil, 400, "02005", ""},
		{"long id", "GET", "/contacts/" + strings.Repeat("a", 256), "", nil, 400, "02005", ""},
		{"slash in a name", "GET", "/domainNames/kiosk%2fa.example", "", nil, 400, "02005", ""},
		{"U-label", "GET", "/domainNames/k%C3%B8sk.example", "", nil, 400, "02005", ""},
		{"dot at the end", "GET", "/domainNames/kiosk.example.", "", nil, 400, "02005", ""},
		{"one label", "GET", "/domainNames/kiosk", "", nil, 400, "02005", ""},
		{"another zone", "GET", "/domainNames/kiosk.invalid", "", nil, 404, "02303", ""},
		{"another registry", "GET", object + "?registry=it", "", nil, 404, "02303", ""},
		{"unknown parameter", "GET", object + "?fee=1", "", nil, 501, "02102", ""},
		{"parameter of another call", "GET", object + "?urgent=true", "", nil, 501, "02102", ""},
		{"parameter twice", "GET", object + "?ttl=true&ttl=true", "", nil, 400, "02005", ""},
		{"malformed query", "GET", object + "?a=%zz", "", nil, 400, "02001", ""},
		{"hostsFilter", "GET", object + "?hostsFilter=some", "", nil, 400, "02005", ""},
		{"method", "POST", object, "{}", nil, 405, "02101", ""},
		{"method of availability", "POST", object + "/availability", "{}", nil, 405, "02101", ""},
		{"method that none has", "TRACE", object, "", nil, 405, "02101", ""},

		// Bodies.
		{"DELETE with a body", "DELETE", object, "{}", nil, 400, "02001", ""},
		{"GET with a body", "GET", object, "{}", nil, 400, "02001", ""},
		{"no body", "POST", "/domainNames", "", nil, 400, "02003", ""},
		{"no JSON", "POST", "/domainNames", `{"name":`, nil, 400, "02001", "$"},
		{"a comma more", "POST", "/domainNames", create(","), nil, 400, "02001", "$"},
		{"more behind it", "POST", "/domainNames", create("") + "{}", nil, 400, "02001", "$"},
		{"not UTF-8", "POST", "/domainNames", create(",\"x\":\"\xff\""), nil, 400, "02001", "$"},
		{"half a pair", "POST", "/domainNames", create(`,"registrant":{"id":"\ud800"}`), nil, 400, "02001", "$.registrant.id"},
		{"NUL in text", "POST", "/domainNames", create(`,"registrant":{"id":"a\u0000b"}`), nil, 400, "02001", "$.registrant.id"},
		{"deep", "POST", "/domainNames", create(`,"dns":` + strings.Repeat("[", 40) + strings.Repeat("]", 40)), nil, 400, "02001", "$.dns" + strings.Repeat("[0]", 15)},
		{"very deep", "POST", "/domainNames", strings.Repeat("[", 200000), nil, 400, "02001", "$" + strings.Repeat("[0]", 16)},
		{"many values", "POST", "/domainNames", create(`,"contacts":[` + strings.Repeat("1,", 20000) + "1]"), nil, 400, "02001", "$"},
		{"an array", "POST", "/domainNames", `[]`, nil, 400, "02005", "$"},
		{"null", "POST", "/domainNames", create(`,"registrant":null`), nil, 400, "02001", "$.registrant"},
		{"twice", "POST", "/domainNames", create(`,"name":"b.example"`), nil, 400, "02001", "$.name"},
		{"no @type", "POST", "/domainNames", `{"name":"kiosk.example"}`, nil, 400, "02003", "$['@type']"},
		{"wrong @type", "POST", "/hosts", create(""), nil, 400, "02005", "$['@type']"},
		{"undeclared", "POST", "/domainNames", create(`,"fee":{}`), nil, 400, "02001", "$.fee"},
		{"undeclared with a quote", "POST", "/domainNames", create(`,"it's":{}`), nil, 400, "02001", `$['it\'s']`},
		{"undeclared below", "POST", "/domainNames", create(`,"registrant":{"id":"c-1","x":1}`), nil, 400, "02001", "$.registrant.x"},
		{"no name", "POST", "/domainNames", `{"@type":"domainName"}`, nil, 400, "02003", "$.name"},
		{"a number for a name", "POST", "/domainNames", `{"@type":"domainName","name":17}`, nil, 400, "02005", "$.name"},
		{"empty name", "POST", "/domainNames", `{"@type":"domainName","name":""}`, nil, 400, "02005", "$.name"},
		{"U-label in a body", "POST", "/domainNames", `{"@type":"domainName","name":"kiøsk.example"}`, nil, 400, "02005", "$.name"},
		{"name of another zone", "POST", "/domainNames", `{"@type":"domainName","name":"kiosk.invalid"}`, nil, 422, "02306", ""},
		{"label", "POST", "/domainNames", create(`,"contacts":[{"label":"owner","object":{"id":"c-1"}}]`), nil, 400, "02005", "$.contacts[0].label"},
		{"no object", "POST", "/domainNames", create(`,"contacts":[{"label":"tech"}]`), nil, 400, "02003", "$.contacts[0].object"},
		{"contacts no array", "POST", "/domainNames", create(`,"contacts":{}`), nil, 400, "02005", "$.contacts"},
		{"period", "POST", "/domainNames", create(`,"processes":{"createProcess":[{"period":{"value":100,"unit":"y"}}]}`), nil, 400, "02004", "$.processes.createProcess[0].period.value"},
		{"half a period", "POST", "/domainNames", create(`,"processes":{"createProcess":[{"period":{"value":1.5,"unit":"y"}}]}`), nil, 400, "02005", "$.processes.createProcess[0].period.value"},
		{"unit", "POST", "/domainNames", create(`,"processes":{"createProcess":[{"period":{"value":1,"unit":"d"}}]}`), nil, 400, "02005", "$.processes.createProcess[0].period.unit"},
		{"method of authInfo", "POST", "/domainNames", create(`,"authInfo":{"method":"key","authdata":"x"}`), nil, 501, "02102", "$.authInfo.method"},
		{"rdata as a number", "POST", "/domainNames", create(`,"dns":{"records":[{"name":"@","type":"ds","rdata":{"keyTag":1,"algorithm":"8","digestType":"2","digest":"00"}}]}`), nil, 400, "02005", "$.dns.records[0].rdata.keyTag"},
		{"key tag too large", "POST", "/domainNames", create(`,"dns":{"records":[{"name":"@","type":"ds","rdata":{"keyTag":"65536","algorithm":"8","digestType":"2","digest":"00"}}]}`), nil, 400, "02005", "$.dns.records[0].rdata.keyTag"},
		{"half an octet", "POST", "/domainNames", create(`,"dns":{"records":[{"name":"@","type":"ds","rdata":{"keyTag":"1","algorithm":"8","digestType":"2","digest":"0"}}]}`), nil, 400, "02005", "$.dns.records[0].rdata.digest"},
		{"another type", "POST", "/domainNames", create(`,"dns":{"records":[{"name":"@","type":"mx","rdata":{}}]}`), nil, 501, "02102", "$.dns.records[0].type"},
		{"an address alone", "POST", "/domainNames", create(`,"dns":{"records":[{"name":"ns1","type":"a","rdata":{"address":"192.0.2.1"}}]}`), nil, 422, "02306", "$.dns.records[0]"},
		{"v6 as a", "POST", "/hosts", `{"@type":"host","hostName":"ns1.kiosk.example","dns":{"records":[{"name":"@","type":"a","rdata":{"address":"2001:db8::1"}}]}}`, nil, 400, "02005", "$.dns.records[0].rdata.address"},
		{"ttl of zero", "POST", "/hosts", `{"@type":"host","hostName":"ns1.kiosk.example","dns":{"controls":{"ttl":{"a":0}}}}`, nil, 400, "02004", "$.dns.controls.ttl.a"},
		{"no address", "POST", "/contacts", card(`"phones":{}`), nil, 400, "02003", "$.contactInfo.addresses.addr"},
		{"country", "POST", "/contacts", card(strings.Replace(addr, "NO", "no", 1)), nil, 400, "02005", "$.contactInfo.addresses.addr.countryCode"},
		{"no locality", "POST", "/contacts", card(strings.Replace(addr, "locality", "region", 1)), nil, 400, "02003", "$.contactInfo.addresses.addr.components"},
		{"localizations", "POST", "/contacts", card(addr + `,"localizations":{}`), nil, 501, "02102", "$.contactInfo.localizations"},
		{"number", "POST", "/contacts", card(addr + `,"phones":{"voice":{"number":"0047 55"}}`), nil, 400, "02005", "$.contactInfo.phones.voice.number"},
		{"version", "POST", "/contacts", card(addr + `,"version":"1.0"`), nil, 400, "02005", "$.contactInfo.version"},

		// Processes.
		{"renew without expiryDate", "POST", object + "/processes/renewProcesses", `{"@type":"renewProcess"}`, nil, 400, "02003", "$.expiryDate"},
		{"renew with a bad date", "POST", object + "/processes/renewProcesses", `{"expiryDate":"2026-02-30"}`, nil, 400, "02005", "$.expiryDate"},
		{"push", "POST", object + "/processes/transferProcesses", `{"@type":"transferProcess","transferDir":"push","gainingClientId":"x"}`, []string{pw("x")}, 501, "02102", "$.transferDir"},
		{"transfer without a password", "POST", object + "/processes/transferProcesses", `{"@type":"transferProcess","transferDir":"pull"}`, nil, 400, "02003", ""},
		{"authInfo in a transfer", "POST", object + "/processes/transferProcesses", `{"authInfo":{"method":"authinfo","authdata":"x"}}`, []string{pw("x")}, 400, "02001", "$.authInfo"},
		{"period of a contact", "POST", "/contacts/c-1/processes/transferProcesses", `{"transferPeriod":{"value":1,"unit":"y"}}`, []string{pw("x")}, 400, "02001", "$.transferPeriod"},
		{"reason of a reject", "POST", object + "/processes/transferProcesses/latest/transferReject", `{"reason":"no"}`, nil, 501, "02102", "$.reason"},
		{"transfer of a host", "POST", "/hosts/ns1.kiosk.example/processes/transferProcesses", `{}`, []string{pw("x")}, 501, "02101", ""},
		{"restore in one step", "POST", object + "/processes/restoreProcesses", `{"restoreReport":{}}`, nil, 501, "02102", "$.restoreReport"},
		{"report without statements", "POST", object + "/processes/restoreProcesses/latest/report", `{"restoreReport":{"preData":"a","postData":"b",
			"deleteTime":"2026-01-01T00:00:00Z","restoreTime":"2026-01-02T00:00:00Z","restoreReason":"c","statements":["d"]}}`, nil, 400, "02003", "$.restoreReport.statements"},

		// What RPP has and the gateway has not.
		{"PUT", "PUT", object, create(""), nil, 501, "02101", ""},
		{"list", "GET", "/domainNames", "", nil, 501, "02101", ""},
		{"organisations", "GET", "/organisations/o-1", "", nil, 501, "02101", ""},
		{"processes", "GET", object + "/processes/", "", nil, 501, "02101", ""},
		{"read a restore", "GET", object + "/processes/restoreProcesses/latest", "", nil, 501, "02101", ""},
		{"read a renewal", "GET", object + "/processes/renewProcesses/latest", "", nil, 501, "02101", ""},
		{"read a creation", "GET", object + "/processes/createProcesses/latest", "", nil, 501, "02101", ""},
		{"renew a contact", "POST", "/contacts/c-1/processes/renewProcesses", `{}`, nil, 501, "02101", ""},
		{"restore a host", "POST", "/hosts/ns1.kiosk.example/processes/restoreProcesses", `{}`, nil, 501, "02101", ""},

		// PATCH.
		{"PATCH of an object", "PATCH", object, `{}`, nil, 400, "02005", "$"},
		{"PATCH of nothing", "PATCH", object, `[]`, nil, 400, "02005", "$"},
		{"test", "PATCH", object, patch(`{"op":"test","path":"/registrant","value":{"id":"c-9"}}`), nil, 501, "02102", "$[0].op"},
		{"no path", "PATCH", object, patch(`{"op":"remove"}`), nil, 400, "02003", "$[0].path"},
		{"no pointer", "PATCH", object, patch(`{"op":"remove","path":"registrant"}`), nil, 400, "02005", "$[0].path"},
		{"bad escape", "PATCH", object, patch(`{"op":"remove","path":"/a~2"}`), nil, 400, "02005", "$[0].path"},
		{"no value", "PATCH", object, patch(`{"op":"add","path":"/registrant"}`), nil, 400, "02003", "$[0].value"},
		{"remove with a value", "PATCH", object, patch(`{"op":"remove","path":"/registrant","value":1}`), nil, 400, "02001", "$[0].value"},
		{"from", "PATCH", object, patch(`{"op":"remove","path":"/registrant","from":"/x"}`), nil, 400, "02001", "$[0].from"},
		{"add with match", "PATCH", object, patch(`{"op":"add","path":"/contacts","match":{},"value":{"label":"tech","object":{"id":"c-1"}}}`), nil, 400, "02001", "$[0].match"},
		{"array without match", "PATCH", object, patch(`{"op":"remove","path":"/contacts"}`), nil, 400, "02003", "$[0].match"},
		{"match of nothing", "PATCH", object, patch(`{"op":"remove","path":"/contacts","match":{}}`), nil, 400, "02003", "$[0].match"},
		{"index", "PATCH", object, patch(`{"op":"remove","path":"/contacts/0"}`), nil, 501, "02102", "$[0].path"},
		{"create-only", "PATCH", object, patch(`{"op":"replace","path":"/name","value":"b.example"}`), nil, 422, "02306", "$[0].path"},
		{"read-only", "PATCH", object, patch(`{"op":"replace","path":"/expiryDate","value":"2030-01-01T00:00:00Z"}`), nil, 422, "02306", "$[0].path"},
		{"no such member", "PATCH", object, patch(`{"op":"replace","path":"/colour","value":"red"}`), nil, 501, "02102", "$[0].path"},
		{"status, not set here", "PATCH", object, patch(`{"op":"add","path":"/status","value":{"label":"clientHold"}}`), nil, 501, "02102", "$[0].path"},
		{"whole controls", "PATCH", object, patch(`{"op":"replace","path":"/dns/controls","value":{}}`), nil, 501, "02102", "$[0].path"},
		{"added and removed", "PATCH", object, patch(`{"op":"add","path":"/nameservers","value":{"hostName":"ns1.a.example"}},{"op":"remove","path":"/nameservers","match":{"hostName":"NS1.a.example"}}`), nil, 422, "02306", "$"},
		{"added twice", "PATCH", object, patch(`{"op":"add","path":"/nameservers","value":{"hostName":"ns1.a.example"}},{"op":"add","path":"/nameservers/-","value":{"hostName":"ns1.a.example"}}`), nil, 422, "02306", "$[1].path"},
		{"urgent without DNSSEC", "PATCH", object + "?urgent=true", patch(`{"op":"replace","path":"/registrant","value":{"id":"c-9"}}`), nil, 501, "02102", "$"},
		{"remove an e-mail", "PATCH", "/contacts/c-1", patch(`{"op":"remove","path":"/contactInfo/emails/email"}`), nil, 422, "02306", "$[0].path"},
		{"host without a name", "PATCH", "/hosts/ns1.kiosk.example", patch(`{"op":"remove","path":"/hostName"}`), nil, 400, "02005", "$[0].path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, f := faked(t, Config{})
			f.check = func(batch.Request) *batch.Answer { t.Error("a check was asked for"); return nil }
			a := r.want(r.do(tt.method, tt.path, tt.body, tt.header...), tt.status, tt.code)
			if len(f.orders) > 0 {
				t.Errorf("%d orders were given, the first %#v", len(f.orders), f.orders[0].Command)
			}
			errs, _ := a.json["errors"].([]any)
			if len(errs) == 0 || a.json["outcome"] != "refused" {
				t.Fatalf("got %s", a.body)
			}
			first := errs[0].(map[string]any)
			where := ""
			if paths, ok := first["paths"].([]any); ok {
				where = paths[0].(string)
			}
			if where != tt.where || first["reason"] == "" {
				t.Errorf("got an error at %q, want %q: %s", where, tt.where, a.body)
			}
		})
	}
}

// TestRPPAllFaults: all that is wrong with a body is said at once, up to a bound.
func TestRPPAllFaults(t *testing.T) {
	r, _ := faked(t, Config{})
	a := r.want(r.do("POST", "/domainNames", `{"name":17,"a":1,"contacts":[{"label":"x","object":{"id":"c"}}]}`), 400, "02003")
	for _, path := range []string{`$['@type']`, "$.name", "$.contacts[0].label", "$.a"} {
		if !strings.Contains(a.body, path) {
			t.Errorf("no %s in %s", path, a.body)
		}
	}
	a = r.do("POST", "/domainNames", `{"contacts":[`+strings.Repeat("1,", 500)+"1]}")
	if n := len(a.json["errors"].([]any)); n != maxFaults {
		t.Errorf("got %d errors, want %d", n, maxFaults)
	}
}

// TestRPPTwiceHeaders: headers that decide are there once.
func TestRPPTwiceHeaders(t *testing.T) {
	for _, name := range []string{"RPP-Cltrid", "RPP-Authorization", "RPP-Profile"} {
		r, f := faked(t, Config{})
		h := httptest.NewRequest("GET", prefix+"/domainNames/kiosk.example", nil)
		h.Header.Set("RPP-Cltrid", "kiosk-1")
		value := map[string]string{"RPP-Cltrid": "kiosk-1", "RPP-Authorization": "authinfo value=czM=", "RPP-Profile": "profile=" + profileURN}[name]
		h.Header[name] = nil
		h.Header.Add(name, value)
		h.Header.Add(name, value)
		if a := r.serve(h); a.StatusCode != 400 || len(f.orders) > 0 {
			t.Errorf("%s: got %d", name, a.StatusCode)
		}
	}
}

// TestRPPSecrets: passwords are in no answer that did not ask for them.
func TestRPPSecrets(t *testing.T) {
	const secret = "s3-cr3t-c4n4ry"
	r, f := faked(t, Config{SetsStatus: true})
	f.says = func(carry.Order) (carry.Answer, error) {
		a, err := answered(2202, nil)(carry.Order{})
		a.Response.Results[0].Message = "not " + secret
		return a, err
	}
	for _, q := range []request{
		{"GET", "/domainNames/kiosk.example", "", []string{pw(secret)}},
		{"POST", "/domainNames", `{"@type":"domainName","name":"kiosk.example","authInfo":{"method":"authinfo","authdata":"` + secret + `"}}`, nil},
		{"PATCH", "/domainNames/kiosk.example", `[{"op":"replace","path":"/authInfo","value":{"method":"authinfo","authdata":"` + secret + `"}}]`, nil},
		{"PATCH", "/contacts/c-1", `[{"op":"replace","path":"/authInfo","value":{"method":"authinfo","authdata":"` + secret + `"}}]`, nil},
		{"POST", "/domainNames/kiosk.example/processes/transferProcesses", `{}`, []string{pw(secret)}},
		{"POST", "/domainNames", `{"@type":"domainName","name":"kiosk.example","authInfo":{"method":"authinfo","authdata":"` + secret + `","x":1}}`, nil},
	} {
		if a := r.do(q.method, q.path, q.body, q.header...); strings.Contains(a.body, secret) {
			t.Errorf("%s %s: got %s", q.method, q.path, a.body)
		}
	}
}
