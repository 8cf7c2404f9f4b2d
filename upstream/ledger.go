package upstream

// Keeper keeps what an Account must remember beyond its process: one content at a time, the last.
type Keeper interface {
	// Keep begins to write content in place of what was kept before. It is called on the loop and must
	// not block. content belongs to the Keeper from then on. It calls done once, from any goroutine:
	// true when content would outlive the process, false when it could not be written. A newer Keep may
	// stand for an older one that has not begun: then done is called for both.
	Keep(content []byte, ticket uint64, done func(ticket uint64, ok bool))
}

// MemoryState is what an Account knows of the process before it.
type MemoryState uint8

const (
	// MemoryNone: nothing was ever kept, as at the first start.
	MemoryNone MemoryState = iota
	// MemoryKept: Content is what the Keeper kept last.
	MemoryKept
	// MemoryLost: something was kept and cannot be read. Windows count as full.
	MemoryLost
)

// Memory is what a process finds of the one before it.
type Memory struct {
	State   MemoryState
	Content []byte // with MemoryKept; CheckLedger has taken it
}

// CheckLedger returns why content is not a ledger that this program reads, or nil. From any
// goroutine.
func CheckLedger(content []byte) error { return nil }
