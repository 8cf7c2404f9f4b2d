package gateway

import "encoding/json"

// samples are bodies to begin with, by the names of the routes: the document has them, and the page at /docs puts them
// into its forms.
var samples = map[string]string{
	"connect":       `{"host":"it"}`,
	"login":         `{"host":"it","clid":"","pw":""}`,
	"domain-check":  `{"host":"it","domain":"kiosk.it"}`,
	"domain-info":   `{"host":"it","domain":"kiosk.it"}`,
	"domain-create": `{"host":"it","domain":"kiosk.it","years":1,"registrant":"c-4711","nameservers":["ns1.kiosk.example","ns2.kiosk.example"],"password":""}`,
	"domain-update": `{"host":"it","domain":"kiosk.it","addNs":["ns3.kiosk.example"],"remNs":["ns2.kiosk.example"]}`,
	"domain-delete": `{"host":"it","domain":"kiosk.it"}`,
	"domain-renew":  `{"host":"it","domain":"kiosk.it","years":1,"curExpDate":"2027-03-01"}`,
	"check":         `{"names":["kiosk.it","kiosco.it","chiosco.it"],"registry":"it"}`,
}

// sample is the body to begin with of a route; nil: it has none.
func (rt *route) sample() any {
	text, there := samples[rt.name]
	if !there {
		return nil
	}
	return json.RawMessage(text)
}
