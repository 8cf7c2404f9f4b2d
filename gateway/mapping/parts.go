package mapping

import (
	"slices"
	"strings"
)

// parts are the elements that may be in an element of a command; with * as often as one likes, else once.
// What is not listed has none.
var parts = map[namespace]map[string]string{
	inDomain: {
		"check": "name*", "info": "name authInfo", "create": "name period ns registrant contact* authInfo",
		"delete": "name", "renew": "name curExpDate period", "transfer": "name period authInfo",
		"update": "name add rem chg",
		"add":    "ns contact* status*", "rem": "ns contact* status*", "chg": "registrant authInfo",
		"ns": "hostObj* hostAttr*", "hostAttr": "hostName hostAddr*", "authInfo": "pw null",
	},
	inHost: {
		"check": "name*", "info": "name", "create": "name addr*", "delete": "name", "update": "name add rem chg",
		"add": "addr* status*", "rem": "addr* status*", "chg": "name",
	},
	inContact: {
		"check": "id*", "info": "id authInfo", "create": "id postalInfo* voice fax email authInfo disclose",
		"delete":   "id",
		"transfer": "id authInfo", "update": "id add rem chg", "add": "status*", "rem": "status*",
		"chg": "postalInfo* voice fax email authInfo disclose", "postalInfo": "name org addr",
		"addr": "street* city sp pc cc", "authInfo": "pw", "disclose": "name* org* addr* voice fax email",
	},
	inSecDNS: {
		"create": "maxSigLife dsData* keyData*", "update": "rem add chg", "rem": "all dsData* keyData*",
		"add": "maxSigLife dsData* keyData*", "chg": "maxSigLife",
		"dsData": "keyTag alg digestType digest keyData", "keyData": "flags protocol alg pubKey",
	},
	inRGP: {
		"update": "restore", "restore": "report",
		"report": "preData postData delTime resTime resReason statement* other",
	},
	inFee: {
		"check": "currency command*", "command": "period",
		"create": "currency fee* credit*", "renew": "currency fee* credit*",
		"transfer": "currency fee* credit*", "update": "currency fee* credit*",
	},
	inTTL: {"create": "ttl*", "update": "ttl*"},
}

// stranger is the first element below e that parts does not have, or has once and e twice; the zero element
// is none.
func (e element) stranger() element {
	ns := e.node().ns
	known := strings.Fields(parts[ns][e.local()])
	for c := range e.children {
		once := slices.Index(known, c.local())
		switch {
		case c.node().ns != ns, once < 0 && !slices.Contains(known, c.local()+"*"):
			return c
		case once >= 0:
			known = slices.Delete(known, once, once+1)
		}
		if s := c.stranger(); s.is() {
			return s
		}
	}
	return element{}
}
