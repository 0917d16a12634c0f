// Command hub is guodu's server and its tools.
//
//	hub serve                     the hub
//	hub doctor                    what is wrong, and what to do
//	hub try                       a first payment, step by step, and its refund
//	hub verify                    derive every number again from the entries
//	hub accounts import FILE.csv  take accounts and cards from the card core
//	hub accounts show NO          one account
//	hub terminals add ID KEY      register a terminal
//	hub terminals import FILE     register the terminals of a list
//	hub terminals list            the registered terminals
//	hub trace ORDER               everything known of an order
//	hub refunds make ORDER        give pending money back; two names
//	hub cases                     what a person must decide, and deciding it
//	hub keys new FILE             make the key that signs for terminals
//	hub keys show FILE            print its public half again
//	hub version                   which hub this is
//
// Each reads the same configuration: --config FILE (or GUODU_CONFIG), then the
// environment, GUODU_REDIS__PREFIX for redis.prefix. `hub --help` says more.
package main
