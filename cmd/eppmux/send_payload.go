package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/frame"
)

// maxPayload bounds a message from a file or standard input, in octets.
const maxPayload = 16 << 20

// buildPayload makes the message that the arguments of send name, or reads it from the file or in.
func buildPayload(args []string, in io.Reader) ([]byte, error) {
	if len(args) == 0 {
		return readPayload("-", in)
	}
	switch word, rest := args[0], args[1:]; word {
	case "check":
		if len(rest) == 0 {
			return nil, cli.Usagef("check needs a name, as in: check example.com")
		}
		return objectCommand("check", rest)
	case "info":
		if len(rest) != 1 {
			return nil, cli.Usagef("info needs one name, as in: info example.com")
		}
		return objectCommand("info", rest)
	case "poll":
		return pollCommand(rest)
	case "hello":
		if len(rest) > 0 {
			return nil, cli.Usagef("hello takes no more words")
		}
		return frame.AppendHello(nil)[frame.HeaderLen:], nil
	default:
		if len(rest) > 0 {
			return nil, cli.Usagef("%q: not a known word, and one file at a time; see --help", word)
		}
		return readPayload(word, in)
	}
}

// builtFromWords reports whether buildPayload makes the message and does not read it.
func builtFromWords(args []string) bool {
	return len(args) > 0 && slices.Contains([]string{"check", "info", "poll", "hello"}, args[0])
}

func readPayload(file string, in io.Reader) ([]byte, error) {
	var payload []byte
	var err error
	if file == "-" {
		payload, err = io.ReadAll(io.LimitReader(in, maxPayload+1))
	} else {
		payload, _, err = cli.ReadFile(file, maxPayload)
	}
	switch {
	case err != nil:
		return nil, err
	case len(payload) == 0:
		return nil, errors.New("nothing to send")
	case len(payload) > maxPayload:
		return nil, fmt.Errorf("larger than %d octets", maxPayload)
	}
	return payload, nil
}

// objects has the namespaces of RFC 5731, 5732 and 5733, and the element that names an object.
var objects = map[string]struct{ uri, key string }{
	"domain":  {"urn:ietf:params:xml:ns:domain-1.0", "name"},
	"host":    {"urn:ietf:params:xml:ns:host-1.0", "name"},
	"contact": {"urn:ietf:params:xml:ns:contact-1.0", "id"},
}

// splitName splits host:NAME, contact:ID or domain:NAME into the kind of object and its name. A
// name without a kind is a domain, and must have a dot.
func splitName(name string) (object, rest string, err error) {
	object, rest, ok := strings.Cut(name, ":")
	if !ok {
		object, rest = "domain", name
		if !strings.Contains(name, ".") {
			return "", "", cli.Usagef("%q: a domain has a dot; other objects are host:NAME and contact:ID", name)
		}
	}
	if _, known := objects[object]; !known || rest == "" {
		return "", "", cli.Usagef("%q: must be a domain, host:NAME or contact:ID", name)
	}
	return object, rest, nil
}

// objectCommand makes a check or info of objects, which must all be of one kind.
func objectCommand(verb string, names []string) ([]byte, error) {
	kind, _, err := splitName(names[0])
	if err != nil {
		return nil, err
	}
	o := objects[kind]
	var inner strings.Builder
	for _, name := range names {
		k, rest, err := splitName(name)
		if err != nil {
			return nil, err
		}
		if k != kind {
			return nil, cli.Usagef("%q is not a %s: one message is about one kind of object", name, kind)
		}
		fmt.Fprintf(&inner, "<obj:%s>%s</obj:%s>", o.key, escape(rest), o.key)
	}
	return command(fmt.Sprintf(`<%s><obj:%s xmlns:obj="%s">%s</obj:%s></%s>`, verb, verb, o.uri, inner.String(), verb,
		verb)), nil
}

func pollCommand(rest []string) ([]byte, error) {
	switch {
	case len(rest) == 0 || len(rest) == 1 && rest[0] == "req":
		return command(`<poll op="req"/>`), nil
	case len(rest) == 2 && rest[0] == "ack":
		return command(`<poll op="ack" msgID="` + escape(rest[1]) + `"/>`), nil
	}
	return nil, cli.Usagef("after poll comes nothing, or ack ID")
}

// command puts the frame of a command around inner.
func command(inner string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><epp xmlns="` + frame.Namespace + `"><command>` +
		inner + `</command></epp>`)
}

func escape(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s)) // a bytes.Buffer takes all
	return b.String()
}
