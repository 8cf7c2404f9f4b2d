package rpp

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// fuzzed is a handler over a registry that has every object and carries out every command, and the changes
// that it was given.
func fuzzed(f testing.TB) (*rig, *[]mapping.Command) {
	r, fake := faked(f, Config{SetsStatus: true})
	var changes []mapping.Command
	person := quay()
	fake.says = func(o carry.Order) (carry.Answer, error) {
		fake.orders = nil
		if o.Command.Transform() {
			if _, err := mapping.Marshal(o.Command, o.RequestID); err != nil {
				return carry.Answer{}, err
			}
			changes = append(changes, o.Command)
		}
		var data any
		switch o.Command.(type) {
		case *mapping.DomainInfo:
			data = &mapping.Domain{Name: "kiosk.example", Status: []mapping.Status{{Value: "ok"}}, Contacts: []mapping.Contact{{Type: "tech", ID: "c-1"}},
				SecDNS: &mapping.SecDNS{DS: []mapping.DS{{KeyTag: 1, Algorithm: 8, DigestType: 2, Digest: "0AFF"}}}}
		case *mapping.HostInfo:
			data = &mapping.Host{Name: "ns1.kiosk.example", Addresses: []string{"192.0.2.1", "2001:db8::1"}}
		case *mapping.ContactInfo:
			data = &person
		}
		return answered(1000, data)(o)
	}
	return r, &changes
}

// judge checks an answer: a change that was carried out is one, and one that was refused is none.
func judge(t *testing.T, a answer, changes []mapping.Command) {
	t.Helper()
	if good := a.StatusCode < 300; good != (len(changes) == 1) || len(changes) > 1 {
		t.Errorf("got %d with %d changes: %s", a.StatusCode, len(changes), a.body)
	}
	if a.StatusCode >= 500 && a.StatusCode != 501 {
		t.Errorf("got %d: %s", a.StatusCode, a.body)
	}
	if a.StatusCode >= 400 && (a.json["outcome"] != "refused" || len(a.json["errors"].([]any)) == 0) {
		t.Errorf("got %s", a.body)
	}
}

// FuzzRPPBody: whatever a body is, it is carried out as one valid command, or refused.
func FuzzRPPBody(f *testing.F) {
	paths := []string{"/domainNames", "/contacts", "/hosts", "/domainNames/kiosk.example/processes/renewProcesses",
		"/domainNames/kiosk.example/processes/transferProcesses", "/domainNames/kiosk.example/processes/restoreProcesses/latest/report"}
	for i, body := range []string{kioskDomain, quayContact,
		`{"@type":"host","hostName":"ns1.kiosk.example","dns":{"records":[{"name":"@","type":"a","rdata":{"address":"192.0.2.9"}}]}}`,
		`{"@type":"renewProcess","expiryDate":"2027-03-01","renewalPeriod":{"@type":"period","value":1,"unit":"y"}}`,
		`{"@type":"transferProcess","transferDir":"pull","transferPeriod":{"value":1,"unit":"y"}}`,
		`{"restoreReport":{"preData":"a","postData":"b","deleteTime":"2025-01-10T12:00:00.0Z","restoreTime":"2025-01-20T15:30:00.0Z","restoreReason":"c","statements":["d","e"],"other":"f"}}`,
	} {
		f.Add(uint8(i), []byte(body))
	}
	r, changes := fuzzed(f)
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		r.t, *changes = t, nil
		if len(body) == 0 {
			return
		}
		fs := &faults{}
		if parse(body, fs); len(fs.list) == 0 && !json.Valid(body) {
			t.Errorf("taken as JSON: %q", body)
		}
		a := r.do("POST", paths[int(which)%len(paths)], string(body), pw("s3-cr3t"))
		judge(t, a, *changes)
	})
}

// FuzzRPPPatch: whatever a PATCH is, it is carried out as one valid update, or refused.
func FuzzRPPPatch(f *testing.F) {
	paths := []string{"/domainNames/kiosk.example", "/contacts/c-1", "/hosts/ns1.kiosk.example"}
	for _, body := range []string{
		`[{"op":"add","path":"/nameservers","value":{"@type":"host","hostName":"ns2.kiosk.example"}},{"op":"remove","path":"/contacts","match":{"label":"tech"}},{"op":"replace","path":"/registrant","value":{"@type":"contact","id":"c-9"}}]`,
		`[{"op":"replace","path":"/status","match":{"label":"ok"},"value":{"label":"clientHold"}}]`,
		`[{"op":"remove","path":"/dns/records","match":{"type":"ds"}},{"op":"add","path":"/dns/controls/ttl/ns","value":60}]`,
		`[{"op":"replace","path":"/contactInfo/addresses/addr","value":{"countryCode":"NO","components":[{"kind":"locality","value":"Oslo"}]}}]`,
		`[{"op":"replace","path":"/dns/records","match":{"name":"@","type":"a","rdata":{"address":"192.0.2.1"}},"value":{"name":"@","type":"a","rdata":{"address":"192.0.2.9"}}}]`,
	} {
		for i := range paths {
			f.Add(uint8(i), []byte(body))
		}
	}
	r, changes := fuzzed(f)
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		r.t, *changes = t, nil
		if len(body) == 0 {
			return
		}
		a := r.do("PATCH", paths[int(which)%len(paths)], string(body))
		judge(t, a, *changes)
	})
}

// FuzzRPPRequest: whatever a path, a query and the headers are, an id reaches a registry as it is in the
// path, or nothing does.
func FuzzRPPRequest(f *testing.F) {
	f.Add("contacts/A%2FB", "registry=test", "kiosk-1", "authinfo value=czM=, roid=A-1", "*/*", "profile="+profileURN)
	f.Add("domainNames/kiosk.example", "hostsFilter=all", "kiosk-1", "", `application/rpp+json; profile="`+profileURN+`"; q=0.5, text/html`, "")
	f.Add("contacts/%2e%2e", "", "kiosk-1", "", "", "")
	f.Fuzz(func(t *testing.T, path, query, id, auth, accept, profile string) {
		u, err := url.Parse(prefix + "/" + path)
		if err != nil {
			return
		}
		u.RawQuery, u.Fragment = query, ""
		r, fake := faked(t, Config{})
		h := httptest.NewRequest("GET", "/", http.NoBody)
		h.URL = u
		for name, value := range map[string]string{"RPP-Cltrid": id, "RPP-Authorization": auth, "Accept": accept, "RPP-Profile": profile} {
			if value != "" {
				h.Header[http.CanonicalHeaderKey(name)] = []string{value}
			}
		}
		r.serve(h)
		for _, o := range fake.orders {
			named := o.Command.Named()
			if len(named) == 0 {
				continue
			}
			steps := strings.Split(u.EscapedPath(), "/")
			want, err := url.PathUnescape(steps[4])
			if err != nil || named[0] != want || want == "." || want == ".." || strings.ContainsAny(want, "\x00\n\r") {
				t.Errorf("%q: asked for %q, want %q", path, named[0], want)
			}
			if o.RequestID != id || !goodClTRID(id) {
				t.Errorf("got id %q, want %q", o.RequestID, id)
			}
		}
	})
}
