/** No limit counts for longer. */
const clockTtlMs = 31 * 86_400_000;

/**
 * The beginning of each script. Times are milliseconds of Redis' own clock, which all proxies share. If it is set back,
 * or another server with an earlier one takes over, time goes on from the last one that is known: else no call could
 * start until the clock is there again. That one's key is the last of every script's: some servers refuse a key that a
 * script does not declare. A bucket has two keys: its arrival time (gcra.ts) or the ends of its leases, and the time
 * until which it is closed. Each expires once it says nothing any more.
 */
const preamble = `
local clockKey = table.remove(KEYS)
local clock = redis.call('TIME')
local known = redis.call('HMGET', clockKey, 'last', 'ahead')
local last, ahead = tonumber(known[1] or 0), tonumber(known[2] or 0)
local now = clock[1] * 1000 + clock[2] / 1000 + ahead
if now < last then
  ahead = ahead + last - now
  now = last
  redis.call('HSET', clockKey, 'ahead', string.format('%.3f', ahead))
end
-- Seldom, to save writes.
if now > last + 500 then
  redis.call('HSET', clockKey, 'last', string.format('%.3f', now))
  redis.call('PEXPIRE', clockKey, ${clockTtlMs})
end
local function get(key) return tonumber(redis.call('GET', key) or 0) end
local function put(key, at)
  redis.call('SET', key, string.format('%.3f', at), 'PX', math.max(1, math.ceil(at - now)))
end
local function hold(key, id, ms)
  redis.call('ZADD', key, now + tonumber(ms), id)
  redis.call('PEXPIRE', key, math.max(tonumber(ms), redis.call('PTTL', key)))
end
`;

/**
 * KEYS: two for each bucket. ARGV: horizon, lease id, lease in milliseconds; then for each bucket interval (0: no rate),
 * burst, slots (0: none), cost. Returns whether it is granted, the wait, the number of the bucket that makes it wait (0:
 * none, negative: it lacks a slot), and whether that one is closed.
 */
export const takeScript = `${preamble}
local start, by, closed, starts = now, 0, 0, {}
for i = 1, #KEYS / 2 do
  local state, interval, burst = KEYS[2 * i - 1], tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
  local slots, cost = tonumber(ARGV[4 * i + 2]), tonumber(ARGV[4 * i + 3])
  if slots > 0 then
    redis.call('ZREMRANGEBYSCORE', state, '-inf', now)
    if redis.call('ZCARD', state) >= slots then return {0, '0', -i, 0} end
  end
  local open = get(KEYS[2 * i])
  local own = math.max(now, open)
  if interval > 0 then
    own = math.max(own, get(state) - (burst - math.min(cost, burst)) * interval)
  end
  starts[i] = own
  if own > start then
    start, by, closed = own, i, open > now and 1 or 0
  end
end
local wait = string.format('%.3f', start - now)
if start - now > tonumber(ARGV[1]) then return {0, wait, by, closed} end
for i = 1, #KEYS / 2 do
  local state, interval = KEYS[2 * i - 1], tonumber(ARGV[4 * i])
  if interval > 0 then
    put(state, math.max(get(state), starts[i]) + tonumber(ARGV[4 * i + 3]) * interval)
  elseif tonumber(ARGV[4 * i + 2]) > 0 and tonumber(wait) == 0 then
    hold(state, ARGV[2], ARGV[3])
  end
end
return {1, wait, by, closed}`;

/** KEYS: two for each bucket, which has slots. ARGV: lease id, lease in milliseconds. */
export const renewScript = `${preamble}
for i = 1, #KEYS, 2 do hold(KEYS[i], ARGV[1], ARGV[2]) end`;

/** KEYS: of a bucket. ARGV: interval, cost. */
export const chargeScript = `${preamble}
put(KEYS[1], math.max(get(KEYS[1]), now) + tonumber(ARGV[1]) * tonumber(ARGV[2]))`;

/** KEYS: two for each bucket. ARGV: for how long each is closed. */
export const closeScript = `${preamble}
for i = 1, #KEYS / 2 do
  put(KEYS[2 * i], math.max(get(KEYS[2 * i]), now + tonumber(ARGV[i])))
end`;

/** KEYS: two for each bucket. ARGV: for each whether it has slots. Returns for each what is used of it, and closed. */
export const roomsScript = `${preamble}
local rooms = {}
for i = 1, #KEYS / 2 do
  local used = ARGV[i] == '1' and redis.call('ZCOUNT', KEYS[2 * i - 1], now, '+inf')
    or math.max(0, get(KEYS[2 * i - 1]) - now)
  rooms[2 * i - 1] = string.format('%.3f', used)
  rooms[2 * i] = string.format('%.3f', math.max(0, get(KEYS[2 * i]) - now))
end
return rooms`;

/** KEYS: of the members. ARGV: id of a process, for how long it is one. Returns how many there are. */
export const membersScript = `${preamble}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {redis.call('ZCARD', KEYS[1])}`;
