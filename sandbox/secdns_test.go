package sandbox

import (
	"fmt"
	"strings"
	"testing"
)

// keys is a keyData element, which the registry does not take.
const keys = "<keyData><flags>257</flags><protocol>3</protocol><alg>13</alg><pubKey>AQPJ</pubKey></keyData>"

// withKey is a dsData element with the key that it was made from.
func withKey(record string) string {
	return strings.Replace(record, "</dsData>", keys+"</dsData>", 1)
}

// TestSecDNSRefused: what the DS data interface of RFC 5910 section 4 does not take, in create and
// in update. The domain stays as it was.
func TestSecDNSRefused(t *testing.T) {
	name := "D:<name>example.com</name>"
	a, b := ds("1", "AA"), ds("2", "BB")
	update := func(inner string) string { return dsXML("update", inner) }
	steps := []step{{verb: "update", body: name, ext: update("<add><maxSigLife>5</maxSigLife>" + a + "</add>"), code: 1000}}
	for _, tt := range []struct {
		ext  string
		code int
	}{
		{update("<add>" + keys + "</add>"), 2306},
		{update("<add>" + withKey(b) + "</add>"), 2306},
		{update("<add>" + b + keys + "</add>"), 2001},
		{update("<add></add>"), 2003},
		{update("<add><maxSigLife>5</maxSigLife></add>"), 2003},
		{update("<add><maxSigLife>0</maxSigLife>" + b + "</add>"), 2004},
		{update("<add><maxSigLife>2147483648</maxSigLife>" + b + "</add>"), 2004},
		{update("<add>" + b + "<maxSigLife>5</maxSigLife></add>"), 2001},
		{update("<add>" + b + "</add><rem>" + a + "</rem>"), 2001}, // the schema wants rem first
		{update("<rem>" + keys + "</rem>"), 2306},
		{update("<rem>" + b + "</rem>"), 2306},
		{update("<rem><all>yes</all></rem>"), 2005},
		{update("<rem></rem>"), 2003},
		{update("<rem><all>1</all>" + a + "</rem>"), 2001},
		{update("<chg><maxSigLife>x</maxSigLife></chg>"), 2005},
		{update("<add>" + ds("-1", "AA") + "</add>"), 2005},
		{update("<add>" + ds("2", "") + "</add>"), 2005},
		{update("<add>" + ds("2", "ABC") + "</add>"), 2005},
		{update("<add>" + strings.Replace(b, "<alg>13</alg>", "<alg>256</alg>", 1) + "</add>"), 2004},
		{update("<add>" + strings.Replace(b, "<digestType>2</digestType>", "", 1) + "</add>"), 2003},
		{strings.Replace(update("<add>"+b+"</add>"), " xmlns", ` urgent="true" xmlns`, 1), 2102},
		{strings.Replace(update("<add>"+b+"</add>"), " xmlns", ` urgent="soon" xmlns`, 1), 2005},
	} {
		steps = append(steps,
			step{verb: "update", body: name, ext: tt.ext, code: tt.code},
			step{verb: "info", body: name, code: 1000, has: "<secDNS:maxSigLife>5</|keyTag>1<|digest>AA<|!keyTag>2<"})
	}
	steps = append(steps,
		// The object's own part is not carried out without the extension, and the other way round.
		step{verb: "update", body: name + `<add><status s="clientHold"/></add>`, ext: update("<rem>" + b + "</rem>"), code: 2306},
		step{verb: "update", body: name + `<add><status s="serverHold"/></add>`, ext: update("<add>" + b + "</add>"), code: 2306},
		step{verb: "info", body: name, code: 1000, has: "keyTag>1<|!keyTag>2<|!clientHold"},
		step{verb: "update", body: name, ext: strings.Replace(update("<add>"+b+"</add>"), " xmlns", ` urgent="0" xmlns`, 1), code: 1000},
		step{verb: "info", body: name, code: 1000, has: "keyTag>1<|keyTag>2<"})
	play(t, Config{}, steps)
}

