package mapping

// Response is a registry's answer (RFC 5730 section 2.6).
type Response struct {
	Results []Result `json:"results"` // at least one
	MsgQ    *MsgQ    `json:"msgQ,omitempty"`
	Data    any      `json:"-"` // of resData: one of those below, or nil
	Fees    []Fees   `json:"fees,omitempty"`
	Charge  *Charge  `json:"charge,omitempty"`
	RGP     []Status `json:"rgpStatus,omitempty"` // of a restore (RFC 3915 section 4.2.5)
	ClTRID  string   `json:"clTRID,omitempty"`
	SvTRID  string   `json:"svTRID,omitempty"`
	// Broken says that the registry broke a rule of XML: there is the code, and the ids where they are
	// beyond doubt, but no text and no data.
	Broken bool `json:"broken,omitempty"`
}

// Result is one result of an answer.
type Result struct {
	Code    int      `json:"code"`
	Message string   `json:"message,omitempty"`
	Lang    string   `json:"lang,omitempty"`
	Values  []string `json:"values,omitempty"`  // the XML in value and extValue/value, without passwords
	Reasons []string `json:"reasons,omitempty"` // of extValue, one for each
}

// MsgQ is the state of the message queue, with the message at its head where that was asked for.
type MsgQ struct {
	Count   uint64 `json:"count"`
	ID      string `json:"id"`
	Date    string `json:"qDate,omitempty"`
	Message string `json:"msg,omitempty"` // text, or where the registry has put XML in it, that XML
	Lang    string `json:"lang,omitempty"`
}

// The values of Response.Data: []Check (the object's kind is that of the command), *Domain, *Host,
// *Person, *Created, *Renewed, *Transfer, *Pending. Of resData of other kinds it is nil.
