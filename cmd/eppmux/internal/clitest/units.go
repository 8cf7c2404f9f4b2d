package clitest

import (
	"fmt"
	"io"
	"regexp"

	"eppmux/frame"
)

// AnswerTo returns the data unit of an answer to a command, with the clTRID of the command.
func AnswerTo(command []byte, code int, text string) []byte {
	id := ""
	if m := ClTRIDs.FindSubmatch(command); m != nil {
		id = string(m[0])
	}
	return Unit(fmt.Sprintf(begin+`<response><result code="%d"><msg>%s</msg></result>`+
		`<trID>%s<svTRID>s</svTRID></trID></response></epp>`, code, text, id))
}

// begin opens a message.
const begin = `<?xml version="1.0"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0">`

// Messages of a registry: its greeting, and two answers without a clTRID.
const (
	GreetingXML = begin + `<greeting><svID>x</svID><svDate>2000-01-01T00:00:00Z</svDate></greeting></epp>`
	OKXML       = begin + `<response><result code="1000"><msg>ok</msg></result>` +
		`<trID><svTRID>s-1</svTRID></trID></response></epp>`
	RefusedXML = begin + `<response><result code="2303"><msg>no</msg></result>` +
		`<trID><svTRID>s-2</svTRID></trID></response></epp>`
)

// CommandXML puts the frame of a command around inner.
func CommandXML(inner string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="` + frame.Namespace + `"><command>` +
		inner + `</command></epp>`
}

// CheckXML is a check of example.com.
var CheckXML = CommandXML(`<check><obj:check xmlns:obj="urn:ietf:params:xml:ns:domain-1.0">` +
	`<obj:name>example.com</obj:name></obj:check></check>`)

// Unit returns the data unit of a payload.
func Unit(payload string) []byte {
	return append(frame.AppendHeader(nil, len(payload)), payload...)
}

// ClTRIDs matches a clTRID with its element.
var ClTRIDs = regexp.MustCompile(`<clTRID>([^<]+)</clTRID>`)

// ReadUnit reads one data unit of at most 16 MiB and returns its payload.
func ReadUnit(r io.Reader) ([]byte, error) {
	header := make([]byte, frame.HeaderLen)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	n, err := frame.Size(header, 16<<20)
	if err != nil {
		return nil, err
	}
	payload := make([]byte, n-frame.HeaderLen)
	_, err = io.ReadFull(r, payload)
	return payload, err
}
