package rpp

import "strconv"

// Result codes: 0 and the code of EPP (C@0f11225). Those that the gateway says itself.
const (
	codeDone           = 1000
	codePending        = 1001
	codeNoMessages     = 1300
	codeMessage        = 1301
	codeSyntax         = 2001
	codeUse            = 2002
	codeMissing        = 2003
	codeRange          = 2004
	codeValue          = 2005
	codeUnimplemented  = 2101
	codeOption         = 2102
	codeAuthentication = 2200
	codeAuthorization  = 2201
	codeExists         = 2302
	codeNotFound       = 2303
	codePolicy         = 2306
	codeFailed         = 2400
	codeAuthEnds       = 2501
)

// The names of the tables, for Config.Codes.
const (
	CodesCore   = "core"    // C@0f11225
	CodesCore00 = "core-00" // C0@b22619d, which has the table of draft-ietf-rpp-core-00
)

// effect is what a call does, as far as the HTTP status of its success depends on it.
type effect uint8

const (
	effectNone    effect = iota // it reads, changes, or starts what is not kept
	effectCreated               // there is a new object or process, with a Location
	effectDeleted
)

// table has HTTP statuses by result code.
type table struct {
	refused map[int]int // codes from 2000
	success func(e effect, code int) int
}

func tableNamed(name string) table {
	switch name {
	case "", CodesCore:
		return table{coreRefused, coreSuccess}
	case CodesCore00:
		return table{core00Refused, core00Success}
	}
	panic("BUG: no table of codes is named " + strconv.Quote(name))
}

// coreSuccess: the table of C@0f11225 has 200 for all, its prose 201 with a Location for what is created,
// also where it is pending. The prose is followed: without the 201 a Location means nothing.
func coreSuccess(e effect, _ int) int {
	if e == effectCreated {
		return 201
	}
	return 200
}

// core00Success is that of C0@b22619d.
func core00Success(e effect, code int) int {
	switch {
	case code == codePending:
		return 202
	case e == effectCreated:
		return 201
	case e == effectDeleted:
		return 204
	}
	return 200
}

// coreRefused is the table of C@0f11225.
var coreRefused = map[int]int{
	2000: 400, 2001: 400, 2002: 409, 2003: 400, 2004: 400, 2005: 400,
	2100: 400, 2101: 501, 2102: 501, 2103: 501, 2104: 402, 2105: 409, 2106: 409,
	2200: 401, 2201: 403, 2202: 401,
	2300: 409, 2301: 409, 2302: 409, 2303: 404, 2304: 409, 2305: 409, 2306: 422, 2307: 501, 2308: 422,
	2400: 500, 2500: 500, 2501: 401, 2502: 429,
}

// core00Refused is the table of C0@b22619d. It has no 02500 to 02502.
var core00Refused = map[int]int{
	2000: 400, 2001: 400, 2002: 400, 2003: 400, 2004: 400, 2005: 400,
	2100: 501, 2101: 501, 2102: 501, 2103: 501, 2104: 400, 2105: 400, 2106: 400,
	2200: 403, 2201: 403, 2202: 403,
	2300: 400, 2301: 400, 2302: 409, 2303: 404, 2304: 400, 2305: 400, 2306: 400, 2307: 400, 2308: 400,
	2400: 500,
}

// status is the HTTP status of a code. C@0f11225: of one that is not listed, x1xxx is 200, x20xx to
// x23xx 400, x24xx and x25xx 500.
func (t table) status(e effect, code int) int {
	if code < 2000 {
		return t.success(e, code)
	}
	if s, ok := t.refused[code]; ok {
		return s
	}
	if code < 2400 {
		return 400
	}
	return 500
}

// digits is the code as headers and bodies have it.
func digits(code int) string {
	s := strconv.Itoa(code)
	for len(s) < 5 {
		s = "0" + s
	}
	return s
}

// shown is the code for a registry's code. own: 2200 and 2501 of a registry are about our account with it,
// and a client that got them as 401 would throw its own credentials away.
func shown(code int) int {
	if code == codeAuthentication || code == codeAuthEnds {
		return codeFailed
	}
	return code
}
