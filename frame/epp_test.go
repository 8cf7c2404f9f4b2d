package frame

import (
	"strings"
	"testing"
)

const obj = `<check><d:check xmlns:d="urn:d"/></check>`

const xsi = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`

func TestScanUnclear(t *testing.T) {
	long := strings.Repeat("例", MaxClTRID)
	tests := []struct {
		doc  string
		want Reason
		echo string
	}{
		{inCommand(obj + `<clTRID>a</clTRID>`), ReasonNone, ""},
		{`<EPP/>`, NotEPP, ""},
		{`<p:epp xmlns:p="u"><p:hello/></p:epp>`, ReasonNone, ""},
		{`<epp><hello/></epp>`, ReasonNone, ""},
		{`<epp xmlns="a b"><hello/></epp>`, NotEPP, ""},
		{inEPP(``), NotEPP, ""},
		{inEPP(`<creditInfo/>`), NotEPP, ""},
		{inEPP(`<hello xmlns="u"/>`), NotEPP, ""},
		{inEPP(`text<hello/>`), StrayText, ""},
		{inEPP(`<hello/>&#32;`), StrayText, ""},
		{inEPP(`<![CDATA[x]]><hello/>`), StrayText, ""},
		{inEPP(`<![CDATA[ ]]><hello>text</hello>`), ReasonNone, ""},
		{inEPP(`<hello/><hello/>`), SecondMessage, ""},
		{inEPP(`<command>` + obj + `<clTRID>a</clTRID></command><command/>`), SecondMessage, ""},

		{inEPP(`<command/>`), NoVerb, ""},
		{inCommand(``), NoVerb, ""},
		{inCommand(`<clTRID>a</clTRID>`), NoVerb, "a"},
		{inCommand(`<extension/><clTRID>a</clTRID>`), NoVerb, "a"},
		{inCommand(obj + obj + `<clTRID>a</clTRID>`), SecondVerb, ""},
		{inCommand(obj + `<clTRID>a</clTRID>` + obj), SecondVerb, "a"},
		{inCommand(obj + `<clTRID>a</clTRID>` + obj + `<clTRID>a</clTRID>`), SecondVerb, ""},
		{inCommand(obj + `<clTRID>a</clTRID><clTRID>a</clTRID>`), SecondClTRID, ""},
		{inCommand(obj + `<clTRID>a</clTRID><clTRID/>`), SecondClTRID, ""},
		{inCommand(obj + `<clTRID/><clTRID>a</clTRID>`), EmptyClTRID, ""},
		{inCommand(obj + `<extension/><extension/><clTRID>a</clTRID>`), SecondExtension, ""},
		{inCommand(obj + `<clTRID>a &amp;&#32; b</clTRID>.`), StrayText, "a &amp;&#32; b"},
		{inCommand(`.` + obj + `<clTRID>a</clTRID>`), StrayText, ""},
		{inCommand(obj + `<clTRID>a</clTRID><a`), BadTag, ""},
		{inCommand(obj+`<clTRID>a</clTRID>`) + `.`, TextOutsideRoot, ""},
		{inCommand(`<x xmlns="u"/><clTRID>a</clTRID>`), ReasonNone, ""},
		{inCommand(`<p:x xmlns:p="u"><p:clTRID>b</p:clTRID></p:x>`), ReasonNone, ""},
		{inCommand(`<x xmlns="u"/><y xmlns="v"/><clTRID xmlns="u">a</clTRID>`), ReasonNone, ""},
		{inCommand(`<x xmlns="u"/><clTRID xmlns="v">a</clTRID>`), MisplacedClTRID, ""},
		{inCommand(`<x xmlns="u"/><clTRID>a</clTRID><clTRID xmlns="u">a</clTRID>`), SecondClTRID, ""},
		{inCommand(`<x xmlns="u"/><y xmlns="u"/>`), ForeignElement, ""},
		{inCommand(`<x xmlns="u"/>` + obj), SecondVerb, ""},
		{inCommand(`<logout xmlns="u"/><clTRID>a</clTRID>`), ForeignElement, ""},
		{inCommand(`<hello xmlns=""/>`), ForeignElement, ""},
		{inCommand(obj + `<x xmlns="u"/>`), ForeignElement, ""},
		{inCommand(obj + `<clTRID xmlns="u">a</clTRID>`), MisplacedClTRID, ""},
		{inCommand(`<check><clTRID>a</clTRID></check>`), MisplacedClTRID, ""},
		{inCommand(`<check><clTRID xmlns="u">a</clTRID></check>`), ReasonNone, ""},
		{inCommand(`<check><x xmlns="u"/><y xmlns="u"/></check>`), SecondObject, ""},
		{inCommand(`<login><x xmlns="u"/><y xmlns="u"/></login>`), ReasonNone, ""},
		{inCommand(`<check><delete xmlns="u"/></check>`), ReasonNone, ""},
		{inCommand(`<info><list xmlns="u"/></info>`), ReasonNone, ""},
		{inCommand(`<transfer op="query" p:op="request" xmlns:p="u"/>`), OtherOp, ""},

		{inCommand(obj + `<clTRID/>`), EmptyClTRID, ""},
		{inCommand(obj + `<clTRID> &#9;<!-- x --><![CDATA[ ]]></clTRID>`), EmptyClTRID, ""},
		{inCommand(obj + `<clTRID>` + long + `</clTRID>`), ReasonNone, ""},
		{inCommand(obj + `<clTRID> ` + long + ` </clTRID>`), ReasonNone, ""},
		{inCommand(obj + `<clTRID>` + long + ` b</clTRID>`), LongClTRID, ""},
		{inCommand(obj + `<clTRID>` + strings.Repeat("a", MaxClTRID) + `</clTRID>`), ReasonNone, ""},
		{inCommand(obj + `<clTRID>` + strings.Repeat("a", MaxClTRID+1) + `</clTRID>`), LongClTRID, ""},
		{inCommand(obj + `<clTRID>a<b/></clTRID>`), ElementInClTRID, ""},
		{inCommand(obj + `<clTRID a="">a</clTRID>`), AttributeOnClTRID, ""},
		{inCommand(obj + `<clTRID xml:lang="en">a</clTRID>`), AttributeOnClTRID, ""},
		{inCommand(obj + `<clTRID ` + ns + ` xmlns:p="u">a</clTRID>`), ReasonNone, ""},

		{inCommand(obj + `<clTRID ` + xsi + ` xsi:type="epp:trIDStringType" xmlns:epp="u">a</clTRID>`), ReasonNone, ""},
		{inCommand(obj + `<clTRID ` + xsi + ` xsi:schemaLocation="u v">a</clTRID>`), ReasonNone, ""},
		{inCommand(obj + `<clTRID i:noNamespaceSchemaLocation="v" i:type = 'x' xmlns:i="http://www.w3.org/2001/XMLSchema&#45;instance">a</clTRID>`), ReasonNone, ""},
		{inCommand(obj + `<clTRID ` + xsi + ` xsi:nil="false">a</clTRID>`), AttributeOnClTRID, ""},
		{inCommand(obj + `<clTRID ` + xsi + ` xsi:nil="true"/>`), AttributeOnClTRID, ""},
		{inCommand(obj + `<clTRID ` + xsi + ` xsi:types="x">a</clTRID>`), AttributeOnClTRID, ""},
		{inCommand(obj + `<clTRID ` + xsi + ` type="x">a</clTRID>`), AttributeOnClTRID, ""},
		{inCommand(obj + `<clTRID ` + xsi + ` xsi:type="x" a="">a</clTRID>`), AttributeOnClTRID, ""},
		{inCommand(obj + `<clTRID xmlns:xsi="http://www.w3.org/2001/XMLSchema" xsi:type="x">a</clTRID>`), AttributeOnClTRID, ""},
		{inCommand(obj + `<clTRID xsi:type="x">a</clTRID>`), UnboundPrefix, ""},
		{inEPP(`<extension><x xmlns="u"><clTRID ` + xsi + ` xsi:type="x">a</clTRID></x></extension>`), ReasonNone, ""},
		{inEPP(`<extension><x xmlns="u"><clTRID ` + xsi + ` xsi:nil="0">a</clTRID></x></extension>`), AttributeOnClTRID, ""},
		// No other element has such a rule, in no message.
		{`<epp ` + ns + ` ` + xsi + ` xsi:type="e" xsi:schemaLocation="a b"><command xsi:type="c"><check xsi:type="d" xsi:nil="false"><o:check xmlns:o="urn:o" xsi:type="o"/></check>` +
			`<extension xsi:type="x" a="b"/></command></epp>`, ReasonNone, ""},
		{inEPP(`<response ` + xsi + ` xsi:type="r"><result code="1000" xsi:type="s"/><trID xsi:type="t" xsi:nil="false"><clTRID xsi:type="i" xsi:nil="0" a="">a</clTRID>` +
			`<svTRID xsi:type="j">b</svTRID></trID></response>`), ReasonNone, ""},

		{inEPP(`<response/>`), BadResult, ""},
		{inEPP(`<response><result/></response>`), BadResult, ""},
		{inEPP(`<response><result code="100"/></response>`), BadResult, ""},
		{inEPP(`<response><result code="0100"/></response>`), BadResult, ""},
		{inEPP(`<response><result code="10000"/></response>`), BadResult, ""},
		{inEPP(`<response><result code="100x"/></response>`), BadResult, ""},
		{inEPP(`<response><result code="&#49;000"/><result/></response>`), ReasonNone, ""},
		{inEPP(`<response><result code="1000"/><trID/><trID/></response>`), SecondTrID, ""},
		{inEPP(`<response><result code="1000"/><trID><clTRID>a</clTRID><clTRID>a</clTRID></trID></response>`), SecondClTRID, ""},
		{inEPP(`<response><result code="1000"/><trID><clTRID><a/></clTRID></trID></response>`), ElementInClTRID, ""},

		{inEPP(`<extension><x xmlns="u"><clTRID>a<b/></clTRID></x></extension>`), ElementInClTRID, ""},
		{inEPP(`<extension><x xmlns="u"><clTRID a="">a</clTRID></x></extension>`), AttributeOnClTRID, ""},
		{inEPP(`<extension><x xmlns="u"><clTRID a="">a</clTRID><clTRID>b</clTRID></x></extension>`), ReasonNone, ""},
	}
	var s Scanner
	for _, tt := range tests {
		if got := reasonOf(t, &s, tt.doc); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.doc, got, tt.want)
		}
		if got := string(s.EchoClTRID()); got != tt.echo {
			t.Errorf("%q: echo %q, want %q", tt.doc, got, tt.echo)
		}
	}
}

