package main

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// recordWriter writes TLS 1.3 records in place of crypto/tls, which does not let its user ask for
// key updates. RFC 8446 sections 5.2, 5.3 and 7.2, for TLS_AES_128_GCM_SHA256.
type recordWriter struct {
	out    io.Writer
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

func newRecordWriter(out io.Writer, secret []byte) (*recordWriter, error) {
	w := &recordWriter{out: out}
	return w, w.use(secret)
}

// use takes another secret, RFC 8446 section 7.3.
func (w *recordWriter) use(secret []byte) error {
	key, err := expandLabel(secret, "key", 16)
	if err != nil {
		return err
	}
	if w.iv, err = expandLabel(secret, "iv", 12); err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	w.secret, w.seq = secret, 0
	w.aead, err = cipher.NewGCM(block)
	return err
}

func expandLabel(secret []byte, label string, n int) ([]byte, error) {
	label = "tls13 " + label
	info := append([]byte{0, byte(n), byte(len(label))}, label...)
	return hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
}

// appendRecord appends a record with content of a type.
func (w *recordWriter) appendRecord(b []byte, kind byte, content []byte) []byte {
	inner := append(bytes.Clone(content), kind)
	head := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(inner)+w.aead.Overhead()))
	nonce := bytes.Clone(w.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(w.seq >> (56 - 8*i))
	}
	w.seq++
	return w.aead.Seal(append(b, head...), nonce, inner, head)
}

// appendKeyUpdate appends a KeyUpdate that asks for one of the other side, and goes on with the
// next key.
func (w *recordWriter) appendKeyUpdate(b []byte) ([]byte, error) {
	b = w.appendRecord(b, 22, []byte{24, 0, 0, 1, 1})
	next, err := expandLabel(w.secret, "traffic upd", 32)
	if err != nil {
		return nil, err
	}
	return b, w.use(next)
}

// hijack shakes hands, and gives a writer of records in place of the connection's own.
func (h *hostile) hijack() (*tls.Conn, *recordWriter) {
	var keys bytes.Buffer
	cfg := h.client.Clone()
	cfg.MinVersion, cfg.KeyLogWriter = tls.VersionTLS13, &keys
	nc := h.raw()
	if nc == nil {
		return nil, nil
	}
	tc := tls.Client(nc, cfg)
	if err := tc.Handshake(); err != nil || tc.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		h.t.Errorf("handshake: %v, cipher suite %x", err, tc.ConnectionState().CipherSuite)
		return nil, nil
	}
	w, err := writerFor(nc, &keys, "CLIENT_TRAFFIC_SECRET_0")
	if err != nil {
		h.t.Error(err)
		return nil, nil
	}
	return tc, w
}

// writerFor writes to nc with the key that crypto/tls has logged.
func writerFor(nc net.Conn, keys io.Reader, label string) (*recordWriter, error) {
	for s := bufio.NewScanner(keys); s.Scan(); {
		f := strings.Fields(s.Text())
		if f[0] != label {
			continue
		}
		secret, err := hex.DecodeString(f[2])
		if err != nil {
			return nil, err
		}
		return newRecordWriter(nc, secret)
	}
	return nil, errors.New("no " + label)
}

// keyUpdates sends many without anything between them.
func (h *hostile) keyUpdates() {
	tc, w := h.hijack()
	if tc == nil {
		return
	}
	defer tc.Close()
	var b []byte
	for range 100 {
		var err error
		if b, err = w.appendKeyUpdate(b); err != nil {
			h.t.Error(err)
			return
		}
	}
	_, _ = w.out.Write(b)
	_, _ = io.Copy(io.Discard, tc.NetConn())
}

// TestKeyUpdatesUnread: a client that asks for key updates, with an octet of a frame between them
// so that TLS lets it, and reads nothing, makes eppmux hold what it answers up to a bound, and is
// ended then.
func TestKeyUpdatesUnread(t *testing.T) {
	if !*hostileLong {
		t.Skip("takes a minute; proxy/hostile_unsent: UnsentIsBounded is the short form")
	}
	bin := build(t)
	r := newRig(t, bin, nil, "rate_limits: []", "")
	r.serve(bin, "")
	h := &hostile{rig: r}
	tc, w := h.hijack()
	if tc == nil {
		return
	}
	defer tc.Close()
	_ = tc.NetConn().SetDeadline(time.Now().Add(60 * time.Second))
	most, sent := 0, 0
	one := unit(loginPayload(200_000))
	for ; len(one) > 0; one = one[1:] {
		var b []byte
		for range 15 {
			var err error
			if b, err = w.appendKeyUpdate(b); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		if _, err := w.out.Write(w.appendRecord(b, 23, one[:1])); err != nil {
			break
		}
		if len(one)%2000 == 0 {
			most = max(most, r.resident())
		}
	}
	r.waitFor("its end", func() bool { return r.scrape().closes()["not_reading"] == 1 })
	t.Logf("%d key updates, resident %d MiB", sent, most>>20)
}
