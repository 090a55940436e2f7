// The script itself, in Redis's Lua 5.1. Its numbers are doubles: everything here stays below 2^53 and is an integer,
// and what could exceed it is multiplied digit by digit (share). It mirrors counters.cc, where the reasons stand.
// Only the functions of the algorithm that is asked for are made: making all of them costs 3 us a call.
//
// KEYS  one for each window
// ARGV  algorithm's letter, the costs of the requests in their order ("1,1,5"), 1 if refused requests are charged; then for each
//       window: quota, length in microseconds, and the capacity (b) or 0; last the question's mark
// Reply the mark, by which the gateway knows its answer; then integers for each request, as if it had come alone, all at one
//       instant: 1 if admitted; then for each window, after the charge, with times in microseconds from now:
//       w  used, wait until the refused cost passes, wait until there is more
//       c  time since the window began, its count, the count of the one before
//       b  debt: whole microseconds, parts of 1/quota; time until the debt begins to shrink (0 unless the clock went back)
//       f  time since the window began, its count, 0
#include "policy/rate_limit/redis_script.h"

namespace portico::policy::rate_limit {

std::string_view redis_script() {
    return R"lua(
local algorithm, cost, charge_refused = ARGV[1], nil, ARGV[3] == '1'
local call, floor, ceil, max, min = redis.call, math.floor, math.ceil, math.max, math.min
local time = call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local MAX_COUNT, CLOCK_SLACK = 4294967295, 1000000
-- Entries of a log that one call drops, about: a client must not make the server late by what it once sent.
local MOST_DROPPED, MOST_NEEDLESS = 500, 128

-- Milliseconds that outlast so many microseconds.
local function life(us) return max(ceil(us / 1000), 1) + 1 end

local sub, format, MAX_SUM = string.sub, string.format, 9e15

-- The window may have been lengthened since the last entry.
local function outlast(key, us)
  if call('PTTL', key) < life(us) - 2 then call('PEXPIRE', key, life(us)) end
end

-- Each algorithm gives these five, for a window's state s: read it, whether the cost fits, charge it, write it, the reply.
local open, fits, charge, save, answer
-- The windows' states, once they were read: they serve all requests of the call.
local states

local reply, last, width, refused = {ARGV[#ARGV]}, 1, 1 + 3 * #KEYS, nil
cost = tonumber(ARGV[2])
local costs = not cost and string.gmatch(ARGV[2], '%d+')
if costs then cost = tonumber(costs()) end
repeat
  -- Nothing has changed since a refusal of the same: it is repeated.
  local decided = cost == refused
  if decided then
    for i = last + 1, last + width do reply[i] = reply[i - width] end
  end

  -- The common cases of sliding_window in short, for they make none of the functions below: one window, a clock that runs, a
  -- cost that passes or will when the first entry has gone. The functions decide the same, and about everything else.
  if not decided and not states and algorithm == 'w' and cost > 0 and not KEYS[2] then
    local key, quota, length = KEYS[1], tonumber(ARGV[4]), tonumber(ARGV[5])
    local found, sum, used, at, first, first_at = call('ZRANGE', key, -1, -1, 'WITHSCORES'), 0, 0, now, 0, now
    if found[1] then
      at = tonumber(found[2])
      sum = now >= at and now < at + length and tonumber(sub(found[1], 1, 16)) or MAX_SUM + 1
      if sum <= MAX_SUM then
        found = call('ZRANGE', key, 0, 0, 'WITHSCORES')
        first_at = tonumber(found[2])
        if first_at + length <= now then
          if call('ZCARD', key) <= MOST_DROPPED then
            call('ZREMRANGEBYSCORE', key, '-inf', now - length)
            found = call('ZRANGE', key, 0, 0, 'WITHSCORES')
            first_at = tonumber(found[2])
          else
            sum = MAX_SUM + 1
          end
        end
        first = tonumber(sub(found[1], 18))
        used = sum - tonumber(sub(found[1], 1, 16)) + first
      end
    end
    local over, more = used + cost - quota, first_at + length - now
    if sum <= MAX_SUM and over <= 0 then
      call('ZADD', key, now, format('%016.0f:%.0f', sum + cost, cost))
      call('PEXPIRE', key, life(length))
      decided, reply[last + 1], reply[last + 2], reply[last + 3], reply[last + 4] = true, 1, used + cost, 0, more
    elseif sum <= MAX_SUM and over <= first and used <= quota and not charge_refused then
      outlast(key, at - now + length)
      decided, reply[last + 1], reply[last + 2], reply[last + 3], reply[last + 4] = true, 0, used, more, more
    end
  end

  if not decided and not open then
    if algorithm == 'w' then
      -- sliding_window. A sorted set with an entry for each request that counted: the score is its instant, the member the sum
      -- of all units up to and with it, padded, and its own units.
      local function entry(s, rank)
        local found = call('ZRANGE', s.key, rank, rank, 'WITHSCORES')
        local member = found[1]
        if member then return tonumber(sub(member, 1, 16)), tonumber(found[2]), tonumber(sub(member, 18)) end
      end
      local function push(s, units, at)
        s.sum, s.at = s.sum + units, at
        call('ZADD', s.key, at, format('%016.0f:%.0f', s.sum, units))
        call('PEXPIRE', s.key, life(at - now + s.length))
      end
      local function begin_with(s, rank, first, first_at, units)
        s.rank, s.first, s.first_at, s.base, s.near = rank, first, first_at, first - units, nil
        s.used = s.sum - s.base
      end
      -- Finds the first entry that counts. Of those before it a number is dropped; what is left of them goes with later calls.
      local function drop(s)
        local horizon = now - s.length
        local first, first_at, units = entry(s, 0)
        if first_at > horizon then return begin_with(s, 0, first, first_at, units) end
        local _, far = entry(s, MOST_DROPPED)
        if not far or far > horizon then
          call('ZREMRANGEBYSCORE', s.key, '-inf', horizon)
          return begin_with(s, 0, entry(s, 0))
        end
        call('ZREMRANGEBYSCORE', s.key, '-inf', far)
        local below, above = -1, call('ZCARD', s.key) - 1
        while above - below > 1 do
          local middle = floor((below + above) / 2)
          local _, instant = entry(s, middle)
          if instant > horizon then above = middle else below = middle end
        end
        begin_with(s, above, entry(s, above))
      end
      -- Refused requests that count need no more entries than decide when something passes: the newest that fill the quota.
      local function drop_needless(s)
        local sum, at, units = entry(s, s.rank + MOST_NEEDLESS)
        if not sum or s.sum - sum + units < s.quota or at == s.first_at then return end
        call('ZREMRANGEBYSCORE', s.key, '-inf', format('(%.0f', at))
        begin_with(s, 0, entry(s, 0))
      end
      -- Until so little is in use. Every entry has a unit or more, which bounds the rank of the one to wait for.
      local function wait(s, target)
        if s.used <= target then return 0 end
        local enough, at = s.base + s.used - target, s.first_at
        if s.first < enough then
          local last = call('ZCARD', s.key) - 1
          local below, above, known = max(last - (s.sum - enough) - 1, s.rank), min(s.rank + enough - s.first, last), last
          at = s.at
          -- Requests of one call wait for neighbours: from the entry that was found last it is a step or two.
          if s.near and s.near > below and s.near < above then
            local sum, instant = entry(s, s.near)
            local step = 1
            if sum < enough then
              below = s.near
              while below + step < above do
                sum, instant = entry(s, below + step)
                if sum >= enough then above, known, at = below + step, below + step, instant break end
                below, step = below + step, 2 * step
              end
            else
              above, known, at = s.near, s.near, instant
              while above - step > below do
                sum, instant = entry(s, above - step)
                if sum < enough then below = above - step break end
                above, known, at, step = above - step, above - step, instant, 2 * step
              end
            end
          end
          while above - below > 1 do
            local middle = floor((below + above) / 2)
            local sum, instant = entry(s, middle)
            if sum < enough then below = middle else above, known, at = middle, middle, instant end
          end
          if known ~= above then
            local _
            _, at = entry(s, above)
          end
          s.near = above
        end
        return at + s.length - now
      end
      function open(s)
        local sum, at = entry(s, -1)
        if not sum then return end
        if now >= at + s.length then
          call('UNLINK', s.key)
          return
        end
        s.sum, s.at = sum, at
        drop(s)
        s.changed = now < at - s.length - CLOCK_SLACK or sum > MAX_SUM
      end
      function fits(s) return s.used + cost <= s.quota end
      function save(s, charged)
        if s.changed then
          call('UNLINK', s.key)
          s.sum = 0
          push(s, s.used, now < s.at - s.length - CLOCK_SLACK and now or max(now, s.at))
          s.rank, s.base, s.first, s.first_at, s.near, s.changed = 0, 0, s.used, s.at, nil, false
        elseif not charged and s.sum > 0 and not s.lasts then
          outlast(s.key, s.at - now + s.length)
          s.lasts = true
        end
      end
      function charge(s)
        local units = min(cost, MAX_COUNT - s.used)
        if units == 0 then return end
        push(s, units, max(now, s.at))
        if s.used == 0 then s.first, s.first_at = s.sum, s.at end
        s.used = s.used + units
        if s.used > s.quota then drop_needless(s) end
      end
      function answer(s, admitted)
        local passes, more = 0, 0
        if not admitted and cost <= s.quota then passes = wait(s, s.quota - cost) end
        if s.used > 0 and s.quota > 0 then more = wait(s, min(s.used, s.quota) - 1) end
        return s.used, passes, more
      end
    else
      local pack, unpack = struct.pack, struct.unpack
      local function boundary(length) return now - now % length end
      local function store(s, value, us) call('SET', s.key, value, 'PX', life(us)) end
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

      if algorithm == 'c' then
        -- sliding_counter
        local function counter_used(s)
          local whole, rest = share(s.previous, s.old - s.elapsed, max(s.old, 1))
          return s.current + whole + (rest > 0 and 1 or 0)
        end
        function open(s)
          local text = call('GET', s.key)
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
        function fits(s) return counter_used(s) + cost <= s.quota end
        function charge(s) s.current = min(s.current + cost, MAX_COUNT) end
        function save(s)
          store(s, pack('<ddI4I4', s.start, s.length, s.current, s.previous), s.start + 2 * s.length - now)
        end
        function answer(s) return now - s.start, s.current, s.previous end
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
        function open(s)
          local text = call('GET', s.key)
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
        function fits(s) return cost <= s.extra and at_most(s, s.extra - cost) end
        function charge(s)
          if fits(s) then
            local debt, part = worth(s, cost)
            s.debt, s.part = s.debt + debt, s.part + part
            if s.part >= s.quota then s.debt, s.part = s.debt + 1, s.part - s.quota end
          elseif at_most(s, s.extra) then
            s.debt, s.part = worth(s, s.extra)
          end
        end
        function save(s)
          store(s, pack('<dddI4d', s.seen, s.debt, s.part, s.quota, s.length), s.seen - now + s.debt + 1)
        end
        function answer(s) return s.debt, s.part, s.seen - now end
      else
        -- fixed_window
        function open(s)
          local text = call('GET', s.key)
          local old = 0
          s.start, s.count = 0, 0
          if text then s.start, old, s.count = unpack('<ddI4', text) end
          if old == s.length and now < s.start + old and now >= s.start - old - CLOCK_SLACK then return end
          if now >= s.start + old then s.count = 0 else s.changed = true end
          s.start = boundary(s.length)
        end
        function fits(s) return s.count + cost <= s.quota end
        function charge(s) s.count = min(s.count + cost, MAX_COUNT) end
        function save(s)
          store(s, pack('<ddI4', s.start, s.length, s.count), s.start + s.length - now)
        end
        function answer(s) return now - s.start, s.count, 0 end
      end
    end
  end

  if not decided then
    local admitted, possible = true, true
    if not states then
      states = {}
      for i = 1, #KEYS do
        states[i] = {key = KEYS[i], quota = tonumber(ARGV[3 * i + 1]), length = tonumber(ARGV[3 * i + 2]), extra = tonumber(ARGV[3 * i + 3]),
          used = 0, base = 0, sum = 0, at = 0, first = 0, first_at = 0, rank = 0, changed = false}
        open(states[i])
      end
    end
    for i = 1, #KEYS do
      local s = states[i]
      possible = possible and cost <= (algorithm == 'b' and s.extra or s.quota)
      admitted = admitted and (cost == 0 or fits(s))
    end
    local charged = cost > 0 and (admitted or (charge_refused and possible))
    reply[last + 1] = admitted and 1 or 0
    for i = 1, #KEYS do
      local s = states[i]
      -- A log is written as it is charged, the others at the end.
      if algorithm == 'w' then save(s, charged) end
      if charged then charge(s) end
      s.changed = s.changed or charged and algorithm ~= 'w'
      reply[last + 3 * i - 1], reply[last + 3 * i], reply[last + 3 * i + 1] = answer(s, admitted)
    end
  end
  refused = reply[last + 1] == 0 and not charge_refused and cost or nil
  last = last + width
  cost = costs and tonumber(costs() or nil)
until not cost
if states and algorithm ~= 'w' then
  for i = 1, #KEYS do
    if states[i].changed then save(states[i]) end
  end
end
return reply
)lua";
}

}  // namespace portico::policy::rate_limit
