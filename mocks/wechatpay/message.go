package wechatpay

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"guodu/mocks/sim"
)

const (
	maxMessages   = 10_000
	maxValueChars = 200
	// repeatWindow is how long client_msg_id keeps a message from going out twice.
	repeatWindow = 10 * time.Minute
)

// valueChars are the lengths of values whose names say their type. (Source:
// 订阅消息参数值内容限制说明.)
var valueChars = map[string]int{
	"thing": 20, "number": 32, "letter": 32, "character_string": 32, "symbol": 5, "phrase": 5, "name": 10, "phone_number": 17, "car_number": 8,
}

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
	// byID are those of the last minutes by their reader and client_msg_id.
	byID map[string]posted
}

type posted struct {
	id int64
	at time.Time
}

// once is add, unless the merchant sent the same message a moment ago.
func (m *mailbox) once(message Message, clientID string, now time.Time) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if clientID == "" {
		return m.put(message)
	}
	key := message.Openid + " " + clientID
	before, known := m.byID[key]
	if known && now.Sub(before.at) < repeatWindow {
		return before.id
	}
	id := m.put(message)
	if m.byID == nil || len(m.byID) >= maxMessages {
		m.byID = map[string]posted{}
	}
	m.byID[key] = posted{id, now}
	return id
}

func (m *mailbox) add(message Message) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.put(message)
}

// put is for holders of the lock.
func (m *mailbox) put(message Message) int64 {
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
	ClientID   string `json:"client_msg_id"`
	Data       map[string]struct {
		Value json.RawMessage `json:"value"`
	} `json:"data"`
}

// sendTemplate is 发送模板消息. A repeat under the same client_msg_id is answered
// like the first one and not sent.
func (s *Sim) sendTemplate(c *sim.Call) answer {
	m, clientID, code, why := s.readMessage(c, "template")
	switch {
	case code != 0:
		return s.accountRefusal(code, why)
	case s.does(BAccounts) && !s.persons.follows(m.Openid):
		return s.accountRefusal(43004, "require subscribe")
	}
	id := s.mailbox.once(m, clientID, s.now())
	return accountAnswer(struct {
		accountError
		MsgID int64 `json:"msgid"`
	}{accountError{0, "ok"}, id})
}

// sendSubscribed is 发送订阅通知: one subscription is one message.
func (s *Sim) sendSubscribed(c *sim.Call) answer {
	m, _, code, why := s.readMessage(c, "subscribe")
	switch {
	case code != 0:
		return s.accountRefusal(code, why)
	case s.does(BAccounts) && !s.persons.spend(m.Openid, m.Template):
		return s.accountRefusal(43101, "user refuse to accept the msg")
	}
	s.mailbox.add(m)
	return accountAnswer(accountError{0, "ok"})
}

func (s *Sim) readMessage(c *sim.Call, kind string) (m Message, clientID string, code int, why string) {
	code = s.tokens.check(c.Request.URL.Query().Get("access_token"), s.now())
	if code != 0 && s.does(BAccounts) {
		return Message{}, "", code, map[int]string{40001: "invalid credential, access_token is invalid or not latest", 42001: "access_token expired"}[code]
	}
	var body messageBody
	err := json.Unmarshal(c.Body, &body)
	if err != nil {
		return Message{}, "", 47001, "data format error"
	}
	switch {
	case body.ToUser == "" || ownerOf(body.ToUser, s.opts.AppID) != openidOurs:
		return Message{}, "", 40003, "invalid openid"
	case body.TemplateID == "" || len(s.opts.Templates) > 0 && !slices.Contains(s.opts.Templates, body.TemplateID):
		return Message{}, "", 40037, "invalid template_id"
	}
	m = Message{Kind: kind, Openid: body.ToUser, Template: body.TemplateID, URL: body.URL + body.Page, Data: map[string]string{}}
	for name, each := range body.Data {
		var text string
		err = json.Unmarshal(each.Value, &text)
		if err != nil {
			text = string(each.Value) // a number
		}
		if text == "" || utf8.RuneCountInString(text) > charsOf(name) {
			return Message{}, "", 47003, "argument invalid! data." + name + ".value invalid"
		}
		m.Data[name] = text
	}
	if len(m.Data) == 0 {
		return Message{}, "", 47003, "argument invalid! data is empty"
	}
	return m, body.ClientID, 0, ""
}

// charsOf is how long the value of a name may be.
func charsOf(name string) int {
	most, typed := valueChars[strings.TrimRight(name, "0123456789")]
	if typed {
		return most
	}
	return maxValueChars
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
