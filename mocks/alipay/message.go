package alipay

import (
	"slices"
	"strings"
	"sync"
	"time"

	"guodu/mocks/sim"
)

const (
	methodMessage  = "alipay.open.public.message.single.send"
	unfollowedKind = "unfollowed"
	maxMessages    = 100_000

	// DefaultTemplate is the template that the merchant has when
	// [Options.Templates] names none.
	DefaultTemplate = "9d3f0b6c52a84e71b0c4d5e6f7a8b9c0"
)

// Message is one that a person was sent.
type Message struct {
	To         string
	TemplateID string
	URL        string
	// Values are the keywords by name: first, keyword1, remark …
	Values map[string]string
	At     time.Time
}

// mailbox is the life account: who does not follow it, and what it has sent.
type mailbox struct {
	mu         sync.Mutex
	store      *sim.Store
	unfollowed map[string]bool
	sent       []Message
}

func newMailbox(store *sim.Store) (*mailbox, error) {
	m := &mailbox{store: store, unfollowed: map[string]bool{}}
	return m, sim.Each(store, unfollowedKind, func(id string, gone bool) error {
		m.unfollowed[id] = gone
		return nil
	})
}

// Unfollow is a person turning away from the life account; Follow is coming back.
func (s *Sim) Unfollow(person string) { s.mail.follow(s.Buyer(person), false) }

// Follow is a person (re)turning to the life account. Everybody follows at first.
func (s *Sim) Follow(person string) { s.mail.follow(s.Buyer(person), true) }

func (m *mailbox) follow(id string, follows bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unfollowed[id] = !follows
	m.store.Put(unfollowedKind, id, !follows)
}

// Messages are all that were sent, in their order.
func (s *Sim) Messages() []Message {
	s.mail.mu.Lock()
	defer s.mail.mu.Unlock()
	return slices.Clone(s.mail.sent)
}

// deliver keeps a message unless its reader has gone or had enough. It returns
// the sub code of the refusal, or "".
func (m *mailbox) deliver(msg Message, p Profile) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	today := 0
	for _, old := range m.sent {
		if old.To == msg.To && msg.At.Sub(old.At) < 24*time.Hour {
			today++
		}
	}
	switch {
	case m.unfollowed[msg.To]:
		return p.NotFollowerCode
	case today >= p.MessagesPerDay, len(m.sent) >= maxMessages:
		return "PUB.MSG_BATCH_SD_OVER"
	}
	m.sent = append(m.sent, msg)
	return ""
}

// sendMessage is alipay.open.public.message.single.send.
func (s *Sim) sendMessage(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	to, name := in.text("to_user_id", 32), "to_user_id"
	if open := in.text("to_open_id", 128); open != "" {
		to, name = open, "to_open_id"
	}
	template, _ := in.values["template"].(map[string]any)
	context, _ := template["context"].(map[string]any)
	id, _ := template["template_id"].(string)
	in.need(s.knows(to), name)
	in.need(context != nil, "template")
	switch {
	case in.wrong != "":
		return s.fail(c, refuse("40002", "isv.invalid-parameter", "参数无效："+in.wrong))
	case !slices.Contains(s.opts.Templates, id) && s.does(behaviourMessage):
		return s.fail(c, refuse("40004", s.opts.Profile.NoTemplateCode, "消息模板不存在"))
	}
	msg := Message{To: to, TemplateID: id, Values: map[string]string{}, At: s.now()}
	for key, value := range context {
		switch v := value.(type) {
		case string:
			if key == "url" {
				msg.URL = v
			}
		case map[string]any:
			msg.Values[key], _ = v["value"].(string)
		}
	}
	code := s.mail.deliver(msg, s.opts.Profile)
	if code != "" {
		return s.fail(c, refuse("40004", code, "消息发送失败"))
	}
	s.tally.Add("message.sent")
	return c.succeed(ok())
}

// knows says whether an id is one by which the app can know a person.
func (s *Sim) knows(id string) bool {
	if strings.HasPrefix(id, "2088") {
		return accountForm.MatchString(id) && (!s.opts.UseOpenID || s.opts.BothIDs)
	}
	return madeFor(id, s.opts.AppID) && (s.opts.UseOpenID || s.opts.BothIDs)
}
