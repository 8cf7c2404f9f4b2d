package cluster

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestEngineError(t *testing.T) {
	err := &EngineError{Engine: "etcd", Address: "https://a:2379", Step: "load leases", Err: context.DeadlineExceeded}
	if got, want := err.Error(), "etcd at https://a:2379: load leases: context deadline exceeded"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	err.Do = "see that it runs"
	wrapped := fmt.Errorf("start: %w", err)
	if got, want := wrapped.Error(), "start: etcd at https://a:2379: load leases: context deadline exceeded; see that it runs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(wrapped, context.DeadlineExceeded) || Refused(wrapped) || Refused(nil) || Refused(context.Canceled) {
		t.Error("a timeout is no refusal, and is found in the error")
	}
	err.Refused = true
	if !Refused(wrapped) {
		t.Error("a refusal is not found in the error")
	}
}
