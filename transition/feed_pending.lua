-- feed_pending: tells that money waits for an account's card. A hint, never
-- authoritative: it may be lost, and it may come twice.
-- include events
-- KEYS feed
-- ARGV account_no
-- REPLY TOLD
events.tell(KEYS.feed, 'pending', ARGV.account_no)
return { 'TOLD' }
