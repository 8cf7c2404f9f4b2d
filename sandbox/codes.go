package sandbox

// The result codes of RFC 5730 section 3.
const (
	codeDone                   = 1000
	codePending                = 1001
	codeNoMessages             = 1300
	codeMessage                = 1301
	codeEnding                 = 1500
	codeUnknownCommand         = 2000
	codeSyntax                 = 2001
	codeUse                    = 2002
	codeMissing                = 2003
	codeRange                  = 2004
	codeValue                  = 2005
	codeVersion                = 2100
	codeUnimplementedCommand   = 2101
	codeUnimplementedOption    = 2102
	codeUnimplementedExtension = 2103
	codeNotTransferable        = 2106
	codeAuthentication         = 2200
	codeAuthorization          = 2201
	codeAuthInfo               = 2202
	codePendingTransfer        = 2300
	codeNotPendingTransfer     = 2301
	codeExists                 = 2302
	codeNotFound               = 2303
	codeStatusProhibits        = 2304
	codeAssociation            = 2305
	codePolicy                 = 2306
	codeUnimplementedObject    = 2307
	codeDataPolicy             = 2308
	codeFailed                 = 2400
	codeFailedEnding           = 2500
	codeAuthenticationEnding   = 2501
	codeLimitExceeded          = 2502
)

// codeText returns the text that RFC 5730 section 3 gives for a code. Codes that the RFC does not
// list, such as 2503, come from X5xx and Rules.ErrorsClose and get a general text.
func codeText(code int) string {
	if t, ok := codeTexts[code]; ok {
		return t
	}
	if code < codeUnknownCommand {
		return codeTexts[codeEnding]
	}
	return "Command failed"
}

var codeTexts = map[int]string{
	1000: "Command completed successfully",
	1001: "Command completed successfully; action pending",
	1300: "Command completed successfully; no messages",
	1301: "Command completed successfully; ack to dequeue",
	1500: "Command completed successfully; ending session",
	2000: "Unknown command",
	2001: "Command syntax error",
	2002: "Command use error",
	2003: "Required parameter missing",
	2004: "Parameter value range error",
	2005: "Parameter value syntax error",
	2100: "Unimplemented protocol version",
	2101: "Unimplemented command",
	2102: "Unimplemented option",
	2103: "Unimplemented extension",
	2104: "Billing failure",
	2105: "Object is not eligible for renewal",
	2106: "Object is not eligible for transfer",
	2200: "Authentication error",
	2201: "Authorization error",
	2202: "Invalid authorization information",
	2300: "Object pending transfer",
	2301: "Object not pending transfer",
	2302: "Object exists",
	2303: "Object does not exist",
	2304: "Object status prohibits operation",
	2305: "Object association prohibits operation",
	2306: "Parameter value policy error",
	2307: "Unimplemented object service",
	2308: "Data management policy violation",
	2400: "Command failed",
	2500: "Command failed; server closing connection",
	2501: "Authentication error; server closing connection",
	2502: "Session limit exceeded; server closing connection",
}
