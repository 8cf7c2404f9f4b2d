// Package localca makes certificates without a public authority: a local authority, certificates
// that it signs, and the folder for both.
//
//	d, err := localca.Open("tls")                    // one process at a time has the folder
//	ca, err := localca.NewAuthority(names, now, 3650) // or d.Authority(), which reads one
//	made, err := ca.Issue(names, now, 397)
//	err = d.Put(made)
//
// NewPeerAuthority makes the authority of a cluster, and Dir.PutPeers a folder for each of its hosts.
//
// A Set is another kind of folder: certificates of a sandbox, for its registry and a client. They
// are used again as long as all are there and valid.
package localca
