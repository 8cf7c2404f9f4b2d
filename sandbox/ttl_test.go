package sandbox

import (
	"strings"
	"testing"
)

func ttlXML(tag, inner string) string {
	out := `<ttl:` + tag + ` xmlns:ttl="` + nsTTL + `"`
	if tag == "info" {
		return out + inner + "/>" // an attribute
	}
	return out + ">" + strings.NewReplacer("</", "</ttl:", "<", "<ttl:").Replace(inner) + `</ttl:` + tag + `>`
}

// TestTTL: RFC 9803: create and update set times to live, info tells them to those who ask.
func TestTTL(t *testing.T) {
	name, host := "D:<name>a.com</name>", "H:<name>ns.a.com</name>"
	policy := ttlXML("info", ` policy="true"`)
	play(t, Config{}, []step{
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl for="NS">59</ttl>`), code: 2004, has: "ttl for NS"},
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl for="NS">172801</ttl>`), code: 2004},
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl for="A">300</ttl>`), code: 2306, has: "no ttl for A"},
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl for="custom" custom="MX">300</ttl>`), code: 2306},
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl for="MX">300</ttl>`), code: 2005},
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl for="NS">x</ttl>`), code: 2005},
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl for="NS">2147483648</ttl>`), code: 2004},
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl>300</ttl>`), code: 2003},
		{verb: "create", body: name + pw, ext: ttlXML("create", ``), code: 2003},
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl for="NS">300</ttl><ttl for="NS">400</ttl>`), code: 2001},
		{verb: "info", body: name, code: 2303},
		{verb: "create", body: name + pw, ext: ttlXML("create", `<ttl for="NS">60</ttl><ttl for="DS">0172800</ttl>`), code: 1000, has: "!ttl:"},
		{verb: "info", body: name, code: 1000, has: "!ttl:"},
		{verb: "info", body: name, ext: ttlXML("info", ""), code: 1000,
			has: `<ttl:infData xmlns:ttl="` + nsTTL + `"><ttl:ttl for="NS">60</ttl:ttl><ttl:ttl for="DS">172800</ttl:ttl></ttl:infData>`},
		{verb: "update", body: name, ext: ttlXML("update", `<ttl for="NS"/><ttl for="DS">3600</ttl>`), code: 1000},
		{verb: "info", body: name, ext: ttlXML("info", ` policy="0"`), code: 1000, has: `infData xmlns:ttl="` + nsTTL + `"><ttl:ttl for="DS">3600</ttl:ttl></ttl:infData>`},
		{verb: "info", body: name, ext: policy, code: 1000, has: `<ttl:ttl for="NS" min="60" default="86400" max="172800"></ttl:ttl>` +
			`<ttl:ttl for="DS" min="60" default="86400" max="172800">3600</ttl:ttl>`},
		{verb: "update", body: name, ext: ttlXML("update", `<ttl for="DS"/>`), code: 1000},
		{verb: "info", body: name, ext: ttlXML("info", ""), code: 1000, has: "!ttl:"},

		{verb: "create", body: host + `<addr ip="v4">192.0.2.1</addr>`, ext: ttlXML("create", `<ttl for="NS">300</ttl>`), code: 2306},
		{verb: "create", body: host + `<addr ip="v4">192.0.2.1</addr>`, ext: ttlXML("create", `<ttl for="A">300</ttl>`), code: 1000},
		{verb: "update", body: host, ext: ttlXML("update", `<ttl for="AAAA">600</ttl>`), code: 1000},
		{verb: "update", body: host, code: 2003},
		{verb: "info", body: host, ext: ttlXML("info", ""), code: 1000, has: `<ttl:ttl for="A">300</ttl:ttl><ttl:ttl for="AAAA">600</ttl:ttl>`},
		{verb: "delete", body: host, ext: ttlXML("update", `<ttl for="A">300</ttl>`), code: 2103},
	})
}
