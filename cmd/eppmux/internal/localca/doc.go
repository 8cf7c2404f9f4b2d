// Package localca makes certificates without anybody else: an authority of one's own, certificates
// that it signs, and the folder in which they lie.
//
//	d, err := localca.Open("tls")                    // one process at a time has the folder
//	ca, err := localca.NewAuthority(names, now, 3650) // or d.Authority(), the one that is there
//	made, err := ca.Issue(names, now, 397)
//	err = d.Put(made)
//
// A Set is another kind of folder: certificates of a sandbox for its registry and a client, which
// are used again as long as they are whole.
package localca
