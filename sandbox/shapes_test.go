package sandbox

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestShapeBounds tries each value of the schemas at its bounds: RFC 5730 to 5733, 5910, 3915 and
// 8807.
func TestShapeBounds(t *testing.T) {
	n := func(k int) string { return strings.Repeat("x", k) }
	create := func(inner string) string { return objectXML("create", "D:<name>a.com</name>"+inner+pw) }
	contact := func(inner string) string { return objectXML("create", "C:<id>abc</id>"+inner+"<email>a@b</email>"+pw) }
	postal := func(name, org, street, city, pc, cc string) string {
		return contact(`<postalInfo type="int"><name>` + name + "</name><org>" + org + "</org><addr><street>" + street + "</street><city>" + city +
			"</city><pc>" + pc + "</pc><cc>" + cc + "</cc></addr></postalInfo>")
	}
	login := func(id, pw, newPW, version, lang string) string {
		return loginXML(id, pw, newPW, version, lang, allObjects)
	}
	records := func(keyTag, alg, digestType, digest string) string {
		return objectXML("create", "D:<name>a.com</name>"+pw, dsXML("create", "<dsData><keyTag>"+keyTag+"</keyTag><alg>"+alg+
			"</alg><digestType>"+digestType+"</digestType><digest>"+digest+"</digest></dsData>"))
	}
	sec := func(inner string) string {
		return login("demo", "secret", "", "1.0", "en") + "<extension>" + secXML(inner) + "</extension>"
	}
	for _, tt := range []struct {
		xml  string
		code int
	}{
		// epp: clIDType 3 to 16, pwType 6 to 16
		{login("abc", "secret", "", "1.0", "en"), 0},
		{login("ab", "secret", "", "1.0", "en"), 2005},
		{login(n(16), n(16), "", "1.0", "en"), 0},
		{login(n(17), "secret", "", "1.0", "en"), 2005},
		{login("abc", n(5), "", "1.0", "en"), 2005},
		{login("abc", n(17), "", "1.0", "en"), 2005},
		{login("abc", "secret", n(6), "1.0", "en"), 0},
		{login("abc", "secret", n(5), "1.0", "en"), 2005},
		{login("abc", "secret", n(17), "1.0", "en"), 2005},
		{login("abc", "secret", "", "12.34", "en"), 0}, // answered 2100 later
		{login("abc", "secret", "", "1", "en"), 2005},
		{login("abc", "secret", "", "0.1", "en"), 2005},
		{login("abc", "secret", "", "1.0", "pt-BR"), 0},
		{login("abc", "secret", "", "1.0", ""), 2005},
		{login("abc", "secret", "", "1.0", n(9)), 2005},
		{`<poll op="req"/>`, 0},
		{`<poll op="ack" msgID="1"/>`, 0},
		{`<poll op="REQ"/>`, 2005},
		{`<poll op="req" id="1"/>`, 2001},
		{`<poll op="req">1</poll>`, 2001},

		// domain: labelType 1 to 255, pLimitType 1 to 99, hosts
		{objectXML("check", "D:<name>"+n(255)+"</name>"), 0},
		{objectXML("check", "D:<name>"+n(256)+"</name>"), 2005},
		{objectXML("check", "D:<name>\n</name>"), 2005},
		{objectXML("delete", "D:<name>a</name><name>b</name>"), 2001},
		{objectXML("info", `D:<name hosts="all">a</name>`), 0},
		{objectXML("info", `D:<name hosts="ALL">a</name>`), 2005},
		{objectXML("info", `D:<name host="all">a</name>`), 2001},
		{create(`<period unit="y">1</period>`), 0},
		{create(`<period unit="m">99</period>`), 0},
		{create(`<period unit="y">0</period>`), 2004},
		{create(`<period unit="y">100</period>`), 2004},
		{create(`<period unit="y">99999999999999999999</period>`), 2005},
		{create(`<period unit="y">1.5</period>`), 2005},
		{create(`<period unit="d">1</period>`), 2005},
		{create(`<period>1</period>`), 2003},
		{create("<registrant>ab</registrant>"), 2005},
		{create("<registrant>abc</registrant>"), 0},
		{create(`<contact type="admin">abc</contact><contact type="billing">abc</contact><contact type="tech">abc</contact><contact>abc</contact>`), 0},
		{create(`<contact type="owner">abc</contact>`), 2005},
		{create(`<contact type="tech">abc</contact><registrant>abc</registrant>`), 2001},
		{create("<ns><hostObj>a</hostObj></ns><ns><hostObj>b</hostObj></ns>"), 2001},
		{create("<ns><hostAttr><hostName>a</hostName><hostAddr>192.0.2.1</hostAddr></hostAttr></ns>"), 0},
		{create("<ns><hostAttr><hostAddr>192.0.2.1</hostAddr></hostAttr></ns>"), 2003},
		{objectXML("renew", "D:<name>a</name><curExpDate>2031-02-29</curExpDate>"), 2005},
		{objectXML("renew", "D:<name>a</name><curExpDate>2032-02-29</curExpDate>"), 0},
		{objectXML("renew", `D:<name>a</name><period unit="y">1</period><curExpDate>2032-02-29</curExpDate>`), 2001},
		{objectXML("update", "D:<name>a</name><chg><registrant/></chg>"), 0},
		{objectXML("update", "D:<name>a</name><chg><registrant>"+n(17)+"</registrant></chg>"), 2005},
		{objectXML("update", "D:<name>a</name><chg><authInfo/></chg>"), 2003},
		{objectXML("update", "D:<name>a</name><add>"+elements(11, `<status s="clientHold">%d</status>`)+"</add>"), 0},
		{objectXML("update", "D:<name>a</name><add>"+elements(12, `<status s="clientHold">%d</status>`)+"</add>"), 2001},
		{objectXML("update", `D:<name>a</name><add><status s="clientHold" lang="e"/></add>`), 0},
		{objectXML("update", `D:<name>a</name><add><status s="clientHold" lang=""/></add>`), 2005},
		{objectXML("update", `D:<name>a</name><add><status/></add>`), 2003},
		{objectXML("update", `D:<name>a</name><rem/><add/>`), 2001},
		{objectXML("create", `D:<name>a</name><authInfo><pw roid="A1-B">x</pw></authInfo>`), 0},
		{objectXML("create", `D:<name>a</name><authInfo><pw roid="A1">x</pw></authInfo>`), 2005},
		{objectXML("create", `D:<name>a</name><authInfo><pw>x</pw><pw>y</pw></authInfo>`), 2001},
		{objectXML("create", `D:<name>a</name><authInfo><null/></authInfo>`), 2001},

		// host: addrStringType 3 to 45
		{objectXML("create", "H:<name>a</name><addr>::1</addr>"), 0},
		{objectXML("create", "H:<name>a</name><addr>::</addr>"), 2005},
		{objectXML("create", "H:<name>a</name><addr>"+n(45)+"</addr>"), 0},
		{objectXML("create", "H:<name>a</name><addr>"+n(46)+"</addr>"), 2005},
		{objectXML("create", `H:<name>a</name><addr ip="V4">1.1.1.1</addr>`), 2005},
		{objectXML("update", "H:<name>a</name><chg><name>b</name><name>c</name></chg>"), 2001},
		{objectXML("update", "H:<name>a</name><add>"+elements(8, `<status s="linked">%d</status>`)+"</add>"), 2001},

		// contact: postalLineType 1 to 255, optPostalLineType 0 to 255, pcType 0 to 16, ccType 2
		{postal("A", "", "", "C", "", "DE"), 0},
		{postal(n(255), n(255), n(255), n(255), n(16), "DE"), 0},
		{postal("", "", "", "C", "", "DE"), 2005},
		{postal(n(256), "", "", "C", "", "DE"), 2005},
		{postal("A", n(256), "", "C", "", "DE"), 2005},
		{postal("A", "", n(256), "C", "", "DE"), 2005},
		{postal("A", "", "", "", "", "DE"), 2005},
		{postal("A", "", "", "C", n(17), "DE"), 2005},
		{postal("A", "", "", "C", "", "D"), 2005},
		{postal("A", "", "</street><street>2</street><street>3", "C", "", "DE"), 0},
		{postal("A", "", "</street><street>2</street><street>3</street><street>4", "C", "", "DE"), 2001},
		{strings.Replace(postal("A", "", "", "C", "", "DE"), "<contact:pc>", "<contact:sp></contact:sp><contact:pc>", 1), 0},
		{strings.Replace(postal("A", "", "", "C", "", "DE"), "<contact:pc>", "<contact:sp>"+n(256)+"</contact:sp><contact:pc>", 1), 2005},
		{contact(""), 2003},
		{strings.Replace(postal("A", "", "", "C", "", "DE"), "<contact:email>", "<contact:voice>+1.5</contact:voice><contact:fax x='7'>+123.12345678901234</contact:fax><contact:email>", 1), 0},
		{strings.Replace(postal("A", "", "", "C", "", "DE"), "<contact:email>", "<contact:voice>+1234.5</contact:voice><contact:email>", 1), 2005},
		{strings.Replace(postal("A", "", "", "C", "", "DE"), "<contact:email>", "<contact:voice>+1.123456789012345</contact:voice><contact:email>", 1), 2005},
		{strings.Replace(postal("A", "", "", "C", "", "DE"), "a@b", "", 1), 2005},
		{objectXML("update", `C:<id>abc</id><add><status s="linked"/></add>`), 0}, // 2306 later
		{objectXML("update", `C:<id>abc</id><add/>`), 2003},

		// secDNS and loginSec
		{records("0", "0", "0", "AA"), 0},
		{records("65535", "255", "255", "AA"), 0},
		{records("65536", "255", "255", "AA"), 2004},
		{records("1", "256", "1", "AA"), 2004},
		{records("1", "1", "256", "AA"), 2004},
		{records("1", "1", "1", ""), 2005},
		{records("1", "1", "1", "A"), 2005},
		{records("", "1", "1", "AA"), 2005},
		{sec("<s:pw>secret</s:pw>"), 0},
		{sec("<s:pw>short</s:pw>"), 2005},
		{sec("<s:pw>" + n(500) + "</s:pw><s:newPW>" + n(500) + "</s:newPW>"), 0},
		{sec("<s:newPW>secret</s:newPW><s:pw>secret</s:pw>"), 2001},
		{sec("<s:other/>"), 2001},

		// rgp
		{objectXML("update", "D:<name>a</name><chg/>", restoreXML("request", "")), 0},
		{objectXML("update", "D:<name>a</name><chg/>", restoreXML("undo", "")), 2005},
		{objectXML("update", "D:<name>a</name><chg/>", restoreXML("report", report)), 0},
		{objectXML("update", "D:<name>a</name><chg/>", restoreXML("report", strings.Replace(report, "2031-03-01T12:00:00.0Z", "2031-03-01", 1))), 2005},
		{objectXML("update", "D:<name>a</name><chg/>", restoreXML("report", strings.Replace(report, "<rgp:postData>b</rgp:postData>", "", 1))), 2003},
		{objectXML("update", "D:<name>a</name><chg/>", restoreXML("report", strings.Replace(report, "</rgp:report>", "<rgp:statement>b</rgp:statement><rgp:other/></rgp:report>", 1))), 0},
		{objectXML("update", "D:<name>a</name><chg/>", restoreXML("report", strings.Replace(report, "</rgp:report>", "<rgp:statement/><rgp:statement/></rgp:report>", 1))), 2001},
	} {
		req, f := readRequest([]byte(epp("<command>" + tt.xml + "</command>")))
		if f == nil {
			f = fullShape(&req)
		}
		code := 0
		if f != nil {
			code = f.code
		}
		if code != tt.code {
			t.Errorf("%.300s\ngot %d %v, want %d", tt.xml, code, f, tt.code)
		}
	}
}

// TestShapesAndHandlers: each command that has a shape has a handler and the other way round, and
// each verb has a shape.
func TestShapesAndHandlers(t *testing.T) {
	for name := range handlers {
		if objectShapes[name] == nil {
			t.Errorf("%v has no shape", name)
		}
		if !slices.Contains(objectURIs, name.space) || !commands[name.local] {
			t.Errorf("%v is no command for an object that the greeting announces", name)
		}
	}
	for name := range objectShapes {
		if handlers[name] == nil {
			t.Errorf("%v has no handler", name)
		}
	}
	verbs, shapes := slices.Sorted(maps.Keys(commands)), slices.Sorted(maps.Keys(verbShapes))
	if !slices.Equal(verbs, shapes) {
		t.Errorf("verbs %v, shapes %v", verbs, shapes)
	}
	for name := range extensionShapes {
		if !slices.Contains(extensionURIs, name.space) {
			t.Errorf("%v is not announced", name)
		}
	}
	for verb, carries := range commands {
		if verbShapes[verb].carries != carries {
			t.Errorf("%s: carries %v", verb, verbShapes[verb].carries)
		}
	}
}
