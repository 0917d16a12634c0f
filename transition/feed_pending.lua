-- feed_pending: tells that money waits for an account's card. A hint, never
-- authoritative: it may be lost, and it may come twice.
-- KEYS 1 feed
-- ARGV 1 account
-- Replies: docs/keys.md.
tell(KEYS[1], 'pending', ARGV[1])
return { 'TOLD' }
