// Package talk is one EPP conversation with blocking calls, for commands that send a few messages
// and end: it connects, reads the greeting, logs in, sends a message and reads its answer.
//
//	to := talk.EndpointOf(registry)
//	c, err := to.Open(ctx)
//	defer c.Close()
//	answer, err := c.Exchange(ctx, talk.NewMessage(payload), time.Minute)
//
// A message is never sent twice. No message is sent while an answer is owed: some registries take
// that for an attack. WasSent reports whether the server may have seen a message that has no
// answer.
package talk
