package terminal

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/url"
	"testing"
)

// The key of RFC 9421 appendix B.1.4 and the example of B.2.6.
const (
	rfcSeed      = "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU"
	rfcPublic    = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"
	rfcSignature = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
	rfcBase      = `"date": Tue, 20 Apr 2021 02:07:55 GMT
"@method": POST
"@path": /foo
"@authority": example.com
"content-type": application/json
"content-length": 18
"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`
)

func TestSignatureIsTheOneOfRFC9421(t *testing.T) {
	t.Parallel()
	covered := []string{`"date"`, `"@method"`, `"@path"`, `"@authority"`, `"content-type"`, `"content-length"`}
	values := map[string]string{
		`"date"`: "Tue, 20 Apr 2021 02:07:55 GMT", `"@method"`: "POST", `"@path"`: "/foo", `"@authority"`: "example.com",
		`"content-type"`: "application/json", `"content-length"`: "18",
	}
	params := signatureParams(covered, []param{{"created", "1618884473"}, {"keyid", `"test-key-ed25519"`}})
	base := signatureBase(covered, values, params)
	if base != rfcBase {
		t.Errorf("base is\n%s\nwant\n%s", base, rfcBase)
	}
	seed, err := base64.RawURLEncoding.DecodeString(rfcSeed)
	if err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	if got := base64.RawURLEncoding.EncodeToString(key[32:]); got != rfcPublic {
		t.Errorf("public key is %s, want %s", got, rfcPublic)
	}
	if got := byteSequence(ed25519.Sign(key, []byte(base))); got != ":"+rfcSignature+":" {
		t.Errorf("signature is %s, want %s", got, rfcSignature)
	}
}

func TestRequestSignatureCoversTheWholeRequest(t *testing.T) {
	t.Parallel()
	to, err := url.Parse("http://HUB.example:80")
	if err != nil {
		t.Fatal(err)
	}
	seed := [32]byte{1}
	m := newMessage(identity{id: "T1", key: ed25519.NewKeyFromSeed(seed[:])}, to, Request{Method: "GET", Path: "/pos/v1/cards/70001/pending", Nonce: "abcdefghijklmnop"}, 1795406400)
	// sha-256 of nothing, as RFC 9530 has it in its appendix B.
	want := `"@method": GET
"@authority": hub.example
"@path": /pos/v1/cards/70001/pending
"@query": ?
"content-digest": sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:
"@signature-params": ("@method" "@authority" "@path" "@query" "content-digest");created=1795406400;nonce="abcdefghijklmnop";keyid="T1"`
	if got := signatureBase(m.covered, m.values, signatureParams(m.covered, m.params)); got != want {
		t.Errorf("base is\n%s\nwant\n%s", got, want)
	}
	if got, want := contentDigest([]byte("{\"hello\": \"world\"}\n")), "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"; got != want {
		t.Errorf("digest is %s, want %s", got, want)
	}
}

func TestAuthorityIsNormal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://Hub.Example": "hub.example", "http://hub:80": "hub", "http://hub:443": "hub:443",
		"https://hub:443": "hub", "https://hub:80": "hub:80", "http://127.0.0.1:8080": "127.0.0.1:8080",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := authority(u); got != want {
			t.Errorf("authority of %s is %q, want %q", in, got, want)
		}
	}
}
