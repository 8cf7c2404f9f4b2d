package frame

import (
	"io"
	"testing"
)

// sample is a command of some 720 octets as a registrar's software writes it.
const sample = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<epp xmlns="urn:ietf:params:xml:ns:epp-1.0">
  <command>
    <create>
      <domain:create xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">
        <domain:name>garden-tools.example</domain:name>
        <domain:period unit="y">2</domain:period>
        <domain:ns>
          <domain:hostObj>ns1.garden-tools.example</domain:hostObj>
        </domain:ns>
        <domain:registrant>GT-1001</domain:registrant>
        <domain:contact type="admin">GT-1002</domain:contact>
        <domain:authInfo>
          <domain:pw>k3-Watering</domain:pw>
        </domain:authInfo>
      </domain:create>
    </create>
    <clTRID>GT-20260102-000417</clTRID>
  </command>
</epp>
`

var sampleID = []byte("M0123456789ABC-GT-20260102-000417")

func BenchmarkScan(b *testing.B) {
	s, payload := NewScanner(), []byte(sample)
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if _, err := s.Scan(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplice(b *testing.B) {
	m, err := NewScanner().Scan([]byte(sample))
	if err != nil {
		b.Fatal(err)
	}
	var unit []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		unit, _ = AppendCommand(unit[:0], m, sampleID)
	}
}

func BenchmarkScanSplice(b *testing.B) {
	s, payload := NewScanner(), []byte(sample)
	var unit []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		unit = scanSplice(b, s, payload, unit)
	}
}

func BenchmarkEncodingXML(b *testing.B) {
	payload := []byte(sample)
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		decodeAll(b, payload)
	}
}

func scanSplice(t testing.TB, s *Scanner, payload, unit []byte) []byte {
	m, err := s.Scan(payload)
	if err != nil {
		t.Fatal(err)
	}
	unit, _ = AppendCommand(unit[:0], m, sampleID)
	return unit
}

// decodeAll reads payload token by token, as a program does that looks for the clTRID with
// encoding/xml.
func decodeAll(t testing.TB, payload []byte) {
	d := NewDecoder(payload)
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkResult reads the words of an answer of some 330 octets.
func BenchmarkResult(b *testing.B) {
	payload, text := []byte(inEPP(`<response><result code="2303"><msg lang="en">Object does not exist</msg><extValue><value><x xmlns="urn:x"/></value>`+
		`<reason>no such domain</reason></extValue></result><trID><clTRID>GT-20260102-000417</clTRID><svTRID>SV-1</svTRID></trID></response>`)), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		var ok bool
		if text, _, ok = AppendResult(text[:0], payload); !ok {
			b.Fatal("no result")
		}
	}
}
