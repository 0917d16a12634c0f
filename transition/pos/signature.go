package pos

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"

	"guodu/internal/redisx"
)

// ErrSignature says that a request was not signed by a terminal of this hub, or
// not as docs/pos-v1.md asks.
var ErrSignature = errors.New("request is not signed by a terminal of this hub")

// Kinds of ErrSignature, told apart in what is counted.
var (
	errHeaders = fmt.Errorf("%w: headers", ErrSignature)
	errHost    = fmt.Errorf("%w: it is for another host", ErrSignature)
	errClock   = fmt.Errorf("%w: clock", ErrSignature)
)

const (
	hubKeyID  = "hub"
	sigLabel  = "sig1"
	oldest    = 300 * time.Second
	future    = 60 * time.Second
	headerMax = 1024
)

// The headers have one spelling each. RFC 8941 dictionaries would let a second
// member of the same name win, and RFC 9530 other digests beside the first.
var (
	nonceForm   = regexp.MustCompile(`^[0-9A-Za-z_-]{16,64}$`)
	digestForm  = regexp.MustCompile(`^sha-256=:[0-9A-Za-z+/]{43}=:$`)
	ed25519Form = regexp.MustCompile(`^` + sigLabel + `=:[0-9A-Za-z+/]{86}==:$`)
	hmacForm    = regexp.MustCompile(`^` + sigLabel + `=:[0-9A-Za-z+/]{43}=:$`)
)

// covered are the components that a request's signature must hold. @target-uri
// is not among them: the library's does not cover the path.
func covered(method string) []string {
	names := []string{"@method", "@authority", "@path", "@query", "content-digest"}
	if method == http.MethodPost {
		names = append(names, "terminal-seq")
	}
	return names
}

// Signed is what a verified signature says.
type Signed struct {
	Terminal Terminal
	Key      Key // that it was made with
	Nonce    string
	Seq      string // Terminal-Seq of a POST, as it came
}

// verifier checks the requests' signatures.
type verifier struct {
	registry *Registry
	hub      ed25519.PrivateKey // from which terminals' secrets are derived
	clock    func() time.Time
	hosts    []string // the hub's own names; empty: any
}

