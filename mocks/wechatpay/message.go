package wechatpay

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"

	"guodu/mocks/sim"
)

const (
	maxMessages   = 10_000
	maxValueChars = 200
)

// Message is one that a person was sent.
type Message struct {
	// Kind is "template" or "subscribe".
	Kind, Openid, Template, URL string
	Data                        map[string]string
}

// mailbox keeps the last messages.
type mailbox struct {
	mu   sync.Mutex
	sent []Message
	last int64
}

func (m *mailbox) add(message Message) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, message)
	if len(m.sent) > maxMessages {
		m.sent = m.sent[1:]
	}
	m.last++
	return m.last
}

// Messages are those that were sent, the oldest first.
func (s *Sim) Messages() []Message {
	s.mailbox.mu.Lock()
	defer s.mailbox.mu.Unlock()
	return slices.Clone(s.mailbox.sent)
}

type messageBody struct {
	ToUser     string `json:"touser"`
	TemplateID string `json:"template_id"`
	URL        string `json:"url"`
	Page       string `json:"page"`
	Data       map[string]struct {
		Value json.RawMessage `json:"value"`
	} `json:"data"`
}

// sendTemplate is 发送模板消息.
func (s *Sim) sendTemplate(c *sim.Call) answer {
	m, code, why := s.readMessage(c, "template")
	switch {
	case code != 0:
		return s.accountRefusal(code, why)
	case s.does(BAccounts) && !s.persons.follows(m.Openid):
		return s.accountRefusal(43004, "require subscribe")
	}
	id := s.mailbox.add(m)
	return accountAnswer(struct {
		accountError
		MsgID int64 `json:"msgid"`
	}{accountError{0, "ok"}, id})
}

// sendSubscribed is 发送订阅通知: one subscription is one message.
func (s *Sim) sendSubscribed(c *sim.Call) answer {
	m, code, why := s.readMessage(c, "subscribe")
	switch {
	case code != 0:
		return s.accountRefusal(code, why)
	case s.does(BAccounts) && !s.persons.spend(m.Openid, m.Template):
		return s.accountRefusal(43101, "user refuse to accept the msg")
	}
	s.mailbox.add(m)
	return accountAnswer(accountError{0, "ok"})
}

func (s *Sim) readMessage(c *sim.Call, kind string) (Message, int, string) {
	code := s.tokens.check(c.Request.URL.Query().Get("access_token"), s.now())
	if code != 0 && s.does(BAccounts) {
		return Message{}, code, map[int]string{40001: "invalid credential, access_token is invalid or not latest", 42001: "access_token expired"}[code]
	}
	var body messageBody
	err := json.Unmarshal(c.Body, &body)
	if err != nil {
		return Message{}, 47001, "data format error"
	}
	switch {
	case body.ToUser == "" || ownerOf(body.ToUser, s.opts.AppID) != openidOurs:
		return Message{}, 40003, "invalid openid"
	case body.TemplateID == "" || len(s.opts.Templates) > 0 && !slices.Contains(s.opts.Templates, body.TemplateID):
		return Message{}, 40037, "invalid template_id"
	}
	m := Message{Kind: kind, Openid: body.ToUser, Template: body.TemplateID, URL: body.URL + body.Page, Data: map[string]string{}}
	for name, each := range body.Data {
		var text string
		err = json.Unmarshal(each.Value, &text)
		if err != nil {
			text = string(each.Value) // a number
		}
		if text == "" || utf8.RuneCountInString(text) > maxValueChars {
			return Message{}, 47003, "argument invalid! data." + name + ".value invalid"
		}
		m.Data[name] = text
	}
	if len(m.Data) == 0 {
		return Message{}, 47003, "argument invalid! data is empty"
	}
	return m, 0, ""
}

// accountRefusal is tokenError of the base interfaces, which say JSON.
func (s *Sim) accountRefusal(code int, message string) answer {
	return accountAnswer(accountError{code, message + s.errorTail()})
}

func accountAnswer(v any) answer {
	return answer{status: http.StatusOK, kind: typeJSON, body: encode(v)}
}

// String is for logs: it names nobody.
func (m Message) String() string {
	return m.Kind + " " + m.Template + " with " + strconv.Itoa(len(m.Data)) + " values"
}
