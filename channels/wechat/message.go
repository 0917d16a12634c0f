package wechat

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"guodu/channels"
)

// messageIDChars is how long the id is by which WeChat knows a repeat.
const messageIDChars = 32

// errStale says that WeChat does not take an access token, or no longer. It does
// not leave this package.
var errStale = errors.New("access token is not good")

// account is the official account's base interfaces.
type account struct {
	appID     string
	secret    secret
	tokenURL  string
	sendURL   string
	client    *http.Client
	templates channels.Templates
	tokens    *tokens
}

func newAccount(s *settings, client *http.Client) *account {
	a := &account{
		appID:     s.AppID,
		secret:    newSecret(s.AppSecret),
		tokenURL:  s.oauthBase.JoinPath("/cgi-bin/stable_token").String(),
		sendURL:   s.oauthBase.JoinPath("/cgi-bin/message/template/send").String(),
		client:    client,
		templates: s.Messages,
	}
	a.tokens = newTokens(s.Clock, a.fetchToken)
	return a
}

// templateMessage is what is sent (公众平台: 发送模板消息).
type templateMessage struct {
	ToUser   string                   `json:"touser"`
	Template string                   `json:"template_id"`
	URL      string                   `json:"url,omitempty"`
	ID       string                   `json:"client_msg_id"`
	Data     map[string]templateValue `json:"data"`
}

type templateValue struct {
	Value string `json:"value"`
}

// Tells implements channels.Messenger.
func (c *Channel) Tells(kind channels.EventKind) bool {
	_, ok := c.account.templates[kind]
	return ok
}

// Tell sends a template message. WeChat sends one of the same id to the same
// person once within ten minutes, so the system error, after which it asks for a
// repeat, is ErrNotNow.
// Errors: as channels.Messenger has them.
func (c *Channel) Tell(ctx context.Context, to channels.Payer, e channels.Event) error {
	err := c.account.tell(ctx, to, e)
	if err != nil {
		return fmt.Errorf("wechat tell %s %s: %w", e.Kind, clip(e.Ref), err)
	}
	return nil
}

func (a *account) tell(ctx context.Context, to channels.Payer, e channels.Event) error {
	template, ok := a.templates[e.Kind]
	if !ok {
		return fmt.Errorf("%w: no template", channels.ErrSetup)
	}
	if to.Kind != kindOpenID || !openIDForm.MatchString(to.ID) {
		return fmt.Errorf("%w: no openid", channels.ErrNotReached)
	}
	message := templateMessage{
		ToUser: to.ID, Template: template.ID, URL: e.URL, ID: messageID(e, to), Data: map[string]templateValue{},
	}
	for name, value := range template.Values(e, fieldMost) {
		message.Data[name] = templateValue{value}
	}
	token, err := a.tokens.get(ctx, newSecret(""))
	if err != nil {
		return err
	}
	err = a.send(ctx, token, message)
	if !errors.Is(err, errStale) {
		return err
	}
	token, err = a.tokens.get(ctx, token)
	if err != nil {
		return err
	}
	return a.send(ctx, token, message)
}

// send sends a message once.
func (a *account) send(ctx context.Context, token secret, message templateMessage) error {
	answer, err := a.post(ctx, a.sendURL+"?access_token="+url.QueryEscape(token()), message, token)
	if err != nil {
		return fmt.Errorf("%w: %w", channels.ErrUnknownOutcome, err)
	}
	told := accountError{Code: noCode}
	err = json.Unmarshal(answer, &told)
	switch {
	case err != nil || told.Code == noCode:
		return fmt.Errorf("%w: answer is not JSON of the known form", channels.ErrUnknownOutcome)
	case told.Code != 0:
		return told.refusal("message", token)
	}
	return nil
}

// post sends JSON once and reads the answer. Its errors are rebuilt from cleaned
// texts: the address or the body holds the secret.
func (a *account) post(ctx context.Context, address string, body any, hidden secret) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, errors.New("build request")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("build request")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, errors.New(clip(hidden.scrub(bare(err).Error())))
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return answer, nil
}

// noCode is the code of an answer that has none.
const noCode = -1 << 31

// accountError is how the base interfaces answer, good or bad, as HTTP 200.
type accountError struct {
	Code    int    `json:"errcode"`
	Message string `json:"errmsg"`
}

func (e accountError) refusal(call string, hidden secret) error {
	return fmt.Errorf("%w: %s: errcode %d %q", messageCode(e.Code), call, e.Code, clip(hidden.scrub(e.Message)))
}

// messageCode is what the number says (公众平台: 全局返回码, 发送模板消息).
func messageCode(n int) error {
	switch n {
	case 40003, // not an openid of this account
		43004, // does not follow
		43101: // refused, or the subscription is used up
		return channels.ErrNotReached
	case 40001, 40014, 42001:
		return fmt.Errorf("%w: %w", channels.ErrNotNow, errStale)
	case -1, // busy
		45009, 45011: // too many calls
		return channels.ErrNotNow
	case 40037, // no such template
		47001, 47003, // other fields than the template's
		40013, 40125, 41002, 41004, // not this account's id and secret
		40164, // the hub's address is not on the list
		48001: // no right to send
		return channels.ErrSetup
	}
	return channels.ErrRefused
}

// messageID names an event for one person, the same in every repeat.
func messageID(e channels.Event, to channels.Payer) string {
	sum := sha256.Sum256([]byte(string(e.Kind) + "\n" + e.Ref + "\n" + to.ID))
	return hex.EncodeToString(sum[:])[:messageIDChars]
}

// fieldMost is how many characters a field takes, which its name says (公众平台:
// 订阅消息参数值内容限制说明); those of old templates, keyword1 and so on, take 200.
func fieldMost(field string) int {
	switch strings.TrimRight(field, "0123456789") {
	case "thing":
		return 20
	case "number", "letter", "character_string":
		return 32
	case "symbol", "phrase":
		return 5
	case "name":
		return 10
	case "phone_number":
		return 17
	case "car_number":
		return 8
	}
	return 200
}