// verify authenticates a request by its headers, before a byte of its body is read:
// the signature covers the digest, and who reads the body compares it. One form is
// taken: one signature, one header each, no parameters on components, no escapes in
// the path, the nonce's form, and the time by the hub's own clock.
// Errors: ErrSignature, or the registry's if it cannot be read.
// (Source: RFC 9421, section 2.5, the signature base.)
func (v verifier) verify(r *http.Request) (Signed, error) {
	input, err := v.precheck(r)
	if err != nil {
		return Signed{}, err
	}
	terminal, err := v.registry.Terminal(r.Context(), input.keyID)
	if err != nil {
		if errors.Is(err, redisx.ErrUnavailable) || errors.Is(err, redisx.ErrUnknownOutcome) {
			return Signed{}, err
		}
		return Signed{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	base := input.base(r)
	for _, key := range terminal.keys(v.clock()) {
		err = v.verifyWith(r.Header.Get("Signature"), base, terminal, key)
		if err == nil {
			return Signed{Terminal: terminal, Key: key, Nonce: input.nonce, Seq: r.Header.Get("Terminal-Seq")}, nil
		}
	}
	return Signed{}, err
}

// base is what the signature is made over.
func (i signatureInput) base(r *http.Request) []byte {
	var out bytes.Buffer
	for _, name := range i.covered {
		value := ""
		switch name {
		case "@method":
			value = r.Method
		case "@authority":
			value = r.Host
		case "@path":
			value = r.URL.Path
		case "@query":
			value = "?" + r.URL.RawQuery
		default:
			value = r.Header.Get(name)
		}
		fmt.Fprintf(&out, "%q: %s\n", name, value)
	}
	fmt.Fprintf(&out, "%q: %s", "@signature-params", i.params)
	return out.Bytes()
}

// verifyWith checks the signature with one key of the terminal, by the algorithm
// of the terminal's record.
func (v verifier) verifyWith(header string, base []byte, terminal Terminal, key Key) error {
	var (
		form *regexp.Regexp
		good func(signature []byte) bool
	)
	switch terminal.Algorithm {
	case Ed25519:
		form = ed25519Form
		good = func(signature []byte) bool { return ed25519.Verify(key.Public, base, signature) }
	case HMAC:
		secret, err := Secret(v.hub, terminal.ID, key.Number)
		if err != nil {
			return err
		}
		form = hmacForm
		good = func(signature []byte) bool {
			mac := hmac.New(sha256.New, secret)
			mac.Write(base)
			return hmac.Equal(mac.Sum(nil), signature)
		}
	}
	if form == nil || !form.MatchString(header) {
		return fmt.Errorf("%w: Signature is not one %s with label %s", ErrSignature, terminal.Algorithm, sigLabel)
	}
	text := strings.TrimSuffix(strings.TrimPrefix(header, sigLabel+"=:"), ":")
	signature, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || !good(signature) {
		return fmt.Errorf("%w: it does not verify", ErrSignature)
	}
	return nil
}

// sameDigest says whether a body is the one that a Content-Digest names.
func sameDigest(header string, body []byte) bool {
	sum := sha256.Sum256(body)
	return subtle.ConstantTimeCompare([]byte(header), []byte("sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")) == 1
}

// signatureInput is the part of Signature-Input that a decision needs.
type signatureInput struct {
	keyID, nonce string
	covered      []string // component names, in the order of the signature
	params       string   // Signature-Input's list, serialized anew
}

func (v verifier) precheck(r *http.Request) (signatureInput, error) {
	bad := func(why string) (signatureInput, error) {
		return signatureInput{}, fmt.Errorf("%w: %s", errHeaders, why)
	}
	headers := []string{"Signature", "Signature-Input", "Content-Digest"}
	if r.Method == http.MethodPost {
		headers = append(headers, "Terminal-Seq")
	}
	for _, name := range headers {
		values := r.Header.Values(name)
		if len(values) != 1 || len(values[0]) > headerMax {
			return bad("header " + name + " must be there once, at most 1 KiB")
		}
	}
	if !digestForm.MatchString(r.Header.Get("Content-Digest")) || strings.Count(r.Header.Get("Signature-Input"), sigLabel+"=") != 1 {
		return bad("Signature-Input and Content-Digest have one spelling, with " + sigLabel + " and sha-256 alone")
	}
	ours := func(host string) bool { return strings.EqualFold(host, r.Host) }
	if len(v.hosts) > 0 && !slices.ContainsFunc(v.hosts, ours) {
		return signatureInput{}, errHost
	}
	if r.URL.EscapedPath() != r.URL.Path {
		return bad("escapes in the path")
	}
	dict, err := httpsfv.UnmarshalDictionary(r.Header.Values("Signature-Input"))
	if err != nil || len(dict.Names()) != 1 {
		return bad("Signature-Input must hold one signature")
	}
	member, _ := dict.Get(sigLabel)
	list, ok := member.(httpsfv.InnerList)
	if !ok {
		return bad("Signature-Input must hold a list labelled " + sigLabel)
	}
	var names []string
	for _, item := range list.Items {
		name, ok := item.Value.(string)
		if !ok || len(item.Params.Names()) > 0 {
			return bad("components have no parameters here")
		}
		names = append(names, name)
	}
	needed := covered(r.Method)
	for _, name := range needed {
		if !slices.Contains(names, name) {
			return bad(name + " is not covered")
		}
	}
	if len(names) != len(needed) {
		return bad("something else is covered")
	}
	input, err := v.parameters(list.Params)
	if err != nil {
		return signatureInput{}, err
	}
	input.covered = names
	input.params, err = httpsfv.Marshal(list)
	if err != nil {
		return bad("Signature-Input cannot be written again")
	}
	return input, nil
}

func (v verifier) parameters(params *httpsfv.Params) (signatureInput, error) {
	bad := func(why string) (signatureInput, error) {
		return signatureInput{}, fmt.Errorf("%w: %s", errHeaders, why)
	}
	for _, name := range params.Names() {
		if !slices.Contains([]string{"created", "nonce", "keyid"}, name) {
			return bad(fmt.Sprintf("parameter %.20q", name))
		}
	}
	created, _ := params.Get("created")
	seconds, ok := created.(int64)
	if !ok {
		return bad("created must be whole seconds")
	}
	age := v.clock().Sub(time.Unix(seconds, 0))
	if age > oldest || age < -future {
		return signatureInput{}, fmt.Errorf("%w: created is %s from the hub's clock", errClock, age.Truncate(time.Second))
	}
	value, _ := params.Get("nonce")
	nonce, ok := value.(string)
	if !ok || !nonceForm.MatchString(nonce) {
		return bad("nonce must be 16 to 64 of 0-9 A-Z a-z _ -")
	}
	value, _ = params.Get("keyid")
	keyID, ok := value.(string)
	if !ok || !terminalID.MatchString(keyID) {
		return bad("keyid must be a terminal's id")
	}
	return signatureInput{keyID: keyID, nonce: nonce}, nil
}
