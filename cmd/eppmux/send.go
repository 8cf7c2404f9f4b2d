package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"

	"eppmux/frame"
)

// maxAnswer bounds an answer, in octets of payload.
const maxAnswer = 16 << 20

// sender is the values of the flags of send.
type sender struct {
	to      string
	caFile  string
	timeout time.Duration
	raw     bool
}

func newSendCommand() *cobra.Command {
	var s sender
	cmd := &cobra.Command{
		Use:   "send [FILE | check NAME... | info NAME | poll [ack ID] | hello]",
		Short: "Send one EPP message to a listener and print the answer",
		Long: `Connects to a listener of eppmux (or any EPP server that asks for no login), reads the
greeting, sends one message, prints the answer and disconnects.

The message is the XML in FILE, or on standard input for "-" or no argument, sent octet
for octet. Or it is built from a few words:

  check NAME...    a check of objects of one kind
  info NAME        an info
  poll             the first message of the queue
  poll ack ID      takes message ID off the queue
  hello            asks for the greeting

A NAME with a dot is a domain; host:NAME and contact:ID are the other objects. A file
whose name is one of these words is written ./check.

The answer is indented for reading; --raw prints its octets as they came.

Exit codes: 0 the result code is below 2000 (or the answer is a greeting), 1 it is not, or
there was no answer, 2 wrong usage.`,
		Example: `  eppmux send check example.com example.net
  eppmux send info host:ns1.example.com
  eppmux send --to unix:///run/eppmux/epp.sock create.xml
  eppmux send --to tls://localhost:7700 --ca ca.pem --raw - < update.xml`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&s.to, "to", "tcp://127.0.0.1:7000", "`ADDR` to connect to: host:port, tcp://, tls:// or unix:///path")
	f.StringVar(&s.caFile, "ca", "", "`FILE` of the certificate authority for tls:// (default those of the system)")
	f.DurationVar(&s.timeout, "timeout", 75*time.Second, "how long all of it may take")
	f.BoolVar(&s.raw, "raw", false, "print the answer as it came")
	return cmd
}

func (s *sender) run(cmd *cobra.Command, args []string) error {
	to, err := parseAddress(s.to)
	if err != nil {
		return misused(cmd, "--to: %w", err)
	}
	if s.timeout <= 0 {
		return misused(cmd, "--timeout: must be above 0, got %v", s.timeout)
	}
	if s.caFile != "" && !to.tls {
		return misused(cmd, "--ca: is for tls:// only")
	}
	payload, err := buildPayload(args, cmd.InOrStdin())
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return misused(cmd, "%w", err)
	case err != nil:
		return failed(cmd, err)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), s.timeout)
	defer cancel()
	answer, err := s.exchange(ctx, to, payload)
	if ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("no answer within %v", s.timeout)
	}
	if err != nil {
		return failed(cmd, err)
	}
	return s.show(cmd, answer)
}

// show prints an answer and turns its code into that of the program.
func (s *sender) show(cmd *cobra.Command, answer []byte) error {
	m, err := frame.NewScanner().Scan(answer)
	if s.raw {
		cmd.OutOrStdout().Write(answer)
	}
	if err != nil {
		// Not shown without --raw: it could hold what a terminal obeys.
		return failed(cmd, fmt.Errorf("the answer is not EPP: %w", err))
	}
	if !s.raw {
		cmd.OutOrStdout().Write(indent(m.Payload))
	}
	switch {
	case m.Kind == frame.KindGreeting, m.Kind == frame.KindResponse && m.Code < 2000:
		return nil
	case m.Kind == frame.KindResponse:
		return &exitError{exitFailed, nil}
	}
	return failed(cmd, errors.New("the answer is neither a response nor a greeting"))
}

// exchange reads the greeting, sends payload and reads its answer. It ends when ctx is done.
func (s *sender) exchange(ctx context.Context, to address, payload []byte) ([]byte, error) {
	conn, err := s.dial(ctx, to)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := readUnit(conn); err != nil {
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if _, err := conn.Write(append(frame.AppendHeader(nil, len(payload)), payload...)); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	answer, err := readUnit(conn)
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return answer, nil
}

func (s *sender) dial(ctx context.Context, to address) (net.Conn, error) {
	if !to.tls {
		return (&net.Dialer{}).DialContext(ctx, to.network, to.where)
	}
	config := &tls.Config{ServerName: to.host(), MinVersion: tls.VersionTLS12}
	if s.caFile != "" {
		pem, _, err := readFile(s.caFile, maxPEMFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: holds no certificate in PEM", s.caFile)
		}
	}
	return (&tls.Dialer{Config: config}).DialContext(ctx, to.network, to.where)
}

// readUnit reads one data unit and returns its payload.
func readUnit(r io.Reader) ([]byte, error) {
	header := make([]byte, frame.HeaderLen)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, closedEarly(err)
	}
	n, err := frame.Size(header, maxAnswer)
	if err != nil {
		return nil, err
	}
	payload := make([]byte, n-frame.HeaderLen)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, closedEarly(err)
	}
	return payload, nil
}

func closedEarly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection was closed")
	}
	return err
}
