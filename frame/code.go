package frame

// Code is a result code of a response (RFC 5730 section 3): four decimal digits. The first says
// whether the command succeeded (1) or failed (2), the second what the code is about. Registries
// have codes of their own beside those that the RFC defines, so any number is a Code.
type Code int

// Ends reports whether a response with this code ends the session. RFC 5730 section 3: the second
// digit 5 is "connection management". Registries use it in codes that the RFC does not define, such
// as 1501.
func (c Code) Ends() bool { return c/100%10 == 5 }

// Text is the text that RFC 5730 section 3 gives the code; empty for a code that it does not
// define.
func (c Code) Text() string {
	if i := c.Index(); i < NumCodes {
		return codeTexts[i].text
	}
	return ""
}

// NumCodes is the number of codes that RFC 5730 defines, for tables indexed by Code.Index.
const NumCodes = len(codeTexts)

// Index is the place of the code among those that RFC 5730 defines, in ascending order from 0 on;
// NumCodes for any other code.
func (c Code) Index() int {
	for i := range codeTexts {
		if codeTexts[i].code == c {
			return i
		}
	}
	return NumCodes
}

// CodeAt is the code whose Index is i, for i from 0 to NumCodes-1.
func CodeAt(i int) Code { return codeTexts[i].code }

// codeTexts are the codes and texts of RFC 5730 section 3, ascending. Success, the usual case, is
// first.
var codeTexts = [...]struct {
	code Code
	text string
}{
	{1000, "Command completed successfully"},
	{1001, "Command completed successfully; action pending"},
	{1300, "Command completed successfully; no messages"},
	{1301, "Command completed successfully; ack to dequeue"},
	{1500, "Command completed successfully; ending session"},
	{2000, "Unknown command"},
	{2001, "Command syntax error"},
	{2002, "Command use error"},
	{2003, "Required parameter missing"},
	{2004, "Parameter value range error"},
	{2005, "Parameter value syntax error"},
	{2100, "Unimplemented protocol version"},
	{2101, "Unimplemented command"},
	{2102, "Unimplemented option"},
	{2103, "Unimplemented extension"},
	{2104, "Billing failure"},
	{2105, "Object is not eligible for renewal"},
	{2106, "Object is not eligible for transfer"},
	{2200, "Authentication error"},
	{2201, "Authorization error"},
	{2202, "Invalid authorization information"},
	{2300, "Object pending transfer"},
	{2301, "Object not pending transfer"},
	{2302, "Object exists"},
	{2303, "Object does not exist"},
	{2304, "Object status prohibits operation"},
	{2305, "Object association prohibits operation"},
	{2306, "Parameter value policy error"},
	{2307, "Unimplemented object service"},
	{2308, "Data management policy violation"},
	{2400, "Command failed"},
	{2500, "Command failed; server closing connection"},
	{2501, "Authentication error; server closing connection"},
	{2502, "Session limit exceeded; server closing connection"},
}
