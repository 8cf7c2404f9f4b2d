// Package cluster decides which host owns a registrar account. A registry knows one account and grants
// it a few sessions; the registrar runs eppmux on many hosts. One of them, the owner, has the account's
// lease and speaks with the registry. The others follow: they carry their clients' commands to it.
//
// The lease is a record at an [Engine], which every member reads and changes by compare-and-set. There
// is one algorithm for all engines, and no clock of an engine is trusted:
//
//   - The owner raises a beat in the record every third of the ttl. It may write to the registry until
//     its [Fence], which is nine tenths of the ttl behind the instant before the last request that
//     succeeded.
//   - A candidate takes the lease when it has itself watched the record stay the same for a whole ttl,
//     or when the record says that it was released.
//
// The owner counts from before its request, the candidate from behind its reading, so the fence comes
// first, whatever the engine's clock does. An owner that is suspended wakes behind its fence: the clock
// goes on while the machine sleeps, see [Clocks].
//
// A released lease is taken without a watch by the successor that it names, which saw it before, or, where
// it names nobody, by those that saw it before, the best first. All others watch it as they do after a loss.
// What no watch can notice is an engine that takes a write back before the candidate has read it: that is a
// split brain. A virtual machine must not be paused while its wall clock is set back.
//
// A [Node] takes part for one host: it is a member, and a candidate for each account that was joined. A pure
// machine decides; the Node asks the engine, and tells each [Tenant]. In the order of a host's life:
//
//	n := cluster.NewNode(cluster.Config{Host: "a", Peer: "a.example:7070", Engine: engine})
//	n.Join(account, tenant)
//	n.Start()
//	id, err := n.TakeIdentity(ctx)  // then id.Use
//	n.Leave(ctx)                    // others own what they can
//	id.Release(ctx)
//	n.Close(ctx)
package cluster
