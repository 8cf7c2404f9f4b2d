// Package mapping has the objects of EPP as Go values: domains (RFC 5731), hosts (RFC 5732) and
// contacts (RFC 5733), with DNSSEC (RFC 5910), grace periods (RFC 3915), fees (RFC 8748) and times to
// live (RFC 9803), and the message queue (RFC 5730 section 2.9.2.3). The RFCs call such a thing a
// mapping.
//
//	payload, err := mapping.Marshal(&mapping.DomainInfo{Name: "kiosk.example"}, "req-17")
//	...
//	r, err := mapping.Unmarshal(answer)
//	d := r.Data.(*mapping.Domain)
//
// What Marshal writes is valid by the schemas of those RFCs; what it cannot write so is a *Fault that
// names the member. Unmarshal takes what registries really answer: prefixes of any kind, members in
// another order, a namespace of the registry's own in place of EPP's, elements of namespaces that it
// does not know, which it leaves out, and numbers that are none, which it leaves out, too. UnmarshalCommand
// reads commands, and leaves nothing out.
//
// The JSON form of the values is that of the gateway's own calls (/api/epp, /v1). Absent members are
// left out. Times are strings as the registry wrote them. DecodeJSON reads JSON strictly and says where it
// is wrong.
//
// Not mapped are authInfo of the form ext, the drafts of fees (0.x), and all other extensions: for those
// there is XML.
//
// Passwords are not printed, not logged and not written as JSON. Blank takes them out of a payload, and
// Response.Hide out of a registry's words.
//
// The package is pure: no I/O, no clock, no state but memory that it uses again. All functions may be called
// concurrently.
package mapping
