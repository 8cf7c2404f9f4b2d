#!/bin/bash
# github.com/domainr/epp v0.2.0 asks for prices by fee-1.0, and gives them back without their names.
#
# Asked: a registry offers fee-1.0 (RFC 8748). The library then asks for the price of each name of a check
# by itself. Which name has which price?
#
# Guessed: each DomainCharge of the response has the name in Domain, as with the drafts 0.x before it.
#
# Seen: Domain is empty in every one. RFC 8748 section 5.1.1 names the object of a price in the element
# objID, and the library reads an element "name" there, which fee-1.0 does not have. What is premium is
# seen (Category), but of several names it is told only by the order of the answer.
#
# Exits with 0 while that is so, with 1 when it has changed. Needs Go.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
go version
go mod init finding >/dev/null 2>&1
go get github.com/domainr/epp@v0.2.0 2>/dev/null
go list -m github.com/domainr/epp

cat >main.go <<'GO'
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/domainr/epp"
)

const (
	head = `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0">`
	fee  = "urn:ietf:params:xml:ns:epp:fee-1.0"

	greeting = head + `<greeting><svID>Registry</svID><svDate>2026-11-30T12:00:00Z</svDate><svcMenu><version>1.0</version>` +
		`<lang>en</lang><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><svcExtension><extURI>` + fee + `</extURI></svcExtension>` +
		`</svcMenu><dcp><access><all/></access><statement><purpose><prov/></purpose><recipient><ours/></recipient>` +
		`<retention><stated/></retention></statement></dcp></greeting></epp>`
	trID = `<trID><svTRID>S-1</svTRID></trID>`
	done = head + `<response><result code="1000"><msg>OK</msg></result>` + trID + `</response></epp>`
)

// answer is valid by the schemas of RFC 5731 and RFC 8748.
func answer() string {
	var names, prices string
	for name, class := range map[string]string{"plain.example": "standard", "gold.example": "premium"} {
		names += `<domain:cd><domain:name avail="1">` + name + `</domain:name></domain:cd>`
		prices += `<fee:cd avail="1"><fee:objID>` + name + `</fee:objID><fee:class>` + class + `</fee:class>` +
			`<fee:command name="create"><fee:period unit="y">1</fee:period><fee:fee>10.00</fee:fee></fee:command></fee:cd>`
	}
	return head + `<response><result code="1000"><msg>OK</msg></result><resData><domain:chkData xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">` +
		names + `</domain:chkData></resData><extension><fee:chkData xmlns:fee="` + fee + `"><fee:currency>EUR</fee:currency>` + prices +
		`</fee:chkData></extension>` + trID + `</response></epp>`
}

// registry greets, and answers a login and a check.
func registry(c net.Conn) {
	defer c.Close()
	send := func(s string) {
		c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(s)+4)), s...))
	}
	send(greeting)
	for {
		var n uint32
		if binary.Read(c, binary.BigEndian, &n) != nil {
			return
		}
		b := make([]byte, n-4)
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		if strings.Contains(string(b), "<check>") {
			fmt.Println("asks for prices:", strings.Contains(string(b), "<fee:check"))
			send(answer())
		} else {
			send(done)
		}
	}
}

func main() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			registry(c)
		}
	}()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		panic(err)
	}
	c, err := epp.NewTimeoutConn(nc, 10*time.Second)
	if err != nil {
		panic(err)
	}
	if _, err := c.Login("demo", "demo-secret", ""); err != nil {
		panic(err)
	}
	r, err := c.CheckDomain("plain.example", "gold.example")
	if err != nil {
		panic(err)
	}
	named, premium := 0, 0
	for _, check := range r.Checks {
		fmt.Printf("check:  %q available %v\n", check.Domain, check.Available)
	}
	for _, charge := range r.Charges {
		fmt.Printf("charge: %q category %q\n", charge.Domain, charge.Category)
		if charge.Domain != "" {
			named++
		}
		if charge.Category == "premium" {
			premium++
		}
	}
	if len(r.Charges) != 2 || premium != 1 || named != 0 {
		fmt.Println("changed: the names of prices are not left out any more")
		os.Exit(1)
	}
}
GO
go run .
