package status

import "eppmux/frame"

// codeAt is the code of an index of upstream.CodeCounts; 0 stands for all codes that RFC 5730 does
// not define.
func codeAt(index int) frame.Code {
	if index == frame.NumCodes {
		return 0
	}
	return frame.CodeAt(index)
}

// meanings are what result codes say, in short, RFC 5730 section 3.
var meanings = map[frame.Code]string{
	0:    "not in RFC 5730",
	1000: "done",
	1001: "done, pending",
	1300: "done, no messages",
	1301: "done, ack to dequeue",
	1500: "done, ends session",
	2000: "unknown command",
	2001: "syntax error",
	2002: "use error",
	2003: "parameter missing",
	2004: "value out of range",
	2005: "value syntax error",
	2100: "unknown version",
	2101: "unimplemented command",
	2102: "unimplemented option",
	2103: "unimplemented extension",
	2104: "billing failure",
	2105: "not eligible for renewal",
	2106: "not eligible for transfer",
	2200: "authentication error",
	2201: "authorization error",
	2202: "invalid authInfo",
	2300: "pending transfer",
	2301: "not pending transfer",
	2302: "object exists",
	2303: "object does not exist",
	2304: "status prohibits",
	2305: "association prohibits",
	2306: "policy error",
	2307: "unimplemented object service",
	2308: "data policy violation",
	2400: "command failed",
	2500: "command failed, ends session",
	2501: "authentication error, ends session",
	2502: "session or command limit",
}
