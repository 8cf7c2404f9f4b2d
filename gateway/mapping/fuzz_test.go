package mapping

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"testing"

	"eppmux/frame"
)

// FuzzUnmarshal reads anything. An answer that is read can be written as JSON; a command that is read and
// written is read as what it was.
func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{answer("", ""), answer(`<domain:infData `+domainNS+`><domain:name>a.example</domain:name><domain:ns><domain:hostObj>n</domain:hostObj></domain:ns></domain:infData>`, `<r:infData xmlns:r="urn:ietf:params:xml:ns:rgp-1.0"><r:rgpStatus s="addPeriod"/></r:infData>`)} {
		f.Add([]byte(s))
	}
	for _, c := range full {
		p, err := Marshal(c, "req-1")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if c, id, err := UnmarshalCommand(payload); err == nil {
			if p, err := Marshal(c, id); err == nil {
				back, _, err := UnmarshalCommand(p)
				if err != nil {
					t.Fatalf("%v: %s", err, p)
				}
				if again, err := Marshal(back, id); err != nil || !bytes.Equal(again, p) {
					t.Errorf("got %s %v, want %s", again, err, p)
				}
			}
		}
		r, err := Unmarshal(payload)
		var fault *Fault
		if err != nil {
			if r != nil || !errors.As(err, &fault) {
				t.Errorf("got %v %v", r, err)
			}
			return
		}
		if len(r.Results) == 0 {
			t.Error("got no result")
		}
		for _, v := range []any{r, r.Data} {
			if _, err := json.Marshal(v); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzMarshalDomainCreate writes a create of anything. What is written is well-formed, says to package
// frame what it is, and gives every value back.
func FuzzMarshalDomainCreate(f *testing.F) {
	f.Add("kiosk.example", "ns1.kiosk.example", "192.0.2.1", "c-1", "s3cr<t>&", "req-1", "12.50", "49FD", 2)
	f.Add("straße.example", "", "", "", "]]>\"'", "", "", "", 0)
	f.Fuzz(func(t *testing.T, name, ns, address, contact, password, id, amount, digest string, period int) {
		c := &DomainCreate{Name: name, Registrant: contact, AuthInfo: AuthInfo{Password: password}}
		if ns != "" {
			c.Nameservers = []Nameserver{{Name: ns}}
			if address != "" {
				c.Nameservers[0].Addresses = []string{address}
			}
		}
		if contact != "" {
			c.Contacts = []Contact{{"admin", contact}}
		}
		if amount != "" {
			c.Fee = &Charge{Fees: []Fee{{Amount: amount, Description: password}}}
		}
		if digest != "" {
			c.SecDNS = &SecDNS{DS: []DS{{1, 2, 3, digest, nil}}}
		}
		if period != 0 {
			c.Period = &Period{period, "y"}
		}
		p, err := Marshal(c, id)
		var fault *Fault
		if err != nil {
			if p != nil || !errors.As(err, &fault) {
				t.Errorf("got %s %v", p, err)
			}
			return
		}
		m, err := frame.NewScanner().Scan(p)
		if err != nil || m.Kind != frame.KindCommand || m.Command != frame.CommandCreate || string(m.ClTRID.Value) != id {
			t.Fatalf("got %v: %s", err, p)
		}
		values := map[string][]string{}
		for d, local := frame.NewDecoder(p), ""; ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v: %s", err, p)
			}
			switch token := token.(type) {
			case xml.StartElement:
				local = token.Name.Local
			case xml.CharData:
				values[local] = append(values[local], string(token))
			case xml.EndElement:
				local = ""
			}
		}
		a, _ := ALabel(name)
		for local, want := range map[string]string{"name": a, "pw": password, "clTRID": id, "registrant": contact, "digest": digest, "fee": amount} {
			if got := values[local]; want != "" && (len(got) != 1 || got[0] != want) {
				t.Errorf("%s: got %q, want %q: %s", local, got, want, p)
			}
		}
	})
}

// FuzzDecodeJSON: what is read, encoding/json reads in the same way, also when it is strict.
func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"name":"a","years":1,"nameservers":[{"name":"n","addresses":["x"]}],"any":{"a":[1,null]},"authInfo":{"password":"\ud83d\ude00"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var ours, theirs body
		err := DecodeJSON(data, &ours)
		var fault *Fault
		if err != nil {
			if !errors.As(err, &fault) {
				t.Errorf("got %v", err)
			}
			return
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		if err := d.Decode(&theirs); err != nil || !reflect.DeepEqual(ours, theirs) {
			t.Errorf("got %+v, want %+v %v", ours, theirs, err)
		}
	})
}
