package sandbox

import "testing"

// TestCodeText: RFC 5730 section 3 gives each code its text. Codes that it does not list have one,
// too, since the fault x5xx and Rules.ErrorsClose make them.
func TestCodeText(t *testing.T) {
	for code, want := range map[int]string{
		codeDone: "Command completed successfully", codePending: "Command completed successfully; action pending",
		codeNoMessages: "Command completed successfully; no messages", codeMessage: "Command completed successfully; ack to dequeue",
		codeEnding: "Command completed successfully; ending session", codeUnknownCommand: "Unknown command",
		codeSyntax: "Command syntax error", codeUse: "Command use error", codeMissing: "Required parameter missing",
		codeRange: "Parameter value range error", codeValue: "Parameter value syntax error",
		codeVersion: "Unimplemented protocol version", codeUnimplementedCommand: "Unimplemented command",
		codeUnimplementedOption: "Unimplemented option", codeUnimplementedExtension: "Unimplemented extension",
		codeNotTransferable: "Object is not eligible for transfer", codeAuthentication: "Authentication error",
		codeAuthorization: "Authorization error", codeAuthInfo: "Invalid authorization information",
		codePendingTransfer: "Object pending transfer", codeNotPendingTransfer: "Object not pending transfer",
		codeExists: "Object exists", codeNotFound: "Object does not exist",
		codeStatusProhibits: "Object status prohibits operation", codeAssociation: "Object association prohibits operation",
		codePolicy: "Parameter value policy error", codeUnimplementedObject: "Unimplemented object service",
		codeDataPolicy: "Data management policy violation", codeFailed: "Command failed",
		codeFailedEnding:         "Command failed; server closing connection",
		codeAuthenticationEnding: "Authentication error; server closing connection",
		codeLimitExceeded:        "Session limit exceeded; server closing connection",
		2104:                     "Billing failure", 2105: "Object is not eligible for renewal",
		1501: "Command completed successfully; ending session", 2503: "Command failed", 2999: "Command failed",
	} {
		if got := codeText(code); got != want {
			t.Errorf("%d: got %q, want %q", code, got, want)
		}
	}
}

// TestEnding: RFC 5730 section 3: a second digit of 5 ends the session.
func TestEnding(t *testing.T) {
	for code, ends := range map[int]bool{1000: false, 1301: false, 1500: true, 2005: false, 2500: true, 2502: true, 2400: false, 2599: true} {
		if got := ending(code); got != ends {
			t.Errorf("%d: got %v", code, got)
		}
	}
	for code, want := range map[int]int{1000: 1500, 1001: 1501, 1301: 1501, 2000: 2500, 2201: 2501, 2303: 2503, 2502: 2502} {
		got := endingOf(code)
		if got != want || !ending(got) {
			t.Errorf("%d became %d, want %d", code, got, want)
		}
	}
}
