package wechatpay_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// parcel is a callback as it arrived.
type parcel struct {
	header http.Header
	body   []byte
}

type notice struct {
	ID        string `json:"id"`
	EventType string `json:"event_type"`
	Resource  struct {
		Algorithm      string `json:"algorithm"`
		Ciphertext     string `json:"ciphertext"`
		AssociatedData string `json:"associated_data"`
		Nonce          string `json:"nonce"`
		OriginalType   string `json:"original_type"`
	} `json:"resource"`
}

// inbox is a merchant that keeps what it gets and answers with a status.
type inbox struct {
	*httptest.Server
	mu  sync.Mutex
	got []parcel
}

func newInbox(t testing.TB, status int) *inbox {
	t.Helper()
	in := &inbox{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		in.got = append(in.got, parcel{r.Header, body})
		in.mu.Unlock()
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		if status != http.StatusNoContent {
			_, _ = io.WriteString(w, "heard")
		}
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) all() []parcel {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]parcel(nil), in.got...)
}

func (p parcel) read(t testing.TB) notice {
	t.Helper()
	var n notice
	err := json.Unmarshal(p.body, &n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// plaintext decrypts as the documents say: AES-256-GCM with a nonce of 12 bytes.
func (n notice) plaintext() ([]byte, error) { return n.plaintextBy(apiV3Key) }

func (n notice) plaintextBy(key string) ([]byte, error) {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if len(n.Resource.Nonce) != aead.NonceSize() {
		return nil, fmt.Errorf("nonce of %d bytes", len(n.Resource.Nonce))
	}
	sealed, err := base64.StdEncoding.DecodeString(n.Resource.Ciphertext)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, []byte(n.Resource.Nonce), sealed, []byte(n.Resource.AssociatedData))
}

// open is the plaintext, read.
func (n notice) open() (map[string]any, error) {
	plain, err := n.plaintext()
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(plain, &out)
}
