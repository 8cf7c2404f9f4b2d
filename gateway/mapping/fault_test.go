package mapping

import (
	"errors"
	"strings"
	"testing"
)

// TestMarshalRefuses: what the schemas would not take is refused by the member's path, and the words do not
// repeat the value.
func TestMarshalRefuses(t *testing.T) {
	const a = "a.example"
	many := func(n int) []Status { return make([]Status, n) }
	for _, tt := range []struct {
		c      Command
		member string
	}{
		{&CheckCommand{}, "names"},
		{&CheckCommand{Names: []string{a, "bad canary"}}, "names[1]"},
		{&CheckCommand{Names: []string{a, ""}}, "names[1]"},
		{&CheckCommand{Of: ContactObject, Names: []string{"ab"}}, "names[0]"},
		{&CheckCommand{Of: ContactObject, Names: []string{"abc", strings.Repeat("x", 17)}}, "names[1]"},
		{&CheckCommand{Of: NoObject, Names: []string{a}}, ""},
		{&CheckCommand{Of: HostObject, Names: []string{a}, Fee: &FeeCheck{Commands: []FeeCommand{{Command: "create"}}}}, "fee"},
		{&CheckCommand{Names: []string{a}, Fee: &FeeCheck{}}, "fee.commands"},
		{&CheckCommand{Names: []string{a}, Fee: &FeeCheck{Currency: "eur", Commands: []FeeCommand{{Command: "create"}}}}, "fee.currency"},
		{&CheckCommand{Names: []string{a}, Fee: &FeeCheck{Commands: []FeeCommand{{Command: "canary"}}}}, "fee.commands[0].command"},
		{&CheckCommand{Names: []string{a}, Fee: &FeeCheck{Commands: []FeeCommand{{Command: "custom"}}}}, "fee.commands[0].customName"},
		{&CheckCommand{Names: []string{a}, Fee: &FeeCheck{Commands: []FeeCommand{{Command: "create", Custom: "x"}}}}, "fee.commands[0].customName"},
		{&CheckCommand{Names: []string{a}, Fee: &FeeCheck{Commands: []FeeCommand{{Command: "create", Phase: " x"}}}}, "fee.commands[0].phase"},
		{&CheckCommand{Names: []string{a}, Fee: &FeeCheck{Commands: []FeeCommand{{Command: "create", Period: &Period{0, "y"}}}}}, "fee.commands[0].period.value"},
		{&CheckCommand{Names: []string{a}, Fee: &FeeCheck{Commands: []FeeCommand{{Command: "create", Reason: "x"}}}}, "fee.commands[0]"},

		{&DomainInfo{Name: ""}, "name"}, {&DomainInfo{Name: "canary canary"}, "name"}, {&DomainInfo{Name: a, Hosts: "canary"}, "hosts"},
		{&DomainInfo{Name: a, AuthInfo: &AuthInfo{Password: "canary\n"}}, "authInfo.password"},
		{&DomainInfo{Name: a, AuthInfo: &AuthInfo{Password: "canary\x00"}}, "authInfo.password"},
		{&DomainInfo{Name: a, AuthInfo: &AuthInfo{Password: "canary\xff"}}, "authInfo.password"},
		{&DomainInfo{Name: a, AuthInfo: &AuthInfo{Password: "canary\uffff"}}, "authInfo.password"},
		{&DomainInfo{Name: a, AuthInfo: &AuthInfo{Password: "canary\u0085"}}, "authInfo.password"},
		{&DomainInfo{Name: a, AuthInfo: &AuthInfo{ROID: "canary"}}, "authInfo.roid"},
		{&DomainInfo{Name: a, AuthInfo: &AuthInfo{ROID: "a-toolongtld"}}, "authInfo.roid"},

		{&DomainCreate{Name: a, Period: &Period{100, "y"}}, "period.value"},
		{&DomainCreate{Name: a, Period: &Period{1, "canary"}}, "period.unit"},
		{&DomainCreate{Name: a, Period: &Period{1, ""}}, "period.unit"},
		{&DomainCreate{Name: a, Nameservers: []Nameserver{{Name: a}, {Name: "a_b.example"}}}, "nameservers[1].name"},
		{&DomainCreate{Name: a, Nameservers: []Nameserver{{Name: a}, {Name: a, Addresses: []string{"192.0.2.1", "192.0.2.256"}}}}, "nameservers[1].addresses[1]"},
		{&DomainCreate{Name: a, Nameservers: []Nameserver{{Name: a, Addresses: []string{"fe80::1%canary"}}}}, "nameservers[0].addresses[0]"},
		{&DomainCreate{Name: a, Nameservers: []Nameserver{{Name: a, Addresses: []string{"::"}}}}, "nameservers[0].addresses[0]"},
		{&DomainCreate{Name: a, Nameservers: []Nameserver{{Name: a, Addresses: []string{" 192.0.2.1"}}}}, "nameservers[0].addresses[0]"},
		{&DomainCreate{Name: a, Registrant: "c "}, "registrant"}, {&DomainCreate{Name: a, Registrant: "a  b"}, "registrant"},
		{&DomainCreate{Name: a, Contacts: []Contact{{"canary", "c-1"}}}, "contacts[0].type"},
		{&DomainCreate{Name: a, Contacts: []Contact{{"tech", ""}}}, "contacts[0].id"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{}}, "secDNS.ds"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{MaxSigLife: 5}}, "secDNS.ds"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{MaxSigLife: -1, DS: []DS{{Digest: "00"}}}}, "secDNS.maxSigLife"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{DS: []DS{{Digest: "00"}}, Keys: []DNSKEY{{PublicKey: "AQ=="}}}}, "secDNS.keys"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{DS: []DS{{Digest: "00"}, {Digest: "0"}}}}, "secDNS.ds[1].digest"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{DS: []DS{{Digest: ""}}}}, "secDNS.ds[0].digest"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{DS: []DS{{Digest: "canary"}}}}, "secDNS.ds[0].digest"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{DS: []DS{{Digest: "00", Key: &DNSKEY{PublicKey: "!"}}}}}, "secDNS.ds[0].key.publicKey"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{Keys: []DNSKEY{{PublicKey: ""}}}}, "secDNS.keys[0].publicKey"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{Keys: []DNSKEY{{PublicKey: "AQ"}}}}, "secDNS.keys[0].publicKey"},
		{&DomainCreate{Name: a, SecDNS: &SecDNS{Keys: []DNSKEY{{PublicKey: "AQ\n=="}}}}, "secDNS.keys[0].publicKey"},
		{&DomainCreate{Name: a, TTL: []TTL{{For: "canary"}}}, "ttl[0].for"}, {&DomainCreate{Name: a, TTL: []TTL{{For: "NS"}, {For: "NS"}}}, "ttl[1].for"},
		{&DomainCreate{Name: a, TTL: []TTL{{For: "custom"}}}, "ttl[0].custom"}, {&DomainCreate{Name: a, TTL: []TTL{{For: "custom", Custom: "txt"}}}, "ttl[0].custom"},
		{&DomainCreate{Name: a, TTL: []TTL{{For: "NS", Custom: "TXT"}}}, "ttl[0].custom"}, {&DomainCreate{Name: a, TTL: []TTL{{For: "NS", Seconds: ptr(-1)}}}, "ttl[0].seconds"},
		{&DomainCreate{Name: a, TTL: []TTL{{For: "NS", Seconds: ptr(1 << 31)}}}, "ttl[0].seconds"}, {&DomainCreate{Name: a, TTL: []TTL{{For: "NS", Min: ptr(1)}}}, "ttl[0]"},
		{&DomainCreate{Name: a, Fee: &Charge{}}, "fee.fees"}, {&DomainCreate{Name: a, Fee: &Charge{Balance: "1", Fees: []Fee{{Amount: "1"}}}}, "fee"},
		{&DomainCreate{Name: a, Fee: &Charge{Currency: "EURO", Fees: []Fee{{Amount: "1"}}}}, "fee.currency"},
		{&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "1"}, {Amount: "-1"}}}}, "fee.fees[1].amount"},
		{&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "1e3"}}}}, "fee.fees[0].amount"}, {&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "1,5"}}}}, "fee.fees[0].amount"},
		{&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "INF"}}}}, "fee.fees[0].amount"}, {&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: ""}}}}, "fee.fees[0].amount"},
		{&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "1", Applied: "canary"}}}}, "fee.fees[0].applied"},
		{&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "1", GracePeriod: "5D"}}}}, "fee.fees[0].gracePeriod"},
		{&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "1", Lang: "e n"}}}}, "fee.fees[0].lang"}, {&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "1", Description: "\x01"}}}}, "fee.fees[0].description"},
		{&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "1"}}, Credits: []Fee{{Amount: "1"}}}}, "fee.credits[0].amount"},
		{&DomainCreate{Name: a, Fee: &Charge{Fees: []Fee{{Amount: "1"}}, Credits: []Fee{{Amount: "-1", Applied: "delayed"}}}}, "fee.credits[0]"},

		{&DomainRenew{Name: a}, "curExpDate"}, {&DomainRenew{Name: a, CurExpDate: "2026-02-29"}, "curExpDate"}, {&DomainRenew{Name: a, CurExpDate: "2026-11-30T00:00:00Z"}, "curExpDate"}, {&DomainRenew{Name: a, CurExpDate: "0000-01-01"}, "curExpDate"},
		{&TransferCommand{Name: a}, "op"}, {&TransferCommand{Name: a, Op: "canary"}, "op"}, {&TransferCommand{Of: HostObject, Name: a, Op: "query"}, ""},
		{&TransferCommand{Of: ContactObject, Name: "c-1", Op: "query", Period: &Period{1, "y"}}, "period"}, {&TransferCommand{Of: ContactObject, Name: "c-1", Op: "query", Fee: &Charge{}}, "fee"}, {&TransferCommand{Of: ContactObject, Name: "c", Op: "query"}, "name"},

		{&DomainUpdate{Name: a}, ""}, {&DomainUpdate{Name: a, NoAuthInfo: true, AuthInfo: &AuthInfo{}}, "noAuthInfo"}, {&DomainUpdate{Name: a, Registrant: ptr("c")}, "registrant"},
		{&DomainUpdate{Name: a, Add: DomainChange{Status: []Status{{Value: "canary"}}}}, "add.status[0].value"}, {&DomainUpdate{Name: a, Rem: DomainChange{Status: []Status{{Value: "ok", Lang: "-"}}}}, "rem.status[0].lang"},
		{&DomainUpdate{Name: a, Rem: DomainChange{Status: []Status{{Value: "ok", Text: "canary\t"}}}}, "rem.status[0].text"}, {&DomainUpdate{Name: a, Add: DomainChange{Status: many(12)}}, "add.status"},
		{&DomainUpdate{Name: a, Add: DomainChange{Nameservers: []Nameserver{{Name: "-"}}}}, "add.nameservers[0].name"}, {&DomainUpdate{Name: a, Rem: DomainChange{Contacts: []Contact{{"tech", "x"}}}}, "rem.contacts[0].id"},
		{&DomainUpdate{Name: a, SecDNS: &SecDNSUpdate{}}, "secDNS"}, {&DomainUpdate{Name: a, SecDNS: &SecDNSUpdate{Urgent: true}}, "secDNS"},
		{&DomainUpdate{Name: a, SecDNS: &SecDNSUpdate{RemAll: true, Rem: SecDNS{DS: []DS{{Digest: "00"}}}}}, "secDNS.remAll"}, {&DomainUpdate{Name: a, SecDNS: &SecDNSUpdate{Rem: SecDNS{MaxSigLife: 1}}}, "secDNS.rem.maxSigLife"},
		{&DomainUpdate{Name: a, SecDNS: &SecDNSUpdate{Add: SecDNS{MaxSigLife: 1}}}, "secDNS.add.ds"}, {&DomainUpdate{Name: a, SecDNS: &SecDNSUpdate{MaxSigLife: -1}}, "secDNS.maxSigLife"},
		{&DomainUpdate{Name: a, Restore: true, Report: &RestoreReport{}}, "report"}, {&DomainUpdate{Name: a, Report: &RestoreReport{}}, "report.preData"},
		{&DomainUpdate{Name: a, Report: &RestoreReport{PreData: "a", PostData: "b", DelTime: "2026-11-30"}}, "report.delTime"},
		{&DomainUpdate{Name: a, Report: &RestoreReport{PreData: "a", PostData: "b", DelTime: "2026-11-30T12:00:00Z", ResTime: "2026-11-30T25:00:00Z"}}, "report.resTime"},
		{&DomainUpdate{Name: a, Report: &RestoreReport{PreData: "a", PostData: "b\r", DelTime: "2026-11-30T12:00:00Z", ResTime: "2026-11-30T12:00:00Z"}}, "report.postData"},
		{&DomainUpdate{Name: a, Report: &RestoreReport{PreData: "a", PostData: "b", DelTime: "2026-11-30T12:00:00Z", ResTime: "2026-11-30T12:00:00Z", ResReason: "r"}}, "report.statements"},
		{&DomainUpdate{Name: a, Report: &RestoreReport{PreData: "a", PostData: "b", DelTime: "2026-11-30T12:00:00Z", ResTime: "2026-11-30T12:00:00Z", ResReason: "r", Statements: []string{"1", ""}}}, "report.statements[1]"},

		{&HostCreate{Name: a, Addresses: []string{"canary"}}, "addresses[0]"}, {&HostUpdate{Name: a}, ""}, {&HostUpdate{Name: a, NewName: "a b"}, "newName"}, {&HostUpdate{Name: a, AddAddresses: []string{"x"}}, "addAddresses[0]"}, {&HostUpdate{Name: a, RemAddresses: []string{"x"}}, "remAddresses[0]"},
		{&HostUpdate{Name: a, AddStatus: []Status{{Value: "clientHold"}}}, "addStatus[0].value"}, {&HostUpdate{Name: a, RemStatus: many(8)}, "remStatus"},

		{&ContactInfo{ID: "é"}, "id"}, {&ContactInfo{ID: "éé"}, "id"}, {&ContactDelete{}, "id"}, {person(func(p *Person) { p.PostalInfo = nil }), "postalInfo"},
		{person(func(p *Person) { p.PostalInfo = append(p.PostalInfo, p.PostalInfo[0]) }), "postalInfo"}, {person(func(p *Person) { p.PostalInfo[1].Type = "int" }), "postalInfo"}, {person(func(p *Person) { p.PostalInfo[0].Type = "" }), "postalInfo[0].type"},
		{person(func(p *Person) { p.PostalInfo[0].Name = "" }), "postalInfo[0].name"}, {person(func(p *Person) { p.PostalInfo[0].Name = strings.Repeat("é", 256) }), "postalInfo[0].name"}, {person(func(p *Person) { p.PostalInfo[0].Org = "a\nb" }), "postalInfo[0].org"},
		{person(func(p *Person) { p.PostalInfo[0].Street = []string{"1", "2", "3", "4"} }), "postalInfo[0].street"}, {person(func(p *Person) { p.PostalInfo[0].Street = []string{"1", "2\n"} }), "postalInfo[0].street[1]"},
		{person(func(p *Person) { p.PostalInfo[0].City = "" }), "postalInfo[0].city"}, {person(func(p *Person) { p.PostalInfo[0].SP = strings.Repeat("x", 256) }), "postalInfo[0].sp"}, {person(func(p *Person) { p.PostalInfo[0].PC = strings.Repeat("x", 17) }), "postalInfo[0].pc"}, {person(func(p *Person) { p.PostalInfo[0].PC = " x" }), "postalInfo[0].pc"},
		{person(func(p *Person) { p.PostalInfo[0].Country = "NOR" }), "postalInfo[0].cc"}, {person(func(p *Person) { p.PostalInfo[0].Country = "" }), "postalInfo[0].cc"}, {person(func(p *Person) { p.PostalInfo[0].Country = "é" }), "postalInfo[0].cc"}, {person(func(p *Person) { p.PostalInfo[0].NoOrg = true }), "postalInfo[0].org"},
		{person(func(p *Person) { p.Voice.Number = "0612345" }), "voice.number"}, {person(func(p *Person) { p.Voice.Number = "+39.123456789012345" }), "voice.number"}, {person(func(p *Person) { p.Voice.Number = "+1234.1" }), "voice.number"}, {person(func(p *Person) { p.Voice.Number = "+.1" }), "voice.number"}, {person(func(p *Person) { p.Voice.Number = "+1." }), "voice.number"}, {person(func(p *Person) { p.Fax.Number = "" }), "fax.number"}, {person(func(p *Person) { p.Voice.X = " 1" }), "voice.x"},
		{person(func(p *Person) { p.Email = "" }), "email"}, {person(func(p *Person) { p.Email = "a@b.example " }), "email"}, {person(func(p *Person) { p.AuthInfo.Password = "canary\t" }), "authInfo.password"},
		{person(func(p *Person) { p.Disclose.Elements = nil }), "disclose.elements"}, {person(func(p *Person) { p.Disclose.Elements = []string{"voice", "voice"} }), "disclose.elements[1]"}, {person(func(p *Person) { p.Disclose.Elements = []string{"name"} }), "disclose.elements[0]"},
		{person(func(p *Person) { p.ROID = "x" }), "roid"}, {person(func(p *Person) { p.Status = many(1) }), "status"}, {person(func(p *Person) { p.TrDate = "x" }), "trDate"},
		{&ContactUpdate{ID: "c-1"}, ""}, {&ContactUpdate{ID: "c-1", Change: &Person{}}, ""}, {&ContactUpdate{ID: "c-1", Change: &Person{ID: "c-2", Email: "x"}}, "change.id"}, {&ContactUpdate{ID: "c-1", Change: &Person{CrID: "c-2", Email: "x"}}, "change.crID"},
		{&ContactUpdate{ID: "c-1", Change: &Person{PostalInfo: []PostalInfo{{Type: "loc", City: "x"}}}}, "change.postalInfo[0].cc"}, {&ContactUpdate{ID: "c-1", AddStatus: many(8)}, "addStatus"}, {&ContactUpdate{ID: "c-1", RemStatus: []Status{{Value: "x"}}}, "remStatus[0].value"}, {&ContactUpdate{ID: "c-1", Change: &Person{Fax: &Phone{X: "1"}}}, "change.fax.number"},
		{&PollAck{}, "id"}, {&PollAck{ID: " 1"}, "id"},
	} {
		_, err := Marshal(tt.c, "req-1")
		var f *Fault
		if !errors.As(err, &f) || f.Member != tt.member || f.Why == "" {
			t.Errorf("%#v: got %v, want a fault of %q", tt.c, err, tt.member)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%#v: the fault repeats the value: %v", tt.c, err)
		}
	}
}

// person is a contact's create with one thing wrong.
func person(wrong func(p *Person)) Command {
	p := fullPerson()
	wrong(&p)
	return &ContactCreate{p}
}

func TestMarshalRefusesClTRID(t *testing.T) {
	for _, id := range []string{"ab", strings.Repeat("x", 65), " abc", "abc ", "a  b", "a\tbc", "abc\x00", "ab\xff"} {
		var f *Fault
		if _, err := Marshal(&PollRequest{}, id); !errors.As(err, &f) || f.Member != "clTRID" {
			t.Errorf("%q: got %v", id, err)
		}
	}
	for _, id := range []string{"abc", strings.Repeat("é", 64), "a b"} {
		if _, err := Marshal(&PollRequest{}, id); err != nil {
			t.Errorf("%q: got %v", id, err)
		}
	}
}
