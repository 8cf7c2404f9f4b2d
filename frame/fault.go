package frame

import "strconv"

// Reason says why Scan refused a payload.
type Reason uint8

// The reasons, in four groups: the document is not well-formed (or that cannot be decided), it is
// refused as policy, it passes a bound, or it is well-formed but not one clear EPP message.
const (
	ReasonNone Reason = iota

	BadUTF8            // octets that are not UTF-8
	BadUTF16           // unpaired surrogate or half a code unit
	BadOctet           // octet that stands for no character in the declared encoding
	BadCharacter       // character that XML 1.0 production 2 leaves out
	BadDeclaration     // XML declaration with anything but version, encoding and standalone
	LateDeclaration    // XML declaration, or an instruction of that name, not at the front
	BadInstruction     // processing instruction
	BadComment         // "--" in a comment, or no end
	BadMarkup          // "<!" that begins neither comment nor CDATA
	BadName            // not a QName
	BadTag             // start or end tag
	BadAttribute       // attribute without value, quotes or white space before it
	DuplicateAttribute // by QName, or by namespace and local name
	LessThanInValue    // "<" in an attribute value
	BadReference       // "&" that begins no character reference and none of the five entities
	BadText            // "]]>" in text
	TextOutsideRoot    // anything there but white space, comments and processing instructions
	TagMismatch        // end tag of another element
	EndsEarly          // the payload ends inside the document
	NoRoot             // no element at all
	SecondRoot         // an element after the root
	UnboundPrefix      // prefix not declared
	BadNamespace       // misuse of xml or xmlns, or a declaration that takes a prefix back

	DocType          // a DOCTYPE: EPP needs none, and entities are a danger
	BadEncoding      // the declared encoding is none that is read, see encodings
	WrongEncoding    // the declared encoding is not the one used
	OctetBeyondASCII // the declared encoding is one of a single octet, not read here beyond ASCII

	TooDeep           // more than MaxDepth elements within each other
	TooManyAttributes // more than MaxAttributes in one element
	TooManyNamespaces // more than MaxNamespaces declarations in scope
	NameTooLong       // a name of more than MaxName octets

	NotEPP            // root is not epp, or its child is no EPP message
	StrayText         // text directly in epp or command
	NoVerb            // command without a verb in it
	ForeignElement    // element of another namespace directly in command
	SecondMessage     // epp has two children
	SecondVerb        // command has two verbs in it
	SecondExtension   // command has two extensions
	SecondClTRID      // two clTRIDs where one may be
	SecondTrID        // response has two trIDs
	SecondObject      // two objects in one command
	OtherOp           // an op attribute with a prefix
	MisplacedClTRID   // clTRID of another namespace, or inside the verb
	EmptyClTRID       // clTRID with nothing but white space in it
	LongClTRID        // clTRID of more than MaxClTRID characters
	ElementInClTRID   // a clTRID has a child element
	AttributeOnClTRID // a clTRID has an attribute that is neither a declaration nor for validators alone
	BadResult         // response without a result, or with a code that is not four digits

	numReasons = int(BadResult) + 1
)

// unclear reports whether the document is well-formed but is not one clear EPP message.
func (r Reason) unclear() bool { return r >= NotEPP && r <= BadResult }

var reasonText = [numReasons]string{
	ReasonNone:         "no fault",
	BadUTF8:            "invalid utf-8",
	BadUTF16:           "invalid utf-16",
	BadOctet:           "octet without a character in the declared encoding",
	BadCharacter:       "character not allowed in xml",
	BadDeclaration:     "malformed xml declaration",
	LateDeclaration:    "xml declaration not at the front",
	BadInstruction:     "malformed processing instruction",
	BadComment:         "malformed comment",
	BadMarkup:          "unknown markup",
	BadName:            "malformed name",
	BadTag:             "malformed tag",
	BadAttribute:       "malformed attribute",
	DuplicateAttribute: "duplicate attribute",
	LessThanInValue:    "less-than sign in attribute value",
	BadReference:       "bad reference or unknown entity",
	BadText:            "cdata end in text",
	TextOutsideRoot:    "text outside the root element",
	TagMismatch:        "end tag does not match",
	EndsEarly:          "document ends early",
	NoRoot:             "no root element",
	SecondRoot:         "second root element",
	UnboundPrefix:      "namespace prefix not declared",
	BadNamespace:       "namespace declaration not allowed",
	DocType:            "doctype refused",
	BadEncoding:        "encoding is not utf-8, utf-16 or one of a single octet that extends ascii",
	WrongEncoding:      "declared encoding is not the one used",
	OctetBeyondASCII:   "octet above 7f in an encoding other than utf-8 and utf-16",
	TooDeep:            "elements nested too deeply",
	TooManyAttributes:  "too many attributes",
	TooManyNamespaces:  "too many namespace declarations",
	NameTooLong:        "name too long",
	NotEPP:             "not an epp message",
	StrayText:          "text between elements",
	NoVerb:             "command without a verb",
	ForeignElement:     "element of another namespace in command",
	SecondMessage:      "second message in one document",
	SecondVerb:         "second verb in one command",
	SecondExtension:    "second extension in one command",
	SecondClTRID:       "second cltrid",
	SecondTrID:         "second trid",
	SecondObject:       "second object in one command",
	OtherOp:            "op attribute with a prefix",
	MisplacedClTRID:    "misplaced cltrid",
	EmptyClTRID:        "empty cltrid",
	LongClTRID:         "cltrid too long",
	ElementInClTRID:    "element in cltrid",
	AttributeOnClTRID:  "attribute on cltrid",
	BadResult:          "malformed result",
}

// String is the reason in a few words, in lower case, fit for a log and for a response. The texts
// are different and come from a closed set.
func (r Reason) String() string {
	if int(r) < numReasons {
		return reasonText[r]
	}
	return "reason " + strconv.Itoa(int(r))
}

// Fault is the error that Scan returns. It lives in the Scanner and is valid until the next Scan.
type Fault struct {
	Reason Reason
	// Offset is where the fault was found, in octets from the start of the payload. Where there is a
	// UTF-8 transcript it counts in that, but for BadUTF16 and BadOctet in the payload itself.
	Offset int
}

// Error implements error with the reason and the offset.
func (f *Fault) Error() string {
	return f.Reason.String() + ": at octet " + strconv.Itoa(f.Offset)
}
