package wechatpay

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"guodu/mocks/sim"
)

const kindOfAPIv3Key = "api-v3-key"

// loadAPIv3Key takes the key that was set last, or that of the options.
func (s *Sim) loadAPIv3Key() error {
	s.keys.apiV3 = s.opts.APIv3Key
	return sim.Each(s.store, kindOfAPIv3Key, func(_, key string) error {
		s.keys.apiV3 = key
		return nil
	})
}

// APIv3Key is what callbacks are encrypted with now.
func (s *Sim) APIv3Key() string {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	return s.keys.apiV3
}

// SetAPIv3Key is the merchant replacing the key on its platform: from now on
// every callback is encrypted with the new one, also a repeat of an old callback.
// Errors: ErrOptions.
func (s *Sim) SetAPIv3Key(key string) error {
	if len(key) != apiV3KeyBytes {
		return fmt.Errorf("%w: APIv3Key must have %d bytes", ErrOptions, apiV3KeyBytes)
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	s.keys.apiV3 = key
	s.store.Put(kindOfAPIv3Key, "key", key)
	return nil
}

// replaceAPIv3Key is SetAPIv3Key for programs: of {"key":"…"}, or of a key that
// it draws, which is in the answer.
func (s *Sim) replaceAPIv3Key(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Key string `json:"key"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &ask)
	}
	if err == nil && ask.Key == "" {
		ask.Key = strings.ToLower(rand.Text() + rand.Text())[:apiV3KeyBytes]
	}
	if err == nil {
		err = s.SetAPIv3Key(ask.Key)
	}
	w.Header().Set("Content-Type", typeJSON)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(encode(map[string]string{"error": err.Error()})) // the caller has gone, if at all
		return
	}
	_, _ = w.Write(encode(map[string]string{"api_v3_key": ask.Key}))
}
