package wechatpay

import (
	"sync"

	"guodu/mocks/sim"
)

const (
	kindOfPerson  = "person"
	kindOfCode    = "code"
	kindOfBarcode = "barcode"
)

// standing is how a person stands to the account.
type standing struct {
	Snapshot bool `json:"snapshot,omitempty"`
	Stranger bool `json:"stranger,omitempty"`
	// Quota is how many messages of each template were subscribed to.
	Quota map[string]int `json:"quota,omitempty"`
}

// persons are those with a standing; anybody else follows the account.
type persons struct {
	store *sim.Store

	mu       sync.Mutex
	byName   map[string]*standing
	byOpenid map[string]string
}

// loadDesks takes up the codes that are out, and what belongs to bills and
// tokens.
func (s *Sim) loadDesks() error {
	var err error
	s.codes, err = sim.NewCodes(s.store, kindOfCode)
	if err == nil {
		s.barcodes, err = sim.NewCodes(s.store, kindOfBarcode)
	}
	if err == nil {
		s.links, err = loadLinks(s.store)
	}
	if err == nil {
		s.tokens, err = loadTokens(s.store)
	}
	return err
}

func (s *Sim) loadPersons() error {
	s.persons = &persons{store: s.store, byName: map[string]*standing{}, byOpenid: map[string]string{}}
	for _, name := range s.opts.SnapshotPersons {
		s.persons.change(s.opts.AppID, name, func(p *standing) { p.Snapshot = true })
	}
	for _, name := range s.opts.Strangers {
		s.persons.change(s.opts.AppID, name, func(p *standing) { p.Stranger = true })
	}
	return sim.Each(s.store, kindOfPerson, func(name string, p standing) error {
		s.persons.byName[name] = &p
		s.persons.byOpenid[OpenID(s.opts.AppID, name)] = name
		return nil
	})
}

func (p *persons) change(appID, name string, alter func(*standing)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byName[name] == nil {
		p.byName[name] = &standing{Quota: map[string]int{}}
		p.byOpenid[OpenID(appID, name)] = name
	}
	if p.byName[name].Quota == nil {
		p.byName[name].Quota = map[string]int{}
	}
	alter(p.byName[name])
	p.store.Put(kindOfPerson, name, p.byName[name])
}

func (p *persons) isSnapshot(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byName[name] != nil && p.byName[name].Snapshot
}

// follows says whether the person behind an openid follows the account.
func (p *persons) follows(openid string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	who := p.byName[p.byOpenid[openid]]
	return who == nil || !who.Stranger
}

// spend uses up one message that was subscribed to.
func (p *persons) spend(openid, template string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := p.byOpenid[openid]
	who := p.byName[name]
	if who == nil || who.Quota[template] == 0 {
		return false
	}
	who.Quota[template]--
	p.store.Put(kindOfPerson, name, who)
	return true
}

// SetSnapshot turns snapshot page mode on or off for a person: exchanges then
// give is_snapshotuser and the openid of a virtual account.
func (s *Sim) SetSnapshot(person string, on bool) {
	s.persons.change(s.opts.AppID, person, func(p *standing) { p.Snapshot = on })
}

// Follow says whether a person follows the account. Everybody does at first.
func (s *Sim) Follow(person string, on bool) {
	s.persons.change(s.opts.AppID, person, func(p *standing) { p.Stranger = !on })
}

// Subscribe lets the account send a person so many more messages of a template.
func (s *Sim) Subscribe(person, template string, messages int) {
	s.persons.change(s.opts.AppID, person, func(p *standing) { p.Quota[template] += messages })
}
