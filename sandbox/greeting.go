package sandbox

import "time"

// The greeting announces objectURIs and Config.Extensions, and login accepts no others. All that
// can be announced are extensionURIs; those of profiles, unless they say so, are olderURIs.
var (
	objectURIs    = []string{nsDomain, nsHost, nsContact}
	olderURIs     = []string{nsSecDNS, nsRGP, nsLoginSec}
	extensionURIs = []string{nsSecDNS, nsRGP, nsLoginSec, nsFee, nsTTL}
)

// appendGreeting appends the greeting of RFC 5730 section 2.4.
func appendGreeting(b []byte, serverID string, extensions []string, now time.Time) []byte {
	x := xmlText(b)
	x.raw(docHead + "<greeting>")
	x.el("svID", serverID)
	x.el("svDate", dateTime(now))
	x.raw("<svcMenu><version>1.0</version><lang>en</lang>")
	for _, u := range objectURIs {
		x.el("objURI", u)
	}
	if len(extensions) > 0 {
		x.raw("<svcExtension>")
		for _, u := range extensions {
			x.el("extURI", u)
		}
		x.raw("</svcExtension>")
	}
	x.raw("</svcMenu>" +
		"<dcp><access><all/></access><statement><purpose><admin/><prov/></purpose>" +
		"<recipient><ours/><public/></recipient><retention><stated/></retention></statement></dcp>" +
		"</greeting>" + docTail)
	return x
}
