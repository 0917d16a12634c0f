package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"

	"guodu/channels"
	"guodu/cmd/hub/app"
)

type explainSignature struct {
	Channel string `arg:"" enum:"wechat,alipay" help:"Who is said to have sent it: wechat or alipay."`
	File    string `arg:"" help:"The callback as it was received: header lines, an empty line, the body's bytes. - is standard input." type:"path"`
}

// Help is what hub explain-signature --help says beside its flags.
func (explainSignature) Help() string {
	return "Says which part of a callback keeps its signature from holding: a header, the clock, the key, or the body, and then what changed it, " +
		"as far as usual accidents go. Asks nobody, changes nothing."
}

// messageMax bounds the message in bytes; callbacks have about 2 KiB.
const messageMax = 1 << 20

// errUnproven says that the signature of a callback does not hold.
var errUnproven = errors.New("this callback is not to be believed as it stands")

// Run prints what is found of each part, and ends with status 1 if one is bad.
func (c explainSignature) Run(r run) error {
	header, body, err := c.read()
	if err != nil {
		return err
	}
	inUse, err := app.Channels(r.config)
	if err != nil {
		return err
	}
	parts, merchant := explained(inUse[c.Channel].All(), header, body)
	if parts == nil {
		return fmt.Errorf("%s is not configured", c.Channel)
	}
	fmt.Fprintf(r.out, "      %-10s %s\n", "merchant", merchant)
	for _, part := range parts {
		mark := "ok"
		if !part.Good {
			mark = "BAD"
		}
		fmt.Fprintf(r.out, "%-4s  %-10s %s\n", mark, part.Name, part.Text)
	}
	if bad(parts) > 0 {
		return errUnproven
	}
	return nil
}

// explained is what the merchant says that a callback fits best.
func explained(all []channels.Channel, header http.Header, body []byte) (parts []channels.Part, merchant string) {
	for _, channel := range all {
		explainer, ok := channel.(channels.Explainer)
		if !ok {
			continue
		}
		if found := explainer.Explain(header, body); parts == nil || bad(found) < bad(parts) {
			parts, merchant = found, channel.Merchant()
		}
	}
	return parts, merchant
}

// bad is how many parts are not as they should be.
func bad(parts []channels.Part) int {
	n := 0
	for _, part := range parts {
		if !part.Good {
			n++
		}
	}
	return n
}

// read takes the message apart. The body stays as it is, to the byte.
func (c explainSignature) read() (http.Header, []byte, error) {
	var in io.Reader = os.Stdin
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return nil, nil, err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, messageMax))
	if err != nil {
		return nil, nil, err
	}
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if strings.Contains(string(first), "HTTP/") { // the request line
		text = rest
	}
	message := bufio.NewReader(bytes.NewReader(text))
	header, err := textproto.NewReader(message).ReadMIMEHeader()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: want header lines, an empty line and the body: %w", c.File, err)
	}
	body, err := io.ReadAll(message)
	return http.Header(header), body, err
}
