package frame_test

import (
	"fmt"

	"eppmux/frame"
)

// A command on its way to the registry, and the response on its way back.
func Example() {
	var s frame.Scanner
	const epp = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0">`

	command := []byte(epp + `<command><logout/><clTRID>client-7</clTRID></command></epp>`)
	m, err := s.Scan(command)
	if err != nil {
		fmt.Println(err)
		return
	}
	own := string(m.Payload[m.ClTRID.Content.Start:m.ClTRID.Content.End]) // the response brings the next Scan
	unit, at := frame.AppendCommand(nil, m, []byte("mux-0001"))
	fmt.Println(m.Command, string(m.ClTRID.Value), string(unit[at:at+8]))

	response := []byte(epp + `<response><result code="1500"><msg>Bye</msg></result>` +
		`<trID><clTRID>mux-0001</clTRID><svTRID>reg-1</svTRID></trID></response></epp>`)
	m, err = s.Scan(response)
	if err != nil {
		fmt.Println(err)
		return
	}
	unit = frame.AppendUnit(nil, m.Payload, []frame.Edit{m.ClTRID.Replace([]byte(own))})
	fmt.Println(m.Code, string(unit[len(unit)-63:]))
	// Output:
	// logout client-7 mux-0001
	// 1500 client-7</clTRID><svTRID>reg-1</svTRID></trID></response></epp>
}

// A refusal carries the client's clTRID where that is sure.
func ExampleScanner_EchoClTRID() {
	var s frame.Scanner
	_, err := s.Scan([]byte(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><clTRID>client-7</clTRID></command></epp>`))
	fmt.Printf("%v, %s\n", err, s.EchoClTRID())
	// Output:
	// command without a verb: at octet 45, client-7
}

// Size waits until the header is there; the payload may come later.
func ExampleSize() {
	for _, b := range []string{"\x00\x00", "\x00\x00\x01\x00<?xml", "GET / HTTP/1.1"} {
		n, err := frame.Size([]byte(b), 1<<18)
		fmt.Println(n, err)
	}
	// Output:
	// 0 <nil>
	// 256 <nil>
	// 0 data unit: payload longer than allowed
}
