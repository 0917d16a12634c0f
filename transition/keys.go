package transition

import (
	"fmt"
	"hash/fnv"
	"time"
)

// Partitions is the number of partitions. It is part of every order number
// and of every key, so it never changes.
const Partitions = 64

// house names the pseudo account of a partition; no account number has "_".
const house = "_house"

// countName is the last part of the key that counts a partition's entries.
const countName = "count"

// partition is the number of a partition, 0 to Partitions-1.
type partition int

// partitionOf is the partition of an account.
func partitionOf(account AccountNo) partition {
	h := fnv.New32a()
	_, _ = h.Write([]byte(account))
	return partition(h.Sum32() % Partitions)
}

// digits is the partition as numbers carry it: two digits.
func (p partition) digits() string { return fmt.Sprintf("%02d", int(p)) }

// keyring builds every key that guodu's money uses; docs/keys.md is its table.
type keyring struct{ prefix string }

func (k keyring) of(p partition, rest string) string {
	return k.prefix + ":{p" + p.digits() + "}:" + rest
}

func (k keyring) meta() string { return k.prefix + ":meta" }

func (k keyring) account(p partition, a AccountNo) string   { return k.of(p, "a:"+string(a)) }
func (k keyring) entries(p partition, a AccountNo) string   { return k.of(p, "l:"+string(a)) }
func (k keyring) houseAccount(p partition) string           { return k.of(p, "a:"+house) }
func (k keyring) houseEntries(p partition) string           { return k.of(p, "l:"+house) }
func (k keyring) card(p partition, uid CardUID) string      { return k.of(p, "card:"+string(uid)) }
func (k keyring) order(p partition, o OrderNo) string       { return k.of(p, "o:"+string(o)) }
func (k keyring) refund(p partition, no string) string      { return k.of(p, "rf:"+no) }
func (k keyring) load(p partition, l LoadNo) string         { return k.of(p, "ld:"+string(l)) }
func (k keyring) due(p partition) string                    { return k.of(p, "due") }
func (k keyring) refundsDue(p partition) string             { return k.of(p, "rfdue") }
func (k keyring) epoch(p partition) string                  { return k.of(p, "epoch") }
func (k keyring) doubt(p partition) string                  { return k.of(p, "doubt") }
func (k keyring) cases(p partition) string                  { return k.of(p, "case") }
func (k keyring) block(p partition) string                  { return k.of(p, "block") }
func (k keyring) feed(p partition) string                   { return k.of(p, "feed") }
func (k keyring) tot(p partition) string                    { return k.of(p, "tot") }
func (k keyring) count(p partition) string                  { return k.of(p, countName) }
func (k keyring) nonce(p partition, keyID, n string) string { return k.of(p, "n:"+keyID+":"+n) }
func (k keyring) cardIndex(uid CardUID) string              { return k.prefix + ":idx:card:" + string(uid) }
func (k keyring) numberIndex(no string) string              { return k.prefix + ":idx:no:" + no }

func (k keyring) idem(p partition, a AccountNo, key string) string {
	return k.of(p, "idem:"+string(a)+":"+key)
}

func (k keyring) claim(p partition, uid CardUID, version, counter string) string {
	return k.of(p, "claim:"+string(uid)+":"+version+":"+counter)
}

// reports are what the card core told of one version of a card.
func (k keyring) reports(p partition, uid CardUID, version string) string {
	return k.of(p, "core:"+string(uid)+":"+version)
}

func (k keyring) tap(p partition, terminal, tap string) string {
	return k.of(p, "tap:"+terminal+":"+tap)
}

func (k keyring) day(p partition, t time.Time) string {
	return k.of(p, "day:"+t.In(Beijing()).Format("20060102"))
}

// Beijing is the zone of every date in guodu: the days of both channels' bills
// and of the quota. It has no daylight saving time.
func Beijing() *time.Location { return time.FixedZone("CST", 8*60*60) }
