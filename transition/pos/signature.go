package pos

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
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

// ErrSignature says that a request was not signed by a running terminal of
// this hub, or not as docs/pos-v1.md asks.
var ErrSignature = errors.New("request is not signed by a running terminal")

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
	nonceForm     = regexp.MustCompile(`^[0-9A-Za-z_-]{16,64}$`)
	digestForm    = regexp.MustCompile(`^sha-256=:[0-9A-Za-z+/]{43}=:$`)
	signatureForm = regexp.MustCompile(`^` + sigLabel + `=:[0-9A-Za-z+/]{86}==:$`)
)

// covered are the components that a request's signature must hold. @target-uri
// is not among them: the library's does not cover the path.
func covered() []string {
	return []string{"@method", "@authority", "@path", "@query", "content-digest"}
}

// Signed is what a verified signature says.
type Signed struct {
	Terminal Terminal
	Nonce    string
}

// verifier checks the requests' signatures.
type verifier struct {
	registry *Registry
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
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	_, err = httpsig.Verify(copied, oneKey{terminal}, httpsig.VerifyProfile{
		SignatureLabel:         sigLabel,
		RequiredFields:         httpsig.Fields(covered()...),
		RequiredMetadata:       []httpsig.Metadata{httpsig.MetaCreated, httpsig.MetaKeyID, httpsig.MetaNonce},
		DisallowedMetadata:     []httpsig.Metadata{httpsig.MetaAlgorithm, httpsig.MetaExpires, httpsig.MetaTag},
		AllowedAlgorithms:      []httpsig.Algorithm{httpsig.Algo_ED25519},
		DisableTimeEnforcement: true, // precheck did it, by the hub's clock
	})
	if err != nil {
		var reason *httpsig.SignatureError
		if errors.As(err, &reason) {
			return Signed{}, fmt.Errorf("%w: %s", ErrSignature, reason.Code)
		}
		return Signed{}, fmt.Errorf("%w: it does not verify", ErrSignature)
	}
	return Signed{Terminal: terminal, Nonce: input.nonce}, nil
}

// signatureInput is the part of Signature-Input that a decision needs.
type signatureInput struct{ keyID, nonce string }

func (v verifier) precheck(r *http.Request) (signatureInput, error) {
	bad := func(why string) (signatureInput, error) {
		return signatureInput{}, fmt.Errorf("%w: %s", ErrSignature, why)
	}
	for _, name := range []string{"Signature", "Signature-Input", "Content-Digest"} {
		values := r.Header.Values(name)
		if len(values) != 1 || len(values[0]) > headerMax {
			return bad("header " + name + " must be there once, at most 1 KiB")
		}
	}
	if !signatureForm.MatchString(r.Header.Get("Signature")) || !digestForm.MatchString(r.Header.Get("Content-Digest")) ||
		strings.Count(r.Header.Get("Signature-Input"), sigLabel+"=") != 1 {
		return bad("Signature, Signature-Input and Content-Digest have one spelling, with " + sigLabel + " and sha-256 alone")
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
	for _, name := range covered() {
		if !slices.Contains(names, name) {
			return bad(name + " is not covered")
		}
	}
	if len(names) != len(covered()) {
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
type oneKey struct{ terminal Terminal }

func (k oneKey) FetchByKeyID(_ context.Context, _ http.Header, id string) (httpsig.KeySpecer, error) {
	if id != k.terminal.ID {
		return nil, ErrNoTerminal
	}
	return httpsig.KeySpec{KeyID: id, Algo: httpsig.Algo_ED25519, PubKey: k.terminal.Key}, nil
}

func (k oneKey) Fetch(context.Context, http.Header, httpsig.MetadataProvider) (httpsig.KeySpecer, error) {
	return nil, ErrNoTerminal
}

// signAnswer adds the hub's signature to an answer's headers.
func signAnswer(key ed25519.PrivateKey, header http.Header, status int, body []byte, nonce string) error {
	digest := sha256.Sum256(body)
	header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(digest[:])+":")
	header.Set("Request-Nonce", nonce)
	signer, err := httpsig.NewSigner(httpsig.SigningProfile{
		Algorithm: httpsig.Algo_ED25519, Label: sigLabel,
		Fields:   httpsig.Fields("@status", "content-digest", "request-nonce"),
		Metadata: []httpsig.Metadata{httpsig.MetaCreated, httpsig.MetaKeyID},
	}, httpsig.SigningKey{Key: key, MetaKeyID: hubKeyID})
	if err != nil {
		return fmt.Errorf("sign answer: %w", err)
	}
	err = signer.SignResponse(&http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body))})
	if err != nil {
		return fmt.Errorf("sign answer: %w", err)
	}
	return nil
}
