package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"guodu/channels"
	"guodu/channels/alipay"
	"guodu/channels/wechat"
)

// keysEvery is the time between two looks at the files that hold channels' keys.
const keysEvery = 30 * time.Second

// wechatKeys are the keys of WeChat Pay, and those that open its callbacks, that the
// settings of a merchant name. An id
// without a file is left for the channel to refuse.
func wechatKeys(c WeChatConfig, file func(path string) []byte) wechat.Keys {
	var keys wechat.Keys
	public := func(id, path string) {
		keys.Public = append(keys.Public, wechat.PublicKey{ID: id, PEM: file(path), Source: path})
	}
	if c.PublicKeyID+c.PublicKeyFile != "" {
		public(c.PublicKeyID, c.PublicKeyFile)
	}
	for _, pair := range c.MorePublicKeys {
		id, path, _ := strings.Cut(pair, "=")
		public(id, path)
	}
	for _, path := range append([]string{c.APIv3KeyFile}, c.MoreAPIv3Keys...) {
		keys.APIv3 = append(keys.APIv3, wechat.APIv3Key{Key: file(path), Source: path})
	}
	for _, path := range c.Certificates {
		keys.Certificates = append(keys.Certificates, wechat.Certificate{PEM: file(path), Source: path})
	}
	return keys
}

// alipayKeys are the keys of Alipay that the configuration names.
func alipayKeys(c AlipayConfig, file func(path string) []byte) []alipay.PublicKey {
	var keys []alipay.PublicKey
	for _, path := range append([]string{c.PublicKeyFile}, c.MoreKeyFiles...) {
		keys = append(keys, alipay.PublicKey{PEM: file(path), Source: path})
	}
	return keys
}

// keyRing is the verification keys of one channel at one merchant, as the configuration and its
// files have them now.
type keyRing struct {
	channel, merchant string
	// set reads the keys through file and puts them to use, all or none.
	set func(c Config, file func(path string) []byte) error
	// last is a digest of what the last attempt read, and of how it failed.
	last [sha256.Size]byte
}

// look reads a channel's keys again, and reports whether anything is different
// from the last look. With an error the channel goes on with the keys that it has.
func (k *keyRing) look(c Config) (changed bool, err error) {
	digest := sha256.New()
	var missing error
	err = k.set(c, func(path string) []byte {
		text, err := secret(path)
		if err != nil {
			missing = errors.Join(missing, err)
		}
		fmt.Fprintf(digest, "%d:%s%d:%s", len(path), path, len(text), text)
		return text
	})
	if missing != nil {
		err = missing // the channel could only say that the key is empty
	}
	if err != nil {
		fmt.Fprint(digest, err)
	}
	seen := [sha256.Size]byte(digest.Sum(nil))
	changed = seen != k.last
	k.last = seen
	return changed, err
}

// keyWatch puts channels' keys to use when their files change.
type keyWatch struct {
	rings  []*keyRing
	reload func() (Config, error)
	log    *slog.Logger
	failed string // how the configuration could not be read the last time
}

// open watches the keys of the channels in use, which are those that the
// configuration names.
func (w *keyWatch) open(c Config, inUse channels.Set) {
	for name, merchants := range inUse {
		for _, channel := range merchants.All() {
			ring := &keyRing{channel: name, merchant: channel.Merchant()}
			switch ch := channel.(type) {
			case *wechat.Channel:
				ring.set = func(c Config, file func(string) []byte) error { return setWeChat(ch, c, file) }
			case *alipay.Channel:
				ring.set = func(c Config, file func(string) []byte) error { return setAlipay(ch, c, file) }
			default:
				continue
			}
			_, _ = ring.look(c) // what is wrong now, the channel has said when it was made
			w.rings = append(w.rings, ring)
		}
	}
}

// errGone says that the configuration names a merchant no longer. A merchant that
// comes or goes takes a restart.
var errGone = errors.New("the configuration has this merchant no longer; restart the hub")

// setWeChat finds the settings of a channel by its merchant: a reload may have
// exchanged the current one for a former one.
func setWeChat(ch *wechat.Channel, c Config, file func(string) []byte) error {
	for _, m := range c.WeChat.merchants() {
		if m.merchant() == ch.Merchant() {
			return ch.SetKeys(wechatKeys(m, file))
		}
	}
	return errGone
}

func setAlipay(ch *alipay.Channel, c Config, file func(string) []byte) error {
	for _, m := range c.Alipay.merchants() {
		if m.merchant() == ch.Merchant() {
			return ch.SetKeys(alipayKeys(m, file))
		}
	}
	return errGone
}

// look reads the key settings and their files once. What stays as it was is not
// logged again, unless somebody asked.
func (w *keyWatch) look(asked bool) {
	config, err := w.reload()
	if err != nil {
		if asked || err.Error() != w.failed {
			w.log.Error("channels keep the keys that they have", "error", err)
		}
		w.failed = err.Error()
		return
	}
	w.failed = ""
	for _, ring := range w.rings {
		changed, err := ring.look(config)
		switch {
		case !asked && !changed:
		case err != nil:
			w.log.Error("channel keeps the keys that it has", "channel", ring.channel, "merchant", ring.merchant, "error", err)
		default:
			w.log.Info("channel's keys are in use", "channel", ring.channel, "merchant", ring.merchant)
		}
	}
}

// run looks every keysEvery, and at once when hangup says so, until ctx ends.
func (w *keyWatch) run(ctx context.Context, hangup <-chan os.Signal) {
	ticker := time.NewTicker(keysEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			w.look(true)
		case <-ticker.C:
			w.look(false)
		}
	}
}
