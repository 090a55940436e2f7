// The script itself, in Redis's Lua 5.1. Its numbers are doubles: everything here stays below 2^53 and is an integer,
// and what could exceed it is multiplied digit by digit (share). It mirrors window_log.cc and counters.cc, where the
// reasons stand.
//
// KEYS  one for each window
// ARGV  algorithm's letter, cost, 1 if refused requests are charged; then for each window: quota, length in
// microseconds, and
//       the quantum in microseconds (w), the capacity (b) or 0
// Reply integers: 1 if admitted; then for each window, after the charge, with times in microseconds from now:
//       w  used, wait until the refused cost passes, wait until there is more
//       c  time since the window began, its count, the count of the one before
//       b  debt: whole microseconds, parts of 1/quota; time until the debt begins to shrink (0 unless the clock went
//       back) f  time since the window began, its count, 0
#include "policy/rate_limit/redis_script.h"

namespace portico::policy::rate_limit {

std::string_view redis_script() {
    return R"lua(
local algorithm, cost, charge_refused = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local pack, unpack = struct.pack, struct.unpack
local MAX_COUNT, MAX_ENTRY, CLOCK_SLACK = 4294967295, 1048575, 1000000

-- floor(count * a / b) and the remainder, exactly, for count < 2^40 and a <= b < 2^42.
local function share(count, a, b)
  local product = count * a
  if product < 9007199254740992 then
    local whole = floor(product / b)
    return whole, product - whole * b
  end
  local whole, rest = 0, 0
  for i = 3, 0, -1 do
    local unit = 1024 ^ i
    local digit = floor(count / unit)
    count = count - digit * unit
    rest = rest * 1024 + digit * a
    local carry = floor(rest / b)
    whole = whole * 1024 + carry
    rest = rest - carry * b
  end
  return whole, rest
end
local function boundary(length) return now - now % length end
-- Milliseconds that outlast so many microseconds.
local function life(us) return max(ceil(us / 1000), 1) + 1 end
local function store(s, value, us) redis.call('SET', s.key, value, 'PX', life(us)) end

-- Only the functions of the algorithm at hand are made.
local how = {}

if algorithm == 'w' then
  -- sliding_window. An entry: the sum of all units up to and with it, its latest instant, its units, latest less first.
  local function entry(key, i)
    local text = redis.call('LINDEX', key, i)
    if text then return unpack('<ddI4I4', text) end
  end
  -- The first index in (below, last] for which holds(sum, instant) is true; it is true for the last.
  local function search(key, below, last, holds)
    while last - below > 1 do
      local middle = floor((below + last) / 2)
      if holds(entry(key, middle)) then last = middle else below = middle end
    end
    return last
  end
  function how.open(s)
    s.used, s.base = 0, 0
    s.sum, s.at, s.units, s.span = entry(s.key, -1)
    if not s.sum then return end
    if now >= s.at + s.length then
      redis.call('DEL', s.key)
      s.sum = nil
      return
    end
    local sum, at, units = entry(s.key, 0)
    if at + s.length <= now then
      local alive = function(_, instant) return instant + s.length > now end
      local first = 1
      if not alive(entry(s.key, 1)) then first = search(s.key, 1, redis.call('LLEN', s.key) - 1, alive) end
      redis.call('LTRIM', s.key, first, -1)
      sum, at, units = entry(s.key, 0)
    end
    s.base, s.first_sum, s.first_at = sum - units, sum, at
    s.used = s.sum - s.base
    if now < s.at - s.length - CLOCK_SLACK then
      s.base, s.sum, s.units, s.at, s.span = 0, s.used, s.used, now, 0
      s.first_sum, s.first_at = s.sum, s.at
      s.changed = true
    end
  end
  function how.fits(s) return s.used + cost <= s.quota end
  local function log_push(s)
    redis.call('RPUSH', s.key, pack('<ddI4I4', s.sum, s.at, s.units, s.span))
    redis.call('PEXPIRE', s.key, life(s.at - now + s.length + s.extra))
  end
  function how.save(s)
    redis.call('DEL', s.key)
    log_push(s)
  end
  function how.charge(s)
    local units = min(cost, MAX_COUNT - s.used)
    if units == 0 then return end
    local at, joined = now, false
    if s.sum then
      at = max(now, s.at)
      local span = at - s.at + s.span
      joined = span < s.extra and s.units + units <= MAX_ENTRY
      if joined then
        if s.first_sum == s.sum then s.first_sum, s.first_at = s.sum + units, at end
        s.units, s.span = s.units + units, span
      end
    end
    if not joined then s.units, s.span = units, 0 end
    if not s.sum then s.first_sum, s.first_at = units, at end
    s.sum, s.at, s.used = (s.sum or 0) + units, at, s.used + units
    if joined then redis.call('LSET', s.key, -1, pack('<ddI4I4', s.sum, s.at, s.units, s.span)) else log_push(s) end
  end
  local function log_until(s, target)
    if s.used <= target then return 0 end
    local enough = s.base + s.used - target
    local at = s.first_at
    if s.first_sum < enough then
      at = s.at
      if s.sum - s.units >= enough then
        local last = redis.call('LLEN', s.key) - 1
        local _
        _, at = entry(s.key, search(s.key, 0, last, function(sum) return sum >= enough end))
      end
    end
    return at + s.length - now
  end
  function how.answer(s, admitted)
    local wait, more = 0, 0
    if not admitted and cost <= s.quota then wait = log_until(s, s.quota - cost) end
    if s.used > 0 and s.quota > 0 then more = log_until(s, min(s.used, s.quota) - 1) end
    return s.used, wait, more
  end

elseif algorithm == 'c' then
  -- sliding_counter
  local function counter_used(s)
    local whole, rest = share(s.previous, s.old - s.elapsed, max(s.old, 1))
    return s.current + whole + (rest > 0 and 1 or 0)
  end
  function how.open(s)
    local text = redis.call('GET', s.key)
    s.start, s.old, s.current, s.previous = 0, 0, 0, 0
    if text then s.start, s.old, s.current, s.previous = unpack('<ddI4I4', text) end
    if s.old ~= s.length or now < s.start - s.length - CLOCK_SLACK then
      s.elapsed = max(0, min(now - s.start, s.old))
      if now >= s.start + s.old then
        if now < s.start + 2 * s.old then
          s.previous, s.elapsed = s.current, now - s.start - s.old
        else
          s.previous = 0
        end
        s.current = 0
      end
      s.current, s.previous = min(counter_used(s), MAX_COUNT), 0
      s.old, s.start = s.length, boundary(s.length)
      s.changed = text
    elseif now >= s.start + s.length then
      s.previous = now < s.start + 2 * s.length and s.current or 0
      s.current, s.start = 0, boundary(s.length)
    end
    s.elapsed = max(now - s.start, 0)
  end
  function how.fits(s) return counter_used(s) + cost <= s.quota end
  function how.charge(s) s.current = min(s.current + cost, MAX_COUNT) end
  function how.save(s)
    store(s, pack('<ddI4I4', s.start, s.length, s.current, s.previous), s.start + 2 * s.length - now)
  end
  function how.answer(s) return now - s.start, s.current, s.previous end

elseif algorithm == 'b' then
  -- token_bucket
  local function worth(s, count)
    local whole = floor(s.length / s.quota)
    local more, part = share(count, s.length - whole * s.quota, s.quota)
    return count * whole + more, part
  end
  local function at_most(s, count)
    local debt, part = worth(s, count)
    return s.debt < debt or (s.debt == debt and s.part <= part)
  end
  function how.open(s)
    local text = redis.call('GET', s.key)
    local quota, length = 0, 0
    s.seen, s.debt, s.part = 0, 0, 0
    if text then s.seen, s.debt, s.part, quota, length = unpack('<dddI4d', text) end
    if now > s.seen then
      if s.debt >= now - s.seen then s.debt = s.debt - (now - s.seen) else s.debt, s.part = 0, 0 end
      s.seen = now
    elseif s.seen - now > s.length + CLOCK_SLACK then
      s.seen, s.changed = now, true
    end
    if s.quota == 0 then
      s.debt, s.part, s.changed = 0, 0, false
    elseif quota ~= s.quota or length ~= s.length then
      if quota ~= 0 and (s.debt > 0 or s.part > 0) then
        local debt = s.debt + (s.part > 0 and 1 or 0)
        local to, from = s.length * quota, length * s.quota
        s.debt = min(ceil(debt * (to / from) * (1 - 2 ^ -50)), 4e15)
        s.changed = true
      end
      s.part = 0
    end
  end
  function how.fits(s) return cost <= s.extra and at_most(s, s.extra - cost) end
  function how.charge(s)
    if how.fits(s) then
      local debt, part = worth(s, cost)
      s.debt, s.part = s.debt + debt, s.part + part
      if s.part >= s.quota then s.debt, s.part = s.debt + 1, s.part - s.quota end
    elseif at_most(s, s.extra) then
      s.debt, s.part = worth(s, s.extra)
    end
  end
  function how.save(s)
    store(s, pack('<dddI4d', s.seen, s.debt, s.part, s.quota, s.length), s.seen - now + s.debt + 1)
  end
  function how.answer(s) return s.debt, s.part, s.seen - now end

elseif algorithm == 'f' then
  -- fixed_window
  function how.open(s)
    local text = redis.call('GET', s.key)
    local old = 0
    s.start, s.count = 0, 0
    if text then s.start, old, s.count = unpack('<ddI4', text) end
    if old == s.length and now < s.start + old and now >= s.start - old - CLOCK_SLACK then return end
    if now >= s.start + old then s.count = 0 else s.changed = true end
    s.start = boundary(s.length)
  end
  function how.fits(s) return s.count + cost <= s.quota end
  function how.charge(s) s.count = min(s.count + cost, MAX_COUNT) end
  function how.save(s)
    store(s, pack('<ddI4', s.start, s.length, s.count), s.start + s.length - now)
  end
  function how.answer(s) return now - s.start, s.count, 0 end
end

local states, admitted, possible = {}, true, true
for i = 1, #KEYS do
  local quota, length, extra = tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2]), tonumber(ARGV[3 * i + 3])
  local s = {key = KEYS[i], quota = quota, length = length, extra = extra}
  states[i] = s
  how.open(s)
  possible = possible and cost <= (algorithm == 'b' and s.extra or s.quota)
  admitted = admitted and (cost == 0 or how.fits(s))
end
local charged = cost > 0 and (admitted or (charge_refused and possible))
local reply = {admitted and 1 or 0}
for i = 1, #KEYS do
  local s = states[i]
  if algorithm == 'w' and s.changed then how.save(s) end
  if charged then how.charge(s) end
  if algorithm ~= 'w' and (charged or s.changed) then how.save(s) end
  reply[3 * i - 1], reply[3 * i], reply[3 * i + 1] = how.answer(s, admitted)
end
return reply
)lua";
}

}  // namespace portico::policy::rate_limit