// TestUnknown: which messages have a verb that RFC 5730 does not define.
func TestUnknown(t *testing.T) {
	var s Scanner
	for doc, want := range map[string]bool{
		inCommand(`<undelete/>`):                            true,
		inCommand(`<Check/>`):                               true,
		inCommand(`<v:undelete xmlns:v="urn:v"/>`):          true,
		inCommand(obj):                                      false,
		inCommand(`<check><d:delete xmlns:d="d"/></check>`): false, // CommandOther, but the verb is known
		inCommand(`<hello/>`):                               false,
		inHello(``):                                         false,
		inEPP(`<extension><undelete/></extension>`):         false,
		inEPP(`<greeting/>`):                                false,
		inEPP(`<response><result code="1000"/></response>`): false,
	} {
		if m, err := s.Scan([]byte(doc)); err != nil || m.Unknown() != want {
			t.Errorf("%q: got %v, %v, want %v", doc, m.Unknown(), err, want)
		}
	}
}

func TestScanMessage(t *testing.T) {
	tests := []struct {
		doc     string
		kind    Kind
		command Command
		op      Op
		query   bool
		object  string
		value   string // of the clTRID; "-" for none
		insert  string // what stands at Insert; "" for 0
	}{
		{inHello(``), KindHello, CommandHello, OpNone, false, "", "-", ""},
		{inCommand(`<hello/>`), KindHello, CommandHello, OpNone, false, "", "-", ""},
		{inCommand(`<hello/><clTRID>a</clTRID>`), KindHello, CommandHello, OpNone, false, "", "a", ""},
		{inCommand(obj), KindCommand, CommandCheck, OpNone, true, "urn:d", "-", "</command></epp>"},
		{`<q:epp xmlns:q="u"><q:command><q:poll op="req"/></q:command ></q:epp>`,
			KindCommand, CommandPoll, OpReq, true, "", "-", "</q:command ></q:epp>"},
		{inCommand(`<poll op="re&#113;"/>`), KindCommand, CommandPoll, OpReq, true, "", "-", "</command></epp>"},
		{inCommand(`<poll op=" req"/>`), KindCommand, CommandPoll, OpOther, false, "", "-", "</command></epp>"},
		{inCommand(`<poll/>`), KindCommand, CommandPoll, OpNone, false, "", "-", "</command></epp>"},
		{inCommand(`<poll op="ack" msgID="1"/>`), KindCommand, CommandPoll, OpAck, false, "", "-", "</command></epp>"},
		{inCommand(`<transfer op='query'/>`), KindCommand, CommandTransfer, OpQuery, true, "", "-", "</command></epp>"},
		{inCommand(`<transfer op='none'/>`), KindCommand, CommandTransfer, OpOther, false, "", "-", "</command></epp>"},
		{inCommand(`<undelete/>`), KindCommand, CommandOther, OpNone, false, "", "-", "</command></epp>"},
		{inCommand(`<v:undelete xmlns:v="urn:v"><d:name xmlns:d="urn:d"/></v:undelete>`),
			KindCommand, CommandOther, OpNone, false, "urn:v", "-", "</command></epp>"},
		{inCommand(`<clTRID>a</clTRID><logout/>`), KindCommand, CommandLogout, OpNone, false, "", "a", ""},
		{inCommand(obj + `<extension><a xmlns="u"><clTRID>x</clTRID><b:clTRID xmlns:b="` + Namespace + `">y</b:clTRID></a></extension>`),
			KindCommand, CommandCheck, OpNone, false, "urn:d", "-", "</command></epp>"},
		{inCommand(obj + `<c:clTRID xmlns:c="` + Namespace + `"> a<!-- b --><?c d?><![CDATA[<]]> &#x20;&#10;&amp; </c:clTRID>`),
			KindCommand, CommandCheck, OpNone, true, "urn:d", "a< &", ""},
		{`<epp xmlns:e=""/>`, KindNone, 0, 0, false, "", "", ""},

		{inEPP(`<greeting><svID>x</svID><svDate>y</svDate></greeting>`), KindGreeting, CommandNone, OpNone, false, "", "-", ""},
		{inEPP(`<response><result code="1000"/><resData><d:x xmlns:d="urn:d"/></resData><trID><clTRID>a</clTRID><svTRID>s</svTRID></trID></response>`),
			KindResponse, CommandNone, OpNone, false, "urn:d", "a", ""},
		{inEPP(`<response><result code="1000"/><trID><clTRID> </clTRID><svTRID>s</svTRID></trID></response>`),
			KindResponse, CommandNone, OpNone, false, "", "-", ""},

		{inEPP(`<extension><x xmlns="urn:x"><clTRID>a</clTRID><y><clTRID>b</clTRID><clTRID>c</clTRID></y><clTRID>d</clTRID></x></extension>`),
			KindExtension, CommandExtension, OpNone, false, "urn:x", "c", ""},
		{inEPP(`<extension><x xmlns="urn:x"><clTRID>a</clTRID><trID><clTRID>b</clTRID></trID><paTRID><clTRID>c</clTRID></paTRID></x></extension>`),
			KindExtension, CommandExtension, OpNone, false, "urn:x", "a", ""},
		{inEPP(`<extension><x xmlns="urn:x"><clTRID/></x></extension>`), KindExtension, CommandExtension, OpNone, false, "urn:x", "-", ""},
		{inEPP(`<extension/>`), KindExtension, CommandExtension, OpNone, false, "", "-", ""},
	}
	var s Scanner
	for _, tt := range tests {
		m, err := s.Scan([]byte(tt.doc))
		if err != nil {
			if tt.kind != KindNone {
				t.Errorf("%q: %v", tt.doc, err)
			}
			continue
		}
		if m.Kind != tt.kind || m.Command != tt.command || m.Op != tt.op || m.Query(nil) != tt.query || string(m.Object) != tt.object {
			t.Errorf("%q: got %v %v %v query %v object %q", tt.doc, m.Kind, m.Command, m.Op, m.Query(nil), m.Object)
		}
		value := "-"
		if m.ClTRID.Present() {
			value = string(m.ClTRID.Value)
		}
		if value != tt.value {
			t.Errorf("%q: clTRID %q, want %q", tt.doc, value, tt.value)
		}
		insert := ""
		if m.Insert > 0 {
			insert = tt.doc[m.Insert:]
		}
		if insert != tt.insert {
			t.Errorf("%q: insert before %q, want %q", tt.doc, insert, tt.insert)
		}
		checkRestore(t, nil, m)
	}
}