// TestSecDNSReplaced: RFC 5910 section 5.2.5: rem goes before add, so that one update can exchange
// all records, and maxSigLife stays unless it is mentioned.
func TestSecDNSReplaced(t *testing.T) {
	name := "D:<name>example.com</name>"
	a, b, c := ds("1", "AA"), ds("2", "BB"), ds("3", "CC")
	play(t, Config{}, []step{
		{verb: "update", body: name, ext: dsXML("update", "<add>"+a+b+"</add><chg><maxSigLife>7</maxSigLife></chg>"), code: 1000},
		{verb: "info", body: name, code: 1000, has: "maxSigLife>7<|keyTag>1<|keyTag>2<"},
		{verb: "update", body: name, ext: dsXML("update", "<rem><all>1</all></rem><add>"+a+c+"</add>"), code: 1000},
		{verb: "info", body: name, code: 1000, has: "maxSigLife>7<|keyTag>1<|!keyTag>2<|keyTag>3<"},
		{verb: "update", body: name, ext: dsXML("update", "<rem>"+a+"</rem><add>"+a+"</add>"), code: 1000},
		{verb: "info", body: name, code: 1000, has: "keyTag>1<|keyTag>3<"},
		{verb: "update", body: name, ext: dsXML("update", "<rem>"+a+c+"</rem>"), code: 1000},
		{verb: "info", body: name, code: 1000, has: "!secDNS"},
		// Numbers and digests are the same in any spelling.
		{verb: "update", body: name, ext: dsXML("update", "<add>"+ds("007", "abcd")+"</add>"), code: 1000},
		{verb: "update", body: name, ext: dsXML("update", "<add>"+ds("7", "ABCD")+"</add>"), code: 2306, has: "dsData 7 is there already"},
		{verb: "info", body: name, code: 1000, has: "keyTag>7<|digest>ABCD<"},
		{verb: "update", body: name, ext: dsXML("update", "<rem>"+ds("0007", "AbCd")+"</rem>"), code: 1000},
		{verb: "update", body: name, ext: dsXML("update", ""), code: 1000}, // nothing to do is done
	})
}

// TestSecDNSLimit: a domain has at most eight DS records, whether by create or bit by bit.
func TestSecDNSLimit(t *testing.T) {
	records := func(from, to int) string {
		var b strings.Builder
		for i := from; i <= to; i++ {
			b.WriteString(ds(fmt.Sprint(i), "AA"))
		}
		return b.String()
	}
	play(t, Config{}, []step{
		{verb: "create", body: "D:<name>nine.com</name>" + pw, ext: dsXML("create", records(1, 9)), code: 2306, has: "at most 8"},
		{verb: "info", body: "D:<name>nine.com</name>", code: 2303},
		{verb: "create", body: "D:<name>eight.com</name>" + pw, ext: dsXML("create", records(1, 8)), code: 1000},
		{verb: "update", body: "D:<name>eight.com</name>", ext: dsXML("update", "<add>"+records(9, 9)+"</add>"), code: 2306},
		{verb: "update", body: "D:<name>eight.com</name>", ext: dsXML("update", "<rem>"+records(1, 1)+"</rem><add>"+records(9, 9)+"</add>"), code: 1000},
		{verb: "info", body: "D:<name>eight.com</name>", code: 1000, has: "!keyTag>1<|keyTag>2<|keyTag>9<"},
	})
}

// TestSecDNSUnseen: a client that did not choose secDNS at login is not shown the data, which
// stays.
func TestSecDNSUnseen(t *testing.T) {
	r := start(t, Config{})
	c := enter(t, r, "demo")
	c.do("update", "D:<name>example.com</name>", dsXML("update", "<add>"+ds("1", "AA")+"</add>")).want(1000)
	d := enterWith(t, r, allObjects+"<svcExtension><extURI>"+nsRGP+"</extURI></svcExtension>")
	d.do("info", "D:<name>example.com</name>").want(1000).lacks("secDNS")
	d.do("update", `D:<name>example.com</name><add><status s="clientHold"/></add>`).want(1000)
	c.do("info", "D:<name>example.com</name>").want(1000).has("keyTag>1<", "clientHold")
}
