package app

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"guodu/channels"
	"guodu/transition"
)

// merchants are the settings of each merchant of WeChat Pay, the current one
// first if there is one. A former one speaks to the same upstreams unless it
// names others.
func (c WeChatConfig) merchants() []WeChatConfig {
	var all []WeChatConfig
	if c.AppID != "" {
		all = append(all, c)
	}
	for _, f := range c.Former {
		f.APIBase, f.OAuthBase, f.AuthorizeBase = or(f.APIBase, c.APIBase), or(f.OAuthBase, c.OAuthBase), or(f.AuthorizeBase, c.AuthorizeBase)
		f.Timeout, f.Messages, f.former = or(f.Timeout, c.Timeout), nil, true
		all = append(all, f)
	}
	return all
}

// merchant names the merchant as an order does.
func (c WeChatConfig) merchant() string { return c.MchID + "/" + c.AppID }

// merchants are the same of Alipay.
func (c AlipayConfig) merchants() []AlipayConfig {
	var all []AlipayConfig
	if c.AppID != "" {
		all = append(all, c)
	}
	for _, f := range c.Former {
		f.Gateway, f.AuthorizeBase = or(f.Gateway, c.Gateway), or(f.AuthorizeBase, c.AuthorizeBase)
		f.Timeout, f.Messages, f.former = or(f.Timeout, c.Timeout), nil, true
		all = append(all, f)
	}
	return all
}

func (c AlipayConfig) merchant() string { return c.SellerID + "/" + c.AppID }

// or is a value, or another one if that is not set.
func or[T comparable](value, otherwise T) T {
	var unset T
	if value == unset {
		return otherwise
	}
	return value
}

// orphans is what is due at a merchant that is not configured.
type orphans struct {
	transition.Made
	transition.Waiting
}

func (o orphans) String() string {
	return fmt.Sprintf("%d open orders and %d refunds under way of %s merchant %s, which is not configured", o.Orders, o.Refunds, o.Channel, o.Merchant)
}

// orphaned is all that is due where nobody can be asked.
func orphaned(ctx context.Context, books *transition.Store, inUse channels.Set) ([]orphans, error) {
	waiting, err := books.Waiting(ctx)
	if err != nil {
		return nil, err
	}
	var all []orphans
	for made, n := range waiting {
		if _, ok := inUse.Of(made.Channel, made.Merchant); !ok {
			all = append(all, orphans{made, n})
		}
	}
	slices.SortFunc(all, func(a, b orphans) int { return cmp.Compare(a.Channel+a.Merchant, b.Channel+b.Merchant) })
	return all, nil
}

// nameOrphans says in the log what is due where nobody can be asked.
func nameOrphans(ctx context.Context, books *transition.Store, inUse channels.Set, log *slog.Logger) {
	all, err := orphaned(ctx, books, inUse)
	if err != nil {
		log.Error("look for orders of merchants that are not configured", "error", err)
	}
	for _, o := range all {
		log.Warn("merchant is not configured", "channel", o.Channel, "merchant", o.Merchant, "open_orders", o.Orders, "refunds", o.Refunds,
			"remedy", "add it under "+o.Channel+".former: its orders stay open until it can be asked")
	}
}

// checkFormer says what of the former merchants is missing or there twice.
func (c Config) checkFormer() []error {
	var wrong []error
	want := func(setting, value string) {
		if value == "" {
			wrong = append(wrong, fmt.Errorf("%s is missing", setting))
		}
	}
	once := func(seen map[string]bool, setting, merchant string, nested bool) {
		if seen[merchant] {
			wrong = append(wrong, fmt.Errorf("%s: merchant %s is there twice", setting, merchant))
		}
		seen[merchant] = true
		if nested {
			wrong = append(wrong, fmt.Errorf("%s has former merchants of its own; list all of them in one place", setting))
		}
	}
	seen := map[string]bool{c.WeChat.merchant(): c.WeChat.AppID != ""}
	for i, f := range c.WeChat.Former {
		name := fmt.Sprintf("wechat.former[%d]", i)
		once(seen, name, f.merchant(), len(f.Former) > 0)
		want(name+".app_id", f.AppID)
		want(name+".mch_id", f.MchID)
		want(name+".merchant_serial", f.MerchantSerial)
		want(name+".merchant_key_file", f.MerchantKeyFile)
		want(name+".api_v3_key_file", f.APIv3KeyFile)
		if len(f.Certificates) == 0 || f.PublicKeyID+f.PublicKeyFile != "" {
			want(name+".public_key_id", f.PublicKeyID)
			want(name+".public_key_file", f.PublicKeyFile)
		}
		for _, pair := range f.MorePublicKeys {
			if id, path, _ := strings.Cut(pair, "="); id == "" || path == "" {
				wrong = append(wrong, fmt.Errorf("%s.more_public_keys: %q is not ID=FILE", name, pair))
			}
		}
	}
	seen = map[string]bool{c.Alipay.merchant(): c.Alipay.AppID != ""}
	for i, f := range c.Alipay.Former {
		name := fmt.Sprintf("alipay.former[%d]", i)
		once(seen, name, f.merchant(), len(f.Former) > 0)
		want(name+".app_id", f.AppID)
		want(name+".seller_id", f.SellerID)
		want(name+".app_key_file", f.AppKeyFile)
		want(name+".public_key_file", f.PublicKeyFile)
	}
	return wrong
}
