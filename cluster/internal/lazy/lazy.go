// Package lazy opens something that takes a while, and may fail, when it is first wanted.
package lazy

import (
	"context"
	"sync"
)

// Value is opened by the first Get, once for all that wait for it. After a failure the next Get opens
// again. Its methods may be called from any goroutine.
type Value[T comparable] struct {
	open  func() (T, error) // must end by itself; its time does not count for those that wait
	close func(T)

	mu     sync.Mutex // guards what follows; a leaf
	have   bool
	value  T
	closed bool
	now    *attempt[T] // under way; nil: none is
}

// attempt is one call of open.
type attempt[T comparable] struct {
	ended chan struct{} // closed when value and err stand
	value T
	err   error
}

// New returns one that is not open.
func New[T comparable](open func() (T, error), close func(T)) *Value[T] {
	return &Value[T]{open: open, close: close}
}

// Get returns the value, and opens it if need be. It returns when ctx ends, whatever open does.
func (v *Value[T]) Get(ctx context.Context) (T, error) {
	v.mu.Lock()
	if v.have || v.closed {
		defer v.mu.Unlock()
		if v.closed {
			return *new(T), context.Canceled
		}
		return v.value, nil
	}
	a := v.now
	if a == nil {
		a = &attempt[T]{ended: make(chan struct{})}
		v.now = a
		go v.run(a)
	}
	v.mu.Unlock()
	select {
	case <-a.ended:
		return a.value, a.err
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
}

// run opens the value. It ends when open does; Close does not wait for it.
func (v *Value[T]) run(a *attempt[T]) {
	a.value, a.err = v.open()
	v.mu.Lock()
	late := v.closed && a.err == nil
	if a.err == nil && !late {
		v.value, v.have = a.value, true
	}
	v.now = nil
	v.mu.Unlock()
	if late {
		v.close(a.value)
		a.value, a.err = *new(T), context.Canceled
	}
	close(a.ended)
}

// Drop closes a value, so that the next Get opens again. It does nothing if that was done before: of
// several that find a value broken, the last does not close what the first has opened.
func (v *Value[T]) Drop(broken T) {
	v.mu.Lock()
	have := v.have && v.value == broken
	if have {
		v.have, v.value = false, *new(T)
	}
	v.mu.Unlock()
	if have {
		v.close(broken)
	}
}

// Close closes the value for good. One that is being opened is closed behind that.
func (v *Value[T]) Close() {
	v.mu.Lock()
	have, value := v.have, v.value
	v.have, v.value, v.closed = false, *new(T), true
	v.mu.Unlock()
	if have {
		v.close(value)
	}
}
