package cluster

import (
	"context"
	"encoding/json"
	"fmt"
)

// secretRecord is the record of a secret in Settings.
type secretRecord struct {
	Version int    `json:"v"`
	Secret  []byte `json:"secret"`
}

// Secret returns octets that all members of the cluster have, and nobody else: size random ones, made by the
// first that asks for the name. It needs an Engine that answers.
func (n *Node) Secret(ctx context.Context, name string, size int) ([]byte, error) {
	if n.cfg.Engine == nil {
		return nil, ErrNoEngine
	}
	is, err := n.cfg.Engine.Get(ctx, Settings, name)
	if err == nil && is == nil {
		secret := make([]byte, size)
		n.cfg.Rand(secret)
		value := write(secretRecord{Version: recordVersion, Secret: secret})
		var done bool
		if done, is, err = n.cfg.Engine.Swap(ctx, Record{Table: Settings, Key: name, Value: value}, nil); done {
			is = value
		}
	}
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", name, err)
	}
	var r secretRecord
	if err := json.Unmarshal(is, &r); err != nil {
		return nil, fmt.Errorf("secret %s: %w", name, err)
	}
	if len(r.Secret) != size {
		return nil, fmt.Errorf("secret %s: %d octets, want %d", name, len(r.Secret), size)
	}
	return r.Secret, nil
}
