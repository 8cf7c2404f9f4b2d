package mapping_test

import (
	"encoding/json"
	"fmt"

	"eppmux/gateway/mapping"
)

// A command is written, and its answer is read.
func Example() {
	payload, err := mapping.Marshal(&mapping.CheckCommand{Names: []string{"bücher.example"}}, "req-17")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(payload))

	answer := []byte(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>ok</msg></result><resData>
<d:chkData xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:cd><d:name avail="0">xn--bcher-kva.example</d:name><d:reason>In use</d:reason></d:cd>
</d:chkData></resData><trID><clTRID>req-17</clTRID><svTRID>sv-1</svTRID></trID></response></epp>`)
	r, err := mapping.Unmarshal(answer)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := json.Marshal(r.Data)
	fmt.Println(r.Results[0].Code, string(text))
	// Output:
	// <?xml version="1.0" encoding="UTF-8" standalone="no"?>
	// <epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check><domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>xn--bcher-kva.example</domain:name></domain:check></check><clTRID>req-17</clTRID></command></epp>
	// 1000 [{"name":"xn--bcher-kva.example","available":false,"reason":"In use"}]
}

// What is wrong with a command is said by the member's name in JSON.
func ExampleFault() {
	_, err := mapping.Marshal(&mapping.DomainCreate{Name: "kiosk.example", Nameservers: []mapping.Nameserver{
		{Name: "ns1.kiosk.example", Addresses: []string{"192.0.2.300"}},
	}}, "")
	fmt.Println(err)
	var c mapping.DomainCreate
	fmt.Println(mapping.DecodeJSON([]byte(`{"name": "kiosk.example", "period": {"value": "2"}}`), &c))
	// Output:
	// nameservers[0].addresses[0]: is no IP address
	// period.value: is a text, not a number
}
