package carry

import "context"

type contextKey uint8

const userKey contextKey = iota

// WithUser returns a context that knows who sends the request.
func WithUser(ctx context.Context, u *User) context.Context {
	return context.WithValue(ctx, userKey, u)
}

// UserFrom returns who sends the request; nil where nobody has found out.
func UserFrom(ctx context.Context) *User {
	u, _ := ctx.Value(userKey).(*User)
	return u
}
