package pos

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"

	httpsig "github.com/remitly-oss/httpsig-go"
)

// signAnswer adds the hub's signature to the headers of an answer to a request
// that was signed so. A terminal without Ed25519 gets its own algorithm and
// secret back.
func signAnswer(hub ed25519.PrivateKey, to Signed, header http.Header, status int, body []byte) error {
	key := httpsig.SigningKey{Key: hub, MetaKeyID: hubKeyID}
	algorithm := httpsig.Algo_ED25519
	if to.Terminal.Algorithm == HMAC {
		secret, err := Secret(hub, to.Terminal.ID, to.Key.Number)
		if err != nil {
			return err
		}
		key, algorithm = httpsig.SigningKey{Secret: secret, MetaKeyID: to.Terminal.ID}, httpsig.Algo_HMAC_SHA256
	}
	// The library computes no digest of an answer.
	digest := sha256.Sum256(body)
	header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(digest[:])+":")
	header.Set("Request-Nonce", to.Nonce)
	signer, err := httpsig.NewSigner(httpsig.SigningProfile{
		Algorithm: algorithm, Label: sigLabel,
		Fields:   httpsig.Fields("@status", "content-digest", "request-nonce"),
		Metadata: []httpsig.Metadata{httpsig.MetaCreated, httpsig.MetaKeyID},
	}, key)
	if err != nil {
		return fmt.Errorf("sign answer: %w", err)
	}
	err = signer.SignResponse(&http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body))})
	if err != nil {
		return fmt.Errorf("sign answer: %w", err)
	}
	return nil
}
