package cluster

import (
	"crypto/sha256"
	"encoding/hex"
)

// AccountKey is the key of an account: 16 hexadecimal digits. address is host:port of the registry, clientID
// the name that the account logs in with. Two hosts may have different names for a registry.
func AccountKey(address, clientID string) string {
	h := sha256.Sum256([]byte(address + "\x00" + clientID))
	return hex.EncodeToString(h[:8])
}
