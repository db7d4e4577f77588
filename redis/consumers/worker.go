// One of several workers that share out the certificates among themselves.
//
//	REDIS_URL=redis://127.0.0.1:6379 go run worker.go NAME
//
// Each entry goes to one worker; if that one dies with it, to another after IDLE_MS. So each is
// handled at least once: what handle does must not mind a second time. Needs redigo
// (github.com/gomodule/redigo; Debian: golang-github-gomodule-redigo-dev).
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

var (
	stream = setting("PREFIX", "{certstream}") + ":stream"
	group  = setting("GROUP", "hunters")
	name   = os.Args[1]
)

type entry struct {
	id     string
	fields map[string]string // nil: trimmed before it was handled
}

// Yours. An error leaves the entry pending: it is handed out again.
func handle(e entry) error {
	if _, isControl := e.fields["control"]; isControl {
		return nil // what an administrator ordered; no certificate
	}
	var domains []string
	if err := json.Unmarshal([]byte(e.fields["domains"]), &domains); err != nil {
		return err
	}
	fmt.Println(strings.Join(append([]string{e.id}, domains...), " "))
	return nil
}

func entriesOf(reply interface{}, err error) ([]entry, error) {
	values, err := redis.Values(reply, err)
	entries := make([]entry, 0, len(values))
	for _, value := range values {
		pair, pairErr := redis.Values(value, nil)
		if pairErr != nil || len(pair) != 2 {
			return nil, fmt.Errorf("not an entry: %v", value)
		}
		id, _ := redis.String(pair[0], nil)
		fields, _ := redis.StringMap(pair[1], nil)
		entries = append(entries, entry{id, fields})
	}
	return entries, err
}

func read(server redis.Conn, position string) ([]entry, error) {
	streams, err := redis.Values(redis.DoWithTimeout(server, 10*time.Second, "XREADGROUP", "GROUP", group, name,
		"COUNT", 100, "BLOCK", 5000, "STREAMS", stream, position))
	if err == redis.ErrNil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	only, err := redis.Values(streams[0], nil)
	if err != nil {
		return nil, err
	}
	return entriesOf(only[1], nil)
}

func handleAll(server redis.Conn, entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	done := redis.Args{}.Add(stream, group)
	for _, e := range entries {
		if e.fields == nil {
			log.Printf("%s was trimmed before it was handled", e.id)
		} else if err := handle(e); err != nil {
			return err
		}
		done = done.Add(e.id)
	}
	_, err := server.Do("XACK", done...)
	return err
}

func claim(server redis.Conn, idle string) error {
	for cursor := "0-0"; ; {
		reply, err := redis.Values(server.Do("XAUTOCLAIM", stream, group, name, idle, cursor, "COUNT", 100))
		if err != nil {
			return err
		}
		entries, err := entriesOf(reply[1], nil)
		if err != nil {
			return err
		}
		if err := handleAll(server, entries); err != nil {
			return err
		}
		if cursor, _ = redis.String(reply[0], nil); cursor == "0-0" {
			return nil
		}
	}
}

func work() error {
	server, err := redis.DialURL(setting("REDIS_URL", "redis://127.0.0.1:6379"))
	if err != nil {
		return err
	}
	defer server.Close()
	if _, err := server.Do("XGROUP", "CREATE", stream, group, "$", "MKSTREAM"); err != nil &&
		!strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return err
	}
	// What this name had not finished when it stopped.
	for {
		entries, err := read(server, "0")
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		if err := handleAll(server, entries); err != nil {
			return err
		}
	}
	idle := setting("IDLE_MS", "60000")
	idleMs, err := strconv.Atoi(idle)
	if err != nil {
		return err
	}
	for claimAt := time.Now(); ; {
		if !time.Now().Before(claimAt) {
			if err := claim(server, idle); err != nil {
				return err
			}
			claimAt = time.Now().Add(time.Duration(idleMs) * time.Millisecond)
		}
		entries, err := read(server, ">")
		if err == nil {
			err = handleAll(server, entries)
		}
		if err != nil {
			return err
		}
	}
}

func main() {
	for {
		log.Printf("%v; again in a second", work())
		time.Sleep(time.Second)
	}
}
