// Package carry is the kernel of the gateway: it carries one command of one user to one registry and
// says honestly what became of it. All doors of the gateway (JSON, RPP, raw XML, batch checks) use it,
// so users, permissions, deadlines, turns and repeats are decided here once.
package carry
