package mapping

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// answer is a response of code 1000 with that resData and extension.
func answer(resData, extension string) string {
	p := `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>ok</msg></result>`
	if resData != "" {
		p += "<resData>" + resData + "</resData>"
	}
	if extension != "" {
		p += "<extension>" + extension + "</extension>"
	}
	return p + `<trID><clTRID>req-1</clTRID><svTRID>sv-1</svTRID></trID></response></epp>`
}

func read(t testing.TB, payload string) *Response {
	t.Helper()
	r, err := Unmarshal([]byte(payload))
	if err != nil {
		t.Fatalf("%v\n%s", err, payload)
	}
	return r
}

// wantJSON compares by the JSON form.
func wantJSON(t *testing.T, got any, want string) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var g, w any
	if json.Unmarshal(b, &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		t.Fatalf("no JSON: %s or %s", b, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
}

const domainNS = `xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"`

// TestUnmarshalData reads each kind of resData.
func TestUnmarshalData(t *testing.T) {
	for _, tt := range []struct{ name, resData, extension, want string }{
		{"check", `<domain:chkData ` + domainNS + `><domain:cd><domain:name avail="1">a.example</domain:name></domain:cd>` +
			`<domain:cd><domain:reason lang="en">In use</domain:reason><domain:name avail=" false ">b.example</domain:name></domain:cd><domain:cd><domain:name>c.example</domain:name></domain:cd></domain:chkData>`, "",
			`[{"name":"a.example","available":true},{"name":"b.example","available":false,"reason":"In use","lang":"en"},{"name":"c.example","available":false}]`},
		{"checks", `<domain:chkData ` + domainNS + `><domain:cd><domain:name avail="1">a.example</domain:name></domain:cd></domain:chkData><domain:chkData ` + domainNS + `><domain:cd><domain:name avail="0">b.example</domain:name></domain:cd></domain:chkData>`, "",
			`[{"name":"a.example","available":true},{"name":"b.example","available":false}]`},
		{"check contact", `<chkData xmlns="urn:ietf:params:xml:ns:contact-1.0"><cd><id avail="true">c&amp;1</id></cd></chkData>`, "", `[{"name":"c&1","available":true}]`},
		{"domain", `<x:infData xmlns:x="urn:ietf:params:xml:ns:domain-1.0"><x:exDate>2027-01-01T00:00:00.0Z</x:exDate><x:name> kiosk.example
</x:name><x:roid>D1-X</x:roid><x:status s="ok"/><x:status s="clientHold" lang="it">non <!-- -->pagato</x:status><x:registrant>c-1</x:registrant><x:contact type="tech">c-2</x:contact>
<x:ns><x:hostObj>ns1.kiosk.example</x:hostObj><x:hostAttr><x:hostName>ns2.kiosk.example</x:hostName><x:hostAddr ip="v4">192.0.2.1</x:hostAddr><x:hostAddr ip="v6">2001:db8::1</x:hostAddr></x:hostAttr></x:ns>
<x:host>ns1.kiosk.example</x:host><x:clID>reg</x:clID><x:crID>reg2</x:crID><x:crDate>1</x:crDate><x:upID>reg3</x:upID><x:upDate>2</x:upDate><x:trDate>3</x:trDate><x:authInfo><x:pw>secret</x:pw></x:authInfo><y:name xmlns:y="urn:other">no</y:name></x:infData>`,
			`<rgp:infData xmlns:rgp="urn:ietf:params:xml:ns:rgp-1.0"><rgp:rgpStatus s="addPeriod">endDate=1</rgp:rgpStatus></rgp:infData>` +
				`<s:infData xmlns:s="urn:ietf:params:xml:ns:secDNS-1.1"><s:maxSigLife>604800</s:maxSigLife><s:dsData><s:keyTag>12345</s:keyTag><s:alg>13</s:alg><s:digestType>2</s:digestType><s:digest>49FD</s:digest><s:keyData><s:flags>257</s:flags><s:protocol>3</s:protocol><s:alg>13</s:alg><s:pubKey>AQPJ</s:pubKey></s:keyData></s:dsData><s:dsData><s:keyTag>70000</s:keyTag></s:dsData></s:infData>` +
				`<ttl:infData xmlns:ttl="urn:ietf:params:xml:ns:epp:ttl-1.0"><ttl:ttl for="NS" min="60" default="86400" max="172800">3600</ttl:ttl><ttl:ttl for="custom" custom="TXT"/></ttl:infData>`,
			`{"name":"kiosk.example","roid":"D1-X","status":[{"value":"ok"},{"value":"clientHold","lang":"it","text":"non pagato"}],"registrant":"c-1","contacts":[{"type":"tech","id":"c-2"}],
			"nameservers":[{"name":"ns1.kiosk.example"},{"name":"ns2.kiosk.example","addresses":["192.0.2.1","2001:db8::1"]}],"hosts":["ns1.kiosk.example"],"clID":"reg","crID":"reg2","crDate":"1","upID":"reg3","upDate":"2","trDate":"3","exDate":"2027-01-01T00:00:00.0Z",
			"secDNS":{"maxSigLife":604800,"ds":[{"keyTag":12345,"algorithm":13,"digestType":2,"digest":"49FD","key":{"flags":257,"protocol":3,"algorithm":13,"publicKey":"AQPJ"}}]},
			"rgpStatus":[{"value":"addPeriod","text":"endDate=1"}],"ttl":[{"for":"NS","seconds":3600,"min":60,"default":86400,"max":172800},{"for":"custom","custom":"TXT","seconds":null}]}`},
		{"host", `<host:infData xmlns:host="urn:ietf:params:xml:ns:host-1.0"><host:name>ns1.kiosk.example</host:name><host:roid>H1-X</host:roid><host:status s="linked"/><host:addr ip="v4">192.0.2.1</host:addr><host:addr ip="v6">2001:db8::1</host:addr><host:clID>a</host:clID><host:crID>b</host:crID><host:crDate>1</host:crDate><host:upID>c</host:upID><host:upDate>2</host:upDate><host:trDate>3</host:trDate></host:infData>`,
			`<ttl:infData xmlns:ttl="urn:ietf:params:xml:ns:epp:ttl-1.0"><ttl:ttl for="A">0</ttl:ttl></ttl:infData>`,
			`{"name":"ns1.kiosk.example","roid":"H1-X","status":[{"value":"linked"}],"addresses":["192.0.2.1","2001:db8::1"],"clID":"a","crID":"b","crDate":"1","upID":"c","upDate":"2","trDate":"3","ttl":[{"for":"A","seconds":0}]}`},
		{"contact", `<contact:infData xmlns:contact="urn:ietf:params:xml:ns:contact-1.0"><contact:id>c-1</contact:id><contact:roid>C1-X</contact:roid><contact:status s="linked"/>
<contact:postalInfo type="int"><contact:name>Ida Quay</contact:name><contact:org>Quay &amp; Sons</contact:org><contact:addr><contact:street>Pier 3</contact:street><contact:street>Left</contact:street><contact:city>Bergen</contact:city><contact:sp>Vestland</contact:sp><contact:pc>5003</contact:pc><contact:cc>NO</contact:cc></contact:addr></contact:postalInfo>
<contact:voice x="12">+47.55</contact:voice><contact:fax/><contact:email>i@kiosk.example</contact:email><contact:clID>a</contact:clID><contact:crID>b</contact:crID><contact:crDate>1</contact:crDate><contact:upID>c</contact:upID><contact:upDate>2</contact:upDate><contact:trDate>3</contact:trDate>
<contact:authInfo><contact:pw roid="C1-X">secret</contact:pw></contact:authInfo><contact:disclose flag="0"><contact:name type="int"/><contact:voice/></contact:disclose></contact:infData>`, "",
			`{"id":"c-1","roid":"C1-X","status":[{"value":"linked"}],"postalInfo":[{"type":"int","name":"Ida Quay","org":"Quay & Sons","street":["Pier 3","Left"],"city":"Bergen","sp":"Vestland","pc":"5003","cc":"NO"}],
			"voice":{"number":"+47.55","x":"12"},"fax":{"number":""},"email":"i@kiosk.example","clID":"a","crID":"b","crDate":"1","upID":"c","upDate":"2","trDate":"3","disclose":{"flag":false,"elements":["name:int","voice"]}}`},
		{"create", `<domain:creData ` + domainNS + `><domain:name>a.example</domain:name><domain:crDate>1</domain:crDate><domain:exDate>2</domain:exDate></domain:creData>`, "", `{"name":"a.example","crDate":"1","exDate":"2"}`},
		{"renew", `<domain:renData ` + domainNS + `><domain:name>a.example</domain:name><domain:exDate>2</domain:exDate></domain:renData>`, "", `{"name":"a.example","exDate":"2"}`},
		{"transfer", `<domain:trnData ` + domainNS + `><domain:name>a.example</domain:name><domain:trStatus>pending</domain:trStatus><domain:reID>a</domain:reID><domain:reDate>1</domain:reDate><domain:acID>b</domain:acID><domain:acDate>2</domain:acDate><domain:exDate>3</domain:exDate></domain:trnData>`, "",
			`{"name":"a.example","trStatus":"pending","reID":"a","reDate":"1","acID":"b","acDate":"2","exDate":"3"}`},
		{"pending", `<domain:panData ` + domainNS + `><domain:name paResult="1">a.example</domain:name><domain:paTRID><clTRID>own-1</clTRID><svTRID>sv-0</svTRID></domain:paTRID><domain:paDate>1</domain:paDate></domain:panData>`, "",
			`{"name":"a.example","result":true,"clTRID":"own-1","svTRID":"sv-0","date":"1"}`},
		{"other", `<x:infData xmlns:x="urn:other"><x:name>a</x:name></x:infData>`, "", `null`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := read(t, answer(tt.resData, tt.extension))
			wantJSON(t, r.Data, tt.want)
			if r.ClTRID != "req-1" || r.SvTRID != "sv-1" || len(r.Results) != 1 || r.Results[0].Code != 1000 || r.Results[0].Message != "ok" {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// TestUnmarshalExtensions reads fees and the answer to a restore.
func TestUnmarshalExtensions(t *testing.T) {
	r := read(t, answer("", `<fee:chkData xmlns:fee="urn:ietf:params:xml:ns:epp:fee-1.0"><fee:currency>EUR</fee:currency><fee:cd avail="1"><fee:objID>a.example</fee:objID><fee:class>premium</fee:class>`+
		`<fee:command name="create" standard="1" phase="sunrise"><fee:period unit="y">2</fee:period><fee:fee description="Registration" refundable="1" grace-period="P5D" applied="immediate">10.00</fee:fee><fee:credit description="c">-2.00</fee:credit></fee:command>`+
		`<fee:command name="custom" customName="x"><fee:reason>no</fee:reason></fee:command></fee:cd><fee:cd avail="0"><fee:objID>b.example</fee:objID></fee:cd></fee:chkData>`+
		`<rgp:upData xmlns:rgp="urn:ietf:params:xml:ns:rgp-1.0"><rgp:rgpStatus s="pendingRestore"/></rgp:upData><fee:chkData xmlns:fee="urn:ietf:params:xml:ns:fee-0.11"><fee:cd/></fee:chkData>`))
	wantJSON(t, r.Fees, `[{"name":"a.example","currency":"EUR","class":"premium","commands":[{"command":"create","phase":"sunrise","period":{"value":2,"unit":"y"},"standard":true,"fees":[{"amount":"10.00","description":"Registration","refundable":true,"gracePeriod":"P5D","applied":"immediate"}],"credits":[{"amount":"-2.00","description":"c"}]},
		{"command":"custom","customName":"x","reason":"no"}]},{"name":"b.example","currency":"EUR","reason":"the registry gives no reason"}]`)
	wantJSON(t, r.RGP, `[{"value":"pendingRestore"}]`)
	for _, name := range []string{"creData", "renData", "trnData", "updData", "delData"} {
		r = read(t, answer("", `<fee:`+name+` xmlns:fee="urn:ietf:params:xml:ns:epp:fee-1.0"><fee:currency>EUR</fee:currency><fee:period unit="m">3</fee:period><fee:fee lang="en">1</fee:fee><fee:balance>-5.00</fee:balance><fee:creditLimit>1000</fee:creditLimit></fee:`+name+`>`))
		wantJSON(t, r.Charge, `{"currency":"EUR","period":{"value":3,"unit":"m"},"fees":[{"amount":"1","lang":"en"}],"balance":"-5.00","creditLimit":"1000"}`)
	}
}

// TestUnmarshalWords reads what stands beside the data.
func TestUnmarshalWords(t *testing.T) {
	r := read(t, `<e:epp xmlns:e="https://registry.example/epp"><e:response><e:result code="2306"><e:msg lang="it"> troppi
 nomi </e:msg><e:value><x:name xmlns:x="urn:x">a&lt;</x:name></e:value><e:extValue><e:value>plain</e:value><e:reason lang="en">why &amp; how</e:reason></e:extValue></e:result>
<e:result code="2302"><e:msg/></e:result><e:msgQ count="5" id=" 12&#45;3 "><e:qDate>1</e:qDate><e:msg lang="en">See <b>this</b></e:msg></e:msgQ><e:trID><e:svTRID>sv</e:svTRID></e:trID></e:response></e:epp>`)
	wantJSON(t, r, `{"results":[{"code":2306,"message":"troppi nomi","lang":"it","values":["<x:name xmlns:x=\"urn:x\">a&lt;</x:name>","plain"],"reasons":["why & how"]},{"code":2302}],
		"msgQ":{"count":5,"id":"12-3","qDate":"1","msg":"See <b>this</b>","lang":"en"},"svTRID":"sv"}`)
}

// TestUnmarshalBroken: of an answer that breaks the rules there is the code.
func TestUnmarshalBroken(t *testing.T) {
	r := read(t, strings.Replace(answer("<x>&nbsp;</x>", ""), "ok", "R&D", 1))
	wantJSON(t, r, `{"results":[{"code":1000}],"clTRID":"req-1","svTRID":"sv-1","broken":true}`)
	doctype := "<!DOCTYPE epp [<!ENTITY a 'b'>]>" + answer("", "")[len(`<?xml version="1.0" encoding="UTF-8"?>`):]
	for _, p := range []string{doctype, "", "<", "<epp/>", "x", `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>`, `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><greeting/></epp>`} {
		var f *Fault
		if r, err := Unmarshal([]byte(p)); !errors.As(err, &f) {
			t.Errorf("%q: got %+v %v", p, r, err)
		}
	}
}
