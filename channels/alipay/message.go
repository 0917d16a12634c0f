package alipay

import (
	"context"
	"fmt"
	"strings"

	"github.com/smartwalle/alipay/v3"

	"guodu/channels"
)

// valueChars is how long a field may be. The platform names no limit; longer ones
// do not fit a phone's line.
const valueChars = 64

// What a message looks like beside its fields.
const (
	messageColor  = "#1677ff"
	messageAction = "查看详情"
)

// Tells implements channels.Messenger.
func (c *Channel) Tells(kind channels.EventKind) bool {
	_, ok := c.templates[kind]
	return ok
}

// Tell sends a message of the life account
// (alipay.open.public.message.single.send). Alipay knows no repeats: what has no
// signed refusal may have been sent.
// Errors: as channels.Messenger has them.
func (c *Channel) Tell(ctx context.Context, to channels.Payer, e channels.Event) error {
	call := "tell " + string(e.Kind)
	template, ok := c.templates[e.Kind]
	if !ok {
		return fmt.Errorf("alipay %s %s: %w: no template", call, clip(e.Ref), channels.ErrSetup)
	}
	recipient := map[string]string{kindUserID: "to_user_id", kindOpenID: "to_open_id"}[to.Kind]
	if recipient == "" || to.ID == "" {
		return fmt.Errorf("alipay %s %s: %w: neither user_id nor open_id", call, clip(e.Ref), channels.ErrNotReached)
	}
	shown := map[string]any{"head_color": messageColor, "url": e.URL, "action_name": messageAction}
	for name, value := range template.Values(e, func(string) int { return valueChars }) {
		shown[name] = map[string]string{"value": value, "color": messageColor}
	}
	wish := alipay.NewPayload("alipay.open.public.message.single.send").
		AddBizField(recipient, to.ID).
		AddBizField("template", map[string]any{"template_id": template.ID, "context": shown})
	return c.ask(ctx, call, clip(e.Ref), wish, reads(), messageCode)
}

// messageCode is what a sub code says. (生活号: 单发模板消息. What somebody who does
// not follow gets is written down nowhere; these have been seen.)
func messageCode(subCode string) error {
	switch {
	case hasAny(subCode, "NOT_FOLLOW", "USER_NOT_EXIST", "invalid-openid", "INVALID_OPENID"):
		return channels.ErrNotReached
	case hasAny(subCode, "MSG_BATCH_SD_OVER"):
		return channels.ErrNotNow
	case hasAny(subCode, "MSG_TEMPLATE"), strings.HasPrefix(subCode, "isv."):
		return channels.ErrSetup
	}
	return channels.ErrRefused
}
