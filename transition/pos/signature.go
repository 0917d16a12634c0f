package pos

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
	httpsig "github.com/remitly-oss/httpsig-go"

	"guodu/internal/redisx"
)

// ErrSignature says that a request was not signed by a terminal of this hub, or
// not as docs/pos-v1.md asks.
var ErrSignature = errors.New("request is not signed by a terminal of this hub")

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

// verify authenticates a request over its body, which the caller has read and
// bounded. What the library leaves open is closed before it is called: one
// signature, one header each, no parameters on components, no escapes in the
// path, the nonce's form, and the time by the hub's own clock.
// Errors: ErrSignature, or the registry's if it cannot be read.
func (v verifier) verify(r *http.Request, body []byte) (signed Signed, err error) {
	defer func() {
		// The library panics on parameters of unexpected types.
		if p := recover(); p != nil {
			signed, err = Signed{}, fmt.Errorf("%w: unreadable signature", ErrSignature)
		}
	}()
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
	for _, key := range terminal.keys(v.clock()) {
		err = v.verifyWith(r, body, terminal, key)
		if err == nil {
			return Signed{Terminal: terminal, Key: key, Nonce: input.nonce, Seq: r.Header.Get("Terminal-Seq")}, nil
		}
	}
	return Signed{}, err
}

// verifyWith checks the signature with one key of the terminal, by the algorithm
// of the terminal's record.
func (v verifier) verifyWith(r *http.Request, body []byte, terminal Terminal, key Key) error {
	spec := httpsig.KeySpec{KeyID: terminal.ID}
	var form *regexp.Regexp
	switch terminal.Algorithm {
	case Ed25519:
		spec.Algo, spec.PubKey, form = httpsig.Algo_ED25519, key.Public, ed25519Form
	case HMAC:
		secret, err := Secret(v.hub, terminal.ID, key.Number)
		if err != nil {
			return err
		}
		spec.Algo, spec.Secret, form = httpsig.Algo_HMAC_SHA256, secret, hmacForm
	}
	if form == nil || !form.MatchString(r.Header.Get("Signature")) {
		return fmt.Errorf("%w: Signature is not one %s with label %s", ErrSignature, terminal.Algorithm, sigLabel)
	}
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	_, err := httpsig.Verify(copied, oneKey{spec}, httpsig.VerifyProfile{
		SignatureLabel:         sigLabel,
		RequiredFields:         httpsig.Fields(covered(r.Method)...),
		RequiredMetadata:       []httpsig.Metadata{httpsig.MetaCreated, httpsig.MetaKeyID, httpsig.MetaNonce},
		DisallowedMetadata:     []httpsig.Metadata{httpsig.MetaAlgorithm, httpsig.MetaExpires, httpsig.MetaTag},
		AllowedAlgorithms:      []httpsig.Algorithm{spec.Algo},
		DisableTimeEnforcement: true, // precheck did it, by the hub's clock
	})
	if err != nil {
		var reason *httpsig.SignatureError
		if errors.As(err, &reason) {
			return fmt.Errorf("%w: %s", ErrSignature, reason.Code)
		}
		return fmt.Errorf("%w: it does not verify", ErrSignature)
	}
	return nil
}

// signatureInput is the part of Signature-Input that a decision needs.
type signatureInput struct{ keyID, nonce string }

func (v verifier) precheck(r *http.Request) (signatureInput, error) {
	bad := func(why string) (signatureInput, error) {
		return signatureInput{}, fmt.Errorf("%w: %s", ErrSignature, why)
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
		return bad("it is for another host")
	}
	if r.URL.RawPath != "" {
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
	return v.parameters(list.Params)
}

func (v verifier) parameters(params *httpsfv.Params) (signatureInput, error) {
	bad := func(why string) (signatureInput, error) {
		return signatureInput{}, fmt.Errorf("%w: %s", ErrSignature, why)
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
		return bad(fmt.Sprintf("created is %s from the hub's clock", age.Truncate(time.Second)))
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

// oneKey gives the library the key that was looked up, and no other.
type oneKey struct{ spec httpsig.KeySpec }

func (k oneKey) FetchByKeyID(_ context.Context, _ http.Header, id string) (httpsig.KeySpecer, error) {
	if id != k.spec.KeyID {
		return nil, ErrNoTerminal
	}
	return k.spec, nil
}

func (k oneKey) Fetch(context.Context, http.Header, httpsig.MetadataProvider) (httpsig.KeySpecer, error) {
	return nil, ErrNoTerminal
}
