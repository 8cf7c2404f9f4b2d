package pool

// LedgerPolicy is what happens to commands that a kept limit counts while their use cannot be
// written down.
type LedgerPolicy uint8

const (
	LedgerNot LedgerPolicy = iota // nothing is kept
	// LedgerWarn: commands go on. What was used since the last writing is forgotten in a crash.
	LedgerWarn
	// LedgerBlock: commands wait until it can be written, and end as not sent at their deadline.
	LedgerBlock
)
