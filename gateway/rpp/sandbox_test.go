package rpp

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"eppmux/gateway/carry"
	"eppmux/sandbox"
)

// TestRPPDiscovery: the document needs no login and no header of RPP.
func TestRPPDiscovery(t *testing.T) {
	r, f := faked(t, Config{}, &carry.Registry{Name: "it", Zones: []string{"it", "co.it"}}, &carry.Registry{Name: "x", Zones: []string{"example", "it"}})
	r.user = nil
	a := r.send(request{"GET", discoveryPath, "", []string{"RPP-Cltrid:"}})
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/json" || len(f.orders) > 0 {
		t.Errorf("got %d, %v", a.StatusCode, a.Header)
	}
	same(t, "document", a.body, `{"base_url":"https://gw.example/rpp/v1","version":"1.0","environment":{"name":"eppmux","status":"experimental"},
		"tlds":["co.it","example","it"],"objects":["domainName","host","contact"],"extensions":[],"authentication":["Bearer","Basic"],
		"profiles":[{"name":"epp-compatibility","id":"urn:ietf:params:rpp:profile:epp-compatibility","version":"1.0"}],
		"endpoints":[{"name":"availability","url_template":"/{collection}/{id}/availability"},{"name":"collection","url_template":"/{collection}"},
		{"name":"object","url_template":"/{collection}/{id}"},{"name":"processes","url_template":"/{collection}/{id}/processes/{process-collection}"},
		{"name":"process","url_template":"/{collection}/{id}/processes/{process-collection}/{process-id}"},
		{"name":"messages","url_template":"/messages"},{"name":"message","url_template":"/messages/{id}"}]}`)
	r.want(r.send(request{"POST", discoveryPath, "{}", nil}), 405, "02101")
	r.user = &carry.User{Name: "shop"}
	r.want(r.send(request{"GET", "/rpp/v2/domainNames/kiosk.example", "", nil}), 404, "02303")
	r.want(r.send(request{"GET", "/rpp/v1", "", nil}), 404, "02303")
}

// TestRPPAvailability: 200 is free, 404 is taken, and RPP-Code tells that from a path that is not there.
func TestRPPAvailability(t *testing.T) {
	r := start(t, nil)
	for _, method := range []string{"GET", "HEAD"} {
		for path, status := range map[string]int{
			"/domainNames/kiosk.example": 200, "/domainNames/taken.example": 404, "/domainNames/KIOSK.example": 200,
			"/hosts/ns1.example.example": 404, "/hosts/ns9.example.example": 200,
			"/contacts/ALICE": 404, "/contacts/NOBODY": 200,
		} {
			a := r.do(method, path+"/availability", "")
			if a.StatusCode != status || a.Header.Get("RPP-Code") != "01000" {
				t.Errorf("%s %s: got %d with %s: %s", method, path, a.StatusCode, a.Header.Get("RPP-Code"), a.body)
			}
			if status == 404 && !strings.Contains(a.body, `"result":"02302"`) {
				t.Errorf("%s %s: got %s", method, path, a.body)
			}
		}
	}
}

