package sandbox

import "time"

// The greeting announces objectURIs and extensionURIs, and login accepts no others.
var (
	objectURIs    = []string{nsDomain, nsHost, nsContact}
	extensionURIs = []string{nsSecDNS, nsRGP, nsLoginSec}
)

// appendGreeting appends the greeting of RFC 5730 section 2.4.
func appendGreeting(b []byte, serverID string, now time.Time) []byte {
	x := xmlText(b)
	x.raw(docHead + "<greeting>")
	x.el("svID", serverID)
	x.el("svDate", dateTime(now))
	x.raw("<svcMenu><version>1.0</version><lang>en</lang>")
	for _, u := range objectURIs {
		x.el("objURI", u)
	}
	x.raw("<svcExtension>")
	for _, u := range extensionURIs {
		x.el("extURI", u)
	}
	x.raw("</svcExtension></svcMenu>" +
		"<dcp><access><all/></access><statement><purpose><admin/><prov/></purpose>" +
		"<recipient><ours/><public/></recipient><retention><stated/></retention></statement></dcp>" +
		"</greeting>" + docTail)
	return x
}
