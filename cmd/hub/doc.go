// Command hub is guodu's server and its tools.
//
//	hub serve                     the hub
//	hub verify                    derive every number again from the entries
//	hub accounts import FILE.csv  take accounts and cards from the card core
//	hub accounts show NO          one account
//	hub terminals add ID KEY      register a terminal
//	hub terminals list            the registered terminals
//	hub cases list                what a person must decide
//	hub keys new FILE             make the key that signs for terminals
//
// Each reads the same configuration: --config FILE (or GUODU_CONFIG), then the
// environment, GUODU_REDIS__PREFIX for redis.prefix. `hub --help` says more.
package main
