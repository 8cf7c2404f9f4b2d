package redis

import (
	"context"
	"errors"

	"github.com/redis/rueidis"

	"eppmux/cluster"
)

// swapScript compares one record, and sets it and others. Keys are the tables of the records, the
// compared one first. Arguments are the channel, or nothing; whether a value is expected, and which; and
// for each record its key, whether it gets a value, and which.
//
// Redis has no rollback: what a script has done stays when it fails. So first come the commands that a
// server without memory refuses, of which it refuses the first or none; then those that free memory; and
// the hint last, whose failure is none.
const swapScript = `
local now = redis.call('HGET', KEYS[1], ARGV[4])
if ARGV[2] == '1' then
  if now ~= ARGV[3] then return {0, now} end
elseif now then
  return {0, now}
end
for i = 1, #KEYS do
  if ARGV[3*i+2] == '1' then redis.call('HSET', KEYS[i], ARGV[3*i+1], ARGV[3*i+3]) end
end
for i = 1, #KEYS do
  if ARGV[3*i+2] == '0' then redis.call('HDEL', KEYS[i], ARGV[3*i+1]) end
end
if ARGV[1] ~= '' then redis.pcall('PUBLISH', ARGV[1], KEYS[1]) end
return {1}
`

// swap is asked for by its hash. A server that does not know it has done nothing, and gets the text.
var swap = rueidis.NewLuaScript(swapScript)

// answer is that of the script.
type answer struct {
	done bool
	now  []byte
}

// Swap implements cluster.Engine.
func (e *Engine) Swap(ctx context.Context, r cluster.Record, old []byte, with ...cluster.Record) (bool, []byte, error) {
	channel, records := "", append([]cluster.Record{r}, with...)
	keys, args := make([]string, 0, len(records)), make([]string, 0, 3+3*len(records))
	if cluster.Tells(r, old) {
		channel = e.channel
	}
	args = append(append(args, channel), optional(old)...)
	for _, r := range records {
		keys = append(keys, e.table(r.Table))
		args = append(append(args, r.Key), optional(r.Value)...)
	}
	got, err := do(ctx, e, "swap "+r.Table.String(), func(ctx context.Context, c rueidis.Client) (answer, error) {
		return read(swap.Exec(ctx, c, keys, args).ToArray())
	})
	return got.done, got.now, err
}

// optional is a value for the script: whether there is one, and which.
func optional(value []byte) []string {
	if value == nil {
		return []string{"0", ""}
	}
	return []string{"1", string(value)}
}

// read reads what the script has answered: 1, or 0 and the record.
func read(got []rueidis.RedisMessage, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	if len(got) == 0 {
		return answer{}, errors.New("the script has answered nothing")
	}
	done, err := got[0].AsInt64()
	if err != nil || done == 1 || len(got) == 1 {
		return answer{done: done == 1}, err
	}
	now, err := value(got[1])
	return answer{now: now}, err
}