func TestScanResponse(t *testing.T) {
	doc := inEPP(`<response><result code="1301"><msg>x</msg></result><result code="2000"/><resData>
<o:panData xmlns:o="urn:o" xmlns:e="` + Namespace + `"><o:name paResult="1">n</o:name>
<o:paTRID><e:clTRID> one </e:clTRID><e:svTRID>s1</e:svTRID></o:paTRID><o:clTRID>no</o:clTRID>
<o:paTRID><e:clTRID/><e:svTRID>s2</e:svTRID></o:paTRID></o:panData></resData>
<extension><x xmlns="urn:x"><paTRID><clTRID>t&#119;o</clTRID></paTRID><paTRID><clTRID>a<b/></clTRID></paTRID></x></extension>
<trID><clTRID>M-1</clTRID><svTRID>S-1</svTRID></trID></response>`)
	m, err := NewScanner().Scan([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if m.Code != 1301 || string(m.Object) != "urn:o" || doc[m.Verb.Start:m.Verb.End] != "panData" {
		t.Errorf("got code %d object %q verb %q", m.Code, m.Object, doc[m.Verb.Start:m.Verb.End])
	}
	if got := doc[m.SvTRID.Start:m.SvTRID.End]; got != "S-1" {
		t.Errorf("svTRID: got %q", got)
	}
	if len(m.PaTRID) != 2 || string(m.PaTRID[0].Value) != "one" || string(m.PaTRID[1].Value) != "two" {
		t.Fatalf("paTRID: got %+v", m.PaTRID)
	}
	if got := doc[m.PaTRID[0].Content.Start:m.PaTRID[0].Content.End]; got != " one " {
		t.Errorf("paTRID: content %q", got)
	}
	edits := []Edit{m.PaTRID[0].Replace([]byte("1")), m.PaTRID[1].Replace([]byte("2")), m.ClTRID.Remove()}
	want := strings.NewReplacer(" one ", "1", "t&#119;o", "2", "<clTRID>M-1</clTRID>", "").Replace(doc)
	if got := string(AppendUnit(nil, m.Payload, edits)[HeaderLen:]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestScanGreeting(t *testing.T) {
	doc := inEPP("<greeting><svID>x</svID><svDate>2026-01-02T03:04:05Z</svDate><svcMenu><svDate>no</svDate></svcMenu></greeting>")
	m, err := NewScanner().Scan([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	unit := AppendUnit(nil, m.Payload, []Edit{{m.SvDate, []byte("2027-01-01T00:00:00Z")}})
	if want := strings.Replace(doc, "2026-01-02T03:04:05Z", "2027-01-01T00:00:00Z", 1); string(unit[HeaderLen:]) != want {
		t.Errorf("got %s", unit)
	}
}