// TestRPPRead: what a registry knows of its objects.
func TestRPPRead(t *testing.T) {
	r := start(t, nil)
	a := r.want(r.do("GET", "/domainNames/served.example", ""), 200, "01000")
	if a.Header.Get("Content-Type") != `application/rpp+json; profile="urn:ietf:params:rpp:profile:epp-compatibility"; profile-version="1.0"; version="1.0"` ||
		a.Header.Get("Vary") != "Accept" || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %v", a.Header)
	}
	for _, want := range []string{`"@type":"domainName"`, `"name":"served.example"`, `"spClientId":"demo"`, `"label":"ok"`,
		`"registrant":{"@type":"contact","id":"ALICE"}`, `"nameservers":[{"@type":"host","hostName":"ns1.example.example"}`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
	if strings.Contains(a.body, "auth-served") {
		t.Errorf("the password is in %s", a.body)
	}
	a = r.want(r.do("GET", "/domainNames/served.example?authInfo=true&hostsFilter=none", ""), 200, "01000")
	if !strings.Contains(a.body, `"authdata":"auth-served.example"`) || strings.Contains(a.body, "nameservers") {
		t.Errorf("got %s", a.body)
	}
	// Another's, with its password.
	r.want(r.do("GET", "/domainNames/taken.example", "", pw("auth-taken.example")), 200, "01000")
	r.want(r.do("GET", "/domainNames/taken.example", "", pw("wrong-one")), 401, "02202")
	r.want(r.do("GET", "/domainNames/nothing.example", ""), 404, "02303")

	a = r.want(r.do("GET", "/contacts/ALICE", ""), 200, "01000")
	for _, want := range []string{`"@type":"contact"`, `"full":"Contact ALICE"`, `"countryCode":"US"`, `"number":"+1.5555550100"`, `"address":"alice@example.org"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
	a = r.want(r.do("GET", "/hosts/ns1.example.example", ""), 200, "01000")
	for _, want := range []string{`"@type":"host"`, `"type":"a","rdata":{"address":"192.0.2.1"}`, `"type":"aaaa","rdata":{"address":"2001:db8::1"}`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
}

// TestRPPIds: an id of EPP may hold what paths use.
func TestRPPIds(t *testing.T) {
	r := start(t, nil)
	for id, path := range map[string]string{"A/B#1": "A%2FB%231", "50%": "50%25", "A B": "A%20B", "A?B": "A%3FB"} {
		if err := r.sandbox.AddContact("demo", id, "auth-x"); err != nil {
			t.Fatal(err)
		}
		a := r.want(r.do("GET", "/contacts/"+path, ""), 200, "01000")
		if a.json["id"] != id {
			t.Errorf("%s: got %s", path, a.body)
		}
	}
}

// TestRPPMessages: the head of the queue, its acknowledgement, and an empty queue.
func TestRPPMessages(t *testing.T) {
	r := start(t, nil)
	for left := 3; left > 0; left-- {
		a := r.want(r.do("GET", "/messages", ""), 200, "01301")
		id, _ := a.json["id"].(string)
		data, _ := a.json["data"].(map[string]any)
		if a.Header.Get("RPP-Queue-Size") != fmt.Sprint(left) || a.json["@type"] != "message" || data["@type"] != "serviceNoticeMessage" || data["message"] == "" {
			t.Fatalf("got %s with %v", a.body, a.Header)
		}
		r.want(r.do("GET", "/messages/"+id, ""), 200, "01301")
		r.want(r.do("GET", "/messages/"+id+"0", ""), 404, "02303")
		r.want(r.do("DELETE", "/messages/"+id+"0", ""), 404, "02303")
		a = r.want(r.do("DELETE", "/messages/"+id, ""), 200, "01000")
		if a.body != "" || a.Header.Get("RPP-Queue-Size") != fmt.Sprint(left-1) {
			t.Errorf("got %q with %v", a.body, a.Header)
		}
	}
	a := r.want(r.do("GET", "/messages", ""), 200, "01300")
	if a.body != "{}\n" || a.Header.Get("RPP-Queue-Size") != "0" {
		t.Errorf("got %q with %v", a.body, a.Header)
	}
}

// TestRPPMessageKinds: a transfer and the end of a pending create come as messages of their own kinds.
func TestRPPMessageKinds(t *testing.T) {
	r := start(t, func(sc *sandbox.Config, _ *Config) { sc.PendingDelay = time.Millisecond })
	clear := func() {
		for {
			a := r.do("GET", "/messages", "")
			id, more := a.json["id"].(string)
			if !more {
				return
			}
			r.do("DELETE", "/messages/"+id, "")
		}
	}
	clear()
	r.want(r.do("POST", "/domainNames/taken.example/processes/transferProcesses", `{"@type":"transferProcess","transferDir":"pull"}`, pw("auth-taken.example")), 201, "01001")
	a := r.want(r.do("GET", "/messages", ""), 200, "01301")
	data := a.json["data"].(map[string]any)
	if data["@type"] != "transferRequestMessage" || data["status"] != "pending" || data["objectId"] != "taken.example" {
		t.Errorf("got %s", a.body)
	}
	clear()
	r.want(r.do("DELETE", "/domainNames/taken.example/processes/transferProcesses/latest", ""), 200, "01000")
	a = r.want(r.do("GET", "/messages", ""), 200, "01301")
	data = a.json["data"].(map[string]any)
	if data["@type"] != "transferOutcomeMessage" || data["trStatus"] != "clientCancelled" {
		t.Errorf("got %s", a.body)
	}
	clear()
	a = r.want(r.do("POST", "/domainNames", `{"@type":"domainName","name":"pending-one.example","authInfo":{"method":"authinfo","authdata":"2fooBAR"}}`, "RPP-Cltrid: kiosk-pending"), 201, "01001")
	if !strings.Contains(a.body, "pending-one.example") {
		t.Errorf("got %s", a.body)
	}
	for end := time.Now().Add(10 * time.Second); ; {
		a = r.do("GET", "/messages", "")
		if a.Header.Get("RPP-Code") == "01301" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no message about the create")
		}
		time.Sleep(5 * time.Millisecond)
	}
	data = a.json["data"].(map[string]any)
	if data["@type"] != "reviewResponseMessage" || data["approved"] != true || data["objectId"] != "pending-one.example" || data["clientTransactionId"] != "kiosk-pending" {
		t.Errorf("got %s", a.body)
	}
}

// TestRPPCreateDelete: objects come and go, whole, with their places.
func TestRPPCreateDelete(t *testing.T) {
	for _, codes := range []string{CodesCore, CodesCore00} {
		t.Run(codes, func(t *testing.T) {
			r := start(t, func(_ *sandbox.Config, c *Config) { c.Codes = codes })
			a := r.want(r.do("POST", "/contacts", quayContact), 201, "01000")
			if a.Header.Get("Location") != "https://gw.example/rpp/v1/contacts/c-4711" || !strings.Contains(a.body, `"spClientId":"demo"`) {
				t.Errorf("got %s with %v", a.body, a.Header)
			}
			a = r.want(r.do("POST", "/domainNames", `{"@type":"domainName","name":"kiosk.example","registrant":{"id":"c-4711"},
				"contacts":[{"label":"tech","object":{"id":"c-4711"}}],"nameservers":[{"hostName":"ns1.example.example"}],
				"dns":{"records":[{"name":"@","type":"ds","rdata":{"keyTag":"31337","algorithm":"13","digestType":"2",
					"digest":"`+strings.Repeat("0AFF", 16)+`"}}]},
				"authInfo":{"method":"authinfo","authdata":"2fooBAR"},
				"processes":{"createProcess":[{"period":{"value":2,"unit":"y"}}]}}`, "RPP-Cltrid: kiosk-000123"), 201, "01000")
			if a.Header.Get("Location") != "https://gw.example/rpp/v1/domainNames/kiosk.example" || a.Header.Get("RPP-Cltrid") != "kiosk-000123" {
				t.Errorf("got %v", a.Header)
			}
			for _, want := range []string{`"repositoryId":"`, `"spClientId":"demo"`, `"label":"addPeriod"`, `"id":"c-4711"`, `"keyTag":"31337"`, `"expiryDate":"`} {
				if !strings.Contains(a.body, want) {
					t.Errorf("no %s in %s", want, a.body)
				}
			}
			if strings.Contains(a.body, "2fooBAR") {
				t.Errorf("the password is in %s", a.body)
			}
			all := r.frames.take()
			if n := len(all); n != 4 || !strings.Contains(all[2], "kiosk-000123") || !strings.Contains(all[3], "<info>") {
				t.Errorf("sent %d commands: %s", n, all)
			}
			r.want(r.do("POST", "/domainNames", `{"@type":"domainName","name":"kiosk.example","authInfo":{"method":"authinfo","authdata":"2fooBAR"}}`), 409, "02302")
			a = r.want(r.do("POST", "/hosts", `{"@type":"host","hostName":"ns1.kiosk.example","dns":{"records":[{"name":"@","type":"a","rdata":{"address":"192.0.2.9"}}]}}`), 201, "01000")
			if !strings.Contains(a.body, `"address":"192.0.2.9"`) {
				t.Errorf("got %s", a.body)
			}
			status := 200
			if codes == CodesCore00 {
				status = 204
			}
			for _, path := range []string{"/hosts/ns1.kiosk.example", "/domainNames/kiosk.example", "/contacts/c-4711"} {
				a = r.want(r.do("DELETE", path, ""), status, "01000")
				if (a.body == "") != (status == 204) {
					t.Errorf("DELETE %s: got %q", path, a.body)
				}
				r.want(r.do("GET", path, ""), 404, "02303")
			}
		})
	}
}

// TestRPPInfoFails: the object was created, whatever becomes of the look behind.
func TestRPPInfoFails(t *testing.T) {
	faults, err := sandbox.ParseFaults("close-before:cmd=info")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, func(sc *sandbox.Config, _ *Config) { sc.Faults = faults })
	a := r.want(r.do("POST", "/domainNames", `{"@type":"domainName","name":"kiosk.example","authInfo":{"method":"authinfo","authdata":"2fooBAR"}}`), 201, "01000")
	if a.json["name"] != "kiosk.example" || a.json["expiryDate"] == nil || a.Header.Get("Location") == "" {
		t.Errorf("got %s", a.body)
	}
}

// TestRPPRenew: a renewal wants the expiry that it renews.
func TestRPPRenew(t *testing.T) {
	r := start(t, nil)
	const path = "/domainNames/example.example"
	a := r.do("GET", path, "")
	was, err := time.Parse(time.RFC3339, a.json["expiryDate"].(string))
	if err != nil {
		t.Fatal(err)
	}
	body := func(date string) string {
		return `{"@type":"renewProcess","expiryDate":"` + date + `","renewalPeriod":{"@type":"period","value":1,"unit":"y"}}`
	}
	for i, form := range []string{time.DateOnly, time.RFC3339Nano} {
		now := was.AddDate(i, 0, 0)
		a = r.want(r.do("POST", path+"/processes/renewProcesses", body(now.Format(form))), 200, "01000")
		if a.json["@type"] != "renewProcess" || a.json["expiryDate"] != now.AddDate(1, 0, 0).Format(time.RFC3339Nano) || a.Header.Get("Location") != "" {
			t.Errorf("got %s with %v", a.body, a.Header)
		}
	}
	// The first again, under another id: the registry sees that it was done.
	if a = r.do("POST", path+"/processes/renewProcesses", body(was.Format(time.DateOnly))); a.StatusCode < 400 {
		t.Errorf("got %d: %s", a.StatusCode, a.body)
	}
}

// TestRPPTransfer: all that is done with transfers.
func TestRPPTransfer(t *testing.T) {
	r := start(t, nil)
	const path, list = "/domainNames/taken.example", "/domainNames/taken.example/processes/transferProcesses"
	const pull = `{"@type":"transferProcess","transferDir":"pull","transferPeriod":{"@type":"period","value":1,"unit":"y"}}`
	r.want(r.do("GET", list+"/latest", ""), 403, "02201")
	r.want(r.do("POST", list, pull, pw("wrong-one")), 401, "02202")
	a := r.want(r.do("POST", list, pull, pw("auth-taken.example")), 201, "01001")
	if a.Header.Get("Location") != "https://gw.example/rpp/v1"+list+"/latest" || a.json["trStatus"] != "pending" || a.json["transferDir"] != "pull" ||
		a.json["reqClientId"] != "demo" || a.json["actClientId"] != "other" || a.json["expiryDate"] == nil {
		t.Errorf("got %s with %v", a.body, a.Header)
	}
	r.want(r.do("POST", list, pull, pw("auth-taken.example")), 409, "02300")
	a = r.want(r.do("GET", list+"/latest", ""), 200, "01000")
	if a.json["trStatus"] != "pending" {
		t.Errorf("got %s", a.body)
	}
	r.want(r.do("POST", list+"/latest/transferApprove", ""), 403, "02201")
	a = r.want(r.do("DELETE", list+"/latest", ""), 200, "01000")
	if a.json["trStatus"] != "clientCancelled" {
		t.Errorf("got %s", a.body)
	}
	r.want(r.do("GET", path, ""), 200, "01000")

	a = r.want(r.do("POST", "/contacts/BOB/processes/transferProcesses", `{"@type":"transferProcess","transferDir":"pull"}`, pw("auth-BOB")), 201, "01001")
	if a.json["trStatus"] != "pending" {
		t.Errorf("got %s", a.body)
	}
	r.want(r.do("DELETE", "/contacts/BOB/processes/transferProcesses/latest", ""), 200, "01000")
}

// TestRPPApproveReject: the losing side, with each form of a body that the texts have.
func TestRPPApproveReject(t *testing.T) {
	r := start(t, nil)
	other := r.as("other", "other-secret")
	for i, body := range []string{"", "{}", `{"@type":"transferProcess"}`} {
		for op, status := range map[string]string{"transferReject": "clientRejected", "transferApprove": "clientApproved"} {
			name := fmt.Sprintf("gone-%d-%s.example", i, strings.ToLower(op))
			if err := r.sandbox.AddDomain(sandbox.Domain{Name: name, Client: "demo", AuthInfo: "auth-gone"}); err != nil {
				t.Fatal(err)
			}
			path := "/domainNames/" + name + "/processes/transferProcesses"
			r.want(r.do("POST", path+"/latest/"+op, body), 409, "02301")
			r.want(other.do("POST", path, `{"@type":"transferProcess"}`, pw("auth-gone")), 201, "01001")
			a := r.want(r.do("POST", path+"/latest/"+op, body), 200, "01000")
			if a.json["trStatus"] != status {
				t.Errorf("%s with %q: got %s", op, body, a.body)
			}
		}
	}
}

// TestRPPRestore: a deleted domain comes back in two steps.
func TestRPPRestore(t *testing.T) {
	r := start(t, nil)
	const path = "/domainNames/example.example"
	r.want(r.do("DELETE", "/domainNames/served.example", ""), 200, "01001")
	a := r.want(r.do("GET", "/domainNames/served.example", ""), 200, "01000")
	if !strings.Contains(a.body, `"label":"redemptionPeriod"`) {
		t.Errorf("got %s", a.body)
	}
	const list = "/domainNames/served.example/processes/restoreProcesses"
	a = r.want(r.do("POST", list, `{"@type":"restoreProcess"}`), 200, "01000")
	same(t, "restore", a.body, `{"@type":"restoreProcess","restoreStatus":"pendingRestore"}`)
	a = r.want(r.do("POST", list+"/latest/report", `{"@type":"restoreProcess","restoreReport":{"@type":"restoreReport","preData":"Domain\nbefore","postData":"Domain after",
		"deleteTime":"2025-01-10T12:00:00.0Z","restoreTime":"2025-01-20T15:30:00.0Z","restoreReason":"deleted in error",
		"statements":["true to the best of my knowledge","a valid reason"],"other":"none"}}`), 200, "01000")
	same(t, "report", a.body, `{"@type":"restoreProcess","restoreStatus":"restored"}`)
	r.want(r.do("POST", path+"/processes/restoreProcesses", ""), 409, "02304")
}

// TestRPPSeveralRegistries: a name's zone names the registry, or the parameter.
func TestRPPSeveralRegistries(t *testing.T) {
	r, f := faked(t, Config{}, &carry.Registry{Name: "it", Zones: []string{"it"}}, &carry.Registry{Name: "pa", Zones: []string{"pa.it"}}, &carry.Registry{Name: "all"})
	for _, tt := range []struct{ path, want string }{
		{"/domainNames/kiosk.it", "it"}, {"/domainNames/kiosk.pa.it", "pa"}, {"/domainNames/KIOSK.PA.IT", "pa"}, {"/domainNames/xpa.it", "it"},
		{"/domainNames/kiosk.example?registry=all", "all"}, {"/contacts/c-1?registry=pa", "pa"}, {"/messages?registry=it", "it"},
		{"/hosts/ns1.kiosk.it", "it"}, {"/hosts/ns1.kiosk.com?registry=it", "it"},
		{"/domainNames/kiosk.example", ""}, {"/contacts/c-1", ""}, {"/messages", ""}, {"/hosts/ns1.kiosk.com", ""},
	} {
		f.orders = nil
		a := r.do("GET", tt.path, "")
		got := ""
		if len(f.orders) == 1 {
			got = f.orders[0].Registry.Name
		}
		if got != tt.want || got == "" && a.StatusCode != 400 && a.StatusCode != 404 {
			t.Errorf("%s: went to %q, want %q; %d %s", tt.path, got, tt.want, a.StatusCode, a.body)
		}
	}
	r.user = &carry.User{Name: "shop", Registries: []string{"pa"}}
	f.orders = nil
	r.want(r.do("GET", "/domainNames/kiosk.it", ""), 404, "02303")
	r.want(r.do("GET", "/contacts/c-1?registry=it", ""), 404, "02303")
	if len(f.orders) > 0 {
		t.Errorf("sent to a registry that the user may not use: %+v", f.orders)
	}
	if r.do("GET", "/contacts/c-1", ""); len(f.orders) != 1 || f.orders[0].Registry.Name != "pa" {
		t.Errorf("got %+v", f.orders)
	}
	f.says = answered(1000, nil)
	a := r.do("DELETE", "/contacts/c-1", "")
	if a.StatusCode != http.StatusOK {
		t.Errorf("got %d", a.StatusCode)
	}
}
