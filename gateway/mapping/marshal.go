package mapping

type writer struct{}

// Marshal returns the payload of a command with a clTRID; an empty one is left out. The error is a *Fault.
func Marshal(c Command, clTRID string) ([]byte, error) { panic("not built") }

// Unmarshal reads the payload of an answer. The error is a *Fault where it is no answer.
func Unmarshal(payload []byte) (*Response, error) { panic("not built") }
