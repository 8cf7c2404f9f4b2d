// Package lane is what two hosts of a cluster say to each other over a lane: a connection of a follower
// to the owner of an account, over TLS with the ALPN protocol [Protocol]. It knows the octets and
// nothing else.
//
// Everything is data units as RFC 5734 section 4 has them. The first one each way is JSON: [Hello] of
// the follower, [Welcome] of the owner. What follows is EPP: the owner sends the registry's greeting
// where it has one, and each new one; the follower sends a command, the owner its answer, and then the
// next one. Beside EPP there are marked units, whose payload begins with an octet with which no XML
// begins: an [Author] goes before each command, in the same write, and an [End] stands in place of an
// answer. A reader takes of a marked unit what it knows and ignores what follows, so that a later
// version may say more.
package lane
