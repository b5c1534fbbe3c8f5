"""What Redis does in one step, so that two nodes never decide the same thing differently.

Keys, all under one prefix P, of one Redis (not of a Redis Cluster, which spreads keys):

    P:nodes            sorted set: node ids by when their entries run out, in ms of Redis's clock
    P:node:ID          a node's entry, JSON; runs out when the node has not been heard of
    P:session:ID       the id of the node that has the session; good as long as that node's entry
                       is. Calls, jobs, exercises and the turn to deliver webhooks are kept alike
    P:reserved:ID      sorted set: sessions promised to a node that have not begun, by until when
    P:user:HASH        sorted set: sessions that count for a user, by until when
"""

# A node says that it is there, and which sessions it has. ARGV: prefix, node id, entry, ms for
# which the entry is good, ms for which a session's key is, number of sessions, their ids, ids of
# those that are over. Answers: seconds and microseconds of Redis's clock, the ids that another
# living node has.
BEAT = """
local p, me, n = ARGV[1], ARGV[2], tonumber(ARGV[6])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('SET', p .. ':node:' .. me, ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', p .. ':nodes', now + ARGV[4], me)
redis.call('ZREMRANGEBYSCORE', p .. ':nodes', '-inf', now)
local lost = {}
for i = 7, 6 + n do
  local key = p .. ':session:' .. ARGV[i]
  local owner = redis.call('GET', key)
  if owner and owner ~= me and redis.call('EXISTS', p .. ':node:' .. owner) == 1 then
    lost[#lost + 1] = ARGV[i]
  else
    redis.call('SET', key, me, 'PX', ARGV[5])
  end
  redis.call('ZREM', p .. ':reserved:' .. me, ARGV[i])
end
for i = 7 + n, #ARGV do
  local key = p .. ':session:' .. ARGV[i]
  if redis.call('GET', key) == me then redis.call('DEL', key) end
end
return {t[1], t[2], lost}
"""

# All entries. ARGV: prefix.
NODES = """
local found = {}
for _, id in ipairs(redis.call('ZRANGE', ARGV[1] .. ':nodes', 0, -1)) do
  local entry = redis.call('GET', ARGV[1] .. ':node:' .. id)
  if entry then found[#found + 1] = entry end
end
return found
"""

# Where a session is; one that is nowhere gets a place. ARGV: prefix, node id of who asks, session,
# ms for which the place is kept, whether it is to be on another node of the same version. Answers
# the node's entry, or false if there is no room. Most room wins; then who asks; then the smallest
# id. Nodes of another version come last.
PLACE = """
local p, me, session, keep, elsewhere = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
local key = p .. ':session:' .. session
local owner = redis.call('GET', key)
if owner then
  local entry = redis.call('GET', p .. ':node:' .. owner)
  if entry then return entry end
end
local mine = redis.call('GET', p .. ':node:' .. me)
if not mine then return false end
local asks = cjson.decode(mine)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local best, best_entry, best_rank
for _, id in ipairs(redis.call('ZRANGE', p .. ':nodes', 0, -1)) do
  local entry = redis.call('GET', p .. ':node:' .. id)
  local node = entry and cjson.decode(entry)
  local other = node and id ~= me and node.version == asks.version
  if node and node.takes and node.kind == asks.kind and (other or not elsewhere) then
    local reserved = p .. ':reserved:' .. id
    redis.call('ZREMRANGEBYSCORE', reserved, '-inf', now)
    local free = node.most - node.placed - redis.call('ZCARD', reserved)
    local rank = {node.version == asks.version and 1 or 0, free, id == me and 1 or 0}
    local better = not best or rank[1] > best_rank[1]
      or (rank[1] == best_rank[1] and (rank[2] > best_rank[2]
      or (rank[2] == best_rank[2] and (rank[3] > best_rank[3]
      or (rank[3] == best_rank[3] and id < best)))))
    if free > 0 and better then best, best_entry, best_rank = id, entry, rank end
  end
end
if not best then return false end
local reserved = p .. ':reserved:' .. best
redis.call('ZADD', reserved, now + keep, session)
redis.call('PEXPIRE', reserved, 2 * keep)
redis.call('SET', key, best, 'PX', keep)
return best_entry
"""

# A node wants a session for itself. ARGV: prefix, node id, session, ms for which its key is good.
# Answers 1 if it has it now, 0 if another living node has.
CLAIM = """
local p, me, key = ARGV[1], ARGV[2], ARGV[1] .. ':session:' .. ARGV[3]
local owner = redis.call('GET', key)
if owner and owner ~= me and redis.call('EXISTS', p .. ':node:' .. owner) == 1 then return 0 end
redis.call('SET', key, me, 'PX', ARGV[4])
return 1
"""

# A node does not want a session any more. ARGV: prefix, node id, session.
RELEASE = """
local key = ARGV[1] .. ':session:' .. ARGV[3]
if redis.call('GET', key) == ARGV[2] then redis.call('DEL', key) end
redis.call('ZREM', ARGV[1] .. ':reserved:' .. ARGV[2], ARGV[3])
return 1
"""

# Which of some sessions no living node has. ARGV: prefix, session ids.
ORPHANS = """
local found = {}
for i = 2, #ARGV do
  local owner = redis.call('GET', ARGV[1] .. ':session:' .. ARGV[i])
  if not owner or redis.call('EXISTS', ARGV[1] .. ':node:' .. owner) == 0 then
    found[#found + 1] = ARGV[i]
  end
end
return found
"""

# Which of some sessions another living node has. ARGV: prefix, node id, session ids.
ELSEWHERE = """
local found = {}
for i = 3, #ARGV do
  local owner = redis.call('GET', ARGV[1] .. ':session:' .. ARGV[i])
  if owner and owner ~= ARGV[2] and redis.call('EXISTS', ARGV[1] .. ':node:' .. owner) == 1 then
    found[#found + 1] = ARGV[i]
  end
end
return found
"""

# The entry of the node that has a session, or false. ARGV: prefix, session.
OWNER = """
local owner = redis.call('GET', ARGV[1] .. ':session:' .. ARGV[2])
return owner and redis.call('GET', ARGV[1] .. ':node:' .. owner)
"""

# A node goes: its sessions are nobody's. ARGV: prefix, node id.
LEAVE = """
redis.call('DEL', ARGV[1] .. ':node:' .. ARGV[2], ARGV[1] .. ':reserved:' .. ARGV[2])
redis.call('ZREM', ARGV[1] .. ':nodes', ARGV[2])
return 1
"""

# At most LIMIT tries for a key in any PERIOD. ARGV: key, limit, ms of the period.
# Answers 0 and counts one, or answers the ms to wait. As `auth.limits.TryLimit`.
TRY = """
local key, limit, period = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local first = redis.call('LINDEX', key, 0)
while first and tonumber(first) <= now - period do
  redis.call('LPOP', key)
  first = redis.call('LINDEX', key, 0)
end
if redis.call('LLEN', key) >= limit then return tonumber(first) + period - now end
redis.call('RPUSH', key, now)
redis.call('PEXPIRE', key, period)
return 0
"""

# A bucket of BURST, into which A_SECOND more fall each second. ARGV: key, burst, a second.
# Answers 0 and takes one, or answers the ms to wait. As `rate.Rate`.
BUCKET = """
local key, burst, rate = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local kept = redis.call('HMGET', key, 'left', 'at')
local fallen = (now - (tonumber(kept[2]) or now)) * rate / 1000
local left = math.min(burst, (tonumber(kept[1]) or burst) + fallen)
local wait = 0
if left < 1 then wait = math.ceil((1 - left) * 1000 / rate) else left = left - 1 end
redis.call('HSET', key, 'left', tostring(left), 'at', tostring(now))
redis.call('PEXPIRE', key, math.ceil(burst * 1000 / rate))
return wait
"""

# Another session for a user, of at most MOST. ARGV: key, session, most, ms for which it counts.
# Answers 1 if it counts now, 0 if there are too many.
COUNT = """
local key, session, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
if not redis.call('ZSCORE', key, session) and redis.call('ZCARD', key) >= most then return 0 end
redis.call('ZADD', key, now + ARGV[4], session)
redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key), ARGV[4]))
return 1
"""

# Sessions that are there count for longer, those that are over no more. ARGV: ms for which they
# count, number of those that are there, then keys and sessions in turn, first of these.
HOLD = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 3, #ARGV, 2 do
  if i < 3 + 2 * ARGV[2] then
    redis.call('ZADD', ARGV[i], now + ARGV[1], ARGV[i + 1])
    redis.call('PEXPIRE', ARGV[i], math.max(redis.call('PTTL', ARGV[i]), ARGV[1]))
  else
    redis.call('ZREM', ARGV[i], ARGV[i + 1])
  end
end
return 1
"""

# Start anew. ARGV: key.
FORGET = "redis.call('DEL', ARGV[1]) return 0"
